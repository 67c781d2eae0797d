// Winograd's kernels for vectors of 16 floats.
#if defined(__x86_64__)
#include <immintrin.h>

#define KERNELS winograd_avx512
#define LANES 16
// Registers are 32: 14 x 2 sums, 8 x 3 sums.
#define TILES 14
#define PARTS 2
#define INPUTS 8
typedef __m512 vector;
#define ZERO _mm512_setzero_ps()
#define LOAD_(p) _mm512_loadu_ps(p)
#define STORE_(p, x) _mm512_storeu_ps(p, x)
#define ALL(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define FNMA(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define ADD(a, b) _mm512_add_ps(a, b)
#define SUB(a, b) _mm512_sub_ps(a, b)
#define MUL(a, b) _mm512_mul_ps(a, b)

#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#include "transforms.h"
#include "products.h"
#include "table.h"
#pragma clang attribute pop
#endif
