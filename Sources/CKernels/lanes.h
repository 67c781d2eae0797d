// Sixteen floats at a time, on whatever registers the processor has: one of AVX-512, two of AVX2, four of SSE. Sums run
// over these lanes and then over their number in one order, so that results are bitwise identical on every processor.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#define DISPATCHED __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define DISPATCHED
#endif

#define INLINED static inline __attribute__((always_inline))
#define LANES 16

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES)));

// bfloat16 is the upper half of float32.
INLINED float widened(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINED uint16_t narrowed(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    // NaN stays NaN whatever its low bits are; other values are rounded to nearest, ties to even.
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16);
}

// Elements first to first + LANES of x, which is in bfloat16 or float32.
#define LOAD(result, x, first, is_bfloat16) \
    do { \
        if (is_bfloat16) { \
            halves half_; \
            memcpy(&half_, (const uint16_t *)(x) + (first), sizeof half_); \
            const words word_ = __builtin_convertvector(half_, words) << 16; \
            memcpy(&(result), &word_, sizeof word_); \
        } else { \
            memcpy(&(result), (const float *)(x) + (first), sizeof(lanes)); \
        } \
    } while (0)

#define STORE(x, first, value, is_bfloat16) \
    do { \
        const lanes value_ = (value); \
        if (is_bfloat16) { \
            words word_; \
            memcpy(&word_, &value_, sizeof word_); \
            const words nan_ = (words)((word_ & 0x7FFFFFFFu) > 0x7F800000u); \
            const words round_ = (word_ + 0x7FFFu + ((word_ >> 16) & 1)) >> 16; \
            const words kept_ = (nan_ & ((word_ >> 16) | 0x40)) | (~nan_ & round_); \
            const halves half_ = __builtin_convertvector(kept_, halves); \
            memcpy((uint16_t *)(x) + (first), &half_, sizeof half_); \
        } else { \
            memcpy((float *)(x) + (first), &value_, sizeof value_); \
        } \
    } while (0)

#define LOAD_ONE(x, at, is_bfloat16) ((is_bfloat16) ? widened(((const uint16_t *)(x))[at]) : ((const float *)(x))[at])
#define STORE_ONE(x, at, value, is_bfloat16) \
    do { \
        if (is_bfloat16) ((uint16_t *)(x))[at] = narrowed(value); \
        else ((float *)(x))[at] = (value); \
    } while (0)

typedef float half_of_lanes __attribute__((vector_size(2 * LANES)));
typedef float quarter_of_lanes __attribute__((vector_size(LANES)));

// result = the sum of v's lanes: the lower half of them to the upper one, and so on.
#define SUM_LANES(result, v) \
    do { \
        const half_of_lanes half_ = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) \
                                    + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); \
        const quarter_of_lanes quarter_ = __builtin_shufflevector(half_, half_, 0, 1, 2, 3) \
                                          + __builtin_shufflevector(half_, half_, 4, 5, 6, 7); \
        (result) = (quarter_[0] + quarter_[2]) + (quarter_[1] + quarter_[3]); \
    } while (0)
