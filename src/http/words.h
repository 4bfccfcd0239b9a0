/*
 * Bytes of HTTP eight at a time, in plain C: a word holds the bytes at a place in memory, the first
 * one lowest. Sixteen at a time where the machine is known to have vectors.
 */
#ifndef HTTP_WORDS_H
#define HTTP_WORDS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "chars.h"

#define WORD_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t
word_at(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return le64toh(word);
}

static inline void
word_put(char *at, uint64_t word)
{
	word = htole64(word);
	memcpy(at, &word, sizeof word);
}

/* All of one to seven bytes, in some order: for comparing. */
static inline uint64_t
word_of(const char *at, size_t len)
{
	uint32_t low, high;

	if (len < 4)
		return (uint64_t)(unsigned char)at[0] | (uint64_t)(unsigned char)at[len / 2] << 8 |
		    (uint64_t)(unsigned char)at[len - 1] << 16;
	memcpy(&low, at, sizeof low);
	memcpy(&high, at + len - sizeof high, sizeof high);
	return (uint64_t)high << 32 | low;
}

/* Capitals of ASCII in lower case. Of bytes below 0x80 no sum reaches the next one. */
static inline uint64_t
word_lower(uint64_t word)
{
	uint64_t low = word & WORD_EACH(0x7f);
	uint64_t from_a = low + WORD_EACH(0x80 - 'A'), beyond_z = low + WORD_EACH(0x7f - 'Z');
	uint64_t capitals = (from_a ^ beyond_z) & ~word & WORD_EACH(0x80);

	return word | capitals >> 2;
}

/*
 * The top bit of each control byte (below 0x20, or DEL). A borrow can only spoil the flags above
 * the first true one.
 */
static inline uint64_t
word_controls(uint64_t word)
{
	uint64_t below = (word - WORD_EACH(0x20)) & ~word, del = word ^ WORD_EACH(0x7f);

	del = (del - WORD_EACH(1)) & ~del;
	return (below | del) & WORD_EACH(0x80);
}

#ifdef __SSE2__
/* Of the 16 bytes at at, one bit each: which are below 0x20, or DEL. */
static inline unsigned
controls_of_16(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
	__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(below, del));
}
#endif

/* The first control byte in [at, stop), or stop. */
static inline const char *
find_control(const char *at, const char *stop)
{
#ifdef __SSE2__
	for (; stop - at >= 16; at += 16) {
		unsigned found = controls_of_16(at);

		if (found != 0)
			return at + __builtin_ctz(found);
	}
#endif
	for (; stop - at >= 8; at += 8) {
		uint64_t found = word_controls(word_at(at));

		if (found != 0)
			return at + __builtin_ctzll(found) / 8;
	}
	while (at < stop && (unsigned char)*at >= 0x20 && *at != 0x7f)
		at++;
	return at;
}

/* The first control byte but HTAB. */
static inline const char *
find_bad_control(const char *at, const char *stop)
{
	while ((at = find_control(at, stop)) < stop && *at == '\t')
		at++;
	return at;
}

static inline void
lower_in_place(char *at, size_t len)
{
	for (; len >= 8; at += 8, len -= 8)
		word_put(at, word_lower(word_at(at)));
	for (; len > 0; at++, len--)
		*at = char_lower(*at);
}

/*
 * Is name, but for the case of its letters, the len bytes of lower? They are letters, digits and
 * '-', and name holds no control byte: then no other byte becomes one of them by the bit of case.
 */
static inline bool
same_name(const char *name, const char *lower, size_t len)
{
	const uint64_t small = WORD_EACH(0x20);

	if (len < 8)
		return (word_of(name, len) | small) == (word_of(lower, len) | small);
	for (size_t at = 0; at < len; at += 8) {
		size_t from = at + 8 <= len ? at : len - 8; /* the last word overlaps */

		if ((word_at(name + from) | small) != word_at(lower + from))
			return false;
	}
	return true;
}

#endif
