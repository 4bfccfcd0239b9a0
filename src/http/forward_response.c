/* SPDX-License-Identifier: Apache-2.0 */
#include "http/forward.h"

#include "chars.h"
#include "forward_fields.h"

/* RFC 9110 section 8.6: no Content-Length where there can't be content to have one. */
static bool
has_no_content(unsigned status)
{
	return status < 200 || status == 204;
}

static bool
goes_chunked(const struct head *h, const struct forward_response *r)
{
	return r->chunked && !r->to_http10 && !has_no_content(h->status);
}

static bool
response_passes(const struct head *h, const struct field *f, const void *arg)
{
	const struct forward_response *r = arg;

	switch (f->id) {
	case FIELD_OTHER:
		return true;
	case FIELD_CONTENT_LENGTH:
		return !r->chunked && !has_no_content(h->status);
	case FIELD_TRAILER:
		return goes_chunked(h, r);
	case FIELD_UPGRADE:
		return r->keep_upgrade && h->upgrade;
	case FIELD_X_REQUEST_ID:
		return r->request_id.len == 0;
	default:
		return !field_is_hop_by_hop((enum field_id)f->id);
	}
}

static void
put_status_line(struct out *o, const struct head *h, unsigned instead)
{
	out_put(o, SLICE("HTTP/1.1 "));
	out_number(o, instead > 0 ? instead : h->status);
	out_put(o, SLICE(" "));
	out_put(o, instead > 0 ? slice_of(http_reason(instead)) : head_slice(h, h->reason));
	out_put(o, SLICE("\r\n"));
}

size_t
forward_write_response(
    const struct head *h, const struct forward_response *r, char *out, size_t size)
{
	struct out o = { out, size, 0 };
	struct nominated n;

	nominated_collect(&n, h);
	put_status_line(&o, h, r->status);
	fields_copy(&o, h, &n, r->edits, response_passes, r);
	via_put(&o, h, r->via);
	if (r->request_id.len > 0)
		out_field(&o, SLICE("X-Request-Id: "), r->request_id);
	if (r->date.len > 0 && !fields_drops(r->edits, SLICE("date")))
		out_field(&o, SLICE("Date: "), r->date);
	if (goes_chunked(h, r))
		out_put(&o, SLICE("Transfer-Encoding: chunked\r\n"));
	if (r->websocket_accept.len > 0) {
		out_put(&o, SLICE("Upgrade: websocket\r\n"));
		out_field(&o, SLICE("Sec-WebSocket-Accept: "), r->websocket_accept);
	}
	if (r->keep_upgrade && h->upgrade)
		out_put(&o, SLICE("Connection: upgrade\r\n"));
	else if (r->close)
		out_put(&o, SLICE("Connection: close\r\n"));
	else if (r->say_keep_alive)
		out_put(&o, SLICE("Connection: keep-alive\r\n"));
	out_put(&o, SLICE("\r\n"));
	return out_end(&o);
}

/*
 * Of the fields the proxy knows only grpc-status has a meaning in a trailer; these are the ones it
 * does not know but RFC 9110 section 6.5.1 bars: read late, they would undo what was decided on
 * the head.
 */
static bool
may_trail(struct slice name)
{
	static const char *const barred[] = { "age", "allow", "alt-svc", "cache-control", "cookie2",
		"early-data", "expires", "max-forwards", "origin", "pragma", "priority", "proxy",
		"range", "set-cookie", "strict-transport-security", "vary", "warning",
		"www-authenticate", "x-http-method-override", "x-original-url", "x-rewrite-url" };
	static const struct slice families[] = { { "accept", 6 }, { "access-control-", 15 },
		{ "authentication-", 15 }, { "content-", 8 }, { "if-", 3 }, { "proxy-", 6 },
		{ "sec-", 4 }, { "x-forwarded-", 12 } };

	/* What sums up content is what trailers are for. */
	if (slice_eq_nocase(name, SLICE("content-md5")) ||
	    slice_eq_nocase(name, SLICE("content-digest")))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(barred); i++)
		if (slice_eq_nocase(name, slice_of(barred[i])))
			return false;
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++)
		if (name_starts(name, families[i]))
			return false;
	return !field_is_alias(name);
}

static bool
trailer_passes(const struct head *h, const struct field *f, const void *arg)
{
	if (f->id == FIELD_GRPC_STATUS)
		return true;
	return f->id == FIELD_OTHER && may_trail(field_name(h, f));
}

size_t
forward_write_trailers(const struct head *trailers, char *out, size_t size)
{
	struct out o = { out, size, 0 };

	if (trailers != NULL)
		fields_copy(&o, trailers, NULL, NULL, trailer_passes, NULL);
	out_put(&o, SLICE("\r\n"));
	return out_end(&o);
}
