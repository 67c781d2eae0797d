// MPI's macros, constants and handles as plain C functions, so that Swift sees functions and opaque pointers whatever
// the MPI library makes of them. Every function that returns `int` and can fail returns MPI's error code.
#pragma once

typedef struct cmpi_communicator_s *cmpi_communicator;
typedef struct cmpi_request_s *cmpi_request;
typedef struct cmpi_datatype_s *cmpi_datatype;
typedef struct cmpi_operation_s *cmpi_operation;

// Constants.
int cmpi_success(void);
int cmpi_error_count(void);
int cmpi_error_argument(void);
int cmpi_error_other(void);
int cmpi_error_root(void);
int cmpi_thread_single(void);
int cmpi_thread_funneled(void);
int cmpi_thread_serialized(void);
int cmpi_thread_multiple(void);
const void *cmpi_in_place(void);

cmpi_datatype cmpi_float(void);
cmpi_datatype cmpi_double(void);
cmpi_datatype cmpi_int32(void);
cmpi_datatype cmpi_int64(void);
cmpi_datatype cmpi_uint8(void);
cmpi_datatype cmpi_uint64(void);

cmpi_operation cmpi_sum(void);
cmpi_operation cmpi_min(void);
cmpi_operation cmpi_max(void);

// Errors. `text` holds at least cmpi_max_error_string() characters.
int cmpi_max_error_string(void);
int cmpi_error_class(int code);
int cmpi_error_string(int code, char *text, int *length);

// The library.
int cmpi_is_initialized(void);
int cmpi_is_finalized(void);
int cmpi_init_thread(int required, int *provided);
int cmpi_finalize(void);
// Ends all ranks, without Open MPI's lines about MPI_Abort.
int cmpi_abort(cmpi_communicator communicator, int status);
// Ends all ranks of a job whose launcher speaks PMIx, before MPI is initialized; returns where that is not so.
void cmpi_abort_before_init(int status);
int cmpi_max_library_version(void);
int cmpi_library_version(char *text, int *length);

// Communicators.
cmpi_communicator cmpi_world(void);
cmpi_communicator cmpi_self(void);
int cmpi_return_errors(cmpi_communicator communicator);
int cmpi_rank(cmpi_communicator communicator, int *rank);
int cmpi_size(cmpi_communicator communicator, int *size);
int cmpi_split(cmpi_communicator communicator, int color, int key, cmpi_communicator *made);
int cmpi_split_shared_memory(cmpi_communicator communicator, int key, cmpi_communicator *made);
int cmpi_free(cmpi_communicator *communicator);

// Collectives.
int cmpi_allreduce(const void *send, void *receive, int count, cmpi_datatype type, cmpi_operation operation,
                   cmpi_communicator communicator);
int cmpi_broadcast(void *buffer, int count, cmpi_datatype type, int root, cmpi_communicator communicator);
int cmpi_allgather(const void *send, void *receive, int count, cmpi_datatype type, cmpi_communicator communicator);
int cmpi_allgather_varying(const void *send, int count, void *receive, const int *counts, const int *offsets,
                           cmpi_datatype type, cmpi_communicator communicator);
int cmpi_barrier(cmpi_communicator communicator);
int cmpi_start_allreduce(const void *send, void *receive, int count, cmpi_datatype type, cmpi_operation operation,
                         cmpi_communicator communicator, cmpi_request *request);
int cmpi_start_broadcast(void *buffer, int count, cmpi_datatype type, int root, cmpi_communicator communicator,
                         cmpi_request *request);

// Requests. A completed one becomes NULL.
int cmpi_test(cmpi_request *request, int *completed);
int cmpi_wait(cmpi_request *request);
