/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include <string.h>

#include "chars.h"

enum {
	SIZE_MAX_DIGITS = 16,
	EXTENSION_MAX_BYTES = 256, /* each chunk may have one, so they must stay cheap */
};

/* Where in a chunked body we are; values from EXT_NAME_FIRST on lie inside an extension. */
enum state {
	CHUNK_SIZE,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_END, /* the last chunk's line was read */
	CHUNK_BROKEN,
	EXT_NAME_FIRST, /* behind ';' */
	EXT_NAME,
	EXT_NAME_AFTER,  /* blanks behind a name */
	EXT_BLANK,       /* blanks that only another ';' may follow */
	EXT_VALUE_FIRST, /* behind '=' */
	EXT_VALUE,
	EXT_QUOTED,
	EXT_QUOTED_PAIR,
	EXT_AFTER, /* behind a value */
};

void
h1_body_begin(struct h1_body *b, const struct head *h)
{
	*b = (struct h1_body){ .framing = h->framing };
	if (h->framing == FRAMING_LENGTH)
		b->left = h->content_length;
}

static enum h1_result
broken(struct h1_body *b, const char *why)
{
	b->state = CHUNK_BROKEN;
	b->why = why;
	return H1_BAD;
}

/* Where a byte that may end an extension's token or quoted string leads. */
static enum state
extension_delimiter(char c, enum state blank)
{
	if (c == ';')
		return EXT_NAME_FIRST;
	if (c == '\r')
		return CHUNK_SIZE_LF;
	return char_is_blank(c) ? blank : CHUNK_BROKEN;
}

/*
 * *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112 section 7.1.1. The
 * grammar is kept to the letter though extensions are thrown away: a reader who is misled about
 * where one ends is misled about the body.
 */
static enum state
extension_next(enum state s, char c)
{
	bool token = char_is(c, CHAR_TOKEN);
	bool text = (c >= ' ' && c <= '~') || c == '\t';

	switch (s) {
	case EXT_NAME_FIRST:
		return token ? EXT_NAME : char_is_blank(c) ? EXT_NAME_FIRST : CHUNK_BROKEN;
	case EXT_NAME:
		if (token)
			return EXT_NAME;
		return c == '=' ? EXT_VALUE_FIRST : extension_delimiter(c, EXT_NAME_AFTER);
	case EXT_NAME_AFTER:
		if (c == '\r') /* blanks before the CRLF belong to nothing */
			return CHUNK_BROKEN;
		return c == '=' ? EXT_VALUE_FIRST : extension_delimiter(c, EXT_NAME_AFTER);
	case EXT_VALUE_FIRST:
		if (c == '"')
			return EXT_QUOTED;
		return token ? EXT_VALUE : char_is_blank(c) ? EXT_VALUE_FIRST : CHUNK_BROKEN;
	case EXT_VALUE:
		return token ? EXT_VALUE : extension_delimiter(c, EXT_BLANK);
	case EXT_QUOTED:
		if (c == '"' || c == '\\')
			return c == '"' ? EXT_AFTER : EXT_QUOTED_PAIR;
		return text ? EXT_QUOTED : CHUNK_BROKEN;
	case EXT_QUOTED_PAIR:
		return text ? EXT_QUOTED : CHUNK_BROKEN;
	case EXT_AFTER:
		return extension_delimiter(c, EXT_BLANK);
	case EXT_BLANK:
		return c == ';' ? EXT_NAME_FIRST : char_is_blank(c) ? EXT_BLANK : CHUNK_BROKEN;
	case CHUNK_SIZE:
	case CHUNK_SIZE_LF:
	case CHUNK_DATA:
	case CHUNK_DATA_CR:
	case CHUNK_DATA_LF:
	case CHUNK_END:
	case CHUNK_BROKEN:
		break;
	}
	return CHUNK_BROKEN;
}

static enum h1_result
size_byte(struct h1_body *b, char c)
{
	if (char_is(c, CHAR_HEX)) {
		if (++b->digits > SIZE_MAX_DIGITS)
			return broken(b, "chunk size with too many digits");
		b->left = b->left << 4 | char_hex_value(c);
		if (b->left > INT64_MAX)
			return broken(b, "chunk size too large");
		return H1_MORE;
	}
	if (b->digits == 0)
		return broken(b, "chunk without a size");
	b->extension = 1;
	b->state = (uint8_t)extension_delimiter(c, EXT_BLANK);
	if (b->state == CHUNK_BROKEN)
		return broken(b, "byte in a chunk size that may not stand there");
	return H1_MORE;
}

static enum h1_result
extension_byte(struct h1_body *b, char c)
{
	enum state next = extension_next((enum state)b->state, c);

	if (next == CHUNK_BROKEN)
		return broken(b, "malformed chunk extension");
	if (next != CHUNK_SIZE_LF && ++b->extension > EXTENSION_MAX_BYTES)
		return broken(b, "chunk extension longer than allowed");
	b->state = (uint8_t)next;
	return H1_MORE;
}

/* One byte of framing, in whatever state but CHUNK_DATA. H1_DONE: it was the last one. */
static enum h1_result
framing_byte(struct h1_body *b, char c)
{
	switch ((enum state)b->state) {
	case CHUNK_SIZE:
		return size_byte(b, c);
	case CHUNK_SIZE_LF:
		if (c != '\n')
			return broken(b, "chunk size without line feed");
		b->state = b->left == 0 ? CHUNK_END : CHUNK_DATA;
		return b->left == 0 ? H1_DONE : H1_MORE;
	case CHUNK_DATA_CR:
		if (c != '\r')
			return broken(b, "chunk longer than its size");
		b->state = CHUNK_DATA_LF;
		return H1_MORE;
	case CHUNK_DATA_LF:
		if (c != '\n')
			return broken(b, "chunk without line feed");
		b->state = CHUNK_SIZE;
		b->digits = 0;
		return H1_MORE;
	case CHUNK_BROKEN:
		return H1_BAD;
	case CHUNK_END:
	case CHUNK_DATA:
		break;
	case EXT_NAME_FIRST:
	case EXT_NAME:
	case EXT_NAME_AFTER:
	case EXT_VALUE_FIRST:
	case EXT_VALUE:
	case EXT_QUOTED:
	case EXT_QUOTED_PAIR:
	case EXT_AFTER:
	case EXT_BLANK:
		return extension_byte(b, c);
	}
	return H1_DONE;
}

/* Payload of this chunk at *at; it joins what payload holds already. */
static void
take_data(struct h1_body *b, char **at, size_t len, char **payload, size_t *payload_len)
{
	size_t take = b->left < len ? (size_t)b->left : len;

	if (*payload_len == 0)
		*payload = *at;
	else
		memmove(*payload + *payload_len, *at, take);
	*payload_len += take;
	*at += take;
	b->left -= take;
	if (b->left == 0)
		b->state = CHUNK_DATA_CR;
}

static enum h1_result
decode_chunked(struct h1_body *b, char *data, size_t len, struct slice *payload, size_t *used)
{
	char *at = data, *end = data + len, *joined = data;
	enum h1_result r = b->state == CHUNK_END ? H1_DONE : H1_MORE;
	size_t joined_len = 0;

	while (at < end && r == H1_MORE) {
		if (b->state == CHUNK_DATA)
			take_data(b, &at, (size_t)(end - at), &joined, &joined_len);
		else
			r = framing_byte(b, *at++);
	}
	*payload = (struct slice){ joined, joined_len };
	*used = (size_t)(at - data);
	return b->state == CHUNK_BROKEN ? H1_BAD : r;
}

enum h1_result
h1_body_decode(struct h1_body *b, char *data, size_t len, struct slice *payload, size_t *used)
{
	switch (b->framing) {
	case FRAMING_NONE:
		len = 0;
		break;
	case FRAMING_LENGTH:
		if (len > b->left)
			len = (size_t)b->left;
		b->left -= len;
		break;
	case FRAMING_CHUNKED:
		return decode_chunked(b, data, len, payload, used);
	case FRAMING_CLOSE:
		break;
	}
	*payload = (struct slice){ data, len };
	*used = len;
	return b->framing != FRAMING_CLOSE && b->left == 0 ? H1_DONE : H1_MORE;
}

/* RFC 9112 section 8: without its last chunk, or short of its length, a body is incomplete. */
bool
h1_body_may_end_at_close(const struct h1_body *b)
{
	return b->framing == FRAMING_CHUNKED ? b->state == CHUNK_END : b->left == 0;
}

char *
h1_chunk_head_before(char *end, uint64_t len)
{
	*--end = '\n';
	*--end = '\r';
	do
		*--end = "0123456789abcdef"[len & 15];
	while ((len >>= 4) != 0);
	return end;
}
