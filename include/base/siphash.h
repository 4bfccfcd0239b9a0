/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash that who lacks the key can neither predict nor
 * make collide. Pure.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *, const void *bytes, size_t len);

/* The same over bytes that come in pieces. */
struct siphash {
	uint64_t v[4];
	uint64_t tail; /* bytes of a word that is not whole yet */
	uint64_t len;
};

void siphash_begin(struct siphash *, const struct siphash_key *);
void siphash_add(struct siphash *, const void *bytes, size_t len);
uint64_t siphash_end(struct siphash *);

#endif
