/* SPDX-License-Identifier: Apache-2.0 */
#include "http/forward.h"

#include <string.h>

#include "chars.h"
#include "forward_fields.h"
#include "values.h"

/* Fields that our own code has no name for but that say who is behind us, or steer CGI (httpoxy).
 */
static bool
other_passes(struct slice name, const struct forward_request *r)
{
	if (r->drop_underscores && memchr(name.at, '_', name.len) != NULL)
		return false;
	switch (char_lower(name.at[0])) {
	case 'p':
		return !name_starts(name, SLICE("proxy-")) &&
		    !slice_eq_nocase(name, SLICE("proxy"));
	case 'x':
		return r->trust != TRUST_NOTHING || !name_starts(name, SLICE("x-forwarded-"));
	default:
		return true;
	}
}

static bool
counts_hops(const struct head *h)
{
	return h->method == METHOD_OPTIONS || h->method == METHOD_TRACE;
}

/* A length with zeros in front is said anew: who reads it as octal would see another body. */
static bool
length_is_plain(const struct head *h, const struct field *f)
{
	return f->value_len == 1 || h->base[f->value_at] != '0';
}

static bool
request_passes(const struct head *h, const struct field *f, const void *arg)
{
	const struct forward_request *r = arg;

	switch (f->id) {
	case FIELD_OTHER:
		return other_passes(field_name(h, f), r);
	case FIELD_HOST: /* these we say ourselves */
	case FIELD_FORWARDED:
	case FIELD_X_REAL_IP:
		return false;
	case FIELD_X_FORWARDED_FOR:
		return r->trust == TRUST_X_FORWARDED && r->peer_ip.len == 0;
	case FIELD_X_FORWARDED_PROTO:
	case FIELD_X_FORWARDED_HOST:
	case FIELD_X_FORWARDED_PORT:
		return r->trust == TRUST_X_FORWARDED;
	case FIELD_X_REQUEST_ID:
		return r->trust != TRUST_NOTHING || r->request_id.len == 0;
	case FIELD_X_MIRRORED_FROM: /* an application may do less for a copy */
		return r->trust != TRUST_NOTHING;
	case FIELD_CONTENT_LENGTH:
		return !r->chunked && length_is_plain(h, f);
	case FIELD_MAX_FORWARDS:
		return !counts_hops(h);
	case FIELD_TRAILER:
		return r->chunked;
	case FIELD_EXPECT:
		return r->pass_expect && h->expect_continue;
	case FIELD_SEC_WEBSOCKET_KEY:
		return r->websocket_key.len == 0;
	case FIELD_UPGRADE:
		return r->keep_upgrade && h->upgrade;
	default:
		return !field_is_hop_by_hop((enum field_id)f->id);
	}
}

/*
 * OPTIONS for a whole server, sent in absolute-form, has no path: "*" to the server itself
 * (RFC 9112 section 3.2.4). The head then has, for want of a byte to point at, the scheme's slash.
 */
static bool
means_asterisk(const struct head *h)
{
	return h->method == METHOD_OPTIONS && h->query.len == 0 && h->path.len == 1 &&
	    h->path.at > h->target.at && h->path.at + 1 == h->host.at;
}

static void
put_request_line(struct out *o, const struct head *h, const struct forward_request *r)
{
	out_put(o, head_slice(h, h->method_text));
	out_put(o, SLICE(" "));
	if (r->path.len > 0)
		out_put(o, r->path);
	else if (means_asterisk(h))
		out_put(o, SLICE("*"));
	else
		out_put(o, head_slice(h, h->path));
	out_put(o, head_slice(h, h->query));
	out_put(o, SLICE(" HTTP/1.1\r\n"));
	out_field(o, SLICE("Host: "), r->host.len > 0 ? r->host : head_slice(h, h->host));
}

static bool
needs_own(const struct head *h, const struct forward_request *r, enum field_id id)
{
	return r->trust != TRUST_X_FORWARDED || head_find(h, id) == NULL;
}

/* What trusted proxies before us said, as the beginning of one list. */
static void
put_list(struct out *o, const struct head *h, enum field_id id)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		if (h->fields[i].id != id || h->fields[i].value_len == 0)
			continue;
		out_put(o, field_value(h, &h->fields[i]));
		out_put(o, SLICE(", "));
	}
}

static bool
is_token(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!char_is(text.at[i], CHAR_TOKEN))
			return false;
	return true;
}

/* With a backslash before what would end a quoted-string, or escape. */
static void
put_quoted(struct out *o, struct slice text)
{
	size_t from = 0; /* of what is not written yet */

	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] != '"' && text.at[i] != '\\')
			continue;
		out_put(o, (struct slice){ text.at + from, i - from });
		out_put(o, SLICE("\\"));
		from = i;
	}
	out_put(o, (struct slice){ text.at + from, text.len - from });
}

/* As a token if it is one, else as a quoted-string (RFC 7239 section 4). */
static void
put_node(struct out *o, struct slice text, bool bracketed)
{
	if (!bracketed && is_token(text)) {
		out_put(o, text);
		return;
	}
	out_put(o, bracketed ? SLICE("\"[") : SLICE("\""));
	put_quoted(o, text);
	out_put(o, bracketed ? SLICE("]\"") : SLICE("\""));
}

static void
put_forwarded(struct out *o, const struct head *h, const struct forward_request *r)
{
	bool believed = r->trust == TRUST_FORWARDED;
	struct slice ip = believed ? r->peer_ip : r->client_ip;

	out_put(o, SLICE("Forwarded: "));
	if (believed)
		put_list(o, h, FIELD_FORWARDED);
	if (ip.len > 0) {
		out_put(o, SLICE("for="));
		put_node(o, ip, memchr(ip.at, ':', ip.len) != NULL);
		out_put(o, SLICE(";"));
	}
	if (r->forwarded_host.len > 0) {
		out_put(o, SLICE("host="));
		put_node(o, r->forwarded_host, false);
		out_put(o, SLICE(";"));
	}
	out_put(o, r->tls ? SLICE("proto=https\r\n") : SLICE("proto=http\r\n"));
}

static void
put_forwarded_for(struct out *o, const struct head *h, const struct forward_request *r)
{
	bool believed = r->trust == TRUST_X_FORWARDED;
	struct slice ip = believed ? r->peer_ip : r->client_ip;

	if (ip.len == 0)
		return;
	out_put(o, SLICE("X-Forwarded-For: "));
	if (believed)
		put_list(o, h, FIELD_X_FORWARDED_FOR);
	out_put(o, ip);
	out_put(o, SLICE("\r\n"));
}

/* Who is behind us, for those who know RFC 7239 and for those who know the older habit. */
static void
put_client(struct out *o, const struct head *h, const struct forward_request *r)
{
	put_forwarded_for(o, h, r);
	if (r->client_ip.len > 0)
		out_field(o, SLICE("X-Real-IP: "), r->client_ip);
	if (needs_own(h, r, FIELD_X_FORWARDED_PROTO))
		out_field(o, SLICE("X-Forwarded-Proto: "), r->tls ? SLICE("https") : SLICE("http"));
	if (r->forwarded_host.len > 0 && needs_own(h, r, FIELD_X_FORWARDED_HOST))
		out_field(o, SLICE("X-Forwarded-Host: "), r->forwarded_host);
	if (r->listener_port != 0 && needs_own(h, r, FIELD_X_FORWARDED_PORT)) {
		out_put(o, SLICE("X-Forwarded-Port: "));
		out_number(o, r->listener_port);
		out_put(o, SLICE("\r\n"));
	}
	put_forwarded(o, h, r);
}

/* What HTTP/1.1 has to say of a WebSocket that HTTP/2 has no word for (RFC 8441 section 5). */
static void
put_websocket(struct out *o, const struct head *h, const struct forward_request *r)
{
	if (r->websocket_key.len == 0)
		return;
	out_put(o, SLICE("Upgrade: websocket\r\n"));
	out_field(o, SLICE("Sec-WebSocket-Key: "), r->websocket_key);
	if (head_find(h, FIELD_SEC_WEBSOCKET_VERSION) == NULL)
		out_put(o, SLICE("Sec-WebSocket-Version: 13\r\n"));
}

/* What was left out above because it has to be said in another way. */
static void
put_restated(struct out *o, const struct head *h, const struct forward_request *r)
{
	const struct field *length =
	    h->has_content_length && !r->chunked ? head_find(h, FIELD_CONTENT_LENGTH) : NULL;
	const struct field *hops = counts_hops(h) ? head_find(h, FIELD_MAX_FORWARDS) : NULL;
	uint64_t left;

	if (length != NULL && !length_is_plain(h, length)) {
		out_put(o, SLICE("Content-Length: "));
		out_number(o, h->content_length);
		out_put(o, SLICE("\r\n"));
	}
	if (hops != NULL && value_length(field_value(h, hops), &left) && left > 0) {
		out_put(o, SLICE("Max-Forwards: "));
		out_number(o, left - 1);
		out_put(o, SLICE("\r\n"));
	}
}

static void
put_connection(struct out *o, const struct head *h, const struct forward_request *r)
{
	bool upgrade = r->keep_upgrade && h->upgrade;

	if (h->te_trailers && upgrade)
		out_put(o, SLICE("TE: trailers\r\nConnection: TE, upgrade\r\n"));
	else if (h->te_trailers)
		out_put(o, SLICE("TE: trailers\r\nConnection: TE\r\n"));
	else if (upgrade)
		out_put(o, SLICE("Connection: upgrade\r\n"));
}

enum forward_hops
forward_hops(const struct head *h)
{
	const struct field *found = NULL;
	uint64_t left;

	for (unsigned i = 0; counts_hops(h) && i < h->field_count; i++) {
		if (h->fields[i].id != FIELD_MAX_FORWARDS)
			continue;
		if (found != NULL)
			return HOPS_BAD;
		found = &h->fields[i];
	}
	if (found == NULL)
		return HOPS_ANY;
	if (!value_length(field_value(h, found), &left))
		return HOPS_BAD;
	return left > 0 ? HOPS_LEFT : HOPS_NONE;
}

bool
forward_is_loop(const struct head *h, struct slice loop_id)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice value, element, id;

		if (h->fields[i].id != FIELD_CDN_LOOP)
			continue;
		value = field_value(h, &h->fields[i]);
		/* Parameters of others may hold commas in quotes; ours has none to be hidden in. */
		while (value_next(&value, &element))
			if (value_next_by(&element, ';', &id) && slice_eq(id, loop_id))
				return true;
	}
	return false;
}

size_t
forward_write_request(const struct head *h, const struct forward_request *r, char *out, size_t size)
{
	struct out o = { out, size, 0 };
	struct nominated n;

	nominated_collect(&n, h);
	put_request_line(&o, h, r);
	fields_copy(&o, h, &n, r->edits, request_passes, r);
	put_restated(&o, h, r);
	put_client(&o, h, r);
	if (r->request_id.len > 0 && needs_own(h, r, FIELD_X_REQUEST_ID))
		out_field(&o, SLICE("X-Request-Id: "), r->request_id);
	via_put(&o, h, r->via);
	if (r->loop_id.len > 0)
		out_field(&o, SLICE("CDN-Loop: "), r->loop_id);
	if (r->chunked)
		out_put(&o, SLICE("Transfer-Encoding: chunked\r\n"));
	put_websocket(&o, h, r);
	put_connection(&o, h, r);
	out_put(&o, SLICE("\r\n"));
	return out_end(&o);
}
