// Winograd's F(4x4, 3x3) (Lavin and Gray 2016) for 3x3 convolutions at stride 1 and padding 1, whose results have the
// images' sides: forward, backward data and backward weights, for AVX2 with FMA and for AVX-512F.
#pragma once
#include <stddef.h>

typedef struct {
    int batch, inputs, outputs, height, width;
} cwg_shape;

typedef enum { cwg_forward, cwg_backward_data, cwg_backward_weights } cwg_direction;

/// Calls body(context, part) for each part in 0..<parts, perhaps at the same time, and returns when all are done.
typedef void (*cwg_parallel)(void (*body)(void *context, int part), void *context, int parts);

/// Channels in a vector: 16 (AVX-512F), 8 (AVX2 and FMA), 0: this processor has neither. `most` caps it (0: no cap).
int cwg_lanes(int most);

/// Scratch memory of a call, which is to be 64-byte aligned. inputs and outputs are multiples of 16.
size_t cwg_scratch_bytes(const cwg_shape *shape, cwg_direction direction, int lanes, int threads);

/// results = weights ∗ images (+ bias, which may be NULL). Images are nChw8c or nChw16c by `lanes`, weights OIhw16i16o.
void cwg_run_forward(const cwg_shape *shape, int lanes, const float *images, const float *weights, const float *bias,
                     float *results, void *scratch, int threads, cwg_parallel parallel);

/// The gradient of the images from that of the results.
void cwg_run_backward_data(const cwg_shape *shape, int lanes, const float *gradient, const float *weights,
                           float *images_gradient, void *scratch, int threads, cwg_parallel parallel);

/// The gradient of the weights from the images and the gradient of the results.
void cwg_run_backward_weights(const cwg_shape *shape, int lanes, const float *images, const float *gradient,
                              float *weights_gradient, void *scratch, int threads, cwg_parallel parallel);
