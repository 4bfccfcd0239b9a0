/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include "chars.h"
#include "h1_fields.h"

/*
 * HTTP-version SP 3DIGIT SP [reason] (RFC 9112 section 4). Servers are known to leave out the
 * last space when they have no reason to give; nothing depends on it.
 */
static const char *
take_status_line(struct head *h, uint32_t end)
{
	const char *at = h->base;
	int version;

	if (end < 12)
		return "status line too short";
	version = h1_version((struct slice){ at, 8 });
	if (version < 10 || version > 19 || at[8] != ' ')
		return "no HTTP/1 answer";
	h->minor = version == 10 ? 0 : 1;
	if (!char_is_digit(at[9]) || !char_is_digit(at[10]) || !char_is_digit(at[11]) ||
	    (end > 12 && at[12] != ' '))
		return "malformed status";
	h->status = (uint16_t)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
	if (h->status < 100 || h->status > 599)
		return "status out of range";
	if (end > 13)
		h->reason = (struct part){ 13, end - 13 };
	return NULL;
}

/* RFC 9112 section 6.3, the response half, in its order. */
static void
decide_framing(struct head *h, const struct h1_meaning *m, enum method request_method)
{
	bool framed = m->transfer_encoding != NULL || h->content_length > 0;

	if (h->status < 200 || h->status == 204) {
		/* If it announces a body, who knows what follows it; we won't wait to see. */
		h->keep_alive = h->keep_alive && (!framed || h->status < 200);
		return;
	}
	if (request_method == METHOD_HEAD || h->status == 304)
		return;
	if (m->transfer_encoding != NULL) {
		h->framing = FRAMING_CHUNKED;
	} else if (!h->has_content_length) {
		h->framing = FRAMING_CLOSE;
		h->keep_alive = false;
	} else if (h->content_length > 0) {
		h->framing = FRAMING_LENGTH;
	}
}

static enum h1_result
finish(struct h1_parse *p, struct head *h, enum method request_method, bool asked_upgrade)
{
	struct h1_meaning m;

	if (h1_understand(h, &m) != FAULT_NONE)
		return h1_bad(p, FAULT_BAD_RESPONSE, m.why);
	decide_framing(h, &m, request_method);
	if (h->status == 101) {
		if (!asked_upgrade || !m.upgrade)
			return h1_bad(p, FAULT_BAD_RESPONSE, "an upgrade nobody asked for");
		h->upgrade = true;
		h->keep_alive = false;
	}
	return H1_DONE;
}

static enum h1_result
status_line(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits)
{
	enum h1_result r;
	const char *why;
	uint32_t end;

	r = h1_line(p, data, len, limits->line_bytes, FAULT_BAD_RESPONSE, &end);
	if (r != H1_DONE)
		return r;
	why = take_status_line(h, end);
	if (why != NULL)
		return h1_bad(p, FAULT_BAD_RESPONSE, why);
	h1_line_next(p, end);
	return H1_DONE;
}

enum h1_result
h1_parse_response(struct h1_parse *p, struct head *h, const char *data, size_t len,
    const struct h1_limits *limits, enum method request_method, bool asked_upgrade)
{
	bool resumed = h1_head_begin(p, h, data, 1);
	enum h1_result r = H1_DONE;

	if (!resumed)
		r = status_line(p, h, data, len, limits);
	if (r == H1_DONE)
		r = h1_fields(p, h, data, len, limits, false);
	if (r == H1_BAD)
		p->fault = FAULT_BAD_RESPONSE;
	if (r != H1_DONE)
		return r;
	if (!resumed)
		return finish(p, h, request_method, asked_upgrade);
	h1_restart(p);
	return h1_parse_response(p, h, data, len, limits, request_method, asked_upgrade);
}
