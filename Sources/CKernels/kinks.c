#include "CKernels.h"
#include "lanes.h"

DISPATCHED void ckk_open(float *y, uint8_t *open, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float value = x[i];
        open[i] = !(value <= 0);
        y[i] = value <= 0 ? 0 : value;
    }
}

DISPATCHED void ckk_pass(float *y, const uint8_t *open, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = open[i] ? x[i] : 0;
}
