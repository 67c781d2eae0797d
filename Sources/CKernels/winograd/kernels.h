// What both sets of kernels behind Winograd.h offer, for vectors of 8 floats (AVX2) and of 16 (AVX-512F).
//
// A 4x4 tile of results is Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A, x being the 6x6 pixels around it (Lavin and Gray 2016), and each
// of the 36 places of the middle is a matrix product over tiles and channels. Matrices are those of the interpolation
// points 0, ±5/8, ±3/2 and infinity, whose rounding is half that of 0, ±1, ±2 (docs/decisions/Compute.md).
#pragma once
#include <stddef.h>

enum {
    PLACES = 36,
    // Channels of weights are in blocks of so many, outputs innermost.
    BLOCK = 16,
    // Outputs whose transformed weights are used together.
    GROUP = 32,
    // Products are summed over so many channels or tiles, and these sums then added: a long sum rounds more.
    RUN = 64,
};

// Images of `channels` in blocks of a vector's lanes, cut into rows x columns tiles of 4x4.
struct tiling {
    int channels, height, width;
    int rows, columns, tiles;  // of an image; of all images
};

// Part of the tiles: count of them from first on. Of transformed images a block of channels has `room` tiles in memory;
// pointers are to the first of these. Of sums it has just `count`.
struct range {
    int first, count, room;
};

// Weights of inputs from..<end, multiples of BLOCK, and of outputs first..<first + count.
struct weights_part {
    int from, end, first, count;
};

struct winograd_kernels {
    int lanes;
    // Weights that an inner product takes at once: `wide` outputs while so many are left, else BLOCK.
    int wide;

    // to[place][block][tile] = Bᵀ x B for blocks of channels from..<end. `stride` is from place to place, in floats.
    void (*images)(const struct tiling *, struct range, int from, int end, const float *images, float *to,
                   size_t stride);
    // to[place][part][input][output of the part] = G w Gᵀ for a part of the weights.
    void (*weights)(int inputs, int outputs, struct weights_part, const float *weights, float *to, size_t stride);
    // The same of weights turned by 180 degrees whose inputs and outputs have changed places.
    void (*turned)(int inputs, int outputs, struct weights_part, const float *weights, float *to, size_t stride);
    // sums[place][block of outputs][tile] (+)= Σ over inputs of images · weights.
    void (*products)(int inputs, int outputs, struct range, const float *images, size_t image_stride,
                     const float *weights, size_t weight_stride, float *sums, size_t sum_stride, int adds);
    // Results of `outputs` channels from `channel` on: Aᵀ m A (+ bias).
    void (*results)(const struct tiling *, struct range, int channel, int outputs, const float *sums, size_t stride,
                    const float *bias, float *results);

    // to[place][block][tile] = A y Aᵀ for blocks of channels from..<end of the results' gradient.
    void (*gradients)(const struct tiling *, struct range, int from, int end, const float *gradients, float *to,
                      size_t stride);
    // sums[input][output] (+)= Σ over tiles of images · gradients, of one place: inputs first..<end by outputs
    // from..<to. Rows of sums have `width` floats and begin with these inputs and outputs.
    void (*tile_products)(int first, int end, int from, int to, int tiles, int room, const float *images,
                          const float *gradients, float *sums, size_t width, int adds);
    // One block of BLOCK x BLOCK weights: Gᵀ u G of sums[place][input][output].
    void (*weights_gradient)(const float *sums, size_t stride, size_t width, float *gradient);
};

extern const struct winograd_kernels winograd_avx2, winograd_avx512;
