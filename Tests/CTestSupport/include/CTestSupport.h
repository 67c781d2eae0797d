// What tests need of the C library that Swift does not import.
#pragma once
#include <stddef.h>

/// Bytes that malloc has handed out and not got back, memory maps included.
size_t cts_heap_bytes(void);
