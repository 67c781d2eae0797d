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
    (void)shape, (void)direction, (void)lanes, (void)threads;
    return 64;
}

struct call {
    const cwg_shape *shape;
    int lanes;
    const float *images, *weights, *bias, *gradient;
    float *results;
};

static size_t at(const struct call *c, int channels, int n, int channel, int y, int x) {
    const int blocks = channels / c->lanes;
    return ((((size_t)n * blocks + channel / c->lanes) * c->shape->height + y) * c->shape->width + x) * c->lanes
           + channel % c->lanes;
}

static size_t weight(const cwg_shape *s, int out, int in, int y, int x) {
    return ((((size_t)(out / 16) * (s->inputs / 16) + in / 16) * 9 + y * 3 + x) * 16 + in % 16) * 16 + out % 16;
}

static void convolve(const struct call *c, int n, int backward) {
    const cwg_shape *s = c->shape;
    const int from = backward ? s->outputs : s->inputs, to = backward ? s->inputs : s->outputs;
    for (int b = 0; b < to; b++)
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                float sum = c->bias ? c->bias[b] : 0;
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 3; j++) {
                        const int v = y + i - 1, u = x + j - 1;
                        if (v < 0 || u < 0 || v >= s->height || u >= s->width) continue;
                        float part = 0;
                        for (int a = 0; a < from; a++)
                            part += c->images[at(c, from, n, a, v, u)]
                                    * (backward ? c->weights[weight(s, a, b, 2 - i, 2 - j)]
                                                : c->weights[weight(s, b, a, i, j)]);
                        sum += part;
                    }
                c->results[at(c, to, n, b, y, x)] = sum;
            }
}

static void forward(void *context, int n) { convolve(context, n, 0); }
static void backward(void *context, int n) { convolve(context, n, 1); }

static void backward_weights(void *context, int out) {
    const struct call *c = context;
    const cwg_shape *s = c->shape;
    for (int in = 0; in < s->inputs; in++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                float sum = 0;
                for (int n = 0; n < s->batch; n++) {
                    float part = 0;
                    for (int y = 0; y < s->height; y++)
                        for (int x = 0; x < s->width; x++) {
                            const int v = y + i - 1, u = x + j - 1;
                            if (v < 0 || u < 0 || v >= s->height || u >= s->width) continue;
                            part += c->images[at(c, s->inputs, n, in, v, u)]
                                    * c->gradient[at(c, s->outputs, n, out, y, x)];
                        }
                    sum += part;
                }
                c->results[weight(s, out, in, i, j)] = sum;
            }
}

void cwg_run_forward(const cwg_shape *shape, int lanes, const float *images, const float *weights, const float *bias,
                     float *results, void *scratch, int threads, cwg_parallel parallel) {
    (void)scratch, (void)threads;
    struct call call = {shape, lanes, images, weights, bias, NULL, results};
    parallel(forward, &call, shape->batch);
}

void cwg_run_backward_data(const cwg_shape *shape, int lanes, const float *gradient, const float *weights,
                           float *images_gradient, void *scratch, int threads, cwg_parallel parallel) {
    (void)scratch, (void)threads;
    struct call call = {shape, lanes, gradient, weights, NULL, NULL, images_gradient};
    parallel(backward, &call, shape->batch);
}

void cwg_run_backward_weights(const cwg_shape *shape, int lanes, const float *images, const float *gradient,
                              float *weights_gradient, void *scratch, int threads, cwg_parallel parallel) {
    (void)scratch, (void)threads;
    struct call call = {shape, lanes, images, NULL, NULL, gradient, weights_gradient};
    parallel(backward_weights, &call, shape->outputs);
}
