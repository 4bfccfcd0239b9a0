// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "base/clock.h"
#include "base/stat.h"
#include "http/forward.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"

/* The body's bytes that came before this try could take them. */
static void
send_kept(struct try *t, const struct forward_request *as)
{
	struct exchange *x = t->exchange;
	struct side *side = &t->up->side;
	size_t sent = 0;
	bool first = true;

	do {
		struct span body = loop_span(x->worker->loop);
		bool last;

		body.len = replay_copy(&x->replay, sent, body.at, LOOP_CHUNK);
		body.tail_room -= body.len;
		sent += body.len;
		last = sent == x->replay.len && x->trailers == NULL;
		t->request_sent = last && x->request_ended;
		if (first)
			side->ops->send_head(side, &x->head, as, &body, t->request_sent);
		else
			side->ops->send_body(side, &body, t->request_sent);
		first = false;
	} while (sent < x->replay.len);
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
	t->up->side.ops->send_trailers(&t->up->side, &trailers);
	t->request_sent = true;
}

void
tries_send(struct try *t)
{
	struct exchange *x = t->exchange;
	struct forward_request as = {
		.path = x->path,
		.client_ip = { x->facts->ip, x->facts->ip_len },
		.forwarded_host = head_slice(&x->head, x->head.host),
		.listener_port = x->facts->listener_port,
		.tls = x->facts->tls,
		.request_id = { x->request_id, sizeof x->request_id },
		.chunked = x->head.framing == FRAMING_CHUNKED,
	};

	if (t->up->slot->host != NULL)
		as.host = slice_of(t->up->slot->host);
	if (exchange_adds_via(x))
		as.via = SLICE("detour");
	x->sent_tries++;
	/* What must not be sent twice is written by one try only. */
	assert(x->sent_tries == 1 || method_is_idempotent(x->head.method));
	if (x->first != NULL) {
		t->request_sent = x->request_ended;
		t->up->side.ops->send_head(&t->up->side, &x->head, &as, x->first, t->request_sent);
		x->first = NULL;
	} else {
		send_kept(t, &as);
		send_kept_trailers(t);
	}
	stat_add(&t->shard->bytes_out, x->head.len + x->replay.len);
	t->at.sent = t->at.wrote = clock_now_us();
	watch_sent(t);
}
