/*
 * Writing text into a caller's buffer: everything is counted, what does not fit is not written.
 * So the same code measures (size 0) and writes, and one look at the end tells whether it fitted.
 */
#ifndef HTTP_OUT_H
#define HTTP_OUT_H

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

struct out {
	char *at;
	size_t size;
	size_t len; /* what it would have taken so far */
};

static inline void
out_put(struct out *o, struct slice s)
{
	if (s.len > 0 && o->len <= o->size && s.len <= o->size - o->len)
		memcpy(o->at + o->len, s.at, s.len);
	o->len += s.len;
}

static inline void
out_field(struct out *o, struct slice name_and_colon, struct slice value)
{
	out_put(o, name_and_colon);
	out_put(o, value);
	out_put(o, SLICE("\r\n"));
}

static inline void
out_number(struct out *o, unsigned long n)
{
	char digits[24];
	char *at = digits + sizeof digits;

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	out_put(o, (struct slice){ at, (size_t)(digits + sizeof digits - at) });
}

/* The length, or 0 when it did not fit. */
static inline size_t
out_end(const struct out *o)
{
	return o->len <= o->size ? o->len : 0;
}

#endif
