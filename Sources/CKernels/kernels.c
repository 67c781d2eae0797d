#include "CKernels.h"
#include "lanes.h"
#include <math.h>

DISPATCHED double cvk_sum_of_squares(const float *x, size_t n) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)x[i + k] * (double)x[i + k];
    for (int k = 0; i < n; i++, k++) lane[k] += (double)x[i] * (double)x[i];
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

DISPATCHED double cvk_dot(const float *x, const float *y, size_t n) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)x[i + k] * (double)y[i + k];
    for (int k = 0; i < n; i++, k++) lane[k] += (double)x[i] * (double)y[i];
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

#define HASH_LANES 64

static inline uint32_t mix(uint32_t lane, uint32_t bits) {
    lane = (lane ^ bits) * 0x9E3779B1u;
    return lane ^ (lane >> 15);
}

DISPATCHED uint64_t cvk_fingerprint(const float *x, size_t n, uint64_t seed) {
    uint32_t lane[HASH_LANES];
    for (int k = 0; k < HASH_LANES; k++) lane[k] = (uint32_t)seed + 0x85EBCA6Bu * (uint32_t)(k + 1);
    const uint32_t *bits = (const uint32_t *)(const void *)x;
    size_t i = 0;
    for (; i + HASH_LANES <= n; i += HASH_LANES) {
        uint32_t block[HASH_LANES];
        memcpy(block, bits + i, sizeof block);
        for (int k = 0; k < HASH_LANES; k++) lane[k] = mix(lane[k], block[k]);
    }
    for (int k = 0; i < n; i++, k++) {
        uint32_t word;
        memcpy(&word, bits + i, sizeof word);
        lane[k] = mix(lane[k], word);
    }
    uint64_t hash = seed ^ ((uint64_t)n * 0x9E3779B97F4A7C15ull);
    for (int k = 0; k < HASH_LANES; k++) {
        hash = (hash ^ lane[k]) * 0xD6E8FEB86659FD93ull;
        hash ^= hash >> 32;
    }
    return hash;
}

DISPATCHED void cvk_add_scaled(float *out, const float *x, float s, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = x[i] + s * y[i];
}

DISPATCHED void cvk_scaled(float *out, float s, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = s * x[i];
}

DISPATCHED void cvk_reflect(float *out, const float *x, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = 2 * x[i] - y[i];
}

DISPATCHED void cvk_accumulate_and_step(float *sum, int adds, float f, float *y, const float *x, float s, size_t n) {
    if (adds)
        for (size_t i = 0; i < n; i++) {
            const float direction = y[i];
            sum[i] += f * direction;
            y[i] = x[i] + s * direction;
        }
    else
        for (size_t i = 0; i < n; i++) {
            const float direction = y[i];
            sum[i] = f * direction;
            y[i] = x[i] + s * direction;
        }
}

DISPATCHED void cvk_combine(float *out, float a, const float *x, float b, const float *y, float c, const float *z,
                            size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = a * x[i] + b * y[i] + c * z[i];
}

DISPATCHED void cvk_average(float *average, float d, const float *x, float s, size_t n) {
    for (size_t i = 0; i < n; i++) average[i] = d * average[i] + s * x[i];
}

DISPATCHED void cvk_sgd(float *w, const float *gradient, float *momentum, float eta, float mu, float lambda,
                        int nesterov, int first, size_t n) {
    if (mu == 0) {
        for (size_t i = 0; i < n; i++) w[i] -= eta * (gradient[i] + lambda * w[i]);
        return;
    }
    const float keep = first ? 0 : mu;
    if (nesterov)
        for (size_t i = 0; i < n; i++) {
            const float g = gradient[i] + lambda * w[i];
            const float m = keep * momentum[i] + g;
            momentum[i] = m;
            w[i] -= eta * (g + mu * m);
        }
    else
        for (size_t i = 0; i < n; i++) {
            const float g = gradient[i] + lambda * w[i];
            const float m = keep * momentum[i] + g;
            momentum[i] = m;
            w[i] -= eta * m;
        }
}

DISPATCHED void cvk_adamw(float *w, const float *gradient, float *m, float *v, float decay, float one_minus_beta1,
                          float beta2, float one_minus_beta2, float step, float correction, float epsilon, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float g = gradient[i];
        const float first = m[i] + one_minus_beta1 * (g - m[i]);
        const float second = beta2 * v[i] + one_minus_beta2 * (g * g);
        m[i] = first;
        v[i] = second;
        w[i] = w[i] * decay - step * (first / (sqrtf(second) / correction + epsilon));
    }
}

DISPATCHED void cvk_adam_direction(float *u, const float *gradient, float scale, const float *w, float *m, float *v,
                                   float one_minus_beta1, float beta2, float one_minus_beta2, float first,
                                   float second, float epsilon, float lambda, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float g = scale * gradient[i];
        m[i] = m[i] + one_minus_beta1 * (g - m[i]);
        v[i] = beta2 * v[i] + one_minus_beta2 * g * g;
        u[i] = m[i] / first / (sqrtf(v[i]) / second + epsilon) + lambda * w[i];
    }
}

DISPATCHED void cvk_column_sums(float *sums, const float *x, size_t rows, size_t columns) {
    memset(sums, 0, columns * sizeof(float));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) sums[c] += x[r * columns + c];
}

DISPATCHED void cvk_softmax_backward(float *gradient, const float *y, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++, y += columns, gradient += columns) {
        float lane[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= columns; i += LANES)
            for (int k = 0; k < LANES; k++) lane[k] += y[i + k] * gradient[i + k];
        for (int k = 0; i < columns; i++, k++) lane[k] += y[i] * gradient[i];
        float mean = 0;
        for (int k = 0; k < LANES; k++) mean += lane[k];
        for (size_t c = 0; c < columns; c++) gradient[c] = y[c] * (gradient[c] - mean);
    }
}

DISPATCHED void cvk_column_sums_bfloat16(float *sums, const uint16_t *x, size_t rows, size_t columns) {
    memset(sums, 0, columns * sizeof(float));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) sums[c] += widened(x[r * columns + c]);
}

DISPATCHED void cvk_multiply(float *y, const float *x, const float *factors, size_t run, size_t n) {
    if (run == 1)
        for (size_t i = 0; i < n; i++) y[i] = x[i] * factors[i];
    else
        for (size_t first = 0; first < n; first += run, factors++)
            for (size_t i = first; i < first + run; i++) y[i] = x[i] * *factors;
}

DISPATCHED void cvk_multiply_bfloat16(uint16_t *y, const uint16_t *x, const float *factors, size_t run, size_t n) {
    for (size_t first = 0; first < n; first += run, factors++)
        for (size_t i = first; i < first + run; i++) y[i] = narrowed(widened(x[i]) * *factors);
}

DISPATCHED void cvk_add_bfloat16(uint16_t *out, const uint16_t *x, const uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = narrowed(widened(x[i]) + widened(y[i]));
}
