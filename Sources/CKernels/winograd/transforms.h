// Transforms of tiles, for the vectors of the file that includes this.
#include <string.h>

#include "kernels.h"

#define INLINED static inline __attribute__((always_inline))

// Points ±5/8 and ±3/2, their squares, and what the polynomials of all points make of them.
#define P 0.625f
#define Q 1.5f
#define PP 0.390625f
#define QQ 2.25f
#define PPQQ 0.87890625f
#define PP_QQ 2.640625f
// 1 / Π over the other points of their distance.
#define AT_0 (1 / 0.87890625f)
#define AT_P (float)(1 / (2 * 0.390625 * (0.390625 - 2.25)))
#define AT_Q (float)(1 / (2 * 2.25 * (2.25 - 0.390625)))

// Bᵀ x
INLINED void of_pixels(const vector x[6], vector y[6]) {
    y[0] = FMA(ALL(PPQQ), x[0], FNMA(ALL(PP_QQ), x[2], x[4]));
    const vector even_p = FNMA(ALL(QQ), x[2], x[4]), odd_p = MUL(ALL(P), FNMA(ALL(QQ), x[1], x[3]));
    const vector even_q = FNMA(ALL(PP), x[2], x[4]), odd_q = MUL(ALL(Q), FNMA(ALL(PP), x[1], x[3]));
    y[1] = ADD(even_p, odd_p);
    y[2] = SUB(even_p, odd_p);
    y[3] = ADD(even_q, odd_q);
    y[4] = SUB(even_q, odd_q);
    y[5] = FMA(ALL(PPQQ), x[1], FNMA(ALL(PP_QQ), x[3], x[5]));
}

// Aᵀ m
INLINED void to_results(const vector m[6], vector y[4]) {
    const vector even_p = ADD(m[1], m[2]), odd_p = SUB(m[1], m[2]);
    const vector even_q = ADD(m[3], m[4]), odd_q = SUB(m[3], m[4]);
    y[0] = ADD(m[0], ADD(even_p, even_q));
    y[1] = FMA(ALL(P), odd_p, MUL(ALL(Q), odd_q));
    y[2] = FMA(ALL(PP), even_p, MUL(ALL(QQ), even_q));
    y[3] = FMA(ALL(P * PP), odd_p, FMA(ALL(Q * QQ), odd_q, m[5]));
}

// A y
INLINED void of_gradients(const vector y[4], vector z[6]) {
    const vector even_p = FMA(ALL(PP), y[2], y[0]), odd_p = FMA(ALL(P * PP), y[3], MUL(ALL(P), y[1]));
    const vector even_q = FMA(ALL(QQ), y[2], y[0]), odd_q = FMA(ALL(Q * QQ), y[3], MUL(ALL(Q), y[1]));
    z[0] = y[0];
    z[1] = ADD(even_p, odd_p);
    z[2] = SUB(even_p, odd_p);
    z[3] = ADD(even_q, odd_q);
    z[4] = SUB(even_q, odd_q);
    z[5] = y[3];
}

// G w
INLINED void of_weights(const vector w[3], vector u[6]) {
    const vector even_p = MUL(ALL(AT_P), FMA(ALL(PP), w[2], w[0])), odd_p = MUL(ALL(AT_P * P), w[1]);
    const vector even_q = MUL(ALL(AT_Q), FMA(ALL(QQ), w[2], w[0])), odd_q = MUL(ALL(AT_Q * Q), w[1]);
    u[0] = MUL(ALL(AT_0), w[0]);
    u[1] = ADD(even_p, odd_p);
    u[2] = SUB(even_p, odd_p);
    u[3] = ADD(even_q, odd_q);
    u[4] = SUB(even_q, odd_q);
    u[5] = w[2];
}

// Gᵀ u
INLINED void to_weights(const vector u[6], vector w[3]) {
    const vector even_p = MUL(ALL(AT_P), ADD(u[1], u[2])), odd_p = MUL(ALL(AT_P * P), SUB(u[1], u[2]));
    const vector even_q = MUL(ALL(AT_Q), ADD(u[3], u[4])), odd_q = MUL(ALL(AT_Q * Q), SUB(u[3], u[4]));
    w[0] = FMA(ALL(AT_0), u[0], ADD(even_p, even_q));
    w[1] = ADD(odd_p, odd_q);
    w[2] = FMA(ALL(PP), even_p, FMA(ALL(QQ), even_q, u[5]));
}

static inline int smaller(int a, int b) { return a < b ? a : b; }

// Where a tile's results begin: image, row, column.
struct place {
    int image, y, x;
};

INLINED struct place place_of(const struct tiling *t, int tile) {
    const int each = t->rows * t->columns, inner = tile % each;
    return (struct place){tile / each, inner / t->columns * 4, inner % t->columns * 4};
}

INLINED void step(const struct tiling *t, struct place *p) {
    p->x += 4;
    if (p->x < 4 * t->columns) return;
    p->x = 0;
    p->y += 4;
    if (p->y < 4 * t->rows) return;
    p->y = 0;
    p->image++;
}

static const float zeros[LANES] __attribute__((aligned(64)));

// 6x6 pixels from (y, x) on, which begin a row and a column before the results and may lie outside of the image.
INLINED void transform_pixels(const struct tiling *t, const float *image, int y, int x, float *to, size_t stride) {
    vector half[6][6];
    for (int j = 0; j < 6; j++) {
        vector pixels[6], column[6];
        const int inside = x + j >= 0 && x + j < t->width;
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++)
            pixels[i] = LOAD_(inside && y + i >= 0 && y + i < t->height
                                  ? image + ((size_t)(y + i) * t->width + (x + j)) * LANES
                                  : zeros);
        of_pixels(pixels, column);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i][j] = column[i];
    }
    for (int i = 0; i < 6; i++) {
        vector result[6];
        of_pixels(half[i], result);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) STORE_(to + (6 * i + j) * stride, result[j]);
    }
}

// The same of pixels that all lie within the image.
INLINED void transform_inner(const struct tiling *t, const float *pixels, float *to, size_t stride) {
    const size_t line = (size_t)t->width * LANES;
    vector half[6][6];
    for (int j = 0; j < 6; j++, pixels += LANES) {
        vector x[6], column[6];
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) x[i] = LOAD_(pixels + i * line);
        of_pixels(x, column);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i][j] = column[i];
    }
    for (int i = 0; i < 6; i++) {
        vector result[6];
        of_pixels(half[i], result);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) STORE_(to + (6 * i + j) * stride, result[j]);
    }
}

static void images(const struct tiling *t, struct range range, int from, int end, const float *images, float *to,
                   size_t stride) {
    const size_t pixels = (size_t)t->height * t->width * LANES;
    for (int block = from; block < end; block++) {
        struct place p = place_of(t, range.first);
        float *out = to + (size_t)block * range.room * LANES;
        for (int tile = 0; tile < range.count; tile++, out += LANES, step(t, &p)) {
            const float *image = images + ((size_t)p.image * (t->channels / LANES) + block) * pixels;
            if (p.y > 0 && p.x > 0 && p.y + 5 <= t->height && p.x + 5 <= t->width)
                transform_inner(t, image + ((size_t)(p.y - 1) * t->width + p.x - 1) * LANES, out, stride);
            else
                transform_pixels(t, image, p.y - 1, p.x - 1, out, stride);
        }
    }
}

static void gradients(const struct tiling *t, struct range range, int from, int end, const float *gradients, float *to,
                      size_t stride) {
    const size_t pixels = (size_t)t->height * t->width * LANES, line = (size_t)t->width * LANES;
    for (int block = from; block < end; block++) {
        struct place p = place_of(t, range.first);
        float *out = to + (size_t)block * range.room * LANES;
        for (int tile = 0; tile < range.count; tile++, out += LANES, step(t, &p)) {
            const float *image = gradients + ((size_t)p.image * (t->channels / LANES) + block) * pixels;
            const float *start = image + ((size_t)p.y * t->width + p.x) * LANES;
            const int rows = smaller(4, t->height - p.y), columns = smaller(4, t->width - p.x);
            vector half[6][4];
            for (int j = 0; j < 4; j++) {
                vector y[4], column[6];
#pragma clang loop unroll(full)
                for (int i = 0; i < 4; i++)
                    y[i] = LOAD_(i < rows && j < columns ? start + i * line + j * LANES : zeros);
                of_gradients(y, column);
#pragma clang loop unroll(full)
                for (int i = 0; i < 6; i++) half[i][j] = column[i];
            }
            for (int i = 0; i < 6; i++) {
                vector result[6];
                of_gradients(half[i], result);
#pragma clang loop unroll(full)
                for (int j = 0; j < 6; j++) STORE_(out + (6 * i + j) * stride, result[j]);
            }
        }
    }
}

static void results(const struct tiling *t, struct range range, int channel, int outputs, const float *sums,
                    size_t stride, const float *bias, float *results) {
    const size_t pixels = (size_t)t->height * t->width * LANES, line = (size_t)t->width * LANES;
    for (int block = 0; block < outputs / LANES; block++) {
        struct place p = place_of(t, range.first);
        const float *in = sums + (size_t)block * range.count * LANES;
        const vector shift = bias ? LOAD_(bias + channel + block * LANES) : ZERO;
        for (int tile = 0; tile < range.count; tile++, in += LANES, step(t, &p)) {
            vector half[4][6];
            for (int j = 0; j < 6; j++) {
                vector m[6], column[4];
#pragma clang loop unroll(full)
                for (int i = 0; i < 6; i++) m[i] = LOAD_(in + (6 * i + j) * stride);
                to_results(m, column);
#pragma clang loop unroll(full)
                for (int i = 0; i < 4; i++) half[i][j] = column[i];
            }
            const size_t image = (size_t)p.image * (t->channels / LANES) + channel / LANES + block;
            float *out = results + image * pixels + ((size_t)p.y * t->width + p.x) * LANES;
            const int rows = smaller(4, t->height - p.y), columns = smaller(4, t->width - p.x);
            for (int i = 0; i < rows; i++, out += line) {
                vector y[4];
                to_results(half[i], y);
#pragma clang loop unroll(full)
                for (int j = 0; j < 4; j++)
                    if (j < columns) STORE_(out + j * LANES, ADD(y[j], shift));
            }
        }
    }
}

// One row of a block of weights: `taps` apart, in the order of the window or against it.
INLINED void transform_weights(const float *weights, size_t taps, int turned, float *to, size_t stride) {
    vector half[6][3];
    for (int j = 0; j < 3; j++) {
        vector w[3], column[6];
#pragma clang loop unroll(full)
        for (int i = 0; i < 3; i++) w[i] = LOAD_(weights + (turned ? 8 - 3 * i - j : 3 * i + j) * taps);
        of_weights(w, column);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; i++) half[i][j] = column[i];
    }
    for (int i = 0; i < 6; i++) {
        vector result[6];
        of_weights(half[i], result);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; j++) STORE_(to + (6 * i + j) * stride, result[j]);
    }
}

// Where the transformed weights of a block of BLOCK outputs and one input lie among those of a group of `count`.
INLINED float *weights_of(float *to, int inputs, int count, int output, int input) {
    const int wide = PARTS * LANES, part = output / wide * wide, width = smaller(wide, count - part);
    return to + (size_t)part * inputs + (size_t)input * width + (output - part);
}

static void weights(int inputs, int outputs, struct weights_part part, const float *weights, float *to,
                    size_t stride) {
    (void)outputs;
    for (int output = 0; output < part.count; output += BLOCK)
        for (int input = part.from; input < part.end; input++) {
            const size_t block = (size_t)((part.first + output) / BLOCK) * (inputs / BLOCK) + input / BLOCK;
            const float *row = weights + block * 9 * BLOCK * BLOCK + input % BLOCK * BLOCK;
            float *out = weights_of(to, part.end - part.from, part.count, output, input - part.from);
            for (int lane = 0; lane < BLOCK; lane += LANES)
                transform_weights(row + lane, BLOCK * BLOCK, 0, out + lane, stride);
        }
}

// y = xᵀ of 8x8 floats in rows of BLOCK.
INLINED void transpose(const float *x, float *y) {
    __m256 a[8], b[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) a[i] = _mm256_loadu_ps(x + i * BLOCK);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xEE);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xEE);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + i * BLOCK, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * BLOCK, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

static void turned(int inputs, int outputs, struct weights_part part, const float *weights, float *to, size_t stride) {
    (void)inputs;
    float block[9 * BLOCK * BLOCK];
    // What is an output of the weights as they lie is summed over here.
    for (int output = 0; output < part.count; output += BLOCK)
        for (int input = part.from; input < part.end; input += BLOCK) {
            const size_t at = (size_t)(input / BLOCK) * (outputs / BLOCK) + (part.first + output) / BLOCK;
            const float *from = weights + at * 9 * BLOCK * BLOCK;
            for (int tap = 0; tap < 9; tap++)
                for (int quarter = 0; quarter < 4; quarter++) {
                    const int i = quarter / 2 * 8, j = quarter % 2 * 8;
                    transpose(from + (tap * BLOCK + i) * BLOCK + j, block + (tap * BLOCK + j) * BLOCK + i);
                }
            for (int row = 0; row < BLOCK; row++) {
                float *out = weights_of(to, part.end - part.from, part.count, output, input - part.from + row);
                for (int lane = 0; lane < BLOCK; lane += LANES)
                    transform_weights(block + row * BLOCK + lane, BLOCK * BLOCK, 1, out + lane, stride);
            }
        }
}

static void weights_gradient(const float *sums, size_t stride, size_t width, float *gradient) {
    for (int input = 0; input < BLOCK; input++)
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            const float *in = sums + input * width + lane;
            float *out = gradient + input * BLOCK + lane;
            vector half[3][6];
            for (int j = 0; j < 6; j++) {
                vector u[6], column[3];
#pragma clang loop unroll(full)
                for (int i = 0; i < 6; i++) u[i] = LOAD_(in + (6 * i + j) * stride);
                to_weights(u, column);
#pragma clang loop unroll(full)
                for (int i = 0; i < 3; i++) half[i][j] = column[i];
            }
            for (int i = 0; i < 3; i++) {
                vector w[3];
                to_weights(half[i], w);
#pragma clang loop unroll(full)
                for (int j = 0; j < 3; j++) STORE_(out + (3 * i + j) * BLOCK * BLOCK, w[j]);
            }
        }
}
