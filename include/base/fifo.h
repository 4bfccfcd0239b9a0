/*
 * Bytes that wait their turn: a chain of blocks, filled at its end and taken from its front.
 *
 * Zero-initialised; owned by one thread. The blocks come from the slab that each call names, always
 * the same one.
 */
#ifndef BASE_FIFO_H
#define BASE_FIFO_H

#include <stddef.h>

#include "base/bytes.h"

struct fifo_block;
struct slab;

struct fifo {
	struct fifo_block *first;
	struct fifo_block *last;
	size_t len;
	size_t taken; /* private: of the first block */
};

void fifo_append(struct fifo *, struct slab *, const char *bytes, size_t len);
/* The first bytes that lie together; empty when there are none. Valid until the next call. */
struct slice fifo_front(const struct fifo *);
/* n bytes at the front are done with; at most fifo->len. */
void fifo_take(struct fifo *, struct slab *, size_t n);
/* Moves up to size bytes out; returns how many. */
size_t fifo_read(struct fifo *, struct slab *, char *out, size_t size);
void fifo_drop(struct fifo *, struct slab *);

#endif
