// Winograd.h: how a convolution is cut into parts that fit into caches, and who computes which.
#include "Winograd.h"

#include "blocking.h"

int cwg_lanes(int most) {
#if defined(__x86_64__)
    if ((most == 0 || most >= 16) && __builtin_cpu_supports("avx512f")) return 16;
    if ((most == 0 || most >= 8) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 0;
}

size_t cwg_scratch_bytes(const cwg_shape *shape, cwg_direction direction, int lanes, int threads) {
    (void)lanes;
    const size_t floats = direction == cwg_backward_weights ? weights_plan(shape, threads).floats
                                                            : images_plan(shape, direction, threads).floats;
    return floats * sizeof(float);
}

struct call {
    struct images_plan plan;
    const struct winograd_kernels *kernels;
    int is_turned;
    const float *images, *weights, *bias;
    float *results, *scratch;
    int threads;
};

static void transform_images(void *context, int thread) {
    const struct call *c = context;
    const struct images_plan *p = &c->plan;
    const int step = 32;
    for (int first = thread * step; first < p->from.tiles; first += c->threads * step) {
        const struct range range = {first, smaller_of(step, p->from.tiles - first), p->from.tiles};
        c->kernels->images(&p->from, range, 0, p->from.channels / c->kernels->lanes, c->images,
                           c->scratch + (size_t)first * c->kernels->lanes, p->image_stride);
    }
}

static int outputs_of(const struct call *c, int group) { return smaller_of(GROUP, c->plan.to.channels - group); }

// Weights of a group of outputs for inputs from..<end.
static void transform_group(const struct call *c, int group, int from, int end, float *to) {
    const struct images_plan *p = &c->plan;
    const struct weights_part part = {from, end, group, outputs_of(c, group)};
    (c->is_turned ? c->kernels->turned : c->kernels->weights)(p->from.channels, p->to.channels, part, c->weights, to,
                                                              p->weight_stride);
}

// Sums of a group of outputs for a range of tiles, over inputs from..<end: added to those of the inputs before.
static void sum(const struct call *c, int group, struct range range, int from, int end, const float *images,
                const float *weights, float *sums) {
    const struct images_plan *p = &c->plan;
    const int outputs = outputs_of(c, group);
    c->kernels->products(end - from, outputs, range, images + (size_t)from * range.room, p->image_stride, weights,
                         p->weight_stride, sums, spread((size_t)range.count * outputs), from > 0);
}

static void finish(const struct call *c, int group, struct range range, const float *sums) {
    const int outputs = outputs_of(c, group);
    c->kernels->results(&c->plan.to, range, group, outputs, sums, spread((size_t)range.count * outputs), c->bias,
                        c->results);
}

// All images are transformed: each thread takes groups of outputs. Tiles are one block, or inputs are.
static void by_groups(void *context, int thread) {
    const struct call *c = context;
    const struct images_plan *p = &c->plan;
    const int inputs = p->from.channels, tiles = p->from.tiles;
    float *weights = c->scratch + PLACES * p->image_stride + thread * p->own;
    float *sums = weights + PLACES * p->weight_stride;
    for (int group = thread * GROUP; group < p->to.channels; group += c->threads * GROUP)
        for (int from = 0; from < inputs; from += p->inputs) {
            const int end = smaller_of(from + p->inputs, inputs);
            transform_group(c, group, from, end, weights);
            for (int first = 0; first < tiles; first += p->block) {
                const struct range range = {first, smaller_of(p->block, tiles - first), tiles};
                sum(c, group, range, from, end, c->scratch + (size_t)first * c->kernels->lanes, weights, sums);
                if (end == inputs) finish(c, group, range, sums);
            }
        }
}

static void transform_weights_of_all(void *context, int thread) {
    const struct call *c = context;
    for (int group = thread * GROUP; group < c->plan.to.channels; group += c->threads * GROUP)
        transform_group(c, group, 0, c->plan.from.channels,
                        c->scratch + (size_t)(group / GROUP) * PLACES * c->plan.weight_stride);
}

// All weights are transformed: each thread takes blocks of tiles.
static void by_tiles(void *context, int thread) {
    const struct call *c = context;
    const struct images_plan *p = &c->plan;
    const int groups = (p->to.channels + GROUP - 1) / GROUP;
    float *images = c->scratch + groups * PLACES * p->weight_stride + thread * p->own;
    for (int first = thread * p->block; first < p->from.tiles; first += c->threads * p->block) {
        const struct range range = {first, smaller_of(p->block, p->from.tiles - first), p->block};
        c->kernels->images(&p->from, range, 0, p->from.channels / c->kernels->lanes, c->images, images,
                           p->image_stride);
        float *sums = images + PLACES * p->image_stride;
        for (int group = 0; group < groups; group++) {
            sum(c, group * GROUP, range, 0, p->from.channels, images,
                c->scratch + (size_t)group * PLACES * p->weight_stride, sums);
            finish(c, group * GROUP, range, sums);
        }
    }
}

static void run(struct call *call, cwg_parallel parallel) {
    parallel(call->plan.is_by_groups ? transform_images : transform_weights_of_all, call, call->threads);
    parallel(call->plan.is_by_groups ? by_groups : by_tiles, call, call->threads);
}

void cwg_run_forward(const cwg_shape *shape, int lanes, const float *images, const float *weights, const float *bias,
                     float *results, void *scratch, int threads, cwg_parallel parallel) {
    struct call call = {
        images_plan(shape, cwg_forward, threads), kernels_for(lanes), 0, images, weights, bias, results, scratch,
        threads,
    };
    run(&call, parallel);
}

void cwg_run_backward_data(const cwg_shape *shape, int lanes, const float *gradient, const float *weights,
                           float *images_gradient, void *scratch, int threads, cwg_parallel parallel) {
    struct call call = {
        images_plan(shape, cwg_backward_data, threads), kernels_for(lanes), 1, gradient, weights, NULL,
        images_gradient, scratch, threads,
    };
    run(&call, parallel);
}
