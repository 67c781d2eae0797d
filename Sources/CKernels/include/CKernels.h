// Loops over flat float32 arrays compiled for several instruction sets and chosen at load time. Every kernel's result
// is bitwise identical on every instruction set: no contraction into fused multiply-adds, and reductions run over a
// fixed number of lanes whatever the vector width. Those of Winograd.h and PixelGradient.h are fused and chosen by
// their callers instead.
#pragma once
#include "Kinks.h"
#include "PixelGradient.h"
#include "Resampling.h"
#include "Winograd.h"
#include <stddef.h>
#include <stdint.h>

/// Sum of x[i]² in double.
double cvk_sum_of_squares(const float *x, size_t n);

/// Sum of x[i]·y[i] in double.
double cvk_dot(const float *x, const float *y, size_t n);

/// A 64-bit hash of the bits of x, chained through `seed`.
uint64_t cvk_fingerprint(const float *x, size_t n, uint64_t seed);

/// out = x + s·y. `out` may be x or y.
void cvk_add_scaled(float *out, const float *x, float s, const float *y, size_t n);

/// out = s·x. `out` may be x.
void cvk_scaled(float *out, float s, const float *x, size_t n);

/// out = 2x − y, the reflection of y at x. `out` may be y.
void cvk_reflect(float *out, const float *x, const float *y, size_t n);

/// sum = [sum +] f·y, then y = x + s·y: a direction y is added to a sum and becomes a point beside x. No two are the
/// same.
void cvk_accumulate_and_step(float *sum, int adds, float f, float *y, const float *x, float s, size_t n);

/// out = a·x + b·y + c·z. `out` may be one of the inputs.
void cvk_combine(float *out, float a, const float *x, float b, const float *y, float c, const float *z, size_t n);

/// average = d·average + s·x, each product rounded before the sum.
void cvk_average(float *average, float d, const float *x, float s, size_t n);

/// One step of SGD as PyTorch computes it (dampening 0): g ← g + λw; m ← first ? g : μm + g;
/// w ← w − η(nesterov ? g + μm : m). `momentum` is unused and may be NULL when mu is 0.
void cvk_sgd(float *w, const float *gradient, float *momentum, float eta, float mu, float lambda, int nesterov,
             int first, size_t n);

/// One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) as PyTorch computes it: w ← w(1 − ηλ);
/// m ← m + (1 − β₁)(g − m); v ← β₂v + (1 − β₂)g²; w ← w − step·m/(√v / correction + ε).
/// 1 − β₂ is passed, not computed: in float32 the difference 1 − 0.999f is off by 1e-5 of itself.
void cvk_adamw(float *w, const float *gradient, float *m, float *v, float decay, float one_minus_beta1, float beta2,
               float one_minus_beta2, float step, float correction, float epsilon, size_t n);

/// m ← m + (1 − β₁)(g − m) and v ← β₂v + (1 − β₂)g² with g = scale·gradient; u = m/first /
/// (√v/second + ε) + λw.
void cvk_adam_direction(float *u, const float *gradient, float scale, const float *w, float *m, float *v,
                        float one_minus_beta1, float beta2, float one_minus_beta2, float first, float second,
                        float epsilon, float lambda, size_t n);

/// sums[c] = Σ_r x[r·columns + c], in the order of the rows.
void cvk_column_sums(float *sums, const float *x, size_t rows, size_t columns);

/// The same of bfloat16, the upper halves of float32.
void cvk_column_sums_bfloat16(float *sums, const uint16_t *x, size_t rows, size_t columns);

/// gradient[r, c] ← y[r, c]·(gradient[r, c] − Σ_k y[r, k]·gradient[r, k]): from the gradient of a softmax's
/// result y to that of its argument.
void cvk_softmax_backward(float *gradient, const float *y, size_t rows, size_t columns);

/// y[i] = x[i]·factors[i / run]; `run` divides n. y may be x.
void cvk_multiply(float *y, const float *x, const float *factors, size_t run, size_t n);

/// The same in bfloat16, rounded to nearest even.
void cvk_multiply_bfloat16(uint16_t *y, const uint16_t *x, const float *factors, size_t run, size_t n);

/// out = x + y in bfloat16, rounded to nearest even.
void cvk_add_bfloat16(uint16_t *out, const uint16_t *x, const uint16_t *y, size_t n);

/// y[r, c] = (x[r, c] − mean[r])·scale[r]·gamma[c] + beta[c], where mean[r] is that of row r and
/// scale[r] = 1/√(variance of row r + epsilon), the biased one.
void cvk_layer_normalization(float *y, float *mean, float *scale, const float *x, const float *gamma,
                             const float *beta, size_t rows, size_t columns, float epsilon);

/// The same of bfloat16.
void cvk_layer_normalization_bfloat16(uint16_t *y, float *mean, float *scale, const uint16_t *x, const float *gamma,
                                      const float *beta, size_t rows, size_t columns, float epsilon);

/// From dy, the gradient of the result, to those of its arguments, with mean and scale as above and
/// h = (x − mean)·scale: dx = scale·(dy·gamma − mean of dy·gamma over the row − h · mean of dy·gamma·h
/// over the row), dgamma[c] = Σ_r dy·h, dbeta[c] = Σ_r dy. dx may be dy.
void cvk_layer_normalization_backward(float *dx, float *dgamma, float *dbeta, const float *dy, const float *x,
                                      const float *mean, const float *scale, const float *gamma, size_t rows,
                                      size_t columns);

/// The same of bfloat16.
void cvk_layer_normalization_backward_bfloat16(uint16_t *dx, float *dgamma, float *dbeta, const uint16_t *dy,
                                               const uint16_t *x, const float *mean, const float *scale,
                                               const float *gamma, size_t rows, size_t columns);
