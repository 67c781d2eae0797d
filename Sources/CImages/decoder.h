// What jpeg.c and png.c share: a decoder has one of each, made when first needed.
#pragma once
#include "CImages.h"

typedef struct cimg_jpeg cimg_jpeg;
typedef struct cimg_png cimg_png;

cimg_jpeg *cimg_jpeg_create(void);
void cimg_jpeg_destroy(cimg_jpeg *jpeg);
cimg_status cimg_jpeg_open(cimg_jpeg *jpeg, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                           uint32_t *height, char *message);
int cimg_jpeg_components(const cimg_jpeg *jpeg);
cimg_status cimg_jpeg_pixels(cimg_jpeg *jpeg, uint8_t *pixels, char *message);

cimg_png *cimg_png_create(void);
void cimg_png_destroy(cimg_png *png);
cimg_status cimg_png_open(cimg_png *png, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                          uint32_t *height, char *message);
cimg_status cimg_png_pixels(cimg_png *png, uint8_t *pixels, char *message);
