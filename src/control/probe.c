/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/topology.h"
#include "control/expiry.h"
#include "control/probe_h2.h"
#include "control/site.h"
#include "net/socket.h"
#include "probe_parts.h"
#include "steer/endpoint.h"

enum {
	/*
	 * A deadline seen this late was missed by us: the thread did not run. What it would say
	 * about the endpoint is worth nothing.
	 */
	LATE_MS = 500,
	LOOK_AGAIN_S = 600,
	/*
	 * The deadline comes in so many slices, and one that is seen late counts for no more than
	 * it is: while the thread does not run an endpoint can have answered, but is not asked.
	 * Until LATE_MS after the whole: a thread that is always late is not to find everybody up.
	 */
	SLICES = 5,
};

static void on_stream(struct stream *, unsigned events, void *arg);
static void take_news(struct probe *, unsigned events);
static void on_deadline(void *arg);

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

void
probe_hang_up(struct probe *p)
{
	probe_let_go(p);
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
	probe_hang_up(p);
	tls_session_slot_clear(&p->session);
}

/* Judgements are only recorded; the callbacks from the loop end with tell(). */
static void
judge(struct probe *p, const struct probe_result *r)
{
	p->result = *r;
	p->result.latency_us = clock_now_us() - p->started_us;
	p->result.certificate_ends_s = p->certificate_ends_s;
	p->judged = true;
}

void
probe_failed(struct probe *p, enum endpoint_reason reason, uint32_t detail, bool answered)
{
	judge(p,
	    &(struct probe_result){
		.evidence = true,
		.answered = answered,
		.check = { .passed = false, .reason = reason, .detail = detail },
	    });
	probe_hang_up(p);
}

void
probe_passed(struct probe *p)
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
	probe_hang_up(p);
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

/* Whoever has to mend it needs to know what is wrong with the certificate. */
static enum endpoint_reason
distrust_of(const SSL *ssl)
{
	static const enum endpoint_reason reasons[] = {
		[TLS_EXPIRED] = REASON_CHECK_EXPIRED,
		[TLS_TOO_EARLY] = REASON_CHECK_TOO_EARLY,
		[TLS_WRONG_NAME] = REASON_CHECK_WRONG_NAME,
		[TLS_UNTRUSTED] = REASON_CHECK_UNTRUSTED,
	};

	return reasons[tls_client_distrust(ssl)];
}

static void
judge_fault(struct probe *p, enum fault f)
{
	static struct log_limit limit;
	enum endpoint_reason reason = f == FAULT_TLS_UNTRUSTED && p->stream.ssl != NULL
	    ? distrust_of(p->stream.ssl)
	    : endpoint_reason_of(f);
	uint32_t detail = 0;

	if (f == FAULT_INTERNAL || f == FAULT_NO_RESOURCES || f == FAULT_NO_PORTS) {
		log_limited(&limit, LOG_LEVEL_WARN,
		    "cannot check %s: no socket to be had (descriptors, ports or memory)",
		    p->endpoint->url);
		judge_nothing(p);
		return;
	}
	if (reason == REASON_CHECK_TIMEOUT)
		detail = (uint32_t)((clock_now_us() - p->started_us) / 1000);
	probe_failed(p, reason, detail, false);
}

static uint32_t
ms_since(uint64_t then_us)
{
	return (uint32_t)((clock_now_us() - then_us) / 1000);
}

static void
wait_on(struct probe *p)
{
	uint32_t slice_ms = (p->site->check->timeout_ms + SLICES - 1) / SLICES;

	if (slice_ms > p->left_ms)
		slice_ms = p->left_ms;
	p->left_ms -= slice_ms;
	p->slice_us = clock_now_us();
	timer_start(p->loop->timers, &p->deadline, slice_ms, on_deadline, p);
}

/*
 * What came while this thread did something else, or nothing, has not been told of yet; the
 * endpoint was in time all the same.
 */
static void
on_deadline(void *arg)
{
	struct probe *p = arg;
	uint32_t timeout_ms = p->site->check->timeout_ms;
	uint32_t waited_ms = ms_since(p->started_us);

	if (p->left_ms > 0 && waited_ms < timeout_ms + LATE_MS) {
		wait_on(p);
		return;
	}
	take_news(p, stream_news(&p->stream));
	if (!p->judged && ms_since(p->slice_us) > timeout_ms / SLICES + LATE_MS)
		judge_nothing(p);
	else if (!p->judged)
		probe_failed(p, REASON_CHECK_TIMEOUT, waited_ms, false);
	tell(p);
}

static void
on_judged(void *arg)
{
	tell(arg);
}

/* A result must not come before probe_start() has returned. */
void
probe_tell_later(struct probe *p)
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
		probe_tell_later(p);
		return;
	}
	p->state = PROBE_OPENING;
	if (!stream_connect(&p->stream, p->loop, (struct sockaddr *)&addr, p->endpoint->addr_len,
		&socket_keepalive_usual, ssl, on_stream, p)) {
		judge_fault(p, stream_fault(&p->stream));
		probe_tell_later(p);
		return;
	}
	site_introduce(p->site, &p->stream);
}

/*
 * A certificate that ends soon may have been renewed, of which kept connections and resumed
 * sessions do not tell.
 */
static void
look_again(struct probe *p)
{
	if (!expiry_is_near(p->certificate_ends_s, (int64_t)(clock_wall_us() / 1000000)) ||
	    p->started_us - p->shaken_us < LOOK_AGAIN_S * 1000000ull)
		return;
	probe_hang_up(p);
	tls_session_slot_clear(&p->session);
}

void
probe_start(struct probe *p, struct site *site)
{
	bool quiet;

	assert(!p->running);
	p->site = site;
	p->running = true;
	p->started_us = clock_now_us();
	look_again(p);
	quiet = p->state == PROBE_KEPT && stream_is_quiet(&p->stream);
	p->left_ms = site->check->timeout_ms;
	wait_on(p);
	if (quiet) {
		p->reused = true;
		probe_http_ask(p);
		return;
	}
	probe_hang_up(p);
	dial(p);
}

void
probe_move(struct probe *p, struct site *site)
{
	p->site = site;
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
	if (!timer_running(&p->deadline)) { /* its time is up: nobody can be asked any more */
		judge_nothing(p);
		return;
	}
	probe_hang_up(p);
	dial(p);
}

/* The connection is at its end while an answer was awaited. */
static void
judge_end(struct probe *p, ssize_t end)
{
	if (p->state == PROBE_BODY && end == STREAM_END && h1_body_may_end_at_close(&p->body))
		probe_failed(p, REASON_CHECK_BODY, 0, true);
	else if (end == STREAM_ERROR)
		judge_fault(p, stream_fault(&p->stream));
	else if (p->held != NULL)
		probe_failed(p, REASON_CHECK_MALFORMED, 0, true);
	else if (p->state == PROBE_SPEECH && p->body_seen > 0)
		probe_failed(p, REASON_CHECK_BODY, 0, true);
	else
		probe_failed(p, REASON_CHECK_RESET, 0, false);
}

static void
on_end(struct probe *p, ssize_t end)
{
	if (p->judged || !p->running)
		probe_hang_up(p);
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
		probe_passed(p);
	else
		probe_failed(p, r.reason, r.detail, answered);
}

/* Between questions the connection has a life of its own: settings, pings, a goodbye. */
static void
take_h2(struct probe *p, const char *data, size_t len)
{
	if (!probe_h2_feed(p->h2, data, len)) {
		if (p->running && !p->judged)
			probe_failed(p, REASON_CHECK_MALFORMED, 0, true);
		else
			probe_hang_up(p);
		return;
	}
	if (p->running && !p->judged)
		judge_h2(p);
	if (p->h2 == NULL || (p->running && !p->judged))
		return;
	p->state = PROBE_KEPT;
	if (!p->site->check->reuse || !probe_h2_is_open(p->h2))
		probe_hang_up(p);
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
	case PROBE_BODY:
	case PROBE_REST:
		probe_http_take(p, data, len);
		return;
	case PROBE_SPEECH:
		probe_tcp_take(p, data, len);
		return;
	case PROBE_KEPT: /* bytes nobody asked for: never the next answer */
		probe_hang_up(p);
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

static void
see_certificate(struct probe *p)
{
	SSL *ssl = p->stream.ssl;

	if (ssl != NULL && SSL_session_reused(ssl))
		return;
	p->certificate_ends_s = ssl != NULL ? tls_client_not_after(ssl) : 0;
	p->shaken_us = clock_now_us();
}

static void
on_opened(struct probe *p)
{
	see_certificate(p);
	if (p->site->check->type == CHECK_TCP) {
		probe_tcp_ask(p);
		return;
	}
	if (site_speaks_h2(p->site)) {
		if (p->stream.ssl != NULL && !tls_client_agreed_to_h2(p->stream.ssl)) {
			probe_failed(p, REASON_CHECK_NO_H2, 0, false);
			return;
		}
		p->h2 = probe_h2_new(&p->stream);
	}
	probe_http_ask(p);
}

static void
on_failed(struct probe *p)
{
	if (p->judged || !p->running)
		probe_hang_up(p);
	else if (was_stale(p))
		redial(p);
	else
		judge_fault(p, stream_fault(&p->stream));
}

static void
take_news(struct probe *p, unsigned events)
{
	if (events & STREAM_FAILED)
		on_failed(p);
	else if (events & STREAM_OPENED)
		on_opened(p);
	/* The edge of what came with the handshake has been: read now or never. */
	if ((events & STREAM_READABLE) && p->state >= PROBE_HEAD)
		read_answer(p);
}

static void
on_stream(struct stream *stream, unsigned events, void *arg)
{
	struct probe *p = arg;

	take_news(p, events);
	tell(p);
}
