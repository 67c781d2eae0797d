#include "blocking.h"

enum {
    // Tiles whose sums are kept together where transformed images do not stay in a core's cache in any case: so many
    // use weights that are read once. With no more tiles than these, weights are made and used in runs of inputs.
    MANY = 128,
    // Else as many as transformed images of so many bytes have, if that makes weights' reading worth it.
    CACHED = 3 << 18,
    LEAST = 32,
    MOST = 96,
    // Inputs and outputs whose sums at all places fill about a megabyte.
    PART_INPUTS = 128,
    PART_OUTPUTS = 48,
};

struct images_plan images_plan(const cwg_shape *s, cwg_direction direction, int threads) {
    const int inputs = direction == cwg_forward ? s->inputs : s->outputs;
    const int outputs = direction == cwg_forward ? s->outputs : s->inputs;
    struct images_plan p = {.from = tiling_of(s, inputs), .to = tiling_of(s, outputs)};
    const int groups = (outputs + GROUP - 1) / GROUP;
    const int many = smaller_of(p.from.tiles, MANY), cached = CACHED / (PLACES * 4 * inputs);
    const int few = cached < LEAST ? many : smaller_of(p.from.tiles, smaller_of(cached, MOST));
    p.inputs = p.from.tiles <= MANY ? smaller_of(inputs, RUN) : inputs;
    p.weight_stride = spread((size_t)p.inputs * GROUP);

    const size_t all = spread((size_t)inputs * p.from.tiles), part = spread((size_t)inputs * few);
    const size_t own_by_groups = PLACES * (p.weight_stride + spread((size_t)many * GROUP));
    const size_t own_by_tiles = PLACES * (part + spread((size_t)few * GROUP));
    const size_t by_groups = PLACES * all + threads * own_by_groups;
    const size_t by_tiles = groups * PLACES * p.weight_stride + threads * own_by_tiles;
    p.is_by_groups = p.from.tiles <= MANY || by_groups < by_tiles;
    p.block = p.is_by_groups ? many : few;
    p.image_stride = p.is_by_groups ? all : part;
    p.own = p.is_by_groups ? own_by_groups : own_by_tiles;
    p.floats = p.is_by_groups ? by_groups : by_tiles;
    return p;
}

struct weights_plan weights_plan(const cwg_shape *s, int threads) {
    struct weights_plan p = {.images = tiling_of(s, s->inputs), .gradients = tiling_of(s, s->outputs)};
    const int tiles = p.images.tiles;
    const size_t per_tile = (size_t)PLACES * (s->inputs + s->outputs);
    const size_t all_sums = PLACES * spread((size_t)s->inputs * s->outputs);

    p.inputs = smaller_of(s->inputs, PART_INPUTS);
    p.outputs = smaller_of(s->outputs, PART_OUTPUTS);
    const size_t part = spread((size_t)p.inputs * p.outputs);
    const int block = smaller_of(tiles, RUN);
    const size_t by_groups = per_tile * tiles + threads * PLACES * part;
    p.is_by_groups = by_groups <= per_tile * block + all_sums;
    if (!p.is_by_groups) {
        p.inputs = s->inputs;
        p.outputs = s->outputs;
    }
    p.block = p.is_by_groups ? tiles : block;
    p.image_stride = spread((size_t)s->inputs * p.block);
    p.gradient_stride = spread((size_t)s->outputs * p.block);
    p.sum_stride = spread((size_t)p.inputs * p.outputs);
    p.own = PLACES * p.sum_stride;
    p.floats = PLACES * (p.image_stride + p.gradient_stride) + (p.is_by_groups ? threads : 1) * p.own;
    return p;
}
