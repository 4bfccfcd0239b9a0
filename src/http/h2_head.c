/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_head.h"

#include <assert.h>
#include <string.h>

#include "chars.h"
#include "h1_fields.h"
#include "http/forward.h"
#include "http/uri.h"
#include "values.h"
#include "words.h"

enum { FIELD_CHARGE = 64, METHOD_MAX_LEN = 32 };

enum pseudo { METHOD, SCHEME, AUTHORITY, PATH, PROTOCOL, STATUS, PSEUDO_COUNT };

static const struct slice pseudo_names[PSEUDO_COUNT] = {
	[METHOD] = { ":method", 7 },
	[SCHEME] = { ":scheme", 7 },
	[AUTHORITY] = { ":authority", 10 },
	[PATH] = { ":path", 5 },
	[PROTOCOL] = { ":protocol", 9 },
	[STATUS] = { ":status", 7 },
};

void
h2_head_begin(struct h2_head *h, enum h2_section section, const struct h1_limits *limits,
    char *bytes, size_t size)
{
	memset(&h->head, 0, offsetof(struct head, fields));
	memset((char *)h + offsetof(struct h2_head, fault), 0,
	    sizeof *h - offsetof(struct h2_head, fault));
	h->head.base = bytes;
	h->head.minor = 1;
	h->head.h2 = true;
	h->head.keep_alive = true;
	h->section = section;
	h->limits = limits;
	h->bytes = bytes;
	h->size = (uint32_t)size;
	h->host = h->cookie = h->expect = -1;
}

static enum h2_verdict
malformed(struct h2_head *h, const char *why)
{
	h->verdict = H2_MALFORMED;
	h->fault = h->section == H2_RESPONSE ? FAULT_BAD_RESPONSE : FAULT_BAD_REQUEST;
	h->why = why;
	return H2_MALFORMED;
}

/* The first reason stands, unless the head turns out malformed. An answer can't be refused. */
static enum h2_verdict
refuse(struct h2_head *h, enum fault fault, const char *why)
{
	if (h->section == H2_RESPONSE)
		return malformed(h, why);
	if (h->verdict == H2_GOOD) {
		h->verdict = H2_REFUSED;
		h->fault = fault;
		h->why = why;
	}
	return h->verdict;
}

static struct part
put(struct h2_head *h, struct slice text)
{
	struct part p = { h->used, (uint32_t)text.len };

	assert(text.len <= h->size - h->used);
	if (text.len > 0)
		memcpy(h->bytes + h->used, text.at, text.len);
	h->used += (uint32_t)text.len;
	return p;
}

/* RFC 9113 section 8.2.1, and of the other control bytes none but HTAB, as in HTTP/1. */
static bool
value_is_good(struct slice value)
{
	if (value.len == 0)
		return true;
	if (char_is_blank(value.at[0]) || char_is_blank(value.at[value.len - 1]))
		return false;
	return find_bad_control(value.at, value.at + value.len) == value.at + value.len;
}

static bool
name_is_good(struct slice name, bool *underscore)
{
	unsigned seen = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (!char_is(c, CHAR_TOKEN) || (c >= 'A' && c <= 'Z'))
			return false;
		seen |= char_classes[(unsigned char)c];
	}
	*underscore = (seen & CHAR_UNDERSCORE) != 0;
	return name.len > 0;
}

/* ---- pseudo-fields ---- */

static enum pseudo
pseudo_lookup(const struct h2_head *h, struct slice name)
{
	unsigned from = h->section == H2_REQUEST ? METHOD : STATUS;
	unsigned to = h->section == H2_REQUEST ? PROTOCOL : STATUS;

	if (h->section == H2_TRAILERS)
		return PSEUDO_COUNT;
	for (unsigned i = from; i <= to; i++)
		if (slice_eq(name, pseudo_names[i]))
			return (enum pseudo)i;
	return PSEUDO_COUNT;
}

static enum h2_verdict
add_method(struct h2_head *h, struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!char_is(value.at[i], CHAR_TOKEN))
			return malformed(h, "malformed method");
	if (value.len == 0 || value.len > METHOD_MAX_LEN)
		return malformed(h, "malformed method");
	h->head.method_text = put(h, value);
	h->head.method = method_lookup(value);
	return h->verdict;
}

/* RFC 9113 section 8.6: HTTP/2 has no 101. Nor a reason: HTTP/1 hears the usual one. */
static enum h2_verdict
add_status(struct h2_head *h, struct slice text)
{
	unsigned status;

	if (text.len != 3 || !char_is_digit(text.at[0]) || !char_is_digit(text.at[1]) ||
	    !char_is_digit(text.at[2]))
		return malformed(h, "malformed status");
	status = (unsigned)(text.at[0] - '0') * 100 + (unsigned)(text.at[1] - '0') * 10 +
	    (unsigned)(text.at[2] - '0');
	if (status < 100 || status > 599 || status == 101)
		return malformed(h, "status out of range");
	h->head.status = (uint16_t)status;
	h->head.reason = put(h, slice_of(http_reason(status)));
	return h->verdict;
}

static enum h2_verdict
add_pseudo(struct h2_head *h, struct slice name, struct slice value)
{
	enum pseudo which = pseudo_lookup(h, name);

	if (which == PSEUDO_COUNT)
		return malformed(h, "pseudo-field that may not stand here");
	if ((h->seen & 1u << which) != 0)
		return malformed(h, "pseudo-field twice");
	if (h->fields > 0)
		return malformed(h, "pseudo-field behind a field");
	if (!value_is_good(value))
		return malformed(h, "byte in a pseudo-field that may not stand there");
	h->seen |= 1u << which;
	if (value.len > h->limits->line_bytes)
		return which == STATUS ? malformed(h, "malformed status")
				       : refuse(h, FAULT_URI_TOO_LONG, "target too long");
	if (h->charged > h->limits->head_bytes)
		return refuse(h, FAULT_HEAD_TOO_LARGE, "header section longer than allowed");
	switch (which) {
	case METHOD:
		return add_method(h, value);
	case SCHEME:
		h->scheme = put(h, value);
		break;
	case AUTHORITY:
		h->authority = put(h, value);
		break;
	case PATH:
		h->head.target = put(h, value);
		break;
	case PROTOCOL:
		h->head.protocol = put(h, value);
		break;
	case STATUS:
		return add_status(h, value);
	case PSEUDO_COUNT:
		break;
	}
	return h->verdict;
}

/* ---- fields ---- */

/*
 * One more crumb of a cookie (RFC 9113 section 8.2.3) goes into the line of the first; what
 * stands behind it moves.
 */
static void
add_crumb(struct h2_head *h, struct slice value)
{
	struct field *cookie = &h->head.fields[h->cookie];
	uint32_t at = cookie->value_at + cookie->value_len;
	uint32_t by = (uint32_t)value.len + 2;

	memmove(h->bytes + at + by, h->bytes + at, h->used - at);
	memcpy(h->bytes + at, "; ", 2);
	if (value.len > 0)
		memcpy(h->bytes + at + 2, value.at, value.len);
	cookie->value_len += by;
	h->used += by;
	for (unsigned i = (unsigned)h->cookie + 1; i < h->head.field_count; i++) {
		h->head.fields[i].name_at += by;
		h->head.fields[i].value_at += by;
	}
}

static void
add_line(struct h2_head *h, enum field_id id, struct slice name, struct slice value)
{
	struct field *f = &h->head.fields[h->head.field_count++];

	f->id = (uint16_t)id;
	f->name_len = (uint16_t)name.len;
	f->name_at = put(h, name).at;
	put(h, SLICE(": "));
	f->value_len = (uint32_t)value.len;
	f->value_at = put(h, value).at;
	put(h, SLICE("\r\n"));
}

/* Notes the field about to be added; false: it is there already. */
static bool
only_one(const struct h2_head *h, int *index)
{
	if (*index >= 0)
		return false;
	*index = h->head.field_count;
	return true;
}

/* Fields that mean something here. A trailer's mean nothing to anybody (forward_response.c). */
static enum h2_verdict
judge(struct h2_head *h, enum field_id id, struct slice value)
{
	bool request = h->section == H2_REQUEST;

	switch (id) {
	case FIELD_CONNECTION: /* RFC 9113 section 8.2.2 */
	case FIELD_PROXY_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
		return malformed(h, "field of an HTTP/1 connection");
	case FIELD_TE:
		if (!request || !slice_eq_nocase(value, SLICE("trailers")))
			return malformed(h, "TE other than trailers");
		h->head.te_trailers = true;
		break;
	case FIELD_CONTENT_LENGTH:
		if (h->section == H2_TRAILERS)
			break;
		if (h->head.has_content_length)
			return malformed(h, "more than one Content-Length");
		if (!value_length(value, &h->head.content_length))
			return malformed(h, "malformed Content-Length");
		h->head.has_content_length = true;
		break;
	case FIELD_HOST:
		if (request && !only_one(h, &h->host))
			return refuse(h, FAULT_BAD_REQUEST, "more than one Host");
		break;
	case FIELD_EXPECT:
		if (request && !only_one(h, &h->expect))
			return refuse(h, FAULT_BAD_REQUEST, "more than one Expect");
		break;
	default: /* of no meaning here */
		break;
	}
	return h->verdict;
}

static enum h2_verdict
add_field(struct h2_head *h, struct slice name, struct slice value)
{
	const struct h1_limits *limits = h->limits;
	enum field_id id;
	bool underscore;

	h->fields++;
	if (!name_is_good(name, &underscore))
		return malformed(h, "byte in a field name that may not stand there");
	if (!value_is_good(value))
		return malformed(h, "byte in a field value that may not stand there");
	if (h->fields > limits->fields || h->fields > HEAD_MAX_FIELDS)
		return refuse(h, FAULT_HEAD_TOO_LARGE, "too many header fields");
	if (h->charged > limits->head_bytes || name.len + value.len + 4 > limits->field_bytes ||
	    name.len > UINT16_MAX)
		return refuse(h, FAULT_HEAD_TOO_LARGE, "header section longer than allowed");
	id = field_lookup(name.at, name.len);
	h->head.underscores |= underscore;
	if (underscore && h->section == H2_REQUEST && field_is_alias(name))
		return refuse(h, FAULT_BAD_REQUEST, "header name with '_' for '-'");
	if (judge(h, id, value) != H2_GOOD)
		return h->verdict;
	if (id == FIELD_COOKIE && h->cookie >= 0) {
		add_crumb(h, value);
		return H2_GOOD;
	}
	if (id == FIELD_COOKIE)
		h->cookie = h->head.field_count;
	add_line(h, id, name, value);
	return H2_GOOD;
}

enum h2_verdict
h2_head_add(struct h2_head *h, struct slice name, struct slice value)
{
	h->charged += (uint64_t)name.len + value.len + FIELD_CHARGE;
	if (h->verdict == H2_MALFORMED)
		return H2_MALFORMED;
	if (name.len > 0 && name.at[0] == ':')
		return add_pseudo(h, name, value);
	return add_field(h, name, value);
}

/* ---- the end ---- */

static bool
has(const struct h2_head *h, enum pseudo which)
{
	return (h->seen & 1u << which) != 0;
}

/* RFC 9113 section 8.3.1; section 8.5 for CONNECT, RFC 8441 for CONNECT with :protocol. */
static enum h2_verdict
judge_pseudo(struct h2_head *h)
{
	bool connect = h->head.method == METHOD_CONNECT;

	if (!has(h, METHOD))
		return malformed(h, "no :method");
	if (has(h, PROTOCOL) && (!connect || h->head.protocol.len == 0))
		return malformed(h, ":protocol without CONNECT");
	if (connect && !has(h, PROTOCOL)) {
		if (has(h, SCHEME) || has(h, PATH) || !has(h, AUTHORITY))
			return malformed(h, "CONNECT with a path, or without authority");
		return refuse(h, FAULT_METHOD_REFUSED, "CONNECT");
	}
	if (!has(h, SCHEME) || !has(h, PATH))
		return malformed(h, "no :scheme or :path");
	return h->verdict;
}

static enum h2_verdict
judge_path(struct h2_head *h)
{
	struct slice target = head_slice(&h->head, h->head.target);
	size_t path_len;

	if (target.len == 0)
		return malformed(h, "empty :path");
	h->head.path = h->head.target;
	if (slice_eq(target, SLICE("*")) && h->head.method == METHOD_OPTIONS)
		return h->verdict;
	if (target.at[0] != '/' || !uri_split_target(target, &path_len))
		return refuse(h, FAULT_BAD_REQUEST, "byte in :path that may not stand there");
	h->head.path.len = (uint32_t)path_len;
	h->head.query.at = h->head.target.at + (uint32_t)path_len;
	h->head.query.len = (uint32_t)(target.len - path_len);
	return h->verdict;
}

/* :authority says whom; a Host beside it must say the same (RFC 9113 section 8.3.1). */
static enum h2_verdict
judge_host(struct h2_head *h)
{
	struct slice authority = head_slice(&h->head, h->authority), host = { NULL, 0 };

	if (h->host >= 0) {
		const struct field *f = &h->head.fields[h->host];

		host = field_value(&h->head, f);
		h->head.host = (struct part){ f->value_at, f->value_len };
	}
	if (has(h, AUTHORITY)) {
		if (h->host >= 0 && !slice_eq_nocase(host, authority))
			return refuse(h, FAULT_BAD_REQUEST, "Host differs from :authority");
		h->head.host = h->authority;
	} else if (h->host < 0) {
		return refuse(h, FAULT_BAD_REQUEST, "neither :authority nor Host");
	}
	if (!uri_authority_is_valid(head_slice(&h->head, h->head.host)))
		return refuse(h, FAULT_BAD_REQUEST, "malformed authority");
	return h->verdict;
}

/* Beyond framing and host: as of a request by HTTP/1.1. */
static enum h2_verdict
judge_fields(struct h2_head *h)
{
	const char *why = h1_judge_request(&h->head, h->limits);

	return why == NULL ? H2_GOOD : refuse(h, FAULT_BAD_REQUEST, why);
}

/*
 * RFC 8441. From here on it is what it would have been by HTTP/1.1: a GET that asks for an upgrade,
 * without content; what DATA frames bring is the tunnel's.
 */
static enum h2_verdict
end_connect(struct h2_head *h)
{
	struct head *head = &h->head;

	if (!slice_eq_nocase(head_slice(head, head->protocol), SLICE("websocket")))
		return refuse(h, FAULT_PROTOCOL_REFUSED, "protocol other than websocket");
	if (head->has_content_length)
		return refuse(h, FAULT_BAD_REQUEST, "Content-Length of a tunnel");
	memcpy(h->bytes + head->method_text.at, "GET", 3);
	head->method_text.len = 3;
	head->method = METHOD_GET;
	head->upgrade = true;
	return judge_fields(h);
}

static enum h2_verdict
end_request(struct h2_head *h, bool end_stream)
{
	struct head *head = &h->head;
	struct slice scheme = head_slice(head, h->scheme);

	/* A section that was refused was not kept whole: nothing more can be said of it. */
	if (h->verdict != H2_GOOD || judge_pseudo(h) != H2_GOOD || judge_path(h) != H2_GOOD ||
	    judge_host(h) != H2_GOOD)
		return h->verdict;
	if (!slice_eq_nocase(scheme, SLICE("https")) && !slice_eq_nocase(scheme, SLICE("http")))
		return refuse(h, FAULT_BAD_REQUEST, "scheme other than http and https");
	if (head->method == METHOD_CONNECT)
		return end_connect(h);
	if (end_stream && head->content_length > 0)
		return malformed(h, "Content-Length without a body");
	if (!end_stream && head->has_content_length)
		head->framing = head->content_length > 0 ? FRAMING_LENGTH : FRAMING_NONE;
	else if (!end_stream)
		head->framing = FRAMING_CHUNKED;
	if (judge_fields(h) != H2_GOOD)
		return h->verdict;
	if (h->expect >= 0) {
		struct slice expect = field_value(head, &head->fields[h->expect]);

		if (!slice_eq_nocase(expect, SLICE("100-continue")))
			return refuse(h, FAULT_EXPECTATION, "Expect other than 100-continue");
		head->expect_continue = head->framing != FRAMING_NONE;
	}
	return H2_GOOD;
}

static enum h2_verdict
end_response(struct h2_head *h, bool end_stream, enum method request_method)
{
	struct head *head = &h->head;

	if (h->verdict != H2_GOOD)
		return h->verdict;
	if (!has(h, STATUS))
		return malformed(h, "no :status");
	if (head->status < 200)
		return end_stream ? malformed(h, "interim answer that ends") : H2_GOOD;
	if (request_method == METHOD_HEAD || head->status == 304 || head->status == 204)
		return H2_GOOD;
	if (!head->has_content_length)
		head->framing = FRAMING_CHUNKED;
	else if (end_stream && head->content_length > 0)
		return malformed(h, "Content-Length without a body");
	else if (head->content_length > 0)
		head->framing = FRAMING_LENGTH;
	return H2_GOOD;
}

/* Of a request that is not served: what a log can say of it. */
static void
keep_known(struct h2_head *h)
{
	struct head *head = &h->head;
	struct slice target = head_slice(head, head->target);
	const char *query = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;

	head->path = head->target;
	if (query != NULL)
		head->path.len = (uint32_t)(query - target.at);
	if (head->host.len == 0)
		head->host = h->authority;
}

enum h2_verdict
h2_head_end(struct h2_head *h, bool end_stream, enum method request_method)
{
	enum h2_verdict verdict = h->verdict;

	switch (h->section) {
	case H2_REQUEST:
		verdict = end_request(h, end_stream);
		break;
	case H2_RESPONSE:
		verdict = end_response(h, end_stream, request_method);
		break;
	case H2_TRAILERS:
		break;
	}
	if (verdict != H2_GOOD) {
		if (h->section == H2_REQUEST)
			keep_known(h);
		return verdict;
	}
	put(h, SLICE("\r\n"));
	h->head.len = h->used;
	return H2_GOOD;
}
