/*
 * What a byte may be in HTTP: one table, read by every scanner of this layer.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CHAR_TOKEN = 1, /* tchar, RFC 9110 section 5.6.2 */
	CHAR_PATH =
	    2, /* pchar and "/", RFC 3986 section 3.3; '%' apart, its two digits must follow */
	CHAR_QUERY = 4,       /* what we let stand in a query, see uri.c */
	CHAR_HOST = 8,        /* in a name of a host, see uri.c */
	CHAR_UNRESERVED = 16, /* RFC 3986 section 2.3 */
	CHAR_HEX = 32,
	CHAR_UNDERSCORE = 64,
};

extern const uint8_t char_classes[256];

static inline bool
char_is(char c, unsigned classes)
{
	return (char_classes[(unsigned char)c] & classes) != 0;
}

static inline bool
char_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool
char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Of a byte that is CHAR_HEX. */
static inline unsigned
char_hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

#endif
