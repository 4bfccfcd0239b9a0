// SPDX-License-Identifier: Apache-2.0
#include "proxy/exchange_parts.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

/* ---- from the client ---- */

static size_t
replay_limit(const struct exchange *x)
{
	return x->service->now != NULL ? x->service->now->conf->retry.replay_buffer_bytes : 0;
}

static enum side_go
pause_client(struct exchange *x)
{
	x->client_paused = true;
	return SIDE_PAUSED;
}

/* Does what comes go to the endpoint at once, with nothing kept in front of it? */
static bool
is_sending(const struct exchange *x)
{
	return x->up != NULL && (x->state == X_HEAD || x->state == X_RELAY) && !x->kept_waits;
}

enum side_go
exchange_on_request_body(struct exchange *x, struct span *body, bool end)
{
	struct slab *blocks = x->worker->loop->small;
	bool drained;

	x->body_in += body->len;
	if (!is_sending(x)) { /* a little is kept, then the client has to wait */
		replay_append(&x->replay, blocks, body->at, body->len);
		if (end)
			exchange_request_ended(x);
		return replay_fits(&x->replay, 1, replay_limit(x)) ? SIDE_ON : pause_client(x);
	}
	if (!x->answered && method_is_idempotent(x->head.method) &&
	    replay_fits(&x->replay, body->len, replay_limit(x)))
		replay_append(&x->replay, blocks, body->at, body->len);
	else if (body->len > 0) {
		replay_drop(&x->replay, blocks);
		x->replay.lost = true;
	}
	drained = x->up->side.ops->send_body(&x->up->side, body, end);
	stat_add(&x->shard->bytes_out, body->len);
	if (end) {
		x->request_sent = true;
		exchange_request_ended(x);
	}
	exchange_arm(x);
	return drained || end ? SIDE_ON : pause_client(x);
}

enum side_go
exchange_on_request_trailers(struct exchange *x, const struct head *trailers)
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
	x->up->side.ops->send_trailers(&x->up->side, trailers);
	x->request_sent = true;
	exchange_request_ended(x);
	exchange_arm(x);
	return SIDE_ON;
}

void
exchange_on_client_lost(struct exchange *x, enum fault why)
{
	x->fault = why;
	tries_end(x, FAULT_CLIENT_LEFT); /* whoever was busy for it may stop now */
	if (!x->answered && fault_status(why) != 499)
		exchange_answer_failure(x);
	x->state = X_DONE;
	exchange_run(x);
}

void
exchange_on_client_drained(struct exchange *x)
{
	if (!x->upstream_paused || x->up == NULL)
		return;
	x->upstream_paused = false;
	exchange_arm(x);
	x->up->side.ops->resume(&x->up->side);
}

/* ---- from the endpoint ---- */

/* A status that another endpoint may do better on: only if there is one to ask. */
static bool
retry_on_status(struct exchange *x, unsigned status)
{
	const struct table_service *ts = x->service->now;
	bool listed = false;

	if (ts == NULL || x->client == NULL)
		return false;
	for (unsigned i = 0; i < ts->conf->retry.on_status_count; i++)
		listed = listed || ts->conf->retry.on_status[i] == status;
	if (!listed)
		return false;
	x->fault = FAULT_STATUS;
	if (tries_may_go_on(x))
		x->alternative = tries_choose(x);
	if (x->alternative == NULL)
		x->fault = FAULT_NONE;
	return x->alternative != NULL;
}

static void
count_answer(struct exchange *x, unsigned status)
{
	struct endpoint_shard *shard = x->shard;

	x->at.answer = clock_now_us();
	stat_add(&shard->answered, 1);
	stat_add(&shard->status_class[status / 100 < 6 ? status / 100 : 0], 1);
	histogram_add(&shard->first_byte, x->at.answer - x->at.sent);
}

static enum side_go
pause_upstream(struct exchange *x)
{
	x->upstream_paused = true;
	x->up->paused = true;
	timer_stop(&x->deadline);
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

bool
exchange_adds_via(const struct exchange *x)
{
	return x->service != NULL && x->service->now != NULL && x->service->now->conf->via;
}

enum side_go
exchange_on_response(struct exchange *x, const struct head *head, struct span *first, bool end)
{
	bool drained;

	if (head->status < 200) {
		/* 100 is between us and the client (RFC 9110, 10.1.1): it got ours. */
		if (head->status != 100)
			x->client->ops->send_head(x->client, head, NULL, first, false);
		return SIDE_ON;
	}
	count_answer(x, head->status);
	if (retry_on_status(x, head->status)) {
		enum fault why = x->fault;

		timer_stop(&x->deadline);
		tries_end(x, why);
		x->state = X_PICK;
		exchange_run(x);
		return SIDE_OVER;
	}
	timer_stop(&x->total);
	x->state = X_RELAY;
	x->answered = true;
	x->status = head->status;
	x->body_out = first->len;
	if (!x->kept_waits)
		replay_drop(&x->replay, x->worker->loop->small);
	drained = x->client->ops->send_head(x->client, head, NULL, first, end);
	return after_response(x, drained, end);
}

enum side_go
exchange_on_response_body(struct exchange *x, struct span *body, bool end)
{
	assert(x->state == X_RELAY);
	x->body_out += body->len;
	return after_response(x, x->client->ops->send_body(x->client, body, end), end);
}

enum side_go
exchange_on_response_trailers(struct exchange *x, const struct head *trailers)
{
	assert(x->state == X_RELAY);
	return after_response(x, x->client->ops->send_trailers(x->client, trailers), true);
}

void
exchange_on_upstream_lost(struct exchange *x, enum fault why)
{
	x->fault = why;
	x->state = X_FAILED;
	exchange_run(x);
}

void
exchange_on_upstream_drained(struct exchange *x)
{
	bool drained;

	if (x->state != X_HEAD && x->state != X_RELAY)
		return;
	drained = tries_send_more(x);
	exchange_arm(x);
	if (!drained || !x->client_paused || x->client == NULL)
		return;
	x->client_paused = false;
	x->client->ops->resume(x->client);
}
