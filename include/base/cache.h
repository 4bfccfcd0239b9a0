/*
 * Memory for a library that allocates as it goes: blocks that are given back are kept by size, so
 * that in steady state nothing is asked of the system.
 *
 * Owned by one thread; not locked.
 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stddef.h>

struct cache;

struct cache *cache_new(void);
void cache_free(struct cache *); /* all blocks must have been given back */
/* Blocks that are kept go back to the system, all of them. */
void cache_trim(struct cache *);
/* Not zeroed, aligned for anything. */
void *cache_take(struct cache *, size_t size) __attribute__((returns_nonnull, warn_unused_result));
void cache_give(struct cache *, void *block); /* NULL: nothing */
/* What the block really holds: what it was taken for, or a little more. */
size_t cache_size(const void *block);

#endif
