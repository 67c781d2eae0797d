#include "COneDNN.h"
#if DNNL_VERSION_MAJOR == 2
#include <stdlib.h>

// Version 2's memory descriptor, a structure that everyone may read.
struct cdnn_layout {
    dnnl_memory_desc_t desc;
};

static int copied(cdnn_layout **out, const dnnl_memory_desc_t *desc) {
    cdnn_layout *layout = malloc(sizeof *layout);
    if (!layout) return dnnl_out_of_memory;
    layout->desc = *desc;
    *out = layout;
    return dnnl_success;
}

int cdnn_layout_create(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       const int64_t *strides) {
    dnnl_memory_desc_t desc;
    dnnl_dims_t d = {0}, s = {0};
    if (ndims < 1 || ndims > CDNN_MAX_DIMS) return dnnl_invalid_arguments;
    for (int i = 0; i < ndims; i++) d[i] = dims[i];
    for (int i = 0; strides && i < ndims; i++) s[i] = strides[i];
    dnnl_status_t status = strides ? dnnl_memory_desc_init_by_strides(&desc, ndims, d, type, s)
                                   : dnnl_memory_desc_init_by_tag(&desc, ndims, d, type, dnnl_format_tag_any);
    return status == dnnl_success ? copied(out, &desc) : (int)status;
}

int cdnn_layout_tagged(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&desc, ndims, dims, type, tag);
    return status == dnnl_success ? copied(out, &desc) : (int)status;
}

int cdnn_layout_reshape(cdnn_layout **out, const cdnn_layout *layout, int ndims, const int64_t *dims) {
    dnnl_memory_desc_t desc;
    dnnl_status_t status = dnnl_memory_desc_reshape(&desc, &layout->desc, ndims, dims);
    return status == dnnl_success ? copied(out, &desc) : (int)status;
}

int cdnn_layout_convert(cdnn_layout **out, const cdnn_layout *layout, dnnl_data_type_t type) {
    dnnl_memory_desc_t desc = layout->desc;
    desc.data_type = type;
    return copied(out, &desc);
}

void cdnn_layout_destroy(cdnn_layout *layout) { free(layout); }

int cdnn_layout_equal(const cdnn_layout *a, const cdnn_layout *b) {
    return dnnl_memory_desc_equal(&a->desc, &b->desc);
}

size_t cdnn_layout_bytes(const cdnn_layout *layout) { return dnnl_memory_desc_get_size(&layout->desc); }

int cdnn_memory_create(dnnl_memory_t *out, const cdnn_layout *layout, dnnl_engine_t engine, void *data) {
    return dnnl_memory_create(out, &layout->desc, engine, data);
}

int cdnn_query_layout(cdnn_layout **out, const_dnnl_primitive_desc_t descriptor, cdnn_argument argument) {
    const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(descriptor, (dnnl_query_t)argument, 0);
    return desc ? copied(out, desc) : dnnl_invalid_arguments;
}

/// Attributes with a user scratch pad and what `wanted` (which may be NULL) adds.
static int attributes_create(dnnl_primitive_attr_t *out, const cdnn_attributes *wanted) {
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && wanted && wanted->output_scale != 1)
        status = dnnl_primitive_attr_set_output_scales(attr, 1, 0, &wanted->output_scale);
    if (status == dnnl_success && wanted && (wanted->sum || wanted->activation != dnnl_alg_kind_undef)) {
        dnnl_post_ops_t ops;
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success) {
            if (wanted->sum) status = dnnl_post_ops_append_sum(ops, 1);
            if (status == dnnl_success && wanted->activation != dnnl_alg_kind_undef)
                status = dnnl_post_ops_append_eltwise(ops, 1, wanted->activation, 0, 0);
            if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, ops);
            dnnl_post_ops_destroy(ops);
        }
    }
    if (status != dnnl_success) dnnl_primitive_attr_destroy(attr);
    else *out = attr;
    return status;
}

static int descriptor_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const_dnnl_op_desc_t op,
                             const cdnn_attributes *wanted, const_dnnl_primitive_desc_t forward) {
    dnnl_primitive_attr_t attr;
    int status = attributes_create(&attr, wanted);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_desc_create(out, op, attr, engine, forward);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

#define DESC(layout) ((layout) ? &(layout)->desc : NULL)
#define CHECKED(call)                                  \
    do {                                               \
        dnnl_status_t status_ = (call);                \
        if (status_ != dnnl_success) return status_;   \
    } while (0)

int cdnn_convolution_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                             const cdnn_layout *source, const cdnn_layout *weights, const cdnn_layout *bias,
                             const cdnn_layout *destination, const int64_t *strides, const int64_t *padding,
                             const cdnn_attributes *attributes) {
    dnnl_convolution_desc_t op;
    CHECKED(dnnl_convolution_forward_desc_init(&op, dnnl_forward_training, algorithm, DESC(source), DESC(weights),
                                               DESC(bias), DESC(destination), strides, padding, padding));
    return descriptor_create(out, engine, &op, attributes, NULL);
}

int cdnn_convolution_backward_data(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                   const cdnn_layout *diff_source, const cdnn_layout *weights,
                                   const cdnn_layout *diff_destination, const int64_t *strides, const int64_t *padding,
                                   const_dnnl_primitive_desc_t forward) {
    dnnl_convolution_desc_t op;
    CHECKED(dnnl_convolution_backward_data_desc_init(&op, algorithm, DESC(diff_source), DESC(weights),
                                                     DESC(diff_destination), strides, padding, padding));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_convolution_backward_weights(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                      const cdnn_layout *source, const cdnn_layout *diff_weights,
                                      const cdnn_layout *diff_bias, const cdnn_layout *diff_destination,
                                      const int64_t *strides, const int64_t *padding,
                                      const_dnnl_primitive_desc_t forward) {
    dnnl_convolution_desc_t op;
    CHECKED(dnnl_convolution_backward_weights_desc_init(&op, algorithm, DESC(source), DESC(diff_weights),
                                                        DESC(diff_bias), DESC(diff_destination), strides, padding,
                                                        padding));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *a, const cdnn_layout *b,
                const cdnn_layout *bias, const cdnn_layout *c, const cdnn_attributes *attributes) {
    dnnl_matmul_desc_t op;
    CHECKED(dnnl_matmul_desc_init(&op, DESC(a), DESC(b), DESC(bias), DESC(c)));
    return descriptor_create(out, engine, &op, attributes, NULL);
}

static unsigned normalization_flags(int training, int relu) {
    return dnnl_use_scale | dnnl_use_shift | (training ? 0 : dnnl_use_global_stats) | (relu ? dnnl_fuse_norm_relu : 0);
}

int cdnn_batch_normalization_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                     const cdnn_layout *data, float epsilon) {
    dnnl_batch_normalization_desc_t op;
    CHECKED(dnnl_batch_normalization_forward_desc_init(&op,
                                                       training ? dnnl_forward_training : dnnl_forward_inference,
                                                       DESC(data), epsilon, normalization_flags(training, relu)));
    return descriptor_create(out, engine, &op, NULL, NULL);
}

int cdnn_batch_normalization_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                      const cdnn_layout *diff_data, const cdnn_layout *data, float epsilon,
                                      const_dnnl_primitive_desc_t forward) {
    dnnl_batch_normalization_desc_t op;
    CHECKED(dnnl_batch_normalization_backward_desc_init(&op, dnnl_backward, DESC(diff_data), DESC(data), epsilon,
                                                        normalization_flags(training, relu)));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_normalization_backward_takes_shift(void) { return 1; }

int cdnn_pooling_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *source, const cdnn_layout *destination, const int64_t *strides,
                         const int64_t *kernel, const int64_t *padding) {
    dnnl_pooling_desc_t op;
    CHECKED(dnnl_pooling_forward_desc_init(&op, training ? dnnl_forward_training : dnnl_forward_inference, algorithm,
                                           DESC(source), DESC(destination), strides, kernel, padding, padding));
    return descriptor_create(out, engine, &op, NULL, NULL);
}

int cdnn_pooling_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_source, const cdnn_layout *diff_destination, const int64_t *strides,
                          const int64_t *kernel, const int64_t *padding, const_dnnl_primitive_desc_t forward) {
    dnnl_pooling_desc_t op;
    CHECKED(dnnl_pooling_backward_desc_init(&op, algorithm, DESC(diff_source), DESC(diff_destination), strides, kernel,
                                            padding, padding));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_eltwise_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *data) {
    dnnl_eltwise_desc_t op;
    CHECKED(dnnl_eltwise_forward_desc_init(&op, dnnl_forward_training, algorithm, DESC(data), 0, 0));
    return descriptor_create(out, engine, &op, NULL, NULL);
}

int cdnn_eltwise_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_data, const cdnn_layout *data, const_dnnl_primitive_desc_t forward) {
    dnnl_eltwise_desc_t op;
    CHECKED(dnnl_eltwise_backward_desc_init(&op, algorithm, DESC(diff_data), DESC(data), 0, 0));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_softmax_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *data, int axis) {
    dnnl_softmax_desc_t op;
    CHECKED(dnnl_softmax_forward_desc_init(&op, dnnl_forward_training, DESC(data), axis));
    return descriptor_create(out, engine, &op, NULL, NULL);
}

int cdnn_softmax_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *diff_data,
                          const cdnn_layout *data, int axis, const_dnnl_primitive_desc_t forward) {
    dnnl_softmax_desc_t op;
    CHECKED(dnnl_softmax_backward_desc_init(&op, DESC(diff_data), DESC(data), axis));
    return descriptor_create(out, engine, &op, NULL, forward);
}

int cdnn_binary(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, const cdnn_layout *a,
                const cdnn_layout *b, const cdnn_layout *c, const cdnn_attributes *attributes) {
    dnnl_binary_desc_t op;
    CHECKED(dnnl_binary_desc_init(&op, algorithm, DESC(a), DESC(b), DESC(c)));
    return descriptor_create(out, engine, &op, attributes, NULL);
}

int cdnn_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *from, const cdnn_layout *to) {
    dnnl_primitive_attr_t attr;
    int status = attributes_create(&attr, NULL);
    if (status != dnnl_success) return status;
    status = dnnl_reorder_primitive_desc_create(out, DESC(from), engine, DESC(to), engine, attr);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

dnnl_primitive_kind_t cdnn_kind(const_dnnl_primitive_desc_t descriptor) {
    dnnl_primitive_kind_t kind = dnnl_undefined_primitive;
    dnnl_primitive_desc_query(descriptor, dnnl_query_primitive_kind, 0, &kind);
    // Version 3 has one name for both.
    return kind == dnnl_pooling_v2 ? dnnl_pooling : kind;
}
#endif
