// Which side of its kink each value of a piecewise linear operation is on, kept in a byte a value, so that the
// operation can be repeated elsewhere as the linear one that it is there.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// open[i] = !(x[i] <= 0), y[i] = open[i] ? x[i] : 0: a ReLU, and what it let through. NaN passes. `y` may be x.
void ckk_open(float *y, uint8_t *open, const float *x, size_t n);

/// y[i] = open[i] ? x[i] : 0: the ReLU as it was then, or its gradient. `y` may be x.
void ckk_pass(float *y, const uint8_t *open, const float *x, size_t n);
