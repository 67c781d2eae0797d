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

static void transform_group(const struct call *c, int first, float *to) {
    const struct images_plan *p = &c->plan;
    const int count = smaller_of(GROUP, p->to.channels - first);
    (c->is_turned ? c->kernels->turned : c->kernels->weights)(p->from.channels, p->to.channels, first, count,
                                                              c->weights, to, p->weight_stride);
}

// Results of a group of outputs for a range of tiles.
static void compute(const struct call *c, int group, struct range range, const float *images, const float *weights,
                    float *sums) {
    const struct images_plan *p = &c->plan;
    const int outputs = smaller_of(GROUP, p->to.channels - group);
    const size_t stride = spread((size_t)range.count * outputs);
    c->kernels->products(p->from.channels, outputs, range, images, p->image_stride, weights, p->weight_stride, sums,
                         stride);
    c->kernels->results(&p->to, range, group, outputs, sums, stride, c->bias, c->results);
}

// All images are transformed: each thread takes groups of outputs.
static void by_groups(void *context, int thread) {
    const struct call *c = context;
    const struct images_plan *p = &c->plan;
    float *weights = c->scratch + PLACES * p->image_stride + thread * p->own;
    for (int group = thread * GROUP; group < p->to.channels; group += c->threads * GROUP) {
        transform_group(c, group, weights);
        for (int first = 0; first < p->from.tiles; first += p->block) {
            const struct range range = {first, smaller_of(p->block, p->from.tiles - first), p->from.tiles};
            compute(c, group, range, c->scratch + (size_t)first * c->kernels->lanes, weights,
                    weights + PLACES * p->weight_stride);
        }
    }
}

static void transform_weights_of_all(void *context, int thread) {
    const struct call *c = context;
    for (int group = thread * GROUP; group < c->plan.to.channels; group += c->threads * GROUP)
        transform_group(c, group, c->scratch + (size_t)(group / GROUP) * PLACES * c->plan.weight_stride);
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
        for (int group = 0; group < groups; group++)
            compute(c, group * GROUP, range, images, c->scratch + (size_t)group * PLACES * p->weight_stride,
                    images + PLACES * p->image_stride);
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
