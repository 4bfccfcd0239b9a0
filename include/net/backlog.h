/*
 * Bytes that wait for a socket: one block of a slab, or more when a whole chunk and what goes
 * around it did not fit. Owned by a stream; its thread only.
 */
#ifndef NET_BACKLOG_H
#define NET_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab;

/* Zero-initialised: nothing waits. */
struct backlog {
	char *block; /* NULL: nothing waits */
	struct slab *from; /* of whose blocks it is; NULL: it is larger than any */
	uint32_t at, len, room;
};

/*
 * Behind what waits already; if that has to be moved, to one of these blocks if it fits into one.
 * False, and nothing is added: its owner ignored back-pressure.
 */
bool backlog_add(struct backlog *, struct slab *, const char *bytes, size_t len);
/* The first n bytes have gone; with the last of them the block goes too. */
void backlog_take(struct backlog *, size_t n);
void backlog_drop(struct backlog *);

#endif
