/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

static const uint64_t odd = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */

/* The halves of the full product folded together: each input bit reaches each output bit. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *at = bytes;
	uint64_t h = seed ^ fold(seed ^ odd, len + 0xd6e8feb86659fd93u);
	uint64_t word;
	size_t left = len;

	while (left >= sizeof word) {
		memcpy(&word, at, sizeof word);
		h = fold(h ^ le64toh(word), odd) + le64toh(word);
		at += sizeof word;
		left -= sizeof word;
	}
	if (left > 0) {
		word = 0;
		memcpy(&word, at, left);
		h = fold(h ^ le64toh(word), odd) + le64toh(word);
	}
	return fold(h ^ 0xa0b428db6c1c5e33u, odd ^ len);
}
