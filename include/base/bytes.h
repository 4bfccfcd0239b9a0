/*
 * Slices: borrowed, read-only runs of bytes; and spans: writable ones with room around them.
 *
 * A slice never owns what it points at. Whoever stores one says until when it is valid.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct slice {
	const char *at;
	size_t len;
};

/*
 * Body bytes on their way from one side to the other. The receiver may scribble over
 * head_room bytes before at and tail_room bytes behind at + len (chunk framing, a rewritten
 * head), which is how head and body leave in one write without a copy. Valid for the call only.
 */
struct span {
	char *at;
	size_t len;
	size_t head_room;
	size_t tail_room;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

/* The whole of text (NULL: "") with its end; false, and into as it was, when it does not fit. */
static inline bool
copy_text(char *into, size_t size, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len >= size)
		return false;
	memcpy(into, text != NULL ? text : "", len + 1);
	return true;
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII case-insensitive; the process never leaves the C locale. */
static inline bool
slice_eq_nocase(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static inline bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

#endif
