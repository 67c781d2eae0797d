// Matrix products at one of the 36 places, for the vectors of the file that includes this.

// Keeps the compiler from loading what comes after: with all registers in use it would have to put a sum into memory,
// at half the speed.
#define LOAD_NOTHING_EARLY __asm__ volatile("" ::: "memory")

// Floats of a cache line.
#define LINE 16

// Sums of `tiles` tiles by `parts` vectors of outputs over `blocks` blocks of inputs, in registers; constants where
// this is inlined. `later` are the images that are to be in the cache after this.
INLINED void tile_by_outputs(const int tiles, const int parts, const float *images, size_t block, const float *weights,
                             int blocks, float *sums, size_t next, int adds, const float *later) {
    vector sum[TILES][PARTS];
#pragma clang loop unroll(full)
    for (int r = 0; r < tiles; r++)
#pragma clang loop unroll(full)
        for (int n = 0; n < parts; n++) sum[r][n] = ZERO;
    for (int b = 0; b < blocks; b++, images += block, later += block) {
#pragma clang loop unroll(full)
        for (int r = 0; r < tiles * LANES; r += LINE) __builtin_prefetch(later + r);
        for (int c = 0; c < LANES; c++, weights += parts * LANES) {
            vector w[PARTS];
#pragma clang loop unroll(full)
            for (int n = 0; n < parts; n++) w[n] = LOAD_(weights + n * LANES);
#pragma clang loop unroll(full)
            for (int r = 0; r < tiles; r++) {
                const vector x = ALL(images[r * LANES + c]);
#pragma clang loop unroll(full)
                for (int n = 0; n < parts; n++) sum[r][n] = FMA(x, w[n], sum[r][n]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int n = 0; n < parts; n++)
#pragma clang loop unroll(full)
        for (int r = 0; r < tiles; r++) {
            float *to = sums + n * next + r * LANES;
            STORE_(to, adds ? ADD(LOAD_(to), sum[r][n]) : sum[r][n]);
        }
}

typedef void tile_kernel(const float *, size_t, const float *, int, float *, size_t, int, const float *);

#define TILE_KERNEL(tiles, parts)                                                                                   \
    static void tile_##tiles##x##parts(const float *images, size_t block, const float *weights, int blocks,         \
                                       float *sums, size_t next, int adds, const float *later) {                    \
        tile_by_outputs(tiles, parts, images, block, weights, blocks, sums, next, adds, later);                     \
    }
#define TILE_KERNELS(parts)                                                                                         \
    TILE_KERNEL(1, parts) TILE_KERNEL(2, parts) TILE_KERNEL(3, parts) TILE_KERNEL(4, parts) TILE_KERNEL(5, parts)   \
    TILE_KERNEL(6, parts)
#define TILE_ROW(parts) \
    tile_1x##parts, tile_2x##parts, tile_3x##parts, tile_4x##parts, tile_5x##parts, tile_6x##parts
TILE_KERNELS(1)
TILE_KERNELS(2)
#if TILES == 14
#define MORE_TILE_KERNELS(parts)                                                                                    \
    TILE_KERNEL(7, parts) TILE_KERNEL(8, parts) TILE_KERNEL(9, parts) TILE_KERNEL(10, parts) TILE_KERNEL(11, parts) \
    TILE_KERNEL(12, parts) TILE_KERNEL(13, parts) TILE_KERNEL(14, parts)
#define MORE_TILE_ROW(parts)                                                                                        \
    , tile_7x##parts, tile_8x##parts, tile_9x##parts, tile_10x##parts, tile_11x##parts, tile_12x##parts,            \
        tile_13x##parts, tile_14x##parts
MORE_TILE_KERNELS(1)
MORE_TILE_KERNELS(2)
#else
#define MORE_TILE_ROW(parts)
#endif

static tile_kernel *const tile_kernels[PARTS][TILES] = {
    {TILE_ROW(1) MORE_TILE_ROW(1)},
    {TILE_ROW(2) MORE_TILE_ROW(2)},
};

static void products(int inputs, int outputs, struct range range, const float *images, size_t image_stride,
                     const float *weights, size_t weight_stride, float *sums, size_t sum_stride, int adds) {
    const size_t block = (size_t)range.room * LANES;
    const int groups = (range.count + TILES - 1) / TILES;
    for (int place = 0; place < PLACES; place++)
        for (int input = 0; input < inputs; input += RUN) {
            const int blocks = smaller(RUN, inputs - input) / LANES;
            for (int output = 0; output < outputs; output += PARTS * LANES) {
                const int parts = smaller(PARTS * LANES, outputs - output) / LANES;
                const float *w = weights + place * weight_stride + (size_t)output * inputs
                                 + (size_t)input * parts * LANES;
                const float *x = images + place * image_stride + input / LANES * block;
                float *m = sums + place * sum_stride + (size_t)output * range.count;
                // The next run's; of the last one there is none.
                const float *following = input + RUN < inputs ? x + blocks * block
                                         : place + 1 < PLACES ? images + (place + 1) * image_stride
                                                              : x;
                for (int group = 0, tile = 0; group < groups; group++) {
                    // In parts that are as equal as can be.
                    const int end = (int)((long)range.count * (group + 1) / groups);
                    const float *later = group + 1 < groups ? x + end * LANES : following;
                    tile_kernels[parts - 1][end - tile - 1](x + tile * LANES, block, w, blocks, m + tile * LANES,
                                                            (size_t)range.count * LANES, adds || input > 0, later);
                    tile = end;
                }
            }
        }
}

// Sums of `inputs` inputs by `parts` vectors of outputs over tiles.
INLINED void input_by_outputs(const int inputs, const int parts, const float *images, const float *gradients,
                              size_t block, int tiles, float *sums, size_t width, int adds) {
    vector sum[INPUTS][3];
#pragma clang loop unroll(full)
    for (int r = 0; r < inputs; r++)
#pragma clang loop unroll(full)
        for (int n = 0; n < parts; n++) sum[r][n] = ZERO;
    for (int tile = 0; tile < tiles; tile++, images += LANES, gradients += LANES) {
        // The next inputs'; of the last ones there are none, where this is of no use.
        __builtin_prefetch(images + block);
        vector z[3];
#pragma clang loop unroll(full)
        for (int n = 0; n < parts; n++) z[n] = LOAD_(gradients + n * block);
#pragma clang loop unroll(full)
        for (int r = 0; r < inputs; r++) {
            const vector x = ALL(images[r]);
#pragma clang loop unroll(full)
            for (int n = 0; n < parts; n++) sum[r][n] = FMA(x, z[n], sum[r][n]);
            LOAD_NOTHING_EARLY;
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < inputs; r++)
#pragma clang loop unroll(full)
        for (int n = 0; n < parts; n++) {
            float *to = sums + r * width + n * LANES;
            STORE_(to, adds ? ADD(LOAD_(to), sum[r][n]) : sum[r][n]);
        }
}

static void tile_products(int first, int end, int from, int to, int tiles, int room, const float *images,
                          const float *gradients, float *sums, size_t width, int adds) {
    const size_t block = (size_t)room * LANES;
    for (int output = from; output < to;) {
        // Three vectors at a time, but four as twice two.
        const int left = (to - output) / LANES, parts = left == 4 ? 2 : smaller(left, 3);
        for (int input = first; input < end; input += INPUTS)
            for (int tile = 0; tile < tiles; tile += RUN) {
                const float *x = images + input / LANES * block + tile * LANES + input % LANES;
                const float *z = gradients + output / LANES * block + tile * LANES;
                float *m = sums + (size_t)(input - first) * width + (output - from);
                const int count = smaller(RUN, tiles - tile), added = adds || tile > 0;
                if (parts == 3) input_by_outputs(INPUTS, 3, x, z, block, count, m, width, added);
                else if (parts == 2) input_by_outputs(INPUTS, 2, x, z, block, count, m, width, added);
                else input_by_outputs(INPUTS, 1, x, z, block, count, m, width, added);
            }
        output += parts * LANES;
    }
}
