#include "COneDNN.h"

extern int omp_get_max_threads(void);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);
// What a compiler makes of a parallel region.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

struct region {
    void (*body)(void *context, int part);
    void *context;
    int parts;
};

static void share(void *data) {
    const struct region *region = data;
    const int threads = omp_get_num_threads();
    for (int part = omp_get_thread_num(); part < region->parts; part += threads) region->body(region->context, part);
}

int cdnn_threads(void) { return omp_get_max_threads(); }

void cdnn_parallel(void (*body)(void *context, int part), void *context, int parts) {
    const int threads = omp_get_max_threads();
    if (threads < 2 || parts < 2) {
        for (int part = 0; part < parts; part++) body(context, part);
        return;
    }
    struct region region = {body, context, parts};
    // All threads, also where there are fewer parts: a smaller team would end some of them.
    GOMP_parallel(share, &region, (unsigned)threads, 0);
}
