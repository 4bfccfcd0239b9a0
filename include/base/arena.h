/*
 * An arena: many small allocations that live and die together (a configuration, a table).
 *
 * Owned by one thread while it is filled; afterwards any thread may read what lies in it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/bytes.h"

struct arena;

struct arena *arena_new(void);
/* For keys: its bytes are in no core file, not in swap as far as allowed, and wiped at the end. */
struct arena *arena_new_secret(void);
void arena_free(struct arena *); /* and all that was taken from it */
/* Zeroed, aligned to 16 bytes. */
void *arena_take(struct arena *, size_t size) __attribute__((returns_nonnull));
void *arena_array(struct arena *, size_t count, size_t size) __attribute__((returns_nonnull));
/* fn(arg) is called when the arena is freed, the last one first: for what is not memory of its own. */
void arena_at_end(struct arena *, void (*fn)(void *arg), void *arg);
char *arena_strdup(struct arena *, const char *) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *, const char *, size_t) __attribute__((returns_nonnull));
char *arena_printf(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

#endif
