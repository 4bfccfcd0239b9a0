/*
 * A pool of equal blocks for one thread: taking and giving back is a pointer move, so the
 * request path allocates nothing in steady state.
 *
 * Owned by one thread; not locked.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>

struct slab;

/* Blocks of size bytes; at most keep free ones are held, the rest goes back to the system. */
struct slab *slab_new(size_t size, unsigned keep);
void slab_free(struct slab *); /* all blocks must have been given back */
/* Not zeroed; begins at a cache line. */
void *slab_take(struct slab *) __attribute__((returns_nonnull, warn_unused_result));
/* One will be taken soon, and so many bytes of it used (base/hints.h). */
void slab_expect(const struct slab *, size_t used);
void slab_give(struct slab *, void *block);
/* Free blocks go back to the system, all of them. */
void slab_trim(struct slab *);
size_t slab_block_size(const struct slab *);
unsigned slab_in_use(const struct slab *);

#endif
