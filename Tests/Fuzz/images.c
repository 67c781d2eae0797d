// libFuzzer's entry into the decoders of JPEG and PNG: any bytes end with an image or an error, within the sanitizers'
// and the limits of memory. Tests/Checks/fuzz builds and runs it.
#include "CImages.h"
#include <stdlib.h>

// Enough for every path, and few enough that one input takes milliseconds.
enum { MOST_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    // One decoder for all, as a thread has it: what a bad file leaves behind must not harm the next.
    static cimg_decoder *decoder;
    if (!decoder) decoder = cimg_create();
    uint32_t width = 0, height = 0;
    if (cimg_open(decoder, bytes, count, MOST_PIXELS, &width, &height) != cimg_sound) return 0;
    if (!width || !height || (uint64_t)width * height > MOST_PIXELS) abort();
    uint8_t *pixels = malloc((size_t)width * height * 3);
    if (!pixels) return 0;
    cimg_pixels(decoder, pixels);
    free(pixels);
    return 0;
}
