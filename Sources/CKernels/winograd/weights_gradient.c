// Winograd.h: the gradient of the weights. Every weight's sum runs over tiles in their order, RUN of them at a time.
#include "blocking.h"

struct call {
    struct weights_plan plan;
    const struct winograd_kernels *kernels;
    const float *images, *gradient;
    float *weights_gradient;
    float *transformed, *transformed_gradient, *sums;
    // Of the tiles that are transformed now.
    int first, count;
    int threads;
};

// Blocks of channels, first those of the images and then those of the gradient.
static void transform(void *context, int thread) {
    const struct call *c = context;
    const struct weights_plan *p = &c->plan;
    const int lanes = c->kernels->lanes, blocks = p->images.channels / lanes, others = p->gradients.channels / lanes;
    const struct range range = {c->first, c->count, p->block};
    for (int block = thread; block < blocks + others; block += c->threads) {
        if (block < blocks)
            c->kernels->images(&p->images, range, block, block + 1, c->images, c->transformed, p->image_stride);
        else
            c->kernels->gradients(&p->gradients, range, block - blocks, block - blocks + 1, c->gradient,
                                  c->transformed_gradient, p->gradient_stride);
    }
}

// Sums of a place for inputs first..<end by outputs from..<to.
static void add(const struct call *c, int place, int first, int end, int from, int to, float *sums, size_t width) {
    const struct weights_plan *p = &c->plan;
    c->kernels->tile_products(first, end, from, to, c->count, p->block, c->transformed + place * p->image_stride,
                              c->transformed_gradient + place * p->gradient_stride, sums + place * p->sum_stride, width,
                              c->first > 0);
}

// Weights of a block of inputs and one of outputs from their sums at all places.
static void finish(const struct call *c, int input, int output, const float *sums, size_t width) {
    const struct weights_plan *p = &c->plan;
    const size_t block = (size_t)(output / BLOCK) * (p->images.channels / BLOCK) + input / BLOCK;
    c->kernels->weights_gradient(sums, p->sum_stride, width, c->weights_gradient + block * 9 * BLOCK * BLOCK);
}

static void by_groups(void *context, int thread) {
    const struct call *c = context;
    const struct weights_plan *p = &c->plan;
    const int inputs = p->images.channels, outputs = p->gradients.channels;
    const int parts = (inputs + p->inputs - 1) / p->inputs, others = (outputs + p->outputs - 1) / p->outputs;
    float *sums = c->sums + thread * p->own;
    for (int part = thread; part < parts * others; part += c->threads) {
        const int first = part % parts * p->inputs, end = smaller_of(first + p->inputs, inputs);
        const int from = part / parts * p->outputs, to = smaller_of(from + p->outputs, outputs);
        for (int place = 0; place < PLACES; place++) add(c, place, first, end, from, to, sums, p->outputs);
        for (int output = from; output < to; output += BLOCK)
            for (int input = first; input < end; input += BLOCK)
                finish(c, input, output, sums + (size_t)(input - first) * p->outputs + (output - from), p->outputs);
    }
}

static void sum_places(void *context, int thread) {
    const struct call *c = context;
    const int inputs = c->plan.images.channels, outputs = c->plan.gradients.channels;
    for (int place = thread; place < PLACES; place += c->threads)
        add(c, place, 0, inputs, 0, outputs, c->sums, outputs);
}

static void finish_all(void *context, int thread) {
    const struct call *c = context;
    const int inputs = c->plan.images.channels, outputs = c->plan.gradients.channels;
    for (int output = thread * BLOCK; output < outputs; output += c->threads * BLOCK)
        for (int input = 0; input < inputs; input += BLOCK)
            finish(c, input, output, c->sums + (size_t)input * outputs + output, outputs);
}

void cwg_run_backward_weights(const cwg_shape *shape, int lanes, const float *images, const float *gradient,
                              float *weights_gradient, void *scratch, int threads, cwg_parallel parallel) {
    struct call c = {
        .plan = weights_plan(shape, threads),
        .kernels = kernels_for(lanes),
        .images = images,
        .gradient = gradient,
        .weights_gradient = weights_gradient,
        .transformed = scratch,
        .threads = threads,
    };
    c.transformed_gradient = c.transformed + PLACES * c.plan.image_stride;
    c.sums = c.transformed_gradient + PLACES * c.plan.gradient_stride;
    const int tiles = c.plan.images.tiles;
    for (c.first = 0; c.first < tiles; c.first += c.plan.block) {
        c.count = smaller_of(c.plan.block, tiles - c.first);
        parallel(transform, &c, threads);
        parallel(c.plan.is_by_groups ? by_groups : sum_places, &c, threads);
    }
    if (!c.plan.is_by_groups) parallel(finish_all, &c, threads);
}
