#include "CKernels.h"
#include "lanes.h"
#include <math.h>

// A row of a vision transformer, 192 to 768 values, stays in the first-level cache between its passes.

INLINED void forward(void *y, float *mean, float *scale, const void *x, const float *gamma, const float *beta,
                     size_t rows, size_t columns, float epsilon, int half) {
    const size_t whole = columns / LANES * LANES, width = half ? 2 : 4;
    for (size_t r = 0; r < rows; r++) {
        const char *row = (const char *)x + r * columns * width;
        char *result = (char *)y + r * columns * width;
        lanes v, sums = {0};
        float sum = 0;
        for (size_t c = 0; c < whole; c += LANES) {
            LOAD(v, row, c, half);
            sums += v;
        }
        for (size_t c = whole; c < columns; c++) sum += LOAD_ONE(row, c, half);
        float of_lanes;
        SUM_LANES(of_lanes, sums);
        const float m = (of_lanes + sum) / (float)columns;
        sums = (lanes){0};
        sum = 0;
        for (size_t c = 0; c < whole; c += LANES) {
            LOAD(v, row, c, half);
            v -= m;
            sums += v * v;
        }
        for (size_t c = whole; c < columns; c++) {
            const float d = LOAD_ONE(row, c, half) - m;
            sum += d * d;
        }
        SUM_LANES(of_lanes, sums);
        const float s = 1 / sqrtf((of_lanes + sum) / (float)columns + epsilon);
        for (size_t c = 0; c < whole; c += LANES) {
            lanes g, b;
            LOAD(v, row, c, half);
            LOAD(g, gamma, c, 0);
            LOAD(b, beta, c, 0);
            STORE(result, c, (v - m) * s * g + b, half);
        }
        for (size_t c = whole; c < columns; c++)
            STORE_ONE(result, c, (LOAD_ONE(row, c, half) - m) * s * gamma[c] + beta[c], half);
        mean[r] = m;
        scale[r] = s;
    }
}

INLINED void backward(void *dx, float *dgamma, float *dbeta, const void *dy, const void *x, const float *mean,
                      const float *scale, const float *gamma, size_t rows, size_t columns, int half) {
    const size_t whole = columns / LANES * LANES, width = half ? 2 : 4;
    memset(dgamma, 0, columns * sizeof *dgamma);
    memset(dbeta, 0, columns * sizeof *dbeta);
    for (size_t r = 0; r < rows; r++) {
        const char *row = (const char *)x + r * columns * width, *upper = (const char *)dy + r * columns * width;
        char *result = (char *)dx + r * columns * width;
        const float m = mean[r], s = scale[r];
        lanes v, d, g, sums = {0}, products = {0};
        float sum = 0, product = 0;
        for (size_t c = 0; c < whole; c += LANES) {
            lanes total;
            LOAD(v, row, c, half);
            LOAD(d, upper, c, half);
            LOAD(g, gamma, c, 0);
            v = (v - m) * s;
            LOAD(total, dgamma, c, 0);
            STORE(dgamma, c, total + d * v, 0);
            LOAD(total, dbeta, c, 0);
            STORE(dbeta, c, total + d, 0);
            d *= g;
            sums += d;
            products += d * v;
        }
        for (size_t c = whole; c < columns; c++) {
            const float normalized = (LOAD_ONE(row, c, half) - m) * s;
            float step = LOAD_ONE(upper, c, half);
            dgamma[c] += step * normalized;
            dbeta[c] += step;
            step *= gamma[c];
            sum += step;
            product += step * normalized;
        }
        float of_sums, of_products;
        SUM_LANES(of_sums, sums);
        SUM_LANES(of_products, products);
        const float a = (of_sums + sum) / (float)columns, b = (of_products + product) / (float)columns;
        for (size_t c = 0; c < whole; c += LANES) {
            LOAD(v, row, c, half);
            LOAD(d, upper, c, half);
            LOAD(g, gamma, c, 0);
            STORE(result, c, s * (d * g - a - (v - m) * s * b), half);
        }
        for (size_t c = whole; c < columns; c++) {
            const float normalized = (LOAD_ONE(row, c, half) - m) * s;
            STORE_ONE(result, c, s * (LOAD_ONE(upper, c, half) * gamma[c] - a - normalized * b), half);
        }
    }
}

DISPATCHED void cvk_layer_normalization(float *y, float *mean, float *scale, const float *x, const float *gamma,
                                        const float *beta, size_t rows, size_t columns, float epsilon) {
    forward(y, mean, scale, x, gamma, beta, rows, columns, epsilon, 0);
}

DISPATCHED void cvk_layer_normalization_bfloat16(uint16_t *y, float *mean, float *scale, const uint16_t *x,
                                                 const float *gamma, const float *beta, size_t rows, size_t columns,
                                                 float epsilon) {
    forward(y, mean, scale, x, gamma, beta, rows, columns, epsilon, 1);
}

DISPATCHED void cvk_layer_normalization_backward(float *dx, float *dgamma, float *dbeta, const float *dy,
                                                 const float *x, const float *mean, const float *scale,
                                                 const float *gamma, size_t rows, size_t columns) {
    backward(dx, dgamma, dbeta, dy, x, mean, scale, gamma, rows, columns, 0);
}

DISPATCHED void cvk_layer_normalization_backward_bfloat16(uint16_t *dx, float *dgamma, float *dbeta,
                                                          const uint16_t *dy, const uint16_t *x, const float *mean,
                                                          const float *scale, const float *gamma, size_t rows,
                                                          size_t columns) {
    backward(dx, dgamma, dbeta, dy, x, mean, scale, gamma, rows, columns, 1);
}
