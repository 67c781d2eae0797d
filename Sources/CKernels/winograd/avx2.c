// Winograd's kernels for vectors of 8 floats.
#if defined(__x86_64__)
#include <immintrin.h>

#define KERNELS winograd_avx2
#define LANES 8
// Registers are 16: 6 x 2 sums, 4 x 3 sums.
#define TILES 6
#define PARTS 2
#define INPUTS 4
typedef __m256 vector;
#define ZERO _mm256_setzero_ps()
#define LOAD_(p) _mm256_loadu_ps(p)
#define STORE_(p, x) _mm256_storeu_ps(p, x)
#define ALL(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define FNMA(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define ADD(a, b) _mm256_add_ps(a, b)
#define SUB(a, b) _mm256_sub_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "transforms.h"
#include "products.h"
#include "table.h"
#pragma clang attribute pop
#endif
