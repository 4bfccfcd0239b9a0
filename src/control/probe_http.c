/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "conf/topology.h"
#include "control/needle.h"
#include "control/probe_h2.h"
#include "control/probe_request.h"
#include "control/site.h"
#include "probe_parts.h"

enum {
	INTERIM_MAX = 16,
	REST_MAX = 256 * 1024, /* more than that is not worth reading to save a handshake */
};

void
probe_let_go(struct probe *p)
{
	if (p->held == NULL)
		return;
	slab_give(p->held_large ? p->loop->large : p->loop->small, p->held);
	p->held = NULL;
	p->held_len = 0;
}

void
probe_http_ask(struct probe *p)
{
	struct span out = loop_span(p->loop);
	int len;

	p->state = PROBE_HEAD;
	if (p->h2 != NULL && probe_h2_ask(p->h2, p->site, p->endpoint))
		return;
	len = p->h2 == NULL ? probe_request(p->site, p->endpoint, out.at, LOOP_CHUNK) : LOOP_CHUNK;
	if (len >= LOOP_CHUNK) {
		probe_failed(p, REASON_CHECK_MALFORMED, 0, false);
		probe_tell_later(p);
		return;
	}
	p->interim = 0;
	p->matched = 0;
	p->body_seen = 0;
	p->parse = (struct h1_parse){ 0 };
	/* Whether bytes wait or the stream failed: an event will tell, or the deadline. */
	(void)stream_write(&p->stream, out.at, (size_t)len);
}

/* The body has ended and left bytes behind it. */
static void
settle(struct probe *p, size_t left)
{
	if (left > 0 || !p->keep_alive || !p->site->check->reuse)
		probe_hang_up(p);
	else
		p->state = PROBE_KEPT;
}

/*
 * Takes body bytes. True: the end was seen, and the connection has been kept or closed. A trailer
 * section that comes in pieces is not waited for: the connection is given up instead.
 */
static bool
take_body(struct probe *p, char *data, size_t len, bool *bad)
{
	struct slice payload;
	size_t used = 0;
	enum h1_result r = H1_MORE;

	*bad = false;
	do {
		r = h1_body_decode(&p->body, data, len, &payload, &used);
		if (r == H1_BAD) {
			*bad = true;
			probe_hang_up(p);
			return true;
		}
		if (p->state == PROBE_BODY && p->body_seen < PROBE_BODY_MAX) {
			uint64_t room = PROBE_BODY_MAX - p->body_seen;

			(void)needle_feed(p->site->needle, &p->matched, payload.at,
			    payload.len < room ? payload.len : (size_t)room);
		}
		p->body_seen += payload.len;
		data += used;
		len -= used;
	} while (r == H1_MORE && len > 0 && used > 0);
	if (r != H1_DONE)
		return false;
	if (p->body.framing == FRAMING_CHUNKED) {
		struct h1_parse parse = { 0 };
		struct head trailers;

		if (h1_parse_trailers(&parse, &trailers, data, len, &h1_default_limits) !=
		    H1_DONE) {
			probe_hang_up(p);
			return true;
		}
		len -= trailers.len;
	}
	settle(p, len);
	return true;
}

/* Judged in the middle of a body: the rest matters only if the connection can be kept. */
static void
keep_reading(struct probe *p)
{
	if (p->site->check->reuse && p->keep_alive)
		p->state = PROBE_REST;
	else
		probe_hang_up(p);
}

static void
judge_body(struct probe *p, char *data, size_t len)
{
	bool bad = false;
	bool ended = take_body(p, data, len, &bad);

	if (needle_feed(p->site->needle, &p->matched, NULL, 0)) {
		probe_passed(p);
		if (!ended)
			keep_reading(p);
	} else if (bad)
		probe_failed(p, REASON_CHECK_MALFORMED, 0, true);
	else if (ended || p->body_seen >= PROBE_BODY_MAX)
		probe_failed(p, REASON_CHECK_BODY, 0, true);
}

static void
take_rest(struct probe *p, char *data, size_t len)
{
	bool bad;

	if (!take_body(p, data, len, &bad) && p->body_seen > REST_MAX)
		probe_hang_up(p);
}

/* A message without a body: nothing can be found in it but the empty text. */
static void
judge_no_body(struct probe *p, size_t left)
{
	if (p->site->needle != NULL && !needle_feed(p->site->needle, &p->matched, NULL, 0)) {
		probe_failed(p, REASON_CHECK_BODY, 0, true);
		return;
	}
	probe_passed(p);
	settle(p, left);
}

/* data is what followed the head. */
static void
judge_head(struct probe *p, const struct head *head, char *data, size_t len)
{
	if (!site_expects(p->site, head->status)) {
		probe_failed(p, REASON_CHECK_STATUS, head->status, true);
		return;
	}
	probe_let_go(p);
	p->keep_alive = head->keep_alive;
	h1_body_begin(&p->body, head);
	if (head->framing == FRAMING_NONE) {
		judge_no_body(p, len);
		return;
	}
	if (p->site->needle != NULL) {
		p->state = PROBE_BODY;
		judge_body(p, data, len);
		return;
	}
	/* The verdict does not wait for a body that nobody asked for. */
	probe_passed(p);
	keep_reading(p);
	if (p->state == PROBE_REST)
		take_rest(p, data, len);
}

/* Keeps the beginning of a head until more comes. data may lie in the block already. */
static void
hold(struct probe *p, const char *data, size_t len)
{
	struct slab *slab =
	    len <= slab_block_size(p->loop->small) ? p->loop->small : p->loop->large;

	probe_let_go(p);
	if (len == 0)
		return;
	assert(len <= slab_block_size(slab));
	p->held_large = slab == p->loop->large;
	p->held = slab_take(slab);
	memcpy(p->held, data, len);
	p->held_len = (uint32_t)len;
}

/*
 * What was held goes in front of what came, in the loop's buffer: a head is at most as long as
 * the room there.
 */
static void
take_head(struct probe *p, char *data, size_t len)
{
	enum method method = method_lookup(slice_of(p->site->check->method));
	enum h1_result r;
	struct head head;

	if (p->held != NULL) {
		data -= p->held_len;
		len += p->held_len;
		memcpy(data, p->held, p->held_len);
	}
	for (;;) {
		r = h1_parse_response(
		    &p->parse, &head, data, len, &h1_default_limits, method, false);
		if (r != H1_DONE || head.status == 101)
			break;
		data += head.len;
		len -= head.len;
		if (head.status >= 200) {
			judge_head(p, &head, data, len);
			return;
		}
		if (++p->interim > INTERIM_MAX)
			break;
		p->parse = (struct h1_parse){ 0 };
	}
	if (r == H1_MORE && len <= LOOP_HEAD_ROOM)
		hold(p, data, len);
	else
		probe_failed(p, REASON_CHECK_MALFORMED, 0, true);
}

void
probe_http_take(struct probe *p, char *data, size_t len)
{
	if (p->state == PROBE_HEAD)
		take_head(p, data, len);
	else if (p->state == PROBE_BODY)
		judge_body(p, data, len);
	else
		take_rest(p, data, len);
}
