/*
 * Field values that are lists (RFC 9110 section 5.6.1), element by element, or lengths.
 */
#ifndef HTTP_VALUES_H
#define HTTP_VALUES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "chars.h"

static inline struct slice
value_trim(struct slice s)
{
	while (s.len > 0 && char_is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && char_is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

/*
 * Takes the next element, trimmed and perhaps empty, off rest; false when rest is used up.
 * rest->at becomes NULL behind the last element, so that "a," has two. Knows no quoted strings:
 * only for lists whose elements can't hold the delimiter.
 */
static inline bool
value_next_by(struct slice *rest, char delimiter, struct slice *element)
{
	const char *border;

	if (rest->at == NULL)
		return false;
	border = rest->len > 0 ? memchr(rest->at, delimiter, rest->len) : NULL;
	*element = *rest;
	if (border == NULL) {
		*rest = (struct slice){ NULL, 0 };
	} else {
		element->len = (size_t)(border - rest->at);
		rest->at = border + 1;
		rest->len -= element->len + 1;
	}
	*element = value_trim(*element);
	return true;
}

static inline bool
value_next(struct slice *rest, struct slice *element)
{
	return value_next_by(rest, ',', element);
}

/* 1*DIGIT up to 2^63-1, so that a sum of two never overflows. */
static inline bool
value_length(struct slice text, uint64_t *length)
{
	*length = 0;
	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.at[i] - '0');

		if (digit > 9 || *length > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		*length = *length * 10 + digit;
	}
	return true;
}

#endif
