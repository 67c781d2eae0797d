// Stands in for the kernels behind Winograd.h until they are merged: the same results by direct sums, slowly.
#include "Winograd.h"
#include "lanes.h"

int cwg_lanes(int most) {
#if defined(__x86_64__)
    if ((most == 0 || most >= 16) && __builtin_cpu_supports("avx512f")) return 16;
    if ((most == 0 || most >= 8) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 0;
}

size_t cwg_scratch_bytes(const cwg_shape *shape, cwg_direction direction, int lanes, int threads) {
    (void)lanes, (void)threads;
    return direction == cwg_backward_data ? (size_t)shape->inputs * shape->outputs * 9 * sizeof(float) : 64;
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif

struct call {
    const cwg_shape *shape;
    int width;
    const float *images, *weights, *bias, *gradient;
    float *results;
};

// 16 channels from `channel`, a multiple of 16, on, at a pixel: in one range of memory or in two.
static inline size_t at(const struct call *c, int channels, int n, int channel, int y, int x) {
    const int blocks = channels / c->width;
    return ((((size_t)n * blocks + channel / c->width) * c->shape->height + y) * c->shape->width + x) * c->width;
}

static inline __attribute__((always_inline)) void load(const struct call *c, const float *p, lanes *v) {
    const size_t next = c->width == 16 ? 8 : (size_t)8 * c->shape->height * c->shape->width;
    memcpy(v, p, 32);
    memcpy((char *)v + 32, p + next, 32);
}

// Result pixel sums over channels `from` with weights [to / 16][from / 16][9][16 of from][16 of to].
static void convolve(const struct call *c, int n, int from, int to) {
    const cwg_shape *s = c->shape;
    const size_t next = c->width == 16 ? 8 : (size_t)8 * s->height * s->width;
    for (int b = 0; b < to; b += 16)
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                lanes sum = {0};
                if (c->bias) memcpy(&sum, c->bias + b, sizeof sum);
                for (int a = 0; a < from; a += 16)
                    for (int tap = 0; tap < 9; tap++) {
                        const int v = y + tap / 3 - 1, u = x + tap % 3 - 1;
                        if (v < 0 || u < 0 || v >= s->height || u >= s->width) continue;
                        lanes pixel;
                        load(c, c->images + at(c, from, n, a, v, u), &pixel);
                        const float *w = c->weights + (((size_t)(b / 16) * (from / 16) + a / 16) * 9 + tap) * 256;
                        lanes part = {0};
                        for (int k = 0; k < 16; k++) {
                            lanes row;
                            memcpy(&row, w + 16 * k, sizeof row);
                            part += pixel[k] * row;
                        }
                        sum += part;
                    }
                float *to_ = c->results + at(c, to, n, b, y, x);
                memcpy(to_, &sum, 32);
                memcpy(to_ + next, (char *)&sum + 32, 32);
            }
}

static void forward(void *context, int n) {
    const struct call *c = context;
    convolve(c, n, c->shape->inputs, c->shape->outputs);
}

static void backward(void *context, int n) {
    const struct call *c = context;
    convolve(c, n, c->shape->outputs, c->shape->inputs);
}

static void backward_weights(void *context, int part) {
    const struct call *c = context;
    const cwg_shape *s = c->shape;
    const int o = part / (s->inputs / 16), i = part % (s->inputs / 16);
    for (int tap = 0; tap < 9; tap++) {
        lanes sums[16] = {0};
        for (int n = 0; n < s->batch; n++) {
            lanes parts[16] = {0};
            for (int y = 0; y < s->height; y++)
                for (int x = 0; x < s->width; x++) {
                    const int v = y + tap / 3 - 1, u = x + tap % 3 - 1;
                    if (v < 0 || u < 0 || v >= s->height || u >= s->width) continue;
                    lanes pixel, gradient;
                    load(c, c->images + at(c, s->inputs, n, 16 * i, v, u), &pixel);
                    load(c, c->gradient + at(c, s->outputs, n, 16 * o, y, x), &gradient);
                    for (int k = 0; k < 16; k++) parts[k] += pixel[k] * gradient;
                }
            for (int k = 0; k < 16; k++) sums[k] += parts[k];
        }
        memcpy(c->results + ((size_t)part * 9 + tap) * 256, sums, sizeof sums);
    }
}

void cwg_run_forward(const cwg_shape *shape, int lanes_, const float *images, const float *weights, const float *bias,
                     float *results, void *scratch, int threads, cwg_parallel parallel) {
    (void)scratch, (void)threads;
    struct call call = {shape, lanes_, images, weights, bias, NULL, results};
    parallel(forward, &call, shape->batch);
}

void cwg_run_backward_data(const cwg_shape *shape, int lanes_, const float *gradient, const float *weights,
                           float *images_gradient, void *scratch, int threads, cwg_parallel parallel) {
    (void)threads;
    // Turned by 180 degrees, inputs and outputs in each other's place.
    float *turned = scratch;
    const int inputs = shape->inputs / 16, outputs = shape->outputs / 16;
    for (int o = 0; o < outputs; o++)
        for (int i = 0; i < inputs; i++)
            for (int tap = 0; tap < 9; tap++)
                for (int k = 0; k < 256; k++)
                    turned[(((size_t)i * outputs + o) * 9 + 8 - tap) * 256 + k % 16 * 16 + k / 16] =
                        weights[(((size_t)o * inputs + i) * 9 + tap) * 256 + k];
    struct call call = {shape, lanes_, gradient, turned, NULL, NULL, images_gradient};
    parallel(backward, &call, shape->batch);
}

void cwg_run_backward_weights(const cwg_shape *shape, int lanes_, const float *images, const float *gradient,
                              float *weights_gradient, void *scratch, int threads, cwg_parallel parallel) {
    (void)scratch, (void)threads;
    struct call call = {shape, lanes_, images, NULL, NULL, gradient, weights_gradient};
    parallel(backward_weights, &call, shape->inputs / 16 * (shape->outputs / 16));
}

#if defined(__x86_64__)
#pragma clang attribute pop
#endif
