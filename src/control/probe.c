/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/slab.h"
#include "conf/topology.h"
#include "control/needle.h"
#include "control/probe_h2.h"
#include "control/probe_request.h"
#include "control/site.h"
#include "steer/endpoint.h"

enum {
	INTERIM_MAX = 16,
	REST_MAX = 256 * 1024, /* more than that is not worth reading to save a handshake */
	/*
	 * A deadline seen this late was missed by us: the thread did not run. What it would say
	 * about the endpoint is worth nothing (STEERING.md section 3, a stale view).
	 */
	LATE_MS = 500,
};

static void on_stream(struct stream *, unsigned events, void *arg);

void
probe_init(
    struct probe *p, struct loop *loop, const struct endpoint *endpoint, probe_fn *fn, void *arg)
{
	p->loop = loop;
	p->endpoint = endpoint;
	p->fn = fn;
	p->arg = arg;
	p->state = PROBE_CLOSED;
}

static void
let_go(struct probe *p)
{
	if (p->held == NULL)
		return;
	slab_give(p->held_large ? p->loop->large : p->loop->small, p->held);
	p->held = NULL;
	p->held_len = 0;
}

static void
hang_up(struct probe *p)
{
	let_go(p);
	probe_h2_free(p->h2);
	p->h2 = NULL;
	stream_close(&p->stream);
	p->state = PROBE_CLOSED;
}

void
probe_close(struct probe *p)
{
	timer_stop(&p->deadline);
	p->running = p->judged = false;
	hang_up(p);
	tls_session_slot_clear(&p->session);
}

/* Judgements are only recorded; the callbacks from the loop end with tell(). */
static void
judge(struct probe *p, const struct probe_result *r)
{
	p->result = *r;
	p->result.latency_us = clock_now_us() - p->started_us;
	p->judged = true;
}

static void
judge_failed(struct probe *p, enum endpoint_reason reason, uint32_t detail, bool answered)
{
	judge(p,
	    &(struct probe_result){
		.evidence = true,
		.answered = answered,
		.check = { .passed = false, .reason = reason, .detail = detail },
	    });
	hang_up(p);
}

static void
judge_passed(struct probe *p)
{
	judge(p,
	    &(struct probe_result){
		.evidence = true,
		.answered = true,
		.check = { .passed = true, .reason = REASON_CHECK_PASSED },
	    });
}

static void
judge_nothing(struct probe *p)
{
	judge(p, &(struct probe_result){ .evidence = false });
	hang_up(p);
}

/* The last thing a callback does: the owner may close the probe, or start it again. */
static void
tell(struct probe *p)
{
	struct probe_result r = p->result;

	if (!p->judged)
		return;
	assert(p->running);
	timer_stop(&p->deadline);
	p->judged = false;
	p->running = false;
	p->fn(p, &r, p->arg);
}

static void
judge_fault(struct probe *p, enum fault f)
{
	static struct log_limit limit;
	enum endpoint_reason reason = endpoint_reason_of(f);
	uint32_t detail = 0;

	if (f == FAULT_INTERNAL) {
		log_limited(&limit, LOG_LEVEL_WARN,
		    "cannot check %s: no socket to be had (descriptors, ports or memory)",
		    p->endpoint->url);
		judge_nothing(p);
		return;
	}
	if (reason == REASON_CHECK_TIMEOUT)
		detail = (uint32_t)((clock_now_us() - p->started_us) / 1000);
	judge_failed(p, reason, detail, false);
}

static void
on_deadline(void *arg)
{
	struct probe *p = arg;
	uint32_t waited_ms = (uint32_t)((clock_now_us() - p->started_us) / 1000);

	if (waited_ms > p->site->check->timeout_ms + LATE_MS)
		judge_nothing(p);
	else
		judge_failed(p, REASON_CHECK_TIMEOUT, waited_ms, false);
	tell(p);
}

static void
on_judged(void *arg)
{
	tell(arg);
}

/* A result must not come before probe_start() has returned. */
static void
tell_later(struct probe *p)
{
	assert(p->judged);
	timer_start(p->loop->timers, &p->deadline, 1, on_judged, p);
}

static void
dial(struct probe *p)
{
	struct sockaddr_storage addr = site_address(p->site, p->endpoint);
	bool tls = site_speaks_tls(p->site, p->endpoint);
	SSL *ssl = tls ? site_ssl(p->site, p->endpoint, &p->session) : NULL;

	p->reused = false;
	if (tls && ssl == NULL) {
		judge_fault(p, FAULT_TLS_FAILED);
		tell_later(p);
		return;
	}
	p->state = PROBE_OPENING;
	if (!stream_connect(&p->stream, p->loop, (struct sockaddr *)&addr, p->endpoint->addr_len,
		ssl, on_stream, p)) {
		judge_fault(p, stream_fault(&p->stream));
		tell_later(p);
	}
}

static void
ask(struct probe *p)
{
	struct span out = loop_span(p->loop);
	int len;

	p->state = PROBE_HEAD;
	if (p->h2 != NULL && probe_h2_ask(p->h2, p->site, p->endpoint))
		return;
	len = p->h2 == NULL ? probe_request(p->site, p->endpoint, out.at, LOOP_CHUNK) : LOOP_CHUNK;
	if (len >= LOOP_CHUNK) {
		judge_failed(p, REASON_CHECK_MALFORMED, 0, false);
		tell_later(p);
		return;
	}
	p->interim = 0;
	p->matched = 0;
	p->body_seen = 0;
	p->parse = (struct h1_parse){ 0 };
	/* Whether bytes wait or the stream failed: an event will tell, or the deadline. */
	(void)stream_write(&p->stream, out.at, (size_t)len);
}

void
probe_start(struct probe *p, struct site *site)
{
	bool quiet = p->state == PROBE_KEPT && stream_is_quiet(&p->stream);

	assert(!p->running);
	p->site = site;
	p->running = true;
	p->started_us = clock_now_us();
	timer_start(p->loop->timers, &p->deadline, site->check->timeout_ms, on_deadline, p);
	if (quiet) {
		p->reused = true;
		ask(p);
		return;
	}
	hang_up(p);
	dial(p);
}

void
probe_move(struct probe *p, struct site *site)
{
	p->site = site;
}

/* The body has ended and left bytes behind it. */
static void
settle(struct probe *p, size_t left)
{
	if (left > 0 || !p->keep_alive || !p->site->check->reuse)
		hang_up(p);
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
			hang_up(p);
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
			hang_up(p);
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
		hang_up(p);
}

static void
judge_body(struct probe *p, char *data, size_t len)
{
	bool bad = false;
	bool ended = take_body(p, data, len, &bad);

	if (needle_feed(p->site->needle, &p->matched, NULL, 0)) {
		judge_passed(p);
		if (!ended)
			keep_reading(p);
	} else if (bad)
		judge_failed(p, REASON_CHECK_MALFORMED, 0, true);
	else if (ended || p->body_seen >= PROBE_BODY_MAX)
		judge_failed(p, REASON_CHECK_BODY, 0, true);
}

static void
take_rest(struct probe *p, char *data, size_t len)
{
	bool bad;

	if (!take_body(p, data, len, &bad) && p->body_seen > REST_MAX)
		hang_up(p);
}

/* A message without a body: nothing can be found in it but the empty text. */
static void
judge_no_body(struct probe *p, size_t left)
{
	if (p->site->needle != NULL && !needle_feed(p->site->needle, &p->matched, NULL, 0)) {
		judge_failed(p, REASON_CHECK_BODY, 0, true);
		return;
	}
	judge_passed(p);
	settle(p, left);
}

/* data is what followed the head. */
static void
judge_head(struct probe *p, const struct head *head, char *data, size_t len)
{
	if (!site_expects(p->site, head->status)) {
		judge_failed(p, REASON_CHECK_STATUS, head->status, true);
		return;
	}
	let_go(p);
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
	judge_passed(p);
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

	let_go(p);
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
		judge_failed(p, REASON_CHECK_MALFORMED, 0, true);
}

/* A kept connection that its server closed says nothing about the server: try a fresh one, once. */
static bool
was_stale(const struct probe *p)
{
	return p->reused && p->state == PROBE_HEAD && p->held == NULL && p->interim == 0;
}

static void
redial(struct probe *p)
{
	hang_up(p);
	dial(p);
}

/* The connection is at its end while an answer was awaited. */
static void
judge_end(struct probe *p, ssize_t end)
{
	if (p->state == PROBE_BODY && end == STREAM_END && h1_body_may_end_at_close(&p->body))
		judge_failed(p, REASON_CHECK_BODY, 0, true);
	else if (end == STREAM_ERROR)
		judge_fault(p, stream_fault(&p->stream));
	else if (p->held != NULL)
		judge_failed(p, REASON_CHECK_MALFORMED, 0, true);
	else
		judge_failed(p, REASON_CHECK_RESET, 0, false);
}

static void
on_end(struct probe *p, ssize_t end)
{
	if (p->judged || !p->running)
		hang_up(p);
	else if (was_stale(p))
		redial(p);
	else
		judge_end(p, end);
}

static void
judge_h2(struct probe *p)
{
	struct check_result r;
	bool answered;

	if (!probe_h2_judge(p->h2, p->site, &r, &answered))
		return;
	if (r.passed)
		judge_passed(p);
	else
		judge_failed(p, r.reason, r.detail, answered);
}

/* Between questions the connection has a life of its own: settings, pings, a goodbye. */
static void
take_h2(struct probe *p, const char *data, size_t len)
{
	if (!probe_h2_feed(p->h2, data, len)) {
		if (p->running && !p->judged)
			judge_failed(p, REASON_CHECK_MALFORMED, 0, true);
		else
			hang_up(p);
		return;
	}
	if (p->running && !p->judged)
		judge_h2(p);
	if (p->h2 == NULL || (p->running && !p->judged))
		return;
	p->state = PROBE_KEPT;
	if (!p->site->check->reuse || !probe_h2_is_open(p->h2))
		hang_up(p);
}

static void
take(struct probe *p, char *data, size_t len)
{
	if (p->h2 != NULL) {
		take_h2(p, data, len);
		return;
	}
	switch (p->state) {
	case PROBE_HEAD:
		take_head(p, data, len);
		return;
	case PROBE_BODY:
		judge_body(p, data, len);
		return;
	case PROBE_REST:
		take_rest(p, data, len);
		return;
	case PROBE_KEPT: /* bytes nobody asked for: never the next answer */
		hang_up(p);
		return;
	case PROBE_CLOSED:
	case PROBE_OPENING:
		break;
	}
	abort();
}

/* To the last byte, for the socket will not announce again what it has announced. */
static void
read_answer(struct probe *p)
{
	struct span in = loop_span(p->loop);

	while (p->state != PROBE_CLOSED) {
		ssize_t n = stream_read(&p->stream, in.at, LOOP_CHUNK);

		if (n == STREAM_WAIT)
			return;
		if (n <= 0) {
			on_end(p, n);
			return;
		}
		take(p, in.at, (size_t)n);
	}
}

/*
 * Nothing was sent that could be lost, and a FIN each second from each endpoint's prober would
 * leave a minute's worth of TIME_WAIT behind.
 */
static void
reset_on_close(struct stream *s)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void
on_opened(struct probe *p)
{
	if (p->site->check->type == CHECK_TCP) {
		reset_on_close(&p->stream);
		hang_up(p);
		judge_passed(p);
		return;
	}
	if (site_speaks_h2(p->site)) {
		if (p->stream.ssl != NULL && !tls_client_agreed_to_h2(p->stream.ssl)) {
			judge_failed(p, REASON_CHECK_TLS, 0, false);
			return;
		}
		p->h2 = probe_h2_new(&p->stream);
	}
	ask(p);
}

static void
on_failed(struct probe *p)
{
	if (p->judged || !p->running)
		hang_up(p);
	else if (was_stale(p))
		redial(p);
	else
		judge_fault(p, stream_fault(&p->stream));
}

static void
on_stream(struct stream *stream, unsigned events, void *arg)
{
	struct probe *p = arg;

	if (events & STREAM_FAILED)
		on_failed(p);
	else if (events & STREAM_OPENED)
		on_opened(p);
	/* The edge of what came with the handshake has been: read now or never. */
	if ((events & STREAM_READABLE) && p->state >= PROBE_HEAD)
		read_answer(p);
	tell(p);
}
