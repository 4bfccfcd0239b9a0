// SPDX-License-Identifier: Apache-2.0
#include "proxy/watch.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net/socket.h"
#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/pool.h"
#include "proxy/pool_path.h"
#include "proxy/rival.h"
#include "proxy/service.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

enum {
	WATCH_EVERY_MS = 25,
	RACE_AFTER_US = 50 * 1000,  /* no connect is late before */
	LOOK_AFTER_US = 150 * 1000, /* the kernel sends anew after 200 ms at the earliest */
	HEDGE_AFTER_US = 50 * 1000,
	FAR_RTT_US = 100 * 1000, /* beyond it losses take longer to mend */
	ASK_AFTER_MS = 1000,
	RESENT_MS = 20, /* later than the first sending by so much, bytes were sent again */
};

/* What the sweep does about a try, once it has gone through the lists. */
enum wish { WISH_RACE, WISH_HEDGE, WISH_DEAD };

struct sweep {
	struct worker *worker;
	uint64_t now_us;
	struct list wishes[3]; /* struct try.wished, by enum wish */
};

static void on_sweep(void *arg);

void
watch_open(struct worker *w)
{
	list_init(&w->watch.regions);
}

void
watch_close(struct worker *w)
{
	timer_stop(&w->watch.timer);
}

static void
watch(struct try *t, struct list *in)
{
	struct worker *w = t->exchange->worker;

	list_unlink(&t->watched);
	list_append(in, &t->watched);
	if (!list_linked(&t->region->node))
		list_append(&w->watch.regions, &t->region->node);
	if (!timer_running(&w->watch.timer))
		timer_start(w->loop->timers, &w->watch.timer, WATCH_EVERY_MS, on_sweep, w);
}

void
watch_connecting(struct try *t)
{
	watch(t, &t->region->connecting);
}

/* Of what goes on being sent the oldest bytes count: each more would make it look young. */
void
watch_sent(struct try *t, uint64_t now_us)
{
	if (t->under_way)
		return;
	t->under_way = true;
	t->at.wrote = now_us;
	t->end_bytes = 0;
	watch(t, &t->region->sent);
}

void
watch_stop(struct try *t)
{
	t->under_way = false;
	list_unlink(&t->watched);
	list_unlink(&t->wished);
}

/* Later than the kernel was given the last of what is asked about, by more than a moment. */
static bool
was_later(uint32_t ago_ms, const struct watch_look *look, uint64_t now_us)
{
	return ago_ms + RESENT_MS <= (now_us - look->wrote_us) / 1000;
}

/*
 * Nothing is known of this connection yet, or what was has changed. What was sent anew before is
 * of the past, unless nothing has been heard since all was written: on a far path the first look
 * comes late.
 */
static void
note(struct watch_path *seen, const struct socket_path *path, const struct watch_look *look,
    uint64_t now_us)
{
	if (was_later(path->heard_ago_ms, look, now_us) ||
	    !was_later(path->sent_ago_ms, look, now_us))
		seen->resends = path->resends;
	seen->moved = seen->looked_us != 0;
	seen->looked_us = now_us;
	seen->looked_bytes = path->acknowledged_bytes;
}

/*
 * Nothing has come since all was written, so that the kernel has sent the end of it again on
 * suspicion, not within a moment. Where acknowledgements do come it suspects too early: the next
 * may only be delayed, and what it sends late may have waited for room. There its timeout decides.
 */
static bool
was_guessed(const struct watch_path *seen, const struct socket_path *path,
    const struct watch_look *look, uint64_t now_us)
{
	return path->resends != seen->resends && was_later(path->sent_ago_ms, look, now_us) &&
	    !was_later(path->heard_ago_ms, look, now_us);
}

enum watch_verdict
watch_judge(struct watch_path *seen, const struct socket_path *path, const struct watch_look *look,
    uint64_t now_us)
{
	uint64_t quiet_us = RESENT_MS * 1000 > path->rtt_us ? RESENT_MS * 1000 : path->rtt_us;

	if (!path->unacknowledged)
		*seen = (struct watch_path){ .resends = path->resends };
	else if (seen->looked_us == 0 || path->acknowledged_bytes != seen->looked_bytes)
		note(seen, path, look, now_us);
	if (!path->unacknowledged ||
	    (look->end_bytes != 0 && path->acknowledged_bytes >= look->end_bytes))
		return WATCH_ARRIVED;
	if (now_us - seen->looked_us < quiet_us)
		return WATCH_OPEN;
	/* Sent anew, and that long enough ago for an answer. */
	if ((!path->resent && !was_guessed(seen, path, look, now_us)) ||
	    path->sent_ago_ms * 1000ull < 2ull * path->rtt_us)
		return WATCH_OPEN;
	return WATCH_DEAD;
}

/* ---- the sweep: first it goes through the lists, then it acts, for acting changes them ---- */

/* The last one counts: that a way is dead is found after what else might be wished. */
static void
wish(struct sweep *s, struct try *t, enum wish what)
{
	list_unlink(&t->wished);
	list_append(&s->wishes[what], &t->wished);
}

static void
look_at_connecting(struct sweep *s, struct service_region *r, bool down)
{
	list_for (node, &r->connecting) {
		struct try *t = container_of(node, struct try, watched);
		struct exchange *x = t->exchange;

		if (!down && s->now_us - t->at.lease < RACE_AFTER_US)
			break; /* the others are younger still */
		if (t != x->try || x->state != X_CONNECT || x->rival->active)
			continue;
		if (down ||
		    (t->wait != NULL &&
			pool_is_late(pool_wait_slot(t->wait), t->at.lease, s->now_us)))
			wish(s, t, WISH_RACE);
	}
}

/* Is what is unacknowledged so long to be taken for lost? */
static bool
is_given_up(const struct sweep *s, const struct try *t)
{
	const struct pool_slot *slot = t->up->connection->slot->whole;
	const struct watch_path *seen = &t->up->connection->path;
	uint64_t after_us = slot->unacknowledged_ms * 1000ull;
	uint64_t since_us = t->at.wrote;

	if (seen->moved && seen->looked_us > since_us)
		since_us = seen->looked_us;
	if (slot->rtt_us > FAR_RTT_US)
		after_us += after_us / 2;
	return after_us > 0 && s->now_us - since_us >= after_us;
}

/* A reset right behind the request was told of with it, and nothing tells of it again. */
static void
doubt_client(struct exchange *x)
{
	if (x->client != NULL && x->client->ops->doubt != NULL)
		x->client->ops->doubt(x->client);
}

static void
has_arrived(const struct sweep *s, struct try *t)
{
	bool all = t->request_sent && t->up->connection->ops->is_written(t->up);

	list_unlink(&t->watched);
	t->under_way = false;
	if (!all) {
		watch_sent(t, s->now_us); /* its end has not been sent: looked at again */
		return;
	}
	t->arrived = true;
	list_append(&t->region->arrived, &t->watched);
	doubt_client(t->exchange);
}

static enum watch_verdict
judge(const struct try *t, const struct socket_path *path, uint64_t now_us)
{
	struct connection *c = t->up->connection;
	struct watch_look look = { c->wrote_us, t->end_bytes };

	return watch_judge(&c->path, path, &look, now_us);
}

/* Asks the kernel about its connection; what arrived is not asked about again. */
static void
look_at_path(struct sweep *s, struct try *t)
{
	struct connection *c = t->up->connection;
	struct pool_slot *slot = c->slot->whole;
	struct socket_path path;
	uint64_t patience = 4ull * slot->rtt_us;

	if (s->now_us - t->at.wrote < (patience > LOOK_AFTER_US ? patience : LOOK_AFTER_US))
		return;
	/* Nothing more to learn before it is given up. */
	if (t->blamed && t->exchange->rival->active && !is_given_up(s, t))
		return;
	if (!socket_path(c->stream.fd, &path))
		return;
	pool_learn_rtt(slot, path.rtt_us, s->now_us);
	switch (judge(t, &path, s->now_us)) {
	case WATCH_ARRIVED:
		has_arrived(s, t);
		return;
	case WATCH_OPEN:
		if (t->end_bytes == 0)
			t->end_bytes = path.written_bytes;
		return;
	case WATCH_DEAD:
		wish(s, t, WISH_DEAD);
		return;
	}
}

/* When a try to this region is overdue while the region is under suspicion. */
static uint64_t
hedge_after(const struct service_region *r)
{
	uint64_t usual = 4ull * r->median_us;

	return usual > HEDGE_AFTER_US ? usual : HEDGE_AFTER_US;
}

static bool
is_in_trouble(enum region_state state)
{
	return state == REGION_SUSPECT || state == REGION_DOWN;
}

static bool
is_stranded(const struct service_region *r, const struct try *t, enum region_state state)
{
	return state == REGION_DOWN && t->at.sent <= r->down_seen_us;
}

/*
 * Wishes a hedge if its time has come; false: there is nothing that would ever help it. What was
 * sent before the region went down moves on at once. What was sent there since was sent for want of
 * anything better, so it is hurried no more than under mere suspicion.
 */
static bool
consider(struct sweep *s, struct service_region *r, struct try *t, enum region_state state)
{
	if (t != t->exchange->try || t->exchange->rival->active)
		return true;
	if (!rival_may_hedge(t))
		return false;
	if (is_stranded(r, t, state) || s->now_us - t->at.sent >= hedge_after(r))
		wish(s, t, WISH_HEDGE);
	return true;
}

static void
look_at_sent(struct sweep *s, struct service_region *r, enum region_state state)
{
	uint64_t first = is_in_trouble(state) ? HEDGE_AFTER_US : LOOK_AFTER_US;

	list_for_safe (node, &r->sent) {
		struct try *t = container_of(node, struct try, watched);

		if (state != REGION_DOWN && s->now_us - t->at.wrote < first)
			break;
		/* First: a way that is found to be dead tells more than a hedge that answers. */
		look_at_path(s, t);
		if (is_in_trouble(state) && t->under_way && !list_linked(&t->wished))
			(void)consider(s, r, t, state);
	}
}

static void
look_at_arrived(struct sweep *s, struct service_region *r, enum region_state state)
{
	if (!is_in_trouble(state))
		return;
	list_for_safe (node, &r->arrived) {
		struct try *t = container_of(node, struct try, watched);

		if (consider(s, r, t, state))
			continue;
		list_unlink(&t->watched);
		list_append(&r->left, &t->watched);
	}
}

/*
 * All of it arrived and nothing comes, on a connection from which nothing else comes either: is
 * anybody there? Asked once in such a silence. Until it answers nothing new is sent on it.
 */
static void
look_at_silent(struct sweep *s, struct service_region *r)
{
	list_for (node, &r->arrived) {
		struct try *t = container_of(node, struct try, watched);
		struct connection *c = t->up->connection;

		if (s->now_us - t->at.sent < ASK_AFTER_MS * 1000ull)
			break;
		if (c->ops->verify != NULL && !c->asked &&
		    s->now_us / 1000 - c->alive_ms > ASK_AFTER_MS)
			pool_verify(c);
	}
}

static bool
is_endpoint_down(const struct try *t)
{
	unsigned word = atomic_load_explicit(&t->shard->endpoint->word, memory_order_relaxed);

	return endpoint_word_state(word) == ENDPOINT_DOWN;
}

static void
wish_stranded(struct sweep *s, const struct list *tries)
{
	list_for (node, tries) {
		struct try *t = container_of(node, struct try, watched);

		if (t == t->exchange->try && !t->exchange->rival->active && is_endpoint_down(t) &&
		    rival_may_hedge(t))
			wish(s, t, WISH_HEDGE);
	}
}

/*
 * Its region is well, but the endpoint has gone down since the last look: what waits there moves
 * on. In a panic that says nothing.
 */
static void
look_at_endpoints(struct sweep *s, struct service_region *r, enum region_state state)
{
	const struct steering *is = r->steering;
	unsigned generation = atomic_load_explicit(&is->generation, memory_order_acquire);

	if (generation == r->endpoints_seen)
		return;
	r->endpoints_seen = generation;
	if (is_in_trouble(state) || atomic_load_explicit(&is->blind, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&is->usable, memory_order_relaxed) == 0)
		return;
	wish_stranded(s, &r->sent);
	wish_stranded(s, &r->arrived);
}

static bool
is_watched(const struct service_region *r)
{
	return !list_empty(&r->connecting) || !list_empty(&r->sent) || !list_empty(&r->arrived);
}

static void
look(struct sweep *s)
{
	list_for_safe (node, &s->worker->watch.regions) {
		struct service_region *r = container_of(node, struct service_region, node);
		enum region_state state = service_region_state(r);

		if (!is_watched(r)) {
			r->seen = state;
			list_unlink(&r->node);
			continue;
		}
		if (state == REGION_DOWN && r->seen != REGION_DOWN)
			r->down_seen_us = s->now_us;
		look_at_endpoints(s, r, state);
		look_at_connecting(s, r, state == REGION_DOWN && r->seen != REGION_DOWN);
		look_at_sent(s, r, state);
		look_at_silent(s, r);
		look_at_arrived(s, r, state);
		r->seen = state;
	}
}

/*
 * Nothing new is sent on a connection like that, unless it turns out to be alive. That it has
 * answered before, in the same silence, says nothing about now.
 */
static void
blame_path(struct try *t)
{
	if (!t->up->connection->dirty) /* one that did not answer is not asked again */
		pool_verify(t->up->connection);
	tries_blame(t, FAULT_UNACKNOWLEDGED);
}

/*
 * Nothing gets through to it. What may be sent twice goes elsewhere as if it had not been sent: no
 * attempt is charged. What may not keeps waiting, for the path may come back, but not for long.
 */
static void
give_up_path(struct sweep *s, struct try *t)
{
	struct exchange *x = t->exchange;

	if (!t->blamed && method_is_idempotent(x->head.method))
		tries_uncharge(t);
	blame_path(t);
	if (t == x->rival || is_given_up(s, t))
		exchange_lose_try(x, t, FAULT_UNACKNOWLEDGED);
	else if (!x->rival->active && rival_may_hedge(t))
		(void)rival_hedge(x, RIVAL_UNACKNOWLEDGED, 0);
}

void
watch_overtaken(struct try *t)
{
	struct socket_path path;

	if (t->under_way && socket_path(t->up->connection->stream.fd, &path) &&
	    judge(t, &path, clock_now_us()) == WATCH_DEAD)
		blame_path(t);
}

static enum rival_why
why_hedge(const struct try *t)
{
	enum region_state state = service_region_state(t->region);

	if (is_stranded(t->region, t, state))
		return RIVAL_DOWN;
	return is_in_trouble(state) ? RIVAL_SUSPECT : RIVAL_ENDPOINT_DOWN;
}

static void
hedge(struct sweep *s, struct try *t)
{
	enum rival_why why = why_hedge(t);

	if (t->exchange->rival->active || !rival_may_hedge(t))
		return;
	if (rival_hedge(t->exchange, why, s->now_us - t->at.sent) != RIVAL_NOWHERE || !t->arrived)
		return;
	list_unlink(&t->watched);
	list_append(&t->region->left, &t->watched);
}

static void
act_on(struct sweep *s, struct try *t, enum wish what)
{
	struct exchange *x = t->exchange;

	switch (what) {
	case WISH_RACE:
		if (t == x->try && x->state == X_CONNECT && !x->rival->active && rival_race(x))
			exchange_run(x);
		return;
	case WISH_HEDGE:
		hedge(s, t);
		return;
	case WISH_DEAD:
		give_up_path(s, t);
		return;
	}
}

static void
on_sweep(void *arg)
{
	struct worker *w = arg;
	struct sweep s = { .worker = w, .now_us = clock_now_us() };

	for (unsigned i = 0; i < ARRAY_SIZE(s.wishes); i++)
		list_init(&s.wishes[i]);
	look(&s);
	for (unsigned i = 0; i < ARRAY_SIZE(s.wishes); i++) {
		while (!list_empty(&s.wishes[i])) {
			struct try *t = container_of(s.wishes[i].next, struct try, wished);

			list_unlink(&t->wished);
			act_on(&s, t, (enum wish)i);
		}
	}
	if (!list_empty(&w->watch.regions))
		timer_start(w->loop->timers, &w->watch.timer, WATCH_EVERY_MS, on_sweep, w);
}
