#include "decoder.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A file's side, and the bytes of any one of its chunks that are kept, such as a profile.
#define MOST_SIDE 1000000
#define MOST_CHUNK_BYTES (16 << 20)

struct cimg_png {
    png_structp library;
    png_infop info;
    const uint8_t *bytes;
    size_t count, at;
    jmp_buf end;
    cimg_status status;
    char *message;
};

static void on_error(png_structp library, png_const_charp text) {
    cimg_png *png = png_get_error_ptr(library);
    snprintf(png->message, CIMG_MESSAGE, "%s", text);
    // libpng does not say in another way that it got no memory.
    png->status = strcmp(text, "Out of memory") ? cimg_corrupt : cimg_no_memory;
    longjmp(png->end, 1);
}

static void on_warning(png_structp library, png_const_charp text) {
    (void)library;
    (void)text;
}

static void read_bytes(png_structp library, png_bytep target, size_t count) {
    cimg_png *png = png_get_io_ptr(library);
    if (count > png->count - png->at) png_error(library, "Premature end of PNG file");
    memcpy(target, png->bytes + png->at, count);
    png->at += count;
}

static void close_image(cimg_png *png) {
    if (png->library) png_destroy_read_struct(&png->library, &png->info, NULL);
    png->library = NULL;
    png->info = NULL;
}

cimg_png *cimg_png_create(void) { return calloc(1, sizeof(cimg_png)); }

void cimg_png_destroy(cimg_png *png) {
    close_image(png);
    free(png);
}

cimg_status cimg_png_open(cimg_png *png, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                          uint32_t *height, char *message) {
    close_image(png);
    png->bytes = bytes;
    png->count = count;
    png->at = 0;
    png->message = message;
    if (setjmp(png->end)) {
        close_image(png);
        return png->status;
    }
    png->library = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, on_error, on_warning);
    png->info = png->library ? png_create_info_struct(png->library) : NULL;
    if (!png->info) {
        close_image(png);
        snprintf(message, CIMG_MESSAGE, "no memory for a decoder");
        return cimg_no_memory;
    }
    png_set_read_fn(png->library, png, read_bytes);
    png_set_user_limits(png->library, MOST_SIDE, MOST_SIDE);
    png_set_chunk_malloc_max(png->library, MOST_CHUNK_BYTES);
    png_read_info(png->library, png->info);
    *width = png_get_image_width(png->library, png->info);
    *height = png_get_image_height(png->library, png->info);
    if ((uint64_t)*width * *height > most_pixels) {
        snprintf(message, CIMG_MESSAGE, "%u x %u pixels, more than the %llu that are allowed", *width, *height,
                 (unsigned long long)most_pixels);
        close_image(png);
        return cimg_too_large;
    }
    return cimg_sound;
}

cimg_status cimg_png_pixels(cimg_png *png, uint8_t *pixels, char *message) {
    png->message = message;
    if (setjmp(png->end)) {
        close_image(png);
        return png->status;
    }
    png_structp library = png->library;
    png_set_expand_gray_1_2_4_to_8(library);
    png_set_palette_to_rgb(library);
    png_set_strip_16(library);
    png_set_strip_alpha(library);
    png_set_gray_to_rgb(library);
    const int passes = png_set_interlace_handling(library);
    png_read_update_info(library, png->info);
    const size_t stride = png_get_rowbytes(library, png->info);
    const uint32_t width = png_get_image_width(library, png->info);
    const uint32_t height = png_get_image_height(library, png->info);
    if (stride != 3 * (size_t)width) png_error(library, "rows of another width than 24 bits a pixel");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < height; y++) png_read_row(library, pixels + y * stride, NULL);
    png_read_end(library, NULL);
    close_image(png);
    return cimg_sound;
}
