#include "Resampling.h"
#include "lanes.h"

// Four channels at once, of which the fourth belongs to the next pixel and is thrown away.
typedef int32_t quad __attribute__((vector_size(16)));
typedef uint8_t four_bytes __attribute__((vector_size(4)));
typedef int32_t sums __attribute__((vector_size(64)));
typedef uint8_t bytes __attribute__((vector_size(16)));

#define HALF (1 << (CKR_PRECISION - 1))

INLINED uint8_t rounded(int32_t sum) {
    const int32_t value = sum >> CKR_PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINED void resize_one(uint8_t *y, const uint8_t *x, size_t channels, ckr_range range, const int32_t *k) {
    for (size_t c = 0; c < channels; c++) {
        int32_t sum = HALF;
        for (int32_t i = 0; i < range.count; i++) sum += x[(range.first + i) * channels + c] * k[i];
        y[c] = rounded(sum);
    }
}

DISPATCHED void ckr_resize_rows(uint8_t *y, const uint8_t *x, size_t stride, size_t rows, size_t columns,
                                size_t channels, size_t outputs, const ckr_range *ranges, const int32_t *coefficients,
                                size_t taps) {
    for (size_t r = 0; r < rows; r++, x += stride) {
        for (size_t j = 0; j < outputs; j++, y += channels) {
            const ckr_range range = ranges[j];
            const int32_t *k = coefficients + j * taps;
            // Four bytes at the last pixel of the last row may lie beyond the image.
            if (channels != 3 || (size_t)(range.first + range.count) >= columns) {
                resize_one(y, x, channels, range, k);
                continue;
            }
            const uint8_t *at = x + 3 * range.first;
            quad sum = {HALF, HALF, HALF, HALF};
            for (int32_t i = 0; i < range.count; i++, at += 3) {
                four_bytes pixel;
                memcpy(&pixel, at, sizeof pixel);
                sum += __builtin_convertvector(pixel, quad) * k[i];
            }
            sum >>= CKR_PRECISION;
            sum &= ~(sum >> 31);
            const quad above = sum > 255;
            sum = (sum & ~above) | (above & 255);
            for (int c = 0; c < 3; c++) y[c] = (uint8_t)sum[c];
        }
    }
}

DISPATCHED void ckr_resize_columns(uint8_t *y, const uint8_t *x, size_t stride, size_t width, size_t outputs,
                                   const ckr_range *ranges, const int32_t *coefficients, size_t taps) {
    for (size_t j = 0; j < outputs; j++, y += width) {
        const ckr_range range = ranges[j];
        const int32_t *k = coefficients + j * taps;
        const uint8_t *from = x + range.first * stride;
        size_t i = 0;
        for (; i + LANES <= width; i += LANES) {
            sums sum = (sums){0} + HALF;
            for (int32_t t = 0; t < range.count; t++) {
                bytes values;
                memcpy(&values, from + t * stride + i, sizeof values);
                sum += __builtin_convertvector(values, sums) * k[t];
            }
            sum >>= CKR_PRECISION;
            sum &= ~(sum >> 31);
            const sums above = sum > 255;
            sum = (sum & ~above) | (above & 255);
            const bytes result = __builtin_convertvector(sum, bytes);
            memcpy(y + i, &result, sizeof result);
        }
        for (; i < width; i++) {
            int32_t sum = HALF;
            for (int32_t t = 0; t < range.count; t++) sum += from[t * stride + i] * k[t];
            y[i] = rounded(sum);
        }
    }
}

void ckr_planes(float *y, const uint8_t *x, size_t count, size_t channels, const float *levels) {
    if (channels == 3) {
        float *red = y, *green = y + count, *blue = y + 2 * count;
        for (size_t i = 0; i < count; i++) {
            red[i] = levels[x[3 * i]];
            green[i] = levels[256 + x[3 * i + 1]];
            blue[i] = levels[512 + x[3 * i + 2]];
        }
        return;
    }
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < count; i++) y[c * count + i] = levels[c * 256 + x[i * channels + c]];
}
