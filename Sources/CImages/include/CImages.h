// JPEG and PNG to 8-bit RGB by libjpeg-turbo and libpng, whose errors are jumps that Swift cannot take.
//
// Results are those of Pillow's convert("RGB"). JPEG: accurate inverse transform (ISLOW), fancy upsampling; grey is
// repeated; four components are taken for inverted CMYK, as Adobe writes it; EXIF's orientation is ignored. PNG:
// palettes are looked up, grey is repeated, alpha is dropped, of 16 bits the upper eight are kept.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    cimg_sound = 0,
    /// The bytes are not what the format says, or end too early.
    cimg_corrupt,
    /// More pixels, or passes over them, than are allowed.
    cimg_too_large,
    /// Sound, but not to be decoded to RGB.
    cimg_unsupported,
    cimg_no_memory,
} cimg_status;

/// Bytes for a message, its 0 included.
#define CIMG_MESSAGE 200

/// What decodes one image after another on one thread.
typedef struct cimg_decoder cimg_decoder;

/// NULL where there is no memory.
cimg_decoder *cimg_create(void);
void cimg_destroy(cimg_decoder *decoder);

/// Reads the header of a JPEG or PNG file, which its first bytes tell apart.
///
/// `bytes` must stay valid until `cimg_pixels` or the following call.
/// - most_pixels: an image of more is cimg_too_large, before any memory is taken for it.
cimg_status cimg_open(cimg_decoder *decoder, const uint8_t *bytes, size_t count, uint64_t most_pixels, uint32_t *width,
                      uint32_t *height);

/// What was opened last is a PNG, and of how many components: 1 grey, 3 colour, 4 CMYK of a JPEG.
int cimg_is_png(const cimg_decoder *decoder);
int cimg_components(const cimg_decoder *decoder);

/// Decodes what was opened, once: height x width x 3 values. On failure `pixels` holds anything.
cimg_status cimg_pixels(cimg_decoder *decoder, uint8_t *pixels);

/// What the last call failed with, as the library says it.
const char *cimg_message(const cimg_decoder *decoder);
