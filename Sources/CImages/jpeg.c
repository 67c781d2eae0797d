#include "decoder.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// After stdio.h, which it needs.
#include <jpeglib.h>

#include <jerror.h>

// A progressive file may hold any number of passes over its coefficients; encoders make about ten.
#define MOST_SCANS 200

struct cimg_jpeg {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf end;
    cimg_status status;
    char *message;
};

static cimg_jpeg *owner(j_common_ptr library) { return (cimg_jpeg *)library->client_data; }

static void fail(j_common_ptr library, cimg_status status) {
    cimg_jpeg *jpeg = owner(library);
    char text[JMSG_LENGTH_MAX];
    jpeg->status = status;
    if (status == cimg_too_large) {
        snprintf(jpeg->message, CIMG_MESSAGE, "more than %d progressive passes", MOST_SCANS);
    } else {
        library->err->format_message(library, text);
        snprintf(jpeg->message, CIMG_MESSAGE, "%s", text);
    }
    longjmp(jpeg->end, 1);
}

static void on_error(j_common_ptr library) {
    switch (library->err->msg_code) {
    case JERR_OUT_OF_MEMORY: fail(library, cimg_no_memory); break;
    case JERR_CONVERSION_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL: fail(library, cimg_unsupported); break;
    default: fail(library, cimg_corrupt);
    }
}

// Warnings come where libjpeg goes on with pixels that it made up. Bytes too many between segments, and versions and
// markers that it does not know, change no pixel.
static void on_message(j_common_ptr library, int level) {
    if (level >= 0) return;
    switch (library->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA: break;
    default: fail(library, cimg_corrupt);
    }
}

static void on_progress(j_common_ptr library) {
    if (((j_decompress_ptr)library)->input_scan_number > MOST_SCANS) fail(library, cimg_too_large);
}

cimg_jpeg *cimg_jpeg_create(void) {
    cimg_jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg) return NULL;
    char message[CIMG_MESSAGE];
    jpeg->message = message;
    jpeg->library.err = jpeg_std_error(&jpeg->errors);
    jpeg->errors.error_exit = on_error;
    jpeg->errors.emit_message = on_message;
    // Kept by jpeg_create_decompress, which may already fail.
    jpeg->library.client_data = jpeg;
    if (setjmp(jpeg->end)) {
        jpeg_destroy_decompress(&jpeg->library);
        free(jpeg);
        return NULL;
    }
    jpeg_create_decompress(&jpeg->library);
    jpeg->progress.progress_monitor = on_progress;
    jpeg->library.progress = &jpeg->progress;
    return jpeg;
}

void cimg_jpeg_destroy(cimg_jpeg *jpeg) {
    jpeg_destroy_decompress(&jpeg->library);
    free(jpeg);
}

cimg_status cimg_jpeg_open(cimg_jpeg *jpeg, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                           uint32_t *height, char *message) {
    j_decompress_ptr library = &jpeg->library;
    jpeg->message = message;
    if (setjmp(jpeg->end)) {
        jpeg_abort_decompress(library);
        return jpeg->status;
    }
    // Of an image that was opened and not decoded.
    jpeg_abort_decompress(library);
    jpeg->errors.num_warnings = 0;
    jpeg_mem_src(library, bytes, count);
    jpeg_read_header(library, TRUE);
    *width = library->image_width;
    *height = library->image_height;
    if ((uint64_t)*width * *height > most_pixels) {
        snprintf(message, CIMG_MESSAGE, "%u x %u pixels, more than the %llu that are allowed", *width, *height,
                 (unsigned long long)most_pixels);
        jpeg_abort_decompress(library);
        return cimg_too_large;
    }
    return cimg_sound;
}

int cimg_jpeg_components(const cimg_jpeg *jpeg) { return jpeg->library.num_components; }

// From inverted C, M, Y, K in place of the RGB that follows from them, as Pillow rounds.
static void to_rgb(uint8_t *rgb, const uint8_t *cmyk, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const unsigned k = cmyk[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            const unsigned product = (255u - cmyk[4 * i + c]) * k + 128;
            rgb[3 * i + c] = (uint8_t)(k - (((product >> 8) + product) >> 8));
        }
    }
}

cimg_status cimg_jpeg_pixels(cimg_jpeg *jpeg, uint8_t *pixels, char *message) {
    j_decompress_ptr library = &jpeg->library;
    jpeg->message = message;
    if (setjmp(jpeg->end)) {
        jpeg_abort_decompress(library);
        return jpeg->status;
    }
    const int has_four = library->num_components == 4;
    library->out_color_space = has_four ? JCS_CMYK : JCS_RGB;
    library->dct_method = JDCT_ISLOW;
    library->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(library);
    const size_t width = library->output_width, stride = 3 * width;
    JSAMPARRAY wide = NULL;
    if (has_four)
        wide = library->mem->alloc_sarray((j_common_ptr)library, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1);
    while (library->output_scanline < library->output_height) {
        uint8_t *row = pixels + library->output_scanline * stride;
        if (has_four) {
            jpeg_read_scanlines(library, wide, 1);
            to_rgb(row, wide[0], width);
        } else {
            // As many as the library has ready at once.
            JSAMPROW rows[16];
            const JDIMENSION left = library->output_height - library->output_scanline;
            const JDIMENSION wanted = left < 16 ? left : 16;
            for (JDIMENSION i = 0; i < wanted; i++) rows[i] = row + i * stride;
            jpeg_read_scanlines(library, rows, wanted);
        }
    }
    jpeg_finish_decompress(library);
    return cimg_sound;
}
