// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_h1.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "proxy/client_h1_parts.h"
#include "proxy/report.h"
#include "proxy/stalled.h"

enum {
	DRAIN_IDLE_MS = 1000, /* a busy keep-alive client hears of the drain with its next answer */
};

/* ---- deadlines and the end ---- */

void
client_h1_drop_saved(struct client_h1 *c)
{
	if (c->saved == NULL)
		return;
	slab_give(c->conn.worker->loop->large, c->saved);
	c->saved = NULL;
	c->saved_len = 0;
}

void
client_h1_free(struct client_h1 *c)
{
	assert(c->side.exchange == NULL);
	client_h1_drop_saved(c);
	client_free(&c->conn);
}

void
client_h1_linger(struct client_h1 *c)
{
	client_h1_drop_saved(c);
	client_linger(&c->conn);
}

void
client_h1_end(struct client_h1 *c, enum fault why)
{
	if (c->side.exchange != NULL)
		exchange_on_client_lost(c->side.exchange, why); /* ends in release() */
	else
		client_h1_free(c);
}

void
client_h1_on_idle(void *arg)
{
	struct client_h1 *c = client_h1_of(arg);

	if (c->state == H1_HEAD) /* else it was left running, and starts anew after the answer */
		client_h1_linger(c);
}

void
client_h1_watch_idle(struct client_h1 *c)
{
	client_start_timer(&c->conn, client_idle_ms(&c->conn), client_h1_on_idle);
}

void
client_h1_refuse(struct client_h1 *c, enum fault why, const struct head *head)
{
	char id[WORKER_REQUEST_ID];
	struct own_answer a = {
		.status = fault_status(why),
		.text = slice_of(fault_text(why)),
		.request_id = { id, sizeof id },
		.date = worker_date(c->conn.worker),
		.head_only = c->head_request,
		.close = true,
	};
	size_t len;

	worker_request_id(c->conn.worker, id);
	len = forward_write_own(&a, c->conn.worker->head, WORKER_HEAD);

	if (c->first_byte_us == 0)
		c->first_byte_us = clock_now_us();
	report_refused(c->conn.worker, &c->conn.facts, why, a.request_id, c->first_byte_us, head);
	stream_write_last(&c->conn.stream, c->conn.worker->head, len);
	client_watch_stall(&c->conn);
	client_h1_linger(c);
}

void
client_h1_on_head_timeout(void *arg)
{
	client_h1_refuse(client_h1_of(arg), FAULT_REQUEST_TIMEOUT, NULL);
}

/*
 * While we are the ones who do not read, nothing is held against the client; nor the silence of one
 * that converses.
 */
static void
on_body_watch(void *arg)
{
	struct client_h1 *c = client_h1_of(arg);
	uint32_t ms = body_rate_judge(&c->rate, &c->conn.worker->limits, clock_now_ms());

	if (c->paused || call_is_conversation(c->side.exchange))
		client_h1_watch_body(c);
	else if (ms > 0)
		client_start_timer(&c->conn, ms, on_body_watch);
	else
		exchange_on_client_lost(c->side.exchange, FAULT_REQUEST_TIMEOUT);
}

void
client_h1_watch_body(struct client_h1 *c)
{
	uint64_t now_ms = clock_now_ms();

	body_rate_begin(&c->rate, now_ms);
	client_start_timer(
	    &c->conn, body_rate_judge(&c->rate, &c->conn.worker->limits, now_ms), on_body_watch);
}

/* ---- the connection ---- */

static void
read_on(void *arg)
{
	client_h1_read(arg);
}

static void
start(struct client *conn)
{
	struct client_h1 *c = client_h1_of(conn);
	uint32_t age_ms = client_age_ms(conn);

	c->side.ops = &client_h1_side_ops;
	c->old_us = age_ms > 0 ? clock_now_us() + age_ms * 1000ull : UINT64_MAX;
	conn->go_on.fn = read_on;
	conn->go_on.arg = c;
	client_h1_watch_idle(c);
}

static void
on_stream(struct client *conn, unsigned events)
{
	struct client_h1 *c = client_h1_of(conn);

	if (events & STREAM_FAILED) {
		c->broken = true;
		client_h1_end(c, FAULT_CLIENT_LEFT);
		return;
	}
	if (events & STREAM_DRAINED) {
		client_watch_stall(conn);
		if (c->side.exchange != NULL)
			exchange_on_client_drained(c->side.exchange);
	}
	if (conn->stage == CLIENT_SERVED && (events & (STREAM_READABLE | STREAM_DRAINED)))
		client_h1_read(c);
}

static void
stalled(struct client *conn)
{
	struct client_h1 *c = client_h1_of(conn);

	c->broken = true;
	client_h1_end(c, FAULT_CLIENT_STALLED);
}

static void
rests(struct client *conn, bool is_so)
{
	struct exchange *x = client_h1_of(conn)->side.exchange;

	if (x != NULL && is_so)
		stalled_note(x);
	else if (x != NULL)
		stalled_forget(x);
}

static void
drain(struct client *conn)
{
	struct client_h1 *c = client_h1_of(conn);

	c->keep = false;
	if (c->state == H1_HEAD && c->first_byte_us == 0)
		client_start_timer(conn, DRAIN_IDLE_MS, client_h1_on_idle);
}

static void
close_now(struct client *conn)
{
	client_h1_end(client_h1_of(conn), FAULT_CLIENT_LEFT);
}

const struct client_ops client_h1_ops = {
	.start = start,
	.on_stream = on_stream,
	.stalled = stalled,
	.rests = rests,
	.drain = drain,
	.close = close_now,
};
