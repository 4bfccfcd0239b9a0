/*
 * Allocation that never returns NULL: what bounds memory is limits, not NULL checks.
 *
 * Each call is counted per thread, so that a test can show that a worker's count stays flat.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hints.h"

/* Zeroed memory; aborts the process when there is none. Freed with mem_free(). */
COLD void *mem_new(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* The same, not zeroed. */
void *mem_raw(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Zeroed array; aborts on overflow of count * size. */
COLD void *mem_array(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Grows or shrinks; the new part is not zeroed. */
COLD void *mem_resize(void *p, size_t size) __attribute__((returns_nonnull, warn_unused_result));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull, warn_unused_result));
char *mem_printf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull, warn_unused_result));
/* Cache-line aligned (64) and zeroed, size rounded up to whole lines; freed with mem_free(). */
COLD void *mem_lines(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* The same, not zeroed. */
void *mem_raw_lines(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void mem_free(void *p);

/*
 * From now on this thread's calls of mem_*() that take memory from the system are counted in
 * *counter, which others may read relaxed. The counter outlives the thread.
 */
void mem_count_into(atomic_ullong *counter);
/* For allocators other than ours (OpenSSL's hooks): count one allocation of this thread. */
void mem_count_one(void);

#endif
