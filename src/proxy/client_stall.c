// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "net/socket.h"
#include "proxy/client.h"
#include "proxy/stalled.h"

/* Most take what did not fit at once within this: their kernel is not even asked. */
enum { SETTLE_MS = 100 };

static void look(void *arg);

/* Grows as it takes bytes, while they wait for it. */
static uint64_t
taken(const struct client *c)
{
	struct socket_path path;

	if (socket_path(c->stream.fd, &path))
		return path.acknowledged_bytes;
	return UINT64_MAX - stream_waiting(&c->stream); /* a unix socket's */
}

/* It was given ms. Of a rate of nothing a byte is enough. */
static bool
is_enough(const struct client *c, uint64_t bytes, uint64_t ms)
{
	return bytes > 0 && bytes >= (uint64_t)c->worker->limits.min_rate_bytes * ms / 1000;
}

/* Has its protocol an answer under way that it could break off for others? */
static bool
is_asked(const struct client *c)
{
	return c->stage == CLIENT_SERVED && c->ops->rests != NULL;
}

static void
look_soon(struct client *c, uint64_t left_ms)
{
	bool often = is_asked(c) && left_ms > STALLED_MS;

	if (is_asked(c))
		c->stall_taken = taken(c);
	timer_start(
	    c->worker->loop->timers, &c->stall, often ? STALLED_MS : (uint32_t)left_ms, look, c);
}

static void
settle(void *arg)
{
	struct client *c = arg;
	uint32_t whole_ms = c->worker->limits.send_stall_ms; /* a reload may have shortened it */

	look_soon(c, whole_ms > SETTLE_MS ? whole_ms - SETTLE_MS : 1);
}

static void
begin(struct client *c)
{
	uint32_t whole_ms = c->worker->limits.send_stall_ms;
	bool settles = is_asked(c) && whole_ms > SETTLE_MS;

	c->stall_bytes = stream_waiting(&c->stream);
	c->stall_since_ms = clock_now_ms();
	timer_start(c->worker->loop->timers, &c->stall, settles ? SETTLE_MS : whole_ms,
	    settles ? settle : look, c);
}

void
client_watch_stall(struct client *c)
{
	if (!stream_is_drained(&c->stream)) {
		if (!timer_running(&c->stall))
			begin(c);
		return;
	}
	if (timer_running(&c->stall) && is_asked(c))
		c->ops->rests(c, false);
	timer_stop(&c->stall);
}

static void
give_up(struct client *c)
{
	/* The kernel would keep megabytes for it, and offer them for minutes. */
	socket_reset_at_close(c->stream.fd);
	if (c->stage == CLIENT_SERVED)
		c->ops->stalled(c);
	else
		client_free(c);
}

static void
look(void *arg)
{
	struct client *c = arg;
	uint64_t whole_ms = c->worker->limits.send_stall_ms;
	uint64_t past_ms = clock_now_ms() - c->stall_since_ms;
	uint64_t now = stream_waiting(&c->stream);
	uint64_t went = c->stall_bytes > now ? c->stall_bytes - now : 0;

	if (past_ms >= whole_ms && !is_enough(c, went, whole_ms)) {
		give_up(c);
		return;
	}
	if (is_asked(c))
		c->ops->rests(c, !is_enough(c, taken(c) - c->stall_taken, STALLED_MS));
	if (past_ms >= whole_ms)
		begin(c);
	else
		look_soon(c, whole_ms - past_ms);
}
