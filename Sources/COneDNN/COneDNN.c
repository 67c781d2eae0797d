#include "COneDNN.h"
#include <oneapi/dnnl/dnnl_debug.h>

int cdnn_layout_blocked_weights(cdnn_layout **out, const int64_t *dims) {
    return cdnn_layout_tagged(out, 4, dims, dnnl_f32, dnnl_OIhw16i16o);
}

const char *cdnn_implementation(const_dnnl_primitive_desc_t descriptor) {
    const char *name = "";
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
    return name;
}

int cdnn_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count, const dnnl_exec_arg_t *arguments,
                 int stack_offset) {
    // The first aligns the frame, the second moves its end; both are written so that they stay.
    _Alignas(64) volatile char aligned[64];
    volatile char *gap = __builtin_alloca(stack_offset);
    aligned[0] = 0;
    gap[0] = 0;
    dnnl_status_t status = dnnl_primitive_execute(primitive, stream, count, arguments);
    aligned[0] = gap[0];
    return (int)status;
}

const char *cdnn_instruction_set(void) { return dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa()); }
