#include "CMPI.h"
#include <dlfcn.h>
#include <mpi.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Handles are pointers in Open MPI and integers in MPICH; through intptr_t both fit an opaque pointer.
#define TO(type, handle) ((type)(intptr_t)(handle))

int cmpi_success(void) { return MPI_SUCCESS; }
int cmpi_error_count(void) { return MPI_ERR_COUNT; }
int cmpi_error_argument(void) { return MPI_ERR_ARG; }
int cmpi_error_other(void) { return MPI_ERR_OTHER; }
int cmpi_error_root(void) { return MPI_ERR_ROOT; }
int cmpi_thread_single(void) { return MPI_THREAD_SINGLE; }
int cmpi_thread_funneled(void) { return MPI_THREAD_FUNNELED; }
int cmpi_thread_serialized(void) { return MPI_THREAD_SERIALIZED; }
int cmpi_thread_multiple(void) { return MPI_THREAD_MULTIPLE; }
const void *cmpi_in_place(void) { return MPI_IN_PLACE; }

cmpi_datatype cmpi_float(void) { return TO(cmpi_datatype, MPI_FLOAT); }
cmpi_datatype cmpi_double(void) { return TO(cmpi_datatype, MPI_DOUBLE); }
cmpi_datatype cmpi_int32(void) { return TO(cmpi_datatype, MPI_INT32_T); }
cmpi_datatype cmpi_int64(void) { return TO(cmpi_datatype, MPI_INT64_T); }
cmpi_datatype cmpi_uint8(void) { return TO(cmpi_datatype, MPI_UINT8_T); }
cmpi_datatype cmpi_uint64(void) { return TO(cmpi_datatype, MPI_UINT64_T); }

cmpi_operation cmpi_sum(void) { return TO(cmpi_operation, MPI_SUM); }
cmpi_operation cmpi_min(void) { return TO(cmpi_operation, MPI_MIN); }
cmpi_operation cmpi_max(void) { return TO(cmpi_operation, MPI_MAX); }

int cmpi_max_error_string(void) { return MPI_MAX_ERROR_STRING; }

int cmpi_error_class(int code) {
    int class = code;
    MPI_Error_class(code, &class);
    return class;
}

int cmpi_error_string(int code, char *text, int *length) { return MPI_Error_string(code, text, length); }

int cmpi_is_initialized(void) {
    int flag = 0;
    MPI_Initialized(&flag);
    return flag;
}

int cmpi_is_finalized(void) {
    int flag = 0;
    MPI_Finalized(&flag);
    return flag;
}

int cmpi_init_thread(int required, int *provided) { return MPI_Init_thread(NULL, NULL, required, provided); }
int cmpi_finalize(void) { return MPI_Finalize(); }

#ifdef OPEN_MPI
// What MPI_Abort calls after it has printed eight lines.
extern int ompi_mpi_abort(MPI_Comm communicator, int status) __attribute__((weak));
#endif

int cmpi_abort(cmpi_communicator communicator, int status) {
#ifdef OPEN_MPI
    if (ompi_mpi_abort) return ompi_mpi_abort(TO(MPI_Comm, communicator), status);
#endif
    return MPI_Abort(TO(MPI_Comm, communicator), status);
}

// A process that only exits makes mpirun print ten lines. The library is MPI's own, where that has not built it in; its
// header need not be installed: a process is a name of 256 characters and a rank.
void cmpi_abort_before_init(int status) {
    struct {
        char name[256];
        uint32_t rank;
    } process = {{0}, 0};
    void *library = getenv("PMIX_NAMESPACE") ? dlopen("libpmix.so.2", RTLD_NOW | RTLD_GLOBAL) : NULL;
    if (!library) return;
    int (*init)(void *, void *, size_t) = (int (*)(void *, void *, size_t))dlsym(library, "PMIx_Init");
    int (*abort)(int, const char *, void *, size_t) =
        (int (*)(int, const char *, void *, size_t))dlsym(library, "PMIx_Abort");
    if (init && abort && init(&process, NULL, 0) == 0) abort(status, "", NULL, 0);
}

int cmpi_max_library_version(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }
int cmpi_library_version(char *text, int *length) { return MPI_Get_library_version(text, length); }

cmpi_communicator cmpi_world(void) { return TO(cmpi_communicator, MPI_COMM_WORLD); }
cmpi_communicator cmpi_self(void) { return TO(cmpi_communicator, MPI_COMM_SELF); }

int cmpi_return_errors(cmpi_communicator communicator) {
    return MPI_Comm_set_errhandler(TO(MPI_Comm, communicator), MPI_ERRORS_RETURN);
}

int cmpi_rank(cmpi_communicator communicator, int *rank) { return MPI_Comm_rank(TO(MPI_Comm, communicator), rank); }
int cmpi_size(cmpi_communicator communicator, int *size) { return MPI_Comm_size(TO(MPI_Comm, communicator), size); }

int cmpi_split(cmpi_communicator communicator, int color, int key, cmpi_communicator *made) {
    MPI_Comm result = MPI_COMM_NULL;
    const int code = MPI_Comm_split(TO(MPI_Comm, communicator), color, key, &result);
    *made = TO(cmpi_communicator, result);
    return code;
}

int cmpi_split_shared_memory(cmpi_communicator communicator, int key, cmpi_communicator *made) {
    MPI_Comm result = MPI_COMM_NULL;
    const int code =
        MPI_Comm_split_type(TO(MPI_Comm, communicator), MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &result);
    *made = TO(cmpi_communicator, result);
    return code;
}

int cmpi_free(cmpi_communicator *communicator) {
    MPI_Comm freed = TO(MPI_Comm, *communicator);
    const int code = MPI_Comm_free(&freed);
    *communicator = TO(cmpi_communicator, freed);
    return code;
}

int cmpi_allreduce(const void *send, void *receive, int count, cmpi_datatype type, cmpi_operation operation,
                   cmpi_communicator communicator) {
    return MPI_Allreduce(send, receive, count, TO(MPI_Datatype, type), TO(MPI_Op, operation),
                         TO(MPI_Comm, communicator));
}

int cmpi_broadcast(void *buffer, int count, cmpi_datatype type, int root, cmpi_communicator communicator) {
    return MPI_Bcast(buffer, count, TO(MPI_Datatype, type), root, TO(MPI_Comm, communicator));
}

int cmpi_allgather(const void *send, void *receive, int count, cmpi_datatype type, cmpi_communicator communicator) {
    return MPI_Allgather(send, count, TO(MPI_Datatype, type), receive, count, TO(MPI_Datatype, type),
                         TO(MPI_Comm, communicator));
}

int cmpi_allgather_varying(const void *send, int count, void *receive, const int *counts, const int *offsets,
                           cmpi_datatype type, cmpi_communicator communicator) {
    return MPI_Allgatherv(send, count, TO(MPI_Datatype, type), receive, counts, offsets, TO(MPI_Datatype, type),
                          TO(MPI_Comm, communicator));
}

int cmpi_barrier(cmpi_communicator communicator) { return MPI_Barrier(TO(MPI_Comm, communicator)); }

// MPI_REQUEST_NULL is an object's address in Open MPI: Swift is shown NULL instead.
static cmpi_request shown(MPI_Request request) {
    return request == MPI_REQUEST_NULL ? NULL : TO(cmpi_request, request);
}

int cmpi_start_allreduce(const void *send, void *receive, int count, cmpi_datatype type, cmpi_operation operation,
                         cmpi_communicator communicator, cmpi_request *request) {
    MPI_Request started = MPI_REQUEST_NULL;
    const int code = MPI_Iallreduce(send, receive, count, TO(MPI_Datatype, type), TO(MPI_Op, operation),
                                    TO(MPI_Comm, communicator), &started);
    *request = shown(started);
    return code;
}

int cmpi_start_broadcast(void *buffer, int count, cmpi_datatype type, int root, cmpi_communicator communicator,
                         cmpi_request *request) {
    MPI_Request started = MPI_REQUEST_NULL;
    const int code =
        MPI_Ibcast(buffer, count, TO(MPI_Datatype, type), root, TO(MPI_Comm, communicator), &started);
    *request = shown(started);
    return code;
}

int cmpi_test(cmpi_request *request, int *completed) {
    MPI_Request tested = TO(MPI_Request, *request);
    const int code = MPI_Test(&tested, completed, MPI_STATUS_IGNORE);
    *request = shown(tested);
    return code;
}

int cmpi_wait(cmpi_request *request) {
    MPI_Request awaited = TO(MPI_Request, *request);
    const int code = MPI_Wait(&awaited, MPI_STATUS_IGNORE);
    *request = shown(awaited);
    return code;
}
