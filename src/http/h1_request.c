/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include <string.h>

#include "chars.h"
#include "h1_fields.h"
#include "http/uri.h"

enum {
	METHOD_MAX_LEN = 32,
	EMPTY_LINES_BEFORE = 4, /* some clients send a CRLF behind a body (RFC 9112, 2.2) */
};

static struct part
part_between(const struct head *h, const char *from, const char *to)
{
	return (struct part){ (uint32_t)(from - h->base), (uint32_t)(to - from) };
}

/* [at, stop), which may be empty, into path and query. */
static bool
take_path_and_query(struct head *h, const char *at, const char *stop)
{
	size_t path_len;

	if (!uri_split_target((struct slice){ at, (size_t)(stop - at) }, &path_len))
		return false;
	h->path = part_between(h, at, at + path_len);
	h->query = part_between(h, at + path_len, stop);
	return true;
}

/*
 * "http://authority/path": what proxies are sent, and any server must understand (RFC 9112,
 * 3.2.2). Its authority is the host that is meant, whatever Host says.
 */
static const char *
take_absolute_form(struct head *h, const char *at, const char *stop)
{
	const char *authority;

	if (stop - at > 7 && strncasecmp(at, "http://", 7) == 0)
		at += 7;
	else if (stop - at > 8 && strncasecmp(at, "https://", 8) == 0)
		at += 8;
	else
		return "request target of no known form";
	authority = at;
	while (at < stop && *at != '/' && *at != '?')
		at++;
	if (!uri_authority_is_valid((struct slice){ authority, (size_t)(at - authority) }))
		return "malformed authority in the request target";
	h->host = part_between(h, authority, at);
	if (!take_path_and_query(h, at, stop))
		return "byte in the request target that may not stand there";
	if (h->path.len == 0) /* means "/", and there is one: the second of "://" */
		h->path = part_between(h, authority - 1, authority);
	return NULL;
}

static const char *
take_target(struct head *h, const char *at, const char *stop)
{
	h->target = part_between(h, at, stop);
	if (*at == '/')
		return take_path_and_query(h, at, stop)
		    ? NULL
		    : "byte in the request target that may not stand there";
	if (*at == '*' && stop - at == 1) {
		h->path = h->target;
		return h->method == METHOD_OPTIONS ? NULL : "'*' is for OPTIONS only";
	}
	return take_absolute_form(h, at, stop);
}

/* method SP request-target SP HTTP-version, each space exactly one (RFC 9112 section 3). */
static enum h1_result
take_request_line(struct h1_parse *p, struct head *h, uint32_t end)
{
	const char *at = h->base + p->line_start, *stop = h->base + end, *target;
	struct slice method = { at, 0 };
	const char *why;
	int version;

	while (char_is(*at, CHAR_TOKEN)) /* the CR at stop is none */
		at++;
	method.len = (size_t)(at - method.at);
	if (method.len == 0 || *at != ' ')
		return h1_bad(p, FAULT_BAD_REQUEST, "malformed method");
	if (method.len > METHOD_MAX_LEN)
		return h1_bad(p, FAULT_METHOD_UNKNOWN, "method longer than any");
	target = at + 1;
	if (stop - target < 10 || stop[-9] != ' ')
		return h1_bad(p, FAULT_BAD_REQUEST, "request line without target or version");
	version = h1_version((struct slice){ stop - 8, 8 });
	stop -= 9;
	if (version < 10)
		return h1_bad(p, FAULT_BAD_REQUEST, "malformed or too old HTTP version");
	if (version > 19)
		return h1_bad(p, FAULT_VERSION_REFUSED, "HTTP version not served here");
	h->minor = version == 10 ? 0 : 1;
	h->method_text = part_between(h, method.at, at);
	h->method = method_lookup(method);
	if (h->method == METHOD_CONNECT) {
		if (!uri_authority_is_valid((struct slice){ target, (size_t)(stop - target) }))
			return h1_bad(p, FAULT_BAD_REQUEST, "malformed target of CONNECT");
		return h1_bad(p, FAULT_METHOD_REFUSED, "CONNECT");
	}
	why = take_target(h, target, stop);
	return why == NULL ? H1_DONE : h1_bad(p, FAULT_BAD_REQUEST, why);
}

/* The request line, and what may precede it. */
static enum h1_result
request_line(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits)
{
	uint32_t bytes = limits->line_bytes;
	enum h1_result r;
	uint32_t end;

	if (bytes > limits->head_bytes)
		bytes = limits->head_bytes;
	for (;;) {
		r = h1_line(p, data, len, (size_t)p->line_start + bytes, FAULT_URI_TOO_LONG, &end);
		if (r != H1_DONE)
			return r;
		if (end != p->line_start)
			break;
		if (end >= EMPTY_LINES_BEFORE * 2)
			return h1_bad(p, FAULT_BAD_REQUEST, "empty lines before the request");
		p->line_start = p->scanned = end + 2;
	}
	r = take_request_line(p, h, end);
	if (r == H1_DONE)
		h1_line_next(p, end);
	return r;
}

/*
 * RFC 9112 section 3.2: HTTP/1.1 must send one Host. One that is there must name something, in
 * any version and beside any target: two readers of a wrong one may differ on whom it means.
 */
static const char *
judge_host(struct head *h, const struct field *host)
{
	if (host == NULL)
		return h->minor == 0 ? NULL : "no Host";
	if (!uri_authority_is_valid(field_value(h, host)))
		return "malformed Host";
	if (h->host.len == 0)
		h->host = (struct part){ host->value_at, host->value_len };
	return NULL;
}

static enum h1_result
finish(struct h1_parse *p, struct head *h, const struct h1_limits *limits)
{
	struct h1_meaning m;
	enum fault fault = h1_understand(h, &m);

	if (fault != FAULT_NONE)
		return h1_bad(p, fault, m.why);
	m.why = judge_host(h, m.host);
	if (m.why != NULL)
		return h1_bad(p, FAULT_BAD_REQUEST, m.why);
	if (m.transfer_encoding != NULL)
		h->framing = FRAMING_CHUNKED;
	else if (h->content_length > 0)
		h->framing = FRAMING_LENGTH;
	m.why = h1_judge_request(h, limits);
	if (m.why != NULL)
		return h1_bad(p, FAULT_BAD_REQUEST, m.why);
	if (m.expect != NULL) {
		if (!slice_eq_nocase(field_value(h, m.expect), SLICE("100-continue")))
			return h1_bad(p, FAULT_EXPECTATION, "Expect other than 100-continue");
		h->expect_continue = h->minor >= 1 && h->framing != FRAMING_NONE;
	}
	/* With a body, nobody can tell where the old protocol ends: it is answered without. */
	h->upgrade = m.upgrade && h->framing == FRAMING_NONE;
	h->te_trailers = m.te_trailers && h->minor >= 1;
	return H1_DONE;
}

enum h1_result
h1_parse_request(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits)
{
	bool resumed = h1_head_begin(p, h, data, 1);
	enum h1_result r = H1_DONE;

	if (!resumed)
		r = request_line(p, h, data, len, limits);
	if (r == H1_DONE)
		r = h1_fields(p, h, data, len, limits, true);
	if (r != H1_DONE)
		return r;
	if (!resumed)
		return finish(p, h, limits);
	h1_restart(p);
	return h1_parse_request(p, h, data, len, limits);
}
