// SPDX-License-Identifier: Apache-2.0
#include "proxy/mirror.h"

#include "base/slab.h"
#include "base/stat.h"
#include "conf/topology.h"
#include "net/loop.h"
#include "proxy/edits.h"
#include "proxy/exchange_parts.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"

enum {
	KEPT_FREE = 256,
	ANSWER_MOST =
	    1024 * 1024, /* bytes of an answer that are read, so that its connection is kept */
	LIFE_MS = 60000, /* however slowly the answer comes */
};

/* A copy's client. */
struct mirror {
	struct side side;
	struct list node; /* in worker->mirrors */
	struct worker *worker;
	struct client_facts facts; /* of the request's client, who may leave at any time */
	struct deferred next;      /* begins it, or breaks it off */
	struct timer life;
	uint64_t taken; /* bytes of the answer's body */
};

static void
count(struct worker *w, enum mirror_result result)
{
	stat_add(&w->stats.mirror_results[result], 1);
}

/* ---- the side that takes the answer ---- */

static struct mirror *
of(struct side *side)
{
	return container_of(side, struct mirror, side);
}

static void
end(struct mirror *m)
{
	const struct exchange *x = m->side.exchange;

	/* An answer that has begun is one, however much of it was wanted. */
	exchange_on_client_lost(m->side.exchange, x->answered ? FAULT_NONE : FAULT_TOTAL_TIMEOUT);
}

static void
on_enough(void *arg)
{
	end(arg);
}

static bool
take(struct mirror *m, const struct span *bytes)
{
	m->taken += bytes->len;
	if (m->taken <= ANSWER_MOST)
		return true;
	m->next.fn = on_enough; /* not from inside the endpoint's call */
	worker_defer(m->worker, &m->next);
	return false;
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool last)
{
	return take(of(side), first);
}

static bool
send_body(struct side *side, struct span *body, bool last)
{
	return take(of(side), body);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	return true;
}

static void
ignore(struct side *side)
{
}

static void
answer(struct side *side, struct own_answer *a)
{
}

static void
release(struct side *side, enum fault why)
{
	struct mirror *m = of(side);
	struct worker *w = m->worker;

	count(w, side->exchange->own_answer || why != FAULT_NONE ? MIRROR_FAILED : MIRROR_ANSWERED);
	stat_step(&w->stats.mirrors, -1);
	worker_undefer(&m->next);
	timer_stop(&m->life);
	list_unlink(&m->node);
	slab_give(w->mirror_slab, m);
}

static const struct side_ops sink = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = ignore,
	.release = release,
	.answer = answer,
	.proceed = ignore,
};

/* ---- which requests ---- */

static bool
is_of_method(const struct conf_mirror *c, const struct exchange *x)
{
	struct slice method = head_slice(&x->head, x->head.method_text);

	for (unsigned i = 0; i < c->method_count; i++)
		if (slice_eq(slice_of(c->methods[i]), method))
			return true;
	return false;
}

static bool
is_drawn(struct worker *w, double percent)
{
	static const double whole = 1ull << 53;

	return (double)(rng_next(&w->rng) >> 11) / whole * 100 < percent;
}

void
mirror_choose(struct exchange *x, const struct conf_mirror *c)
{
	struct worker *w = x->worker;
	struct service *to;

	if (x->head.upgrade || !is_of_method(c, x) || !is_drawn(w, c->percent))
		return;
	to = services_at(w->services, c->service->index);
	if (forward_is_loop(&x->head, slice_of(to->loop_id)))
		count(w, MIRROR_LOOP);
	else
		x->mirror_to = to;
}

/* ---- the copy ---- */

static void
on_life_over(void *arg)
{
	end(arg);
}

static void
begin(void *arg)
{
	struct mirror *m = arg;

	timer_start(m->worker->loop->timers, &m->life, LIFE_MS, on_life_over, m);
	exchange_begin_copy(m->side.exchange);
}

/* All of the body, and room for it? Nothing of it is waited for. */
static bool
has_body(const struct exchange *x)
{
	return !x->replay.lost && x->replay.len == x->body_in &&
	    replay_fits(&x->replay, x->replay.len, SIZE_MAX, x->worker->limits.replay_memory_bytes);
}

void
mirror_copy(struct exchange *x)
{
	struct worker *w = x->worker;
	struct service *to = x->mirror_to;
	uint32_t most = x->shaped->mirror->max_in_flight;
	struct mirror *m;

	x->mirror_to = NULL;
	if (!has_body(x)) {
		count(w, MIRROR_BODY);
		return;
	}
	if (atomic_load_explicit(&w->stats.mirrors, memory_order_relaxed) >= most) {
		count(w, MIRROR_FULL);
		return;
	}
	m = slab_take(w->mirror_slab);
	*m = (struct mirror){ .side = { .ops = &sink }, .worker = w, .facts = *x->facts };
	m->facts.accepted_by = NULL; /* its rules have been asked */
	m->next = (struct deferred){ .fn = begin, .arg = m };
	list_append(&w->mirrors, &m->node);
	stat_step(&w->stats.mirrors, 1);
	exchange_copy(x, &m->side, &m->facts, to);
	worker_defer(w, &m->next);
}

void
mirror_say(const struct exchange *x, struct edits *e)
{
	edits_drop(e, SLICE("X-Mirrored-From"));
	edits_say(e, SLICE("X-Mirrored-From"), slice_of(x->mirror_of->name));
}

/* ---- the worker's ---- */

void
mirrors_open(struct worker *w)
{
	list_init(&w->mirrors);
	w->mirror_slab = slab_new(sizeof(struct mirror), KEPT_FREE);
}

void
mirrors_close(struct worker *w)
{
	while (!list_empty(&w->mirrors)) {
		struct mirror *m = container_of(w->mirrors.next, struct mirror, node);

		exchange_on_client_lost(m->side.exchange, FAULT_CLIENT_LEFT);
	}
}
