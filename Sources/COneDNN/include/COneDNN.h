// A thin layer over oneDNN's C API that keeps what differs between its versions 2 and 3 (operation descriptors, the
// memory descriptor's type, attributes) inside this folder: `v2` and `v3` hold it, of which one is compiled. Nothing
// here decides anything: each function is one oneDNN call or the two that version 2 needs for it. Functions return a
// dnnl_status_t as int, 0 for success.
#pragma once
#if !__has_include(<oneapi/dnnl/dnnl.h>)
#error "oneDNN's headers are missing: run launch/prepare, which installs them or says how"
#endif
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>

#define CDNN_TEXT_OF(number) #number
#define CDNN_TEXT(number) CDNN_TEXT_OF(number)
#define CDNN_VERSION \
    "oneDNN " CDNN_TEXT(DNNL_VERSION_MAJOR) "." CDNN_TEXT(DNNL_VERSION_MINOR) "." CDNN_TEXT(DNNL_VERSION_PATCH)
#define CDNN_REMEDY "install another and set ONEDNN_ROOT to its folder (launch/prepare --help)"
#if DNNL_VERSION_MAJOR < 2 || (DNNL_VERSION_MAJOR == 2 && DNNL_VERSION_MINOR < 4)
#pragma GCC error CDNN_VERSION " is too old, 2.4 is the oldest that will do: " CDNN_REMEDY
#elif DNNL_VERSION_MAJOR > 3
#pragma GCC error CDNN_VERSION " is too new for this program, which knows 2.4 to 3: " CDNN_REMEDY
#elif DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_OMP && DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_SEQ
#pragma GCC error CDNN_VERSION " was not built for OpenMP, by which this program sets its threads: " CDNN_REMEDY
#endif

/// A memory descriptor on the heap; owned by whoever made it.
typedef struct cdnn_layout cdnn_layout;

enum { CDNN_MAX_DIMS = 6 };

// Layouts ------------------------------------------------------------------------------------------------------
/// Row-major with the given strides (in elements); NULL strides let oneDNN choose ("any").
int cdnn_layout_create(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       const int64_t *strides);
/// In the order that oneDNN calls `tag`.
int cdnn_layout_tagged(cdnn_layout **out, int ndims, const int64_t *dims, dnnl_data_type_t type,
                       dnnl_format_tag_t tag);
/// Float32 weights of a convolution, [O/16, I/16, h, w, 16 of I, 16 of O] in memory.
int cdnn_layout_blocked_weights(cdnn_layout **out, const int64_t *dims);
/// The same memory under other dimensions; fails where the layout cannot express them.
int cdnn_layout_reshape(cdnn_layout **out, const cdnn_layout *layout, int ndims, const int64_t *dims);
/// The same dimensions in the same order, of another type.
int cdnn_layout_convert(cdnn_layout **out, const cdnn_layout *layout, dnnl_data_type_t type);
void cdnn_layout_destroy(cdnn_layout *layout);
int cdnn_layout_equal(const cdnn_layout *a, const cdnn_layout *b);
size_t cdnn_layout_bytes(const cdnn_layout *layout);

// Memory objects -----------------------------------------------------------------------------------------------
int cdnn_memory_create(dnnl_memory_t *out, const cdnn_layout *layout, dnnl_engine_t engine, void *data);

// Attributes ---------------------------------------------------------------------------------------------------
typedef struct {
    float output_scale;          ///< 1 for none
    int sum;                     ///< dst ← result + dst
    dnnl_alg_kind_t activation;  ///< eltwise post-operation, dnnl_alg_kind_undef for none
} cdnn_attributes;

// Primitives ---------------------------------------------------------------------------------------------------
// Each creates a primitive descriptor with the scratch pad supplied by the user.
/// As in training for evaluation too: for inference Winograd's would want weights that only row-major ones can become.
int cdnn_convolution_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                             const cdnn_layout *source, const cdnn_layout *weights, const cdnn_layout *bias,
                             const cdnn_layout *destination, const int64_t *strides, const int64_t *padding,
                             const cdnn_attributes *attributes);
int cdnn_convolution_backward_data(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                   const cdnn_layout *diff_source, const cdnn_layout *weights,
                                   const cdnn_layout *diff_destination, const int64_t *strides, const int64_t *padding,
                                   const_dnnl_primitive_desc_t forward);
int cdnn_convolution_backward_weights(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                                      const cdnn_layout *source, const cdnn_layout *diff_weights,
                                      const cdnn_layout *diff_bias, const cdnn_layout *diff_destination,
                                      const int64_t *strides, const int64_t *padding,
                                      const_dnnl_primitive_desc_t forward);
int cdnn_matmul(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *a, const cdnn_layout *b,
                const cdnn_layout *bias, const cdnn_layout *c, const cdnn_attributes *attributes);
/// `training`: by the batch's own mean and variance; else by those that are given.
int cdnn_batch_normalization_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                     const cdnn_layout *data, float epsilon);
int cdnn_batch_normalization_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, int relu,
                                      const cdnn_layout *diff_data, const cdnn_layout *data, float epsilon,
                                      const_dnnl_primitive_desc_t forward);
/// Whether that is to be given the shift, DNNL_ARG_SHIFT, which it has no use for: version 2 refuses to run without it,
/// version 3 with it.
int cdnn_normalization_backward_takes_shift(void);
int cdnn_pooling_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, int training, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *source, const cdnn_layout *destination, const int64_t *strides,
                         const int64_t *kernel, const int64_t *padding);
int cdnn_pooling_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_source, const cdnn_layout *diff_destination, const int64_t *strides,
                          const int64_t *kernel, const int64_t *padding, const_dnnl_primitive_desc_t forward);
int cdnn_eltwise_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                         const cdnn_layout *data);
int cdnn_eltwise_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
                          const cdnn_layout *diff_data, const cdnn_layout *data, const_dnnl_primitive_desc_t forward);
int cdnn_softmax_forward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *data, int axis);
int cdnn_softmax_backward(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *diff_data,
                          const cdnn_layout *data, int axis, const_dnnl_primitive_desc_t forward);
int cdnn_binary(dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, const cdnn_layout *a,
                const cdnn_layout *b, const cdnn_layout *c, const cdnn_attributes *attributes);
int cdnn_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const cdnn_layout *from, const cdnn_layout *to);

/// What a primitive descriptor asks for: a copy of the layout of one argument.
typedef enum {
    cdnn_source = dnnl_query_src_md,
    cdnn_weights = dnnl_query_weights_md,
    cdnn_destination = dnnl_query_dst_md,
    cdnn_diff_source = dnnl_query_diff_src_md,
    cdnn_diff_weights = dnnl_query_diff_weights_md,
    cdnn_diff_destination = dnnl_query_diff_dst_md,
    cdnn_workspace = dnnl_query_workspace_md,
    cdnn_scratchpad = dnnl_query_scratchpad_md
} cdnn_argument;
int cdnn_query_layout(cdnn_layout **out, const_dnnl_primitive_desc_t descriptor, cdnn_argument argument);
dnnl_primitive_kind_t cdnn_kind(const_dnnl_primitive_desc_t descriptor);
/// The implementation's name; valid while the descriptor is.
const char *cdnn_implementation(const_dnnl_primitive_desc_t descriptor);

// Execution ----------------------------------------------------------------------------------------------------
/// Runs a primitive on a stack that ends `stack_offset` bytes (16, 32, 48 or 64) below a multiple of 64.
///
/// Generated kernels of activations and softmax keep vectors on the stack where it happens to end, and the system ends
/// it at another multiple of 16 in every process: across the halves of a cache line they take up to twice the time.
int cdnn_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count, const dnnl_exec_arg_t *arguments,
                 int stack_offset);

// Process ------------------------------------------------------------------------------------------------------
/// Threads of oneDNN's OpenMP pool. oneDNN waits for ever for threads that it asked for and did not get: what makes
/// OpenMP start fewer is switched off (OMP_DYNAMIC, OMP_MAX_ACTIVE_LEVELS=0); OMP_THREAD_LIMIT cannot be.
void cdnn_set_threads(int count);
/// OMP_THREAD_LIMIT, or more than there can be.
int cdnn_thread_limit(void);
/// Starts so many, which stay. OpenMP ends the process where one cannot be started, so they are tried before: returns
/// 0, or the errno of the first that could not.
int cdnn_start_threads(int count, size_t stack_bytes);
/// As set.
int cdnn_threads(void);
/// Calls body(context, part) for each part from 0 on, shared by the pool's threads, and returns when all are done.
void cdnn_parallel(void (*body)(void *context, int part), void *context, int parts);
/// Processors that this process's OpenMP threads may run on. Not the affinity mask of now: with OMP_PROC_BIND, OpenMP
/// has bound the first thread to one of several by then.
int cdnn_processors(void);
/// What oneDNN's kernels may use of the processor, as oneDNN names it, such as `cpu_isa_avx2`; never freed.
const char *cdnn_instruction_set(void);
