/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void
take_word(struct siphash *s, uint64_t word)
{
	s->v[3] ^= word;
	round_once(s->v);
	round_once(s->v);
	s->v[0] ^= word;
}

void
siphash_begin(struct siphash *s, const struct siphash_key *key)
{
	*s = (struct siphash){ .v = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
				   key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 } };
}

void
siphash_add(struct siphash *s, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		s->tail |= (uint64_t)at[i] << 8 * (s->len % 8);
		if (++s->len % 8 == 0) {
			take_word(s, s->tail);
			s->tail = 0;
		}
	}
}

uint64_t
siphash_end(struct siphash *s)
{
	take_word(s, s->tail | s->len << 56);
	s->v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_once(s->v);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

uint64_t
siphash(const struct siphash_key *key, const void *bytes, size_t len)
{
	struct siphash s;

	siphash_begin(&s, key);
	siphash_add(&s, bytes, len);
	return siphash_end(&s);
}
