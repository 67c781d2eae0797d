#include "decoder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cimg_decoder {
    cimg_jpeg *jpeg;
    cimg_png *png;
    int is_png;
    int is_open;
    char message[CIMG_MESSAGE];
};

cimg_decoder *cimg_create(void) { return calloc(1, sizeof(cimg_decoder)); }

void cimg_destroy(cimg_decoder *decoder) {
    if (!decoder) return;
    if (decoder->jpeg) cimg_jpeg_destroy(decoder->jpeg);
    if (decoder->png) cimg_png_destroy(decoder->png);
    free(decoder);
}

const char *cimg_message(const cimg_decoder *decoder) { return decoder->message; }

int cimg_is_png(const cimg_decoder *decoder) { return decoder->is_png; }

int cimg_components(const cimg_decoder *decoder) {
    return decoder->is_png || !decoder->jpeg ? 3 : cimg_jpeg_components(decoder->jpeg);
}

static cimg_status no_memory(cimg_decoder *decoder) {
    snprintf(decoder->message, sizeof decoder->message, "no memory for a decoder");
    return cimg_no_memory;
}

cimg_status cimg_open(cimg_decoder *decoder, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                      uint32_t *height) {
    static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    decoder->is_open = 0;
    decoder->message[0] = 0;
    decoder->is_png = count >= sizeof png_signature && !memcmp(bytes, png_signature, sizeof png_signature);
    cimg_status status;
    if (decoder->is_png) {
        if (!decoder->png && !(decoder->png = cimg_png_create())) return no_memory(decoder);
        status = cimg_png_open(decoder->png, bytes, count, most_pixels, width, height, decoder->message);
    } else if (count >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) {
        if (!decoder->jpeg && !(decoder->jpeg = cimg_jpeg_create())) return no_memory(decoder);
        status = cimg_jpeg_open(decoder->jpeg, bytes, count, most_pixels, width, height, decoder->message);
    } else {
        snprintf(decoder->message, sizeof decoder->message, count ? "neither JPEG nor PNG" : "empty");
        return count ? cimg_unsupported : cimg_corrupt;
    }
    decoder->is_open = status == cimg_sound;
    return status;
}

cimg_status cimg_pixels(cimg_decoder *decoder, uint8_t *pixels) {
    if (!decoder->is_open) {
        snprintf(decoder->message, sizeof decoder->message, "nothing was opened");
        return cimg_unsupported;
    }
    decoder->is_open = 0;
    return decoder->is_png ? cimg_png_pixels(decoder->png, pixels, decoder->message)
                           : cimg_jpeg_pixels(decoder->jpeg, pixels, decoder->message);
}
