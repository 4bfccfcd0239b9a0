/*
 * Bodies that say whose they are: the id and a line feed, over and over, cut at any byte. Whoever
 * reads one notices a byte of another request's body, a lost one and a doubled one.
 */
#ifndef LAB_PATTERN_H
#define LAB_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;

enum { LAB_ID_MAX = 48 };

struct pattern {
	char unit[LAB_ID_MAX + 2]; /* id and line feed */
	size_t unit_len;
	uint64_t bytes; /* read so far */
	bool good;
};

void pattern_begin(struct pattern *, const char *id);
void pattern_read(struct pattern *, const char *data, size_t len);
/* What stands from the byte at on. */
void pattern_fill(const struct pattern *, uint64_t at, char *to, size_t len);
void pattern_write(struct evbuffer *, const char *id, size_t bytes);

#endif
