// SPDX-License-Identifier: Apache-2.0
#include "proxy/exchange_parts.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "http/grpc.h"
#include "net/loop.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/gzip.h"
#include "proxy/mirror.h"
#include "proxy/rival.h"
#include "proxy/service.h"
#include "proxy/stalled.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"

/* ---- from the client ---- */

size_t
exchange_replay_limit(const struct exchange *x)
{
	return x->service->now != NULL ? x->service->now->conf->retry.replay_buffer_bytes : 0;
}

bool
exchange_keeps(const struct exchange *x, size_t len)
{
	return replay_fits(
	    &x->replay, len, exchange_replay_limit(x), x->worker->limits.replay_memory_bytes);
}

/* Does what comes go to the endpoint at once, with nothing kept in front of it? */
static bool
is_sending(const struct exchange *x)
{
	return x->try->up != NULL && (x->state == X_HEAD || x->state == X_RELAY) &&
	    !x->try->kept_waits;
}

static enum side_go
pause_client(struct exchange *x)
{
	x->client_paused = true;
	return SIDE_PAUSED;
}

enum side_go
exchange_on_request_body(struct exchange *x, struct span *body, bool end)
{
	struct slab *blocks = x->worker->loop->small;
	struct try *t = x->try;
	bool drained;

	if (x->state == X_TUNNEL)
		return tunnel_on_client_bytes(x, body, end);
	x->body_in += body->len;
	if (x->max_body > 0 && x->body_in > x->max_body) {
		exchange_on_client_lost(x, FAULT_BODY_TOO_LARGE);
		return SIDE_OVER;
	}
	if (!is_sending(x)) { /* a little is kept, then the client has to wait */
		replay_append(&x->replay, blocks, body->at, body->len);
		if (end)
			exchange_request_ended(x);
		return exchange_keeps(x, 1) ? SIDE_ON : pause_client(x);
	}
	if (!x->answered && tries_may_repeat(t) && exchange_keeps(x, body->len))
		replay_append(&x->replay, blocks, body->at, body->len);
	else if (body->len > 0) {
		replay_drop(&x->replay, blocks);
		x->replay.lost = true;
	}
	drained = t->up->side.ops->send_body(&t->up->side, body, end);
	stat_add(&t->shard->bytes_out, body->len);
	tries_wrote(t);
	if (end) {
		t->request_sent = true;
		exchange_request_ended(x);
		mirror_when_sent(x);
	}
	exchange_arm(x);
	return drained || end ? SIDE_ON : pause_client(x);
}

enum side_go
exchange_on_request_trailers(struct exchange *x, struct head *trailers)
{
	if (trailers->field_count > 0 && trailers->len <= slab_block_size(x->worker->loop->large)) {
		x->trailers = slab_take(x->worker->loop->large);
		x->trailers_len = trailers->len;
		memcpy(x->trailers, trailers->base, trailers->len);
	}
	if (!is_sending(x)) {
		exchange_request_ended(x);
		return SIDE_ON;
	}
	exchange_send_trailers(x->try, trailers);
	x->try->request_sent = true;
	tries_wrote(x->try);
	exchange_request_ended(x);
	mirror_when_sent(x);
	exchange_arm(x);
	return SIDE_ON;
}

void
exchange_on_client_lost(struct exchange *x, enum fault why)
{
	x->fault = why;
	rival_let_go(x); /* whoever was busy for it may stop now */
	tries_end(x->try, FAULT_CLIENT_LEFT);
	if (!x->answered && fault_status(why) != 499)
		exchange_answer_failure(x);
	x->state = X_DONE;
	exchange_run(x);
}

void
exchange_on_client_drained(struct exchange *x)
{
	struct upstream *up = x->try->up;

	if (x->state == X_TUNNEL) {
		tunnel_on_client_drained(x);
		return;
	}
	if (!x->upstream_paused || up == NULL)
		return;
	x->upstream_paused = false;
	stalled_forget(x);
	exchange_arm(x);
	up->side.ops->resume(&up->side);
}

/* ---- from the endpoint ---- */

static struct try *
try_of(struct exchange *x, const struct side *from)
{
	return x->rival->up != NULL && &x->rival->up->side == from ? x->rival : x->try;
}

static bool
is_listed(const struct exchange *x, unsigned status)
{
	const struct table_service *ts = x->service->now;
	bool listed = false;

	for (unsigned i = 0; ts != NULL && i < ts->conf->retry.on_status_count; i++)
		listed = listed || ts->conf->retry.on_status[i] == status;
	return listed;
}

/* A status that another endpoint may do better on: only if there is one to ask. */
static bool
may_do_better(struct exchange *x)
{
	x->fault = FAULT_STATUS;
	if (x->client != NULL && tries_may_go_on(x) &&
	    tries_choose(x, tries_class(x), &x->alternative) == FAULT_NONE)
		return true;
	x->alternative = (struct choice){ 0 };
	x->fault = FAULT_NONE;
	return false;
}

/* True: the answer is not for the client, the request has gone elsewhere. */
static bool
is_for_another(struct exchange *x, struct try *t, unsigned status)
{
	bool listed = is_listed(x, status);

	if (listed || status >= 500) {
		t->erred = true;
		if (x->call.status > GRPC_OK)
			endpoint_shard_failed(t->shard, FAULT_CALL_FAILED);
		else
			endpoint_shard_bad_status(t->shard);
	}
	if (x->rival->active && listed) {
		exchange_lose_try(x, t, FAULT_STATUS); /* the other one may still do better */
		return true;
	}
	if (x->rival->active) {
		if (t == x->rival)
			rival_takes_lead(x);
		watch_overtaken(x->rival);
		rival_let_go(x);
		return false;
	}
	if (!listed || !may_do_better(x))
		return false;
	tries_end(t, FAULT_STATUS);
	exchange_go_on(x);
	if (x->state == X_BACKOFF)
		tries_give_back(&x->alternative); /* valid now only */
	exchange_run(x);
	return true;
}

static enum side_go
pause_upstream(struct exchange *x)
{
	x->upstream_paused = true;
	timer_stop(&x->deadline); /* the client is who we wait for now: its side has a deadline */
	return SIDE_PAUSED;
}

static enum side_go
after_response(struct exchange *x, bool drained, bool end)
{
	x->response_ended = end;
	if (end)
		return exchange_run(x) ? SIDE_ON : SIDE_OVER;
	if (!drained)
		return pause_upstream(x);
	exchange_arm(x);
	return SIDE_ON;
}

static enum conf_via
via_of(const struct exchange *x)
{
	return x->service != NULL && x->service->now != NULL ? x->service->now->conf->via : VIA_OFF;
}

bool
exchange_adds_via(const struct exchange *x)
{
	return via_of(x) != VIA_OFF;
}

void
exchange_dress(const struct exchange *x, const struct head *head, struct forward_response *out)
{
	/* RFC 9110 section 6.6.1: who passes on an answer that does not say when, says it. */
	if (head_find(head, FIELD_DATE) == NULL)
		out->date = worker_date(x->worker);
	if (via_of(x) == VIA_BOTH)
		out->via = SLICE("detour");
	out->edits = edits_of_answer(x);
}

void
exchange_answer(struct exchange *x, struct own_answer *a)
{
	a->shaped = edits_of_own_answer(x);
	x->status = (uint16_t)a->status;
	x->own_answer = true;
	x->client->ops->answer(x->client, a);
}

/* The head of the endpoint's answer and what came of its body, as the client gets them. */
static bool
send_answer(struct exchange *x, const struct head *head, struct span *first, bool end)
{
	struct head changed;

	if (x->shaped != NULL && x->mirror_of == NULL)
		gzip_begin(x, head);
	if (!gzip_is_on(x)) {
		x->body_out = first->len;
		return x->client->ops->send_head(x->client, head, NULL, first, end);
	}
	memcpy(&changed, head,
	    offsetof(struct head, fields) + head->field_count * sizeof head->fields[0]);
	changed.framing = FRAMING_CHUNKED; /* nobody knows how long it will be */
	changed.has_content_length = false;
	return gzip_send(x, &changed, first, end, end);
}

enum side_go
exchange_on_response(
    struct exchange *x, struct side *from, const struct head *head, struct span *first, bool end)
{
	struct try *t = try_of(x, from);
	bool drained;

	if (head->status < 200 && head->status != 101) {
		/* To whom we said 100 ourselves nobody need say it again (RFC 9110, 15.2). */
		if ((head->status != 100 || !x->continued) && t == x->try)
			x->client->ops->send_head(x->client, head, NULL, first, false);
		return SIDE_ON;
	}
	x->at.answer = clock_now_us();
	tries_answered(t, head->status, x->at.answer);
	if (is_for_another(x, t, call_answered(&x->call, head)))
		return SIDE_OVER;
	if (x->call.timeout_ms == 0)
		timer_stop(&x->total);
	x->state = X_RELAY;
	x->answered = true;
	x->status = head->status == 101 && x->head.h2 ? 200 : head->status; /* RFC 8441 section 5 */
	if (!t->kept_waits)
		replay_drop(&x->replay, x->worker->loop->small);
	drained = send_answer(x, head, first, end);
	if (head->status == 101) {
		exchange_let_go_of_route(x);
		return tunnel_begin(x, drained);
	}
	if (!end)
		lasting_begin_call(x);
	return after_response(x, drained, end);
}

enum side_go
exchange_on_response_body(struct exchange *x, struct span *body, bool end)
{
	if (x->state == X_TUNNEL)
		return tunnel_on_endpoint_bytes(x, body, end);
	assert(x->state == X_RELAY);
	if (gzip_is_on(x))
		return after_response(x, gzip_send(x, NULL, body, end, end), end);
	x->body_out += body->len;
	return after_response(x, x->client->ops->send_body(x->client, body, end), end);
}

enum side_go
exchange_on_response_trailers(struct exchange *x, const struct head *trailers)
{
	struct span none = { x->worker->loop->plain + LOOP_HEAD_ROOM, 0, 0, 0 };

	assert(x->state == X_RELAY);
	call_ended(&x->call, x->try, trailers);
	if (gzip_is_on(x))
		gzip_send(x, NULL, &none, true, false);
	return after_response(x, x->client->ops->send_trailers(x->client, trailers), true);
}

void
exchange_on_upstream_lost(struct exchange *x, struct side *from, enum fault why)
{
	if (x->state == X_TUNNEL)
		tunnel_on_endpoint_lost(x, why);
	else
		exchange_lose_try(x, try_of(x, from), why);
}

void
exchange_on_upstream_drained(struct exchange *x, struct side *from)
{
	struct try *t = try_of(x, from);
	bool drained;

	if (x->state == X_TUNNEL) {
		tunnel_on_endpoint_drained(x);
		return;
	}
	if ((x->state != X_HEAD && x->state != X_RELAY) || t == NULL)
		return;
	drained = tries_send_more(t);
	if (t != x->try)
		return;
	if (!t->kept_waits)
		mirror_when_sent(x); /* its end may have come while they waited */
	exchange_arm(x);
	if (!drained || !x->client_paused || x->client == NULL)
		return;
	x->client_paused = false;
	x->client->ops->resume(x->client);
}
