/*
 * The first bytes of a request's body, kept so that another try can send them.
 *
 * A chain of the worker's small blocks. Owned by one exchange; worker thread only. What all workers
 * keep together is bounded: one atomic number, touched once a block.
 */
#ifndef PROXY_REPLAY_H
#define PROXY_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_block;
struct slab;

struct replay {
	struct replay_block *first;
	struct replay_block *last;
	uint32_t len;
	bool lost; /* bytes went through that are no longer here: no other try can send them */
};

/* Room for len more within limit bytes, and within total of the process? */
bool replay_fits(const struct replay *, size_t len, size_t limit, uint64_t total);
/* Beyond the limits too: what has been read and not sent must be somewhere. */
void replay_append(struct replay *, struct slab *, const char *bytes, size_t len);
/* A second one with the same bytes; to is empty. */
void replay_clone(struct replay *to, const struct replay *from, struct slab *);
/* Gives the blocks back; what was in them is lost if anything was. */
void replay_drop(struct replay *, struct slab *);
/* Copies up to size bytes from offset into out; returns how many. */
size_t replay_copy(const struct replay *, size_t offset, char *out, size_t size);

#endif
