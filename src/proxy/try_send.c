// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/stat.h"
#include "http/forward.h"
#include "http/grpc.h"
#include "net/loop.h"
#include "proxy/connection.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"

void
exchange_send_trailers(struct try *t, struct head *trailers)
{
	const struct exchange *x = t->exchange;

	head_hide_nominated(trailers, &x->head);
	if (trailers->underscores && x->worker->h1_limits.underscores == UNDERSCORES_DROP &&
	    !grpc_is(&x->head))
		head_hide_underscored(trailers);
	t->up->side.ops->send_trailers(&t->up->side, trailers);
}

static void
send_kept_trailers(struct try *t)
{
	struct exchange *x = t->exchange;
	struct h1_parse parse = { 0 };
	struct head trailers;

	if (x->trailers == NULL)
		return;
	/* They were good when they came. */
	if (h1_parse_trailers(
		&parse, &trailers, x->trailers, x->trailers_len, &x->worker->h1_limits) != H1_DONE)
		trailers.field_count = 0;
	exchange_send_trailers(t, &trailers);
	t->request_sent = true;
}

bool
tries_may_repeat(const struct try *t)
{
	return method_is_idempotent(t->exchange->head.method) ||
	    (t->up != NULL && t->up->connection->ops->may_refuse);
}

/* What came before there was an endpoint to send it to may be more than the limits. */
static bool
keeps_body(const struct try *t)
{
	const struct exchange *x = t->exchange;

	return !x->answered && tries_may_repeat(t) && exchange_keeps(x, 0);
}

/*
 * The body's bytes that came before this try could take them, as long as the endpoint takes them;
 * as: the head goes in front. False as side_ops.send_body().
 */
static bool
send_kept(struct try *t, const struct forward_request *as)
{
	struct exchange *x = t->exchange;
	struct side *side = &t->up->side;
	bool drained;

	do {
		struct span body = loop_span(x->worker->loop);

		body.len = replay_copy(&x->replay, t->kept_sent, body.at, LOOP_CHUNK);
		body.tail_room -= body.len;
		t->kept_sent += (uint32_t)body.len;
		stat_add(&t->shard->bytes_out, body.len);
		t->kept_waits = t->kept_sent < x->replay.len;
		t->request_sent = !t->kept_waits && x->trailers == NULL && x->request_ended;
		drained = as != NULL
		    ? side->ops->send_head(side, &x->head, as, &body, t->request_sent)
		    : side->ops->send_body(side, &body, t->request_sent);
		as = NULL;
	} while (t->kept_waits && drained);
	if (t->kept_waits)
		return false;
	send_kept_trailers(t);
	/* What is not to be sent again need not be kept; but a rival is sent it from here. */
	if (!x->rival->active && !keeps_body(t))
		replay_drop(&x->replay, x->worker->loop->small);
	return drained;
}

static void
wrote(struct try *t, uint64_t now_us)
{
	t->up->connection->wrote_us = now_us;
	if (!t->answered)
		watch_sent(t, now_us);
}

void
tries_wrote(struct try *t)
{
	wrote(t, clock_now_us());
}

bool
tries_send_more(struct try *t)
{
	bool drained;

	if (!t->kept_waits)
		return true;
	drained = send_kept(t, NULL);
	tries_wrote(t);
	return drained;
}

static struct slice
authority_of(const struct endpoint *ep)
{
	const char *at = strstr(ep->url, "://");

	return slice_of(at != NULL ? at + 3 : ep->url);
}

bool
tries_send(struct try *t)
{
	struct exchange *x = t->exchange;
	struct forward_request as = {
		.path = x->path,
		.client_ip = identity_address(&x->who),
		.peer_ip = { x->facts->ip,
		    x->facts->peer.family == IP_NONE ? 0 : x->facts->ip_len },
		.forwarded_host = head_slice(&x->head, x->head.host),
		.listener_port = x->facts->listener_port,
		.tls = x->who.https,
		.trust = x->who.trust,
		.loop_id = slice_of(x->service->loop_id),
		.request_id = { x->request_id, sizeof x->request_id },
		.chunked = x->head.framing == FRAMING_CHUNKED,
		.keep_upgrade = x->head.upgrade,
	};
	bool drained;

	if (t->up->connection->slot->host != NULL)
		as.host = slice_of(t->up->connection->slot->host);
	else if (as.forwarded_host.len == 0) /* HTTP/1.0 may do without, 1.1 may not */
		as.host = authority_of(t->shard->endpoint);
	if (exchange_adds_via(x))
		as.via = SLICE("detour");
	as.edits = edits_of_request(t);
	x->sent_tries++;
	/* What must not be sent twice is written by one try only. */
	assert(x->sent_tries == 1 || method_is_idempotent(x->head.method));
	stat_add(&t->shard->bytes_out, x->head.len);
	if (x->first != NULL) {
		struct replay *kept = &x->replay;

		t->request_sent = x->request_ended;
		if (kept->len == 0 && tries_may_repeat(t) && exchange_keeps(x, x->first->len))
			replay_append(kept, x->worker->loop->small, x->first->at, x->first->len);
		x->replay.lost = x->replay.len < x->first->len;
		stat_add(&t->shard->bytes_out, x->first->len);
		drained = t->up->side.ops->send_head(
		    &t->up->side, &x->head, &as, x->first, t->request_sent);
		x->first = NULL;
		if (!keeps_body(t))
			replay_drop(&x->replay, x->worker->loop->small);
	} else {
		drained = send_kept(t, &as);
	}
	t->at.sent = clock_now_us();
	wrote(t, t->at.sent);
	return drained;
}
