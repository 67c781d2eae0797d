// One direction of a separable resize of 8-bit images with interleaved channels, as Pillow computes it: each result is
// a sum of values times coefficients of 22 fractional bits, rounded half up and clipped to 0...255. The same bits on
// every processor, as the sums are of integers.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Fractional bits of a coefficient.
#define CKR_PRECISION 22

/// For each position of a result: the first value that counts, and how many.
typedef struct {
    int32_t first, count;
} ckr_range;

/// Along rows: y[r, j, c] = Σ_k x[r, ranges[j].first + k, c]·coefficients[j·taps + k].
///
/// x has `rows` rows of `stride` values, of which columns·channels belong to the image; y is rows x outputs x
/// channels.
void ckr_resize_rows(uint8_t *y, const uint8_t *x, size_t stride, size_t rows, size_t columns, size_t channels,
                     size_t outputs, const ckr_range *ranges, const int32_t *coefficients, size_t taps);

/// Across rows: y[j, i] = Σ_k x[(ranges[j].first + k)·stride + i]·coefficients[j·taps + k] for i in 0 ..< width,
/// where `width` is that of a row in values. y is outputs x width.
void ckr_resize_columns(uint8_t *y, const uint8_t *x, size_t stride, size_t width, size_t outputs,
                        const ckr_range *ranges, const int32_t *coefficients, size_t taps);

/// From pixels to what a network sees: y[c, i] = levels[c·256 + x[i·channels + c]] for `count` pixels, whose planes
/// are `count` floats apart.
void ckr_planes(float *y, const uint8_t *x, size_t count, size_t channels, const float *levels);
