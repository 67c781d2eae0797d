#include "COneDNN.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

extern void omp_set_num_threads(int);
extern int omp_get_num_procs(void);
extern void omp_set_dynamic(int);
extern int omp_get_max_active_levels(void);
extern void omp_set_max_active_levels(int);
extern int omp_get_thread_limit(void);
extern int omp_get_max_threads(void);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);
// What a compiler makes of a parallel region.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

void cdnn_set_threads(int count) {
    omp_set_dynamic(0);
    if (omp_get_max_active_levels() < 1) omp_set_max_active_levels(1);
    omp_set_num_threads(count);
}

int cdnn_thread_limit(void) { return omp_get_thread_limit(); }

static void *wait_at(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

static void nothing(void *data) { (void)data; }

int cdnn_start_threads(int count, size_t stack_bytes) {
    if (count < 2) return 0;
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    if (!threads) return ENOMEM;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int started = 0, status = pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    // All at once, as they will be.
    pthread_mutex_lock(&gate);
    while (!status && started < count - 1) {
        status = pthread_create(&threads[started], &attributes, wait_at, &gate);
        if (!status) started++;
    }
    pthread_mutex_unlock(&gate);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_attr_destroy(&attributes);
    free(threads);
    if (!status) GOMP_parallel(nothing, NULL, (unsigned)count, 0);
    return status;
}

int cdnn_processors(void) { return omp_get_num_procs(); }

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
