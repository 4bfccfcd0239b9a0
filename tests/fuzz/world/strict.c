/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second reading of what the proxy writes: short, slow and pedantic, by the grammar of RFC 9112
 * and nothing of the proxy's own. Whatever is not canonical is a finding.
 */
#include <string.h>

#include "../oracle.h"
#include "world.h"

struct reading {
	const char *at, *end;
	unsigned host, length, chunked, id, marks;
	uint64_t body;
};

/* The length of the line before its CRLF; a lone CR or LF is a finding. -1: it is not whole. */
static long
line_length(const char *at, const char *end)
{
	for (const char *p = at; p < end; p++) {
		must(*p != '\n', "no LF without CR");
		if (*p != '\r')
			continue;
		if (p + 1 == end)
			return -1;
		must(p[1] == '\n', "no CR without LF");
		return p - at;
	}
	return -1;
}

static bool
is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_name(const char *at, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(at, name, len) == 0;
}

static uint64_t
number(const char *at, size_t len, unsigned base)
{
	uint64_t n = 0;

	must(len > 0 && len <= 16, "a number of a sane length");
	for (size_t i = 0; i < len; i++) {
		char c = at[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
		    : c >= 'a' && c <= 'f'            ? (unsigned)(c - 'a' + 10)
		    : c >= 'A' && c <= 'F'            ? (unsigned)(c - 'A' + 10)
						      : 99;

		must(digit < base, "digits only");
		n = n * base + digit;
	}
	return n;
}

static void
read_field(struct reading *r, const char *at, size_t len)
{
	const char *colon = memchr(at, ':', len);
	const char *value;
	size_t name, left;

	must(colon != NULL && colon > at, "a field has a name");
	name = (size_t)(colon - at);
	for (size_t i = 0; i < name; i++)
		must(is_token_char(at[i]), "a name is a token");
	value = colon + 1;
	left = len - name - 1;
	while (left > 0 && (*value == ' ' || *value == '\t'))
		value++, left--;
	while (left > 0 && (value[left - 1] == ' ' || value[left - 1] == '\t'))
		left--;
	for (size_t i = 0; i < left; i++)
		must((unsigned char)value[i] >= ' ' ? value[i] != 0x7f : value[i] == '\t',
		    "no control bytes in a value");
	if (is_name(at, name, "host"))
		r->host++;
	if (is_name(at, name, "x-request-id"))
		r->id++;
	if (is_name(at, name, "cdn-loop") && left > 7 && memmem(value, left, "detour-", 7) != NULL)
		r->marks++;
	if (is_name(at, name, "content-length")) {
		r->length++;
		r->body = number(value, left, 10);
	}
	if (is_name(at, name, "transfer-encoding")) {
		must(is_name(value, left, "chunked"), "no coding but chunked");
		r->chunked++;
	}
}

/* Fields up to the empty line. False: they are not whole. */
static bool
read_fields(struct reading *r)
{
	for (;;) {
		long len = line_length(r->at, r->end);

		if (len < 0)
			return false;
		if (len > 0)
			read_field(r, r->at, (size_t)len);
		r->at += len + 2;
		if (len == 0)
			return true;
	}
}

static bool
skip(struct reading *r, uint64_t len)
{
	if ((uint64_t)(r->end - r->at) < len)
		return false;
	r->at += len;
	return true;
}

static bool
read_chunks(struct reading *r)
{
	struct reading trailers = { 0 };

	for (;;) {
		long len = line_length(r->at, r->end);
		uint64_t size;

		if (len < 0)
			return false;
		size = number(r->at, (size_t)len, 16); /* extensions are not passed on */
		r->at += len + 2;
		if (size == 0)
			break;
		if (!skip(r, size) || r->end - r->at < 2)
			return false;
		must(memcmp(r->at, "\r\n", 2) == 0, "a chunk ends with CRLF");
		r->at += 2;
	}
	trailers.at = r->at;
	trailers.end = r->end;
	if (!read_fields(&trailers))
		return false;
	must(trailers.host + trailers.length + trailers.chunked == 0, "no framing in trailers");
	r->at = trailers.at;
	return true;
}

static bool
read_body(struct reading *r)
{
	must(r->length + r->chunked <= 1, "one framing at most");
	return r->chunked > 0 ? read_chunks(r) : skip(r, r->body);
}

size_t
strict_request(const char *bytes, size_t len)
{
	struct reading r = { .at = bytes, .end = bytes + len };
	long line = line_length(r.at, r.end);
	const char *space, *second;

	if (line < 0)
		return 0;
	space = memchr(bytes, ' ', (size_t)line);
	must(space != NULL && space > bytes, "a method");
	for (const char *p = bytes; p < space; p++)
		must(is_token_char(*p), "a method is a token");
	second = memchr(space + 1, ' ', (size_t)(bytes + line - space - 1));
	must(second != NULL && (space[1] == '/' || (space[1] == '*' && second == space + 2)),
	    "a target in origin-form");
	for (const char *p = space + 1; p < second; p++)
		must((unsigned char)*p > ' ' && *p != 0x7f && *p != '#',
		    "a target of visible bytes");
	must(bytes + line - second == 9 && memcmp(second, " HTTP/1.1", 9) == 0, "HTTP/1.1");
	r.at += line + 2;
	if (!read_fields(&r))
		return 0;
	must(r.host == 1 && r.id == 1, "one Host and one id");
	must(r.marks == 1, "it went through the proxy, once");
	return read_body(&r) ? (size_t)(r.at - bytes) : 0;
}

size_t
strict_answer(const char *bytes, size_t len, bool head_only, unsigned *status, const char **body,
    size_t *body_len, bool *until_close)
{
	struct reading r = { .at = bytes, .end = bytes + len };

	do {
		long line = line_length(r.at, r.end);

		if (line < 0)
			return 0;
		must(line >= 12 && memcmp(r.at, "HTTP/1.1 ", 9) == 0, "a status line");
		*status = (unsigned)number(r.at + 9, 3, 10);
		must(*status >= 100 && *status <= 999, "a status");
		r.at += line + 2;
		r.length = r.chunked = 0;
		r.body = 0;
		if (!read_fields(&r))
			return 0;
	} while (*status < 200 && *status != 101);
	*body = r.at;
	*until_close = false;
	if (head_only || *status == 204 || *status == 304 || *status == 101)
		r.length = r.chunked = 0, r.body = 0;
	else if (r.length + r.chunked == 0)
		*until_close = true;
	if (*until_close)
		return 0;
	if (!read_body(&r))
		return 0;
	*body_len = (size_t)(r.at - *body);
	return (size_t)(r.at - bytes);
}
