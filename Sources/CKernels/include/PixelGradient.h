// The gradient of a first layer's weights, for convolutions of so few input channels that they fill no vector. Needs
// AVX2 and FMA.
#pragma once
#include <stddef.h>

typedef struct {
    int inputs, height, width;
    int outputs, result_height, result_width;
    int kernel, stride, padding;
} cpg_shape;

/// Weights of one output: inputs·kernel².
int cpg_taps(const cpg_shape *shape);

/// Floats that a call needs as scratch memory.
size_t cpg_scratch_count(const cpg_shape *shape);

/// sums[output / 16][tap][output % 16] = Σ over `count` images of Σ over pixels gradient · image, where tap counts
/// inputs, rows and columns of the window in this order. Images are row-major, gradients nChw8c, outputs a multiple of
/// 16. Each image is summed by itself and then added.
void cpg_run(const cpg_shape *shape, const float *images, const float *gradients, int count, float *sums,
             float *scratch);
