// How Winograd's work is cut: by shape and count of threads alone. No result depends on it but that of the weights'
// gradient on RUN.
#pragma once
#include "Winograd.h"
#include "kernels.h"

static inline int smaller_of(int a, int b) { return a < b ? a : b; }

// At least as many floats, an odd number of cache lines: 36 streams that are powers of two apart would share the same
// lines of a cache.
static inline size_t spread(size_t floats) { return ((floats + 15) / 16 | 1) * 16; }

static inline const struct winograd_kernels *kernels_for(int lanes) {
#if defined(__x86_64__)
    return lanes == 16 ? &winograd_avx512 : &winograd_avx2;
#else
    (void)lanes;
    return NULL;
#endif
}

static inline struct tiling tiling_of(const cwg_shape *s, int channels) {
    struct tiling t = {channels, s->height, s->width, (s->height + 3) / 4, (s->width + 3) / 4, 0};
    t.tiles = s->batch * t.rows * t.columns;
    return t;
}

// Forward, and backward data with inputs and outputs in each other's place.
struct images_plan {
    struct tiling from, to;
    // Either all transformed images are kept and each group's weights are used at once, or the other way round:
    // whatever takes less memory. The first also where all tiles are one block.
    int is_by_groups;
    // Tiles whose sums are kept together.
    int block;
    // Inputs whose weights are transformed and used before those of the next ones: a run of them where all tiles are
    // one block, so that transformed weights never leave a core's cache.
    int inputs;
    // From place to place.
    size_t image_stride, weight_stride;
    // Floats of a thread, and of all.
    size_t own, floats;
};

struct images_plan images_plan(const cwg_shape *, cwg_direction, int threads);

// Sums of all places are (inputs x outputs) matrices: in each thread's memory for a part of both if all transformed
// images and gradients are kept, else whole, with a block of tiles after the other.
struct weights_plan {
    struct tiling images, gradients;
    int is_by_groups;
    // Tiles transformed at a time.
    int block;
    // Inputs and outputs of a part.
    int inputs, outputs;
    size_t image_stride, gradient_stride, sum_stride;
    size_t own, floats;
};

struct weights_plan weights_plan(const cwg_shape *, int threads);
