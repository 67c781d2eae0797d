const struct winograd_kernels KERNELS = {
    LANES, PARTS * LANES, images, weights, turned, products, results, gradients, tile_products, weights_gradient,
};
