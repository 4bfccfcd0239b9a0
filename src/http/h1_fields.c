/* SPDX-License-Identifier: Apache-2.0 */
#include "h1_fields.h"

#include <string.h>

#include "chars.h"
#include "values.h"
#include "words.h"

const struct h1_limits h1_default_limits = {
	.line_bytes = 8 * 1024,
	.field_bytes = 16 * 1024,
	.head_bytes = 32 * 1024,
	.fields = 100,
};

enum { FIELD_CHARGE = 64 };

enum h1_result
h1_bad(struct h1_parse *p, enum fault fault, const char *why)
{
	p->fault = fault;
	p->why = why;
	return H1_BAD;
}

bool
h1_head_begin(const struct h1_parse *p, struct head *h, const char *data, unsigned first_lines)
{
	memset(h, 0, offsetof(struct head, fields));
	h->base = data;
	if (p->lines == 0)
		return false;
	h->field_count = (uint16_t)(p->lines - first_lines);
	return true;
}

void
h1_restart(struct h1_parse *p)
{
	*p = (struct h1_parse){ 0 };
}

/*
 * Looks at bytes before their line is complete, so that a line that can't become good is
 * refused at once, and what a line's own parser sees holds no control byte but HTAB.
 */
enum h1_result
h1_line(struct h1_parse *p, const char *data, size_t len, size_t bound, enum fault too_long,
    uint32_t *end)
{
	const char *stop = data + (len <= bound ? len : bound + 1);
	const char *at = find_bad_control(data + p->scanned, stop);

	p->scanned = (uint32_t)(at - data);
	if (at > data + bound)
		return h1_bad(p, too_long, "longer than allowed");
	if (at == stop)
		return H1_MORE;
	if (*at != '\r')
		return h1_bad(p, FAULT_BAD_REQUEST,
		    *at == '\n' ? "line feed without carriage return" : "control byte");
	if (at + 1 == data + len)
		return H1_MORE;
	if (at[1] != '\n')
		return h1_bad(p, FAULT_BAD_REQUEST, "carriage return without line feed");
	*end = p->scanned;
	return H1_DONE;
}

void
h1_line_next(struct h1_parse *p, uint32_t end)
{
	p->line_start = p->scanned = end + 2;
	p->lines++;
}

int
h1_version(struct slice text)
{
	if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || !char_is_digit(text.at[5]) ||
	    text.at[6] != '.' || !char_is_digit(text.at[7]))
		return -1;
	return (text.at[5] - '0') * 10 + (text.at[7] - '0');
}

static const char *
why_bad_name(const char *line, const char *at, const char *stop)
{
	if (char_is_blank(*line))
		return "folded header line";
	if (at == stop)
		return "header line without a colon";
	if (*at == ':')
		return "empty header name";
	if (char_is_blank(*at))
		return "space before the colon of a header line";
	return "byte in a header name that may not stand there";
}

/* The first colon of the line that ends before the CR at stop, or stop. */
static const char *
find_colon(const char *line, const char *stop)
{
	const char *colon = memchr(line, ':', (size_t)(stop - line));

	return colon != NULL ? colon : stop;
}

/* A name that is not one we know: may its bytes stand there, and is it another one's alias? */
static enum h1_result
judge_name(struct h1_parse *p, struct head *h, const char *line, const char *stop, size_t len,
    bool refuse_aliases)
{
	const char *at = line;
	unsigned seen = 0;

	/* The colon or CR at its end is no token, so this ends there. */
	while (char_is(*at, CHAR_TOKEN))
		seen |= char_classes[(unsigned char)*at++];
	if (at == line || *at != ':')
		return h1_bad(p, FAULT_BAD_REQUEST, why_bad_name(line, at, stop));
	if (len > UINT16_MAX)
		return h1_bad(p, FAULT_HEAD_TOO_LARGE, "header name longer than allowed");
	if ((seen & CHAR_UNDERSCORE) == 0)
		return H1_DONE;
	h->underscores = true;
	if (refuse_aliases && field_is_alias((struct slice){ line, len }))
		return h1_bad(p, FAULT_BAD_REQUEST, "header name with '_' for '-'");
	return H1_DONE;
}

/* The line [line_start, end), which is not empty, becomes the next field. */
static enum h1_result
take_field(struct h1_parse *p, struct head *h, uint32_t end, const struct h1_limits *limits,
    bool refuse_aliases)
{
	const char *line = h->base + p->line_start, *stop = h->base + end;
	const char *at = find_colon(line, stop);
	size_t name_len = (size_t)(at - line);
	enum field_id id = field_lookup(line, name_len);
	struct field *f;

	if (id == FIELD_OTHER || at == stop) {
		enum h1_result r = judge_name(p, h, line, stop, name_len, refuse_aliases);

		if (r != H1_DONE)
			return r;
	}
	if (h->field_count >= limits->fields || h->field_count >= HEAD_MAX_FIELDS)
		return h1_bad(p, FAULT_HEAD_TOO_LARGE, "too many header fields");
	f = &h->fields[h->field_count];
	f->name_at = p->line_start;
	f->name_len = (uint16_t)name_len;
	f->id = (uint16_t)id;
	for (at++; char_is_blank(*at); at++)
		;
	while (stop > at && char_is_blank(stop[-1]))
		stop--;
	f->value_at = (uint32_t)(at - h->base);
	f->value_len = (uint32_t)(stop - at);
	h->field_count++;
	if ((uint64_t)end + 2 + (uint64_t)h->field_count * FIELD_CHARGE > limits->head_bytes)
		return h1_bad(p, FAULT_HEAD_TOO_LARGE, "header section longer than allowed");
	return H1_DONE;
}

enum h1_result
h1_fields(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits, bool refuse_aliases)
{
	for (;;) {
		size_t bound = (size_t)p->line_start + limits->field_bytes;
		enum h1_result r;
		uint32_t end;

		if (bound > limits->head_bytes)
			bound = limits->head_bytes;
		r = h1_line(p, data, len, bound, FAULT_HEAD_TOO_LARGE, &end);
		if (r != H1_DONE)
			return r;
		if (end == p->line_start)
			break;
		r = take_field(p, h, end, limits, refuse_aliases);
		if (r != H1_DONE)
			return r;
		h1_line_next(p, end);
	}
	h->len = p->line_start + 2;
	return H1_DONE;
}

enum h1_result
h1_parse_trailers(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits)
{
	bool resumed = h1_head_begin(p, h, data, 0);
	enum h1_result r = h1_fields(p, h, data, len, limits, false);

	if (r != H1_DONE || !resumed)
		return r;
	h1_restart(p);
	return h1_parse_trailers(p, h, data, len, limits);
}
