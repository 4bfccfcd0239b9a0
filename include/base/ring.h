/*
 * A ring of variable-length records from one producer thread to one consumer thread.
 *
 * Lock-free and wait-free; when it is full the record is refused, and traffic never waits.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* capacity_bytes is rounded up to a power of two; a record may take up to a quarter of it. */
struct ring *ring_new(size_t capacity_bytes);
void ring_free(struct ring *);

/*
 * Producer: room for a record of len bytes, contiguous and 8-byte aligned, or NULL when full
 * (counted). Fill it, then ring_commit() publishes it (release).
 */
void *ring_reserve(struct ring *, size_t len);
void ring_commit(struct ring *);
/* Producer or others: records refused so far (relaxed). */
uint64_t ring_dropped(const struct ring *);
/* Anyone: bytes waiting, a snapshot. */
size_t ring_waiting(const struct ring *);

/* Consumer: the oldest record and its length, or NULL; valid until ring_release(). */
const void *ring_peek(struct ring *, size_t *len);
void ring_release(struct ring *);

#endif
