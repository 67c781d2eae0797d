#include "PixelGradient.h"
#include <stdint.h>
#include <string.h>

// Six taps of 16 outputs are twelve registers of sums. Each pixel of the gradient costs two loads of outputs and a
// broadcast image value for each tap.
#define TAPS 6
#define OUTPUTS 16

typedef float eight __attribute__((vector_size(32), aligned(4)));

static int padded_width(const cpg_shape *s) { return s->width + 2 * s->padding; }
static int padded_height(const cpg_shape *s) { return s->height + 2 * s->padding; }

int cpg_taps(const cpg_shape *s) { return s->inputs * s->kernel * s->kernel; }

static size_t padded_count(const cpg_shape *s) { return (size_t)s->inputs * padded_height(s) * padded_width(s); }

size_t cpg_scratch_count(const cpg_shape *s) {
    return padded_count(s) + (size_t)cpg_taps(s) * s->outputs + (size_t)cpg_taps(s);
}

static void pad(const cpg_shape *s, const float *image, float *padded) {
    const int width = padded_width(s);
    memset(padded, 0, padded_count(s) * sizeof *padded);
    for (int c = 0; c < s->inputs; c++)
        for (int y = 0; y < s->height; y++)
            memcpy(padded + ((size_t)c * padded_height(s) + y + s->padding) * width + s->padding,
                   image + ((size_t)c * s->height + y) * s->width, (size_t)s->width * sizeof *padded);
}

// Where each tap of the result in row 0 and column 0 reads.
static void offsets_of_taps(const cpg_shape *s, int32_t *offsets) {
    for (int c = 0; c < s->inputs; c++)
        for (int y = 0; y < s->kernel; y++)
            for (int x = 0; x < s->kernel; x++) *offsets++ = (c * padded_height(s) + y) * padded_width(s) + x;
}

// Adds one row of the gradient to `count` taps of 16 outputs.
static inline __attribute__((always_inline)) void add_row(const float *origin, const int32_t *offsets, int stride,
                                                          const float *lower, const float *upper, int width,
                                                          float *sums, const int count) {
#pragma clang fp contract(fast)
    eight total[TAPS][2];
    const float *pixels[TAPS];
    for (int t = 0; t < count; t++) {
        pixels[t] = origin + offsets[t];
        total[t][0] = *(const eight *)(sums + t * OUTPUTS);
        total[t][1] = *(const eight *)(sums + t * OUTPUTS + 8);
    }
    for (int x = 0; x < width; x++) {
        const eight a = *(const eight *)(lower + x * 8), b = *(const eight *)(upper + x * 8);
        for (int t = 0; t < count; t++) {
            const float pixel = pixels[t][x * stride];
            total[t][0] = total[t][0] + a * pixel;
            total[t][1] = total[t][1] + b * pixel;
        }
    }
    for (int t = 0; t < count; t++) {
        *(eight *)(sums + t * OUTPUTS) = total[t][0];
        *(eight *)(sums + t * OUTPUTS + 8) = total[t][1];
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma")))
#endif
static void add_image(const cpg_shape *s, const float *padded, const int32_t *offsets, const float *gradient,
                      float *sums) {
    const int width = s->result_width, taps = cpg_taps(s);
    const size_t block = (size_t)s->result_height * width * 8;
    for (int first = 0; first < s->outputs; first += OUTPUTS, gradient += 2 * block, sums += taps * OUTPUTS)
        for (int y = 0; y < s->result_height; y++) {
            const float *origin = padded + (size_t)y * s->stride * padded_width(s);
            const float *lower = gradient + (size_t)y * width * 8, *upper = lower + block;
            int tap = 0;
            for (; tap + 6 <= taps; tap += 6)
                add_row(origin, offsets + tap, s->stride, lower, upper, width, sums + tap * OUTPUTS, 6);
            for (; tap + 3 <= taps; tap += 3)
                add_row(origin, offsets + tap, s->stride, lower, upper, width, sums + tap * OUTPUTS, 3);
            for (; tap < taps; tap++)
                add_row(origin, offsets + tap, s->stride, lower, upper, width, sums + tap * OUTPUTS, 1);
        }
}

void cpg_run(const cpg_shape *s, const float *images, const float *gradients, int count, float *sums, float *scratch) {
    const size_t weights = (size_t)cpg_taps(s) * s->outputs;
    const size_t image = (size_t)s->inputs * s->height * s->width;
    const size_t gradient = (size_t)s->outputs * s->result_height * s->result_width;
    float *padded = scratch, *of_image = scratch + padded_count(s);
    int32_t *offsets = (int32_t *)(of_image + weights);
    offsets_of_taps(s, offsets);
    memset(sums, 0, weights * sizeof *sums);
    for (int n = 0; n < count; n++) {
        pad(s, images + n * image, padded);
        memset(of_image, 0, weights * sizeof *of_image);
        add_image(s, padded, offsets, gradients + n * gradient, of_image);
        for (size_t i = 0; i < weights; i++) sums[i] += of_image[i];
    }
}
