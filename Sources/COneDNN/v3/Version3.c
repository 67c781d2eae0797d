#include "COneDNN.h"
#if DNNL_VERSION_MAJOR == 3
#include <stddef.h>

// Version 3's memory descriptor is opaque: a cdnn_layout is one by another name.
static inline const_dnnl_memory_desc_t desc(const cdnn_layout *layout) { return (const_dnnl_memory_desc_t)layout; }

static inline dnnl_memory_desc_t *made(cdnn_layout **out) { return (dnnl_memory_desc_t *)out; }

int cdnn_layout_create(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       const int64_t *strides) {
    if (ndims < 1 || ndims > CDNN_MAX_DIMS) return dnnl_invalid_arguments;
    return strides ? dnnl_memory_desc_create_with_strides(made(out), ndims, dims, type, strides)
                   : dnnl_memory_desc_create_with_tag(made(out), ndims, dims, type, dnnl_format_tag_any);
}

int cdnn_layout_tagged(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(made(out), ndims, dims, type, tag);
}

int cdnn_layout_reshape(cdnn_layout **out, const cdnn_layout *layout, int ndims, const int64_t *dims) {
    return dnnl_memory_desc_reshape(made(out), desc(layout), ndims, dims);
}

// The type of a descriptor cannot be changed, and blocks can be asked for by the name of their order alone.
int cdnn_layout_convert(cdnn_layout **out, const cdnn_layout *layout, dnnl_data_type_t type) {
    const_dnnl_memory_desc_t from = desc(layout);
    int blocks = 0, ndims = 0;
    const dnnl_dims_t *dims = NULL, *strides = NULL;
    dnnl_data_type_t own = dnnl_data_type_undef;
    if (dnnl_memory_desc_query(from, dnnl_query_data_type, &own) != dnnl_success
        || dnnl_memory_desc_query(from, dnnl_query_ndims_s32, &ndims) != dnnl_success
        || dnnl_memory_desc_query(from, dnnl_query_dims, &dims) != dnnl_success
        || dnnl_memory_desc_query(from, dnnl_query_inner_nblks_s32, &blocks) != dnnl_success
        || dnnl_memory_desc_query(from, dnnl_query_strides, &strides) != dnnl_success)
        return dnnl_invalid_arguments;
    if (type == own) return dnnl_memory_desc_clone(made(out), from);
    if (blocks == 0) return dnnl_memory_desc_create_with_strides(made(out), ndims, *dims, type, *strides);
    // Those of images.
    static const dnnl_format_tag_t blocked[] = {dnnl_aBcd16b, dnnl_aBcd8b, dnnl_aBcd4b};
    for (int i = 0; ndims == 4 && i < 3; i++) {
        dnnl_memory_desc_t candidate;
        int status = dnnl_memory_desc_create_with_tag(&candidate, ndims, *dims, own, blocked[i]);
        if (status != dnnl_success) return status;
        const int is_same = dnnl_memory_desc_equal(candidate, from);
        dnnl_memory_desc_destroy(candidate);
        if (is_same) return dnnl_memory_desc_create_with_tag(made(out), ndims, *dims, type, blocked[i]);
    }
    return dnnl_unimplemented;
}

void cdnn_layout_destroy(cdnn_layout *layout) { dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout); }

int cdnn_layout_equal(const cdnn_layout *a, const cdnn_layout *b) { return dnnl_memory_desc_equal(desc(a), desc(b)); }

size_t cdnn_layout_bytes(const cdnn_layout *layout) { return dnnl_memory_desc_get_size(desc(layout)); }

int cdnn_memory_create(dnnl_memory_t *out, const cdnn_layout *layout, dnnl_engine_t engine, void *data) {
    return dnnl_memory_create(out, desc(layout), engine, data);
}

int cdnn_query_layout(cdnn_layout **out, const_dnnl_primitive_desc_t descriptor, cdnn_argument argument) {
    const_dnnl_memory_desc_t asked = dnnl_primitive_desc_query_md(descriptor, (dnnl_query_t)argument, 0);
    // The primitive descriptor's own, as long as that lives.
    return asked ? (int)dnnl_memory_desc_clone(made(out), asked) : dnnl_invalid_arguments;
}

/// Attributes with a user scratch pad and what `wanted` (which may be NULL) adds.
static int attributes_create(dnnl_primitive_attr_t *out, const cdnn_attributes *wanted) {
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && wanted) {
        dnnl_post_ops_t ops;
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success) {
            // Version 2's scales of the output are gone; those of the operands would be arguments of each call.
            if (wanted->output_scale != 1)
                status = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_linear, wanted->output_scale, 0);
            if (status == dnnl_success && wanted->sum)
                status = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
            if (status == dnnl_success && wanted->activation != dnnl_alg_kind_undef)
                status = dnnl_post_ops_append_eltwise(ops, wanted->activation, 0, 0);
            if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, ops);
            dnnl_post_ops_destroy(ops);
        }
    }
    if (status != dnnl_success) dnnl_primitive_attr_destroy(attr);
    else *out = attr;
    return status;
}

/// Returns the status of `call`, which may use the attributes `attr`.
#define WITH_ATTRIBUTES(wanted, call)                       \
    do {                                                    \
        dnnl_primitive_attr_t attr;                         \
        int status_ = attributes_create(&attr, wanted);     \
        if (status_ != dnnl_success) return status_;        \
        status_ = (call);                                   \
        dnnl_primitive_attr_destroy(attr);                  \
        return status_;                                     \
    } while (0)

/// Windows whose elements lie side by side.
static const dnnl_dims_t dense = {0};

int cdnn_convolution_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                             const cdnn_layout *source, const cdnn_layout *weights, const cdnn_layout *bias,
                             const cdnn_layout *destination, const int64_t *strides, const int64_t *padding,
                             const cdnn_attributes *attributes) {
    WITH_ATTRIBUTES(attributes, dnnl_convolution_forward_primitive_desc_create(
                                    out, engine, dnnl_forward_training, algorithm, desc(source), desc(weights),
                                    desc(bias), desc(destination), strides, dense, padding, padding, attr));
}

int cdnn_convolution_backward_data(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                   const cdnn_layout *diff_source, const cdnn_layout *weights,
                                   const cdnn_layout *diff_destination, const int64_t *strides, const int64_t *padding,
                                   const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_convolution_backward_data_primitive_desc_create(
                              out, engine, algorithm, desc(diff_source), desc(weights), desc(diff_destination),
                              strides, dense, padding, padding, forward, attr));
}

int cdnn_convolution_backward_weights(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                      const cdnn_layout *source, const cdnn_layout *diff_weights,
                                      const cdnn_layout *diff_bias, const cdnn_layout *diff_destination,
                                      const int64_t *strides, const int64_t *padding,
                                      const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_convolution_backward_weights_primitive_desc_create(
                              out, engine, algorithm, desc(source), desc(diff_weights), desc(diff_bias),
                              desc(diff_destination), strides, dense, padding, padding, forward, attr));
}

int cdnn_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *a, const cdnn_layout *b,
                const cdnn_layout *bias, const cdnn_layout *c, const cdnn_attributes *attributes) {
    WITH_ATTRIBUTES(attributes, dnnl_matmul_primitive_desc_create(out, engine, desc(a), desc(b), desc(bias), desc(c),
                                                                  attr));
}

static unsigned normalization_flags(int training, int relu) {
    return dnnl_use_scale | dnnl_use_shift | (training ? 0 : dnnl_use_global_stats) | (relu ? dnnl_fuse_norm_relu : 0);
}

int cdnn_batch_normalization_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                     const cdnn_layout *data, float epsilon) {
    WITH_ATTRIBUTES(NULL, dnnl_batch_normalization_forward_primitive_desc_create(
                              out, engine, training ? dnnl_forward_training : dnnl_forward_inference, desc(data),
                              desc(data), epsilon, normalization_flags(training, relu), attr));
}

int cdnn_batch_normalization_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                      const cdnn_layout *diff_data, const cdnn_layout *data, float epsilon,
                                      const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_batch_normalization_backward_primitive_desc_create(
                              out, engine, dnnl_backward, desc(diff_data), desc(diff_data), desc(data), epsilon,
                              normalization_flags(training, relu), forward, attr));
}

int cdnn_normalization_backward_takes_shift(void) { return 0; }

int cdnn_pooling_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *source, const cdnn_layout *destination, const int64_t *strides,
                         const int64_t *kernel, const int64_t *padding) {
    WITH_ATTRIBUTES(NULL, dnnl_pooling_forward_primitive_desc_create(
                              out, engine, training ? dnnl_forward_training : dnnl_forward_inference, algorithm,
                              desc(source), desc(destination), strides, kernel, dense, padding, padding, attr));
}

int cdnn_pooling_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_source, const cdnn_layout *diff_destination, const int64_t *strides,
                          const int64_t *kernel, const int64_t *padding, const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_pooling_backward_primitive_desc_create(
                              out, engine, algorithm, desc(diff_source), desc(diff_destination), strides, kernel,
                              dense, padding, padding, forward, attr));
}

int cdnn_eltwise_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *data) {
    WITH_ATTRIBUTES(NULL, dnnl_eltwise_forward_primitive_desc_create(out, engine, dnnl_forward_training, algorithm,
                                                                     desc(data), desc(data), 0, 0, attr));
}

int cdnn_eltwise_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_data, const cdnn_layout *data, const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_eltwise_backward_primitive_desc_create(out, engine, algorithm, desc(diff_data),
                                                                      desc(diff_data), desc(data), 0, 0, forward,
                                                                      attr));
}

int cdnn_softmax_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *data, int axis) {
    WITH_ATTRIBUTES(NULL, dnnl_softmax_forward_primitive_desc_create(out, engine, dnnl_forward_training,
                                                                     dnnl_softmax_accurate, desc(data), desc(data),
                                                                     axis, attr));
}

int cdnn_softmax_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *diff_data,
                          const cdnn_layout *data, int axis, const_dnnl_primitive_desc_t forward) {
    WITH_ATTRIBUTES(NULL, dnnl_softmax_backward_primitive_desc_create(out, engine, dnnl_softmax_accurate,
                                                                      desc(diff_data), desc(diff_data), desc(data),
                                                                      axis, forward, attr));
}

int cdnn_binary(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, const cdnn_layout *a,
                const cdnn_layout *b, const cdnn_layout *c, const cdnn_attributes *attributes) {
    WITH_ATTRIBUTES(attributes, dnnl_binary_primitive_desc_create(out, engine, algorithm, desc(a), desc(b), desc(c),
                                                                  attr));
}

int cdnn_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *from, const cdnn_layout *to) {
    WITH_ATTRIBUTES(NULL,
                    dnnl_reorder_primitive_desc_create(out, desc(from), engine, desc(to), engine, attr));
}

dnnl_primitive_kind_t cdnn_kind(const_dnnl_primitive_desc_t descriptor) {
    dnnl_primitive_kind_t kind = dnnl_undefined_primitive;
    dnnl_primitive_desc_query(descriptor, dnnl_query_primitive_kind, 0, &kind);
    return kind;
}
#endif
