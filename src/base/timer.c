/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timer.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	BUCKETS = 512,
	QUEUES_KEPT = 64, /* from then on a new duration takes over a queue that nobody uses */
	SLACK_MAX_MS = 250,
	SLACK_PART = 32,
};

#define NOT_IN_HEAP SIZE_MAX
#define NEVER UINT64_MAX

/*
 * The running timers of one duration, in the order they are due: all last equally long, so a
 * new one belongs at the end.
 *
 * Those that hold timers stand in a heap by look_at_ms, which is never later than the first
 * one's deadline but may be earlier, for stopping and restarting timers leave it alone. Looking
 * too early costs one glance for each duration, not one for each timer.
 */
struct timer_queue {
	struct list timers;
	struct timers *owner;
	struct timer_queue *next_in_bucket;
	struct list idle; /* linked while not in the heap */
	uint32_t after_ms;
	uint32_t slack_ms;
	size_t heap_at;
	uint64_t look_at_ms;
};

struct timers {
	struct event *event; /* the only one, for the top of the heap */
	uint64_t armed_ms;   /* NEVER: the event is not pending */
	bool firing;
	struct timer_queue **heap;
	size_t heap_count;
	size_t queues;    /* all there are; the heap has room for them */
	struct list idle; /* struct timer_queue.idle, the longest unused first */
	struct timer_queue *buckets[BUCKETS];
};

static void
heap_put(struct timers *ts, size_t at, struct timer_queue *q)
{
	ts->heap[at] = q;
	q->heap_at = at;
}

static void
heap_rise(struct timers *ts, struct timer_queue *q)
{
	size_t at = q->heap_at;

	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (ts->heap[up]->look_at_ms <= q->look_at_ms)
			break;
		heap_put(ts, at, ts->heap[up]);
		at = up;
	}
	heap_put(ts, at, q);
}

static void
heap_sink(struct timers *ts, struct timer_queue *q)
{
	size_t at = q->heap_at;

	for (;;) {
		size_t down = 2 * at + 1;

		if (down >= ts->heap_count)
			break;
		if (down + 1 < ts->heap_count &&
		    ts->heap[down + 1]->look_at_ms < ts->heap[down]->look_at_ms)
			down++;
		if (q->look_at_ms <= ts->heap[down]->look_at_ms)
			break;
		heap_put(ts, at, ts->heap[down]);
		at = down;
	}
	heap_put(ts, at, q);
}

static void
heap_add(struct timers *ts, struct timer_queue *q)
{
	q->heap_at = ts->heap_count++;
	heap_rise(ts, q);
}

/* Only ever the top, which nothing else can be above: what takes its place sinks. */
static void
heap_remove_top(struct timers *ts)
{
	struct timer_queue *last = ts->heap[--ts->heap_count];

	ts->heap[0]->heap_at = NOT_IN_HEAP;
	if (ts->heap_count == 0)
		return;
	last->heap_at = 0;
	heap_sink(ts, last);
}

static struct timer_queue **
bucket_of(struct timers *ts, uint32_t after_ms)
{
	return &ts->buckets[after_ms * UINT32_C(2654435761) % BUCKETS];
}

static void
unhash(struct timers *ts, struct timer_queue *q)
{
	struct timer_queue **at = bucket_of(ts, q->after_ms);

	while (*at != q)
		at = &(*at)->next_in_bucket;
	*at = q->next_in_bucket;
}

static struct timer_queue *
queue_unused(struct timers *ts)
{
	struct timer_queue *q;

	if (ts->queues >= QUEUES_KEPT && !list_empty(&ts->idle)) {
		q = container_of(ts->idle.next, struct timer_queue, idle);
		unhash(ts, q);
		return q;
	}
	q = mem_new(sizeof *q);
	list_init(&q->timers);
	q->owner = ts;
	q->heap_at = NOT_IN_HEAP;
	list_append(&ts->idle, &q->idle);
	ts->queues++;
	if (ts->queues % QUEUES_KEPT == 1)
		ts->heap = mem_resize(ts->heap, (ts->queues + QUEUES_KEPT - 1) * sizeof(*ts->heap));
	return q;
}

static struct timer_queue *
queue_for(struct timers *ts, uint32_t after_ms)
{
	struct timer_queue **bucket = bucket_of(ts, after_ms);
	struct timer_queue *q = *bucket;
	uint32_t slack_ms = after_ms / SLACK_PART;

	while (q != NULL && q->after_ms != after_ms)
		q = q->next_in_bucket;
	if (q != NULL)
		return q;
	q = queue_unused(ts);
	q->after_ms = after_ms;
	q->slack_ms = slack_ms < SLACK_MAX_MS ? slack_ms : SLACK_MAX_MS;
	q->next_in_bucket = *bucket;
	*bucket = q;
	return q;
}

static void
arm(struct timers *ts, uint64_t now_ms)
{
	struct timeval delay;
	uint64_t due_ms, delay_ms;

	if (ts->heap_count == 0 || ts->heap[0]->look_at_ms >= ts->armed_ms)
		return;
	due_ms = ts->heap[0]->look_at_ms;
	delay_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	delay.tv_sec = (time_t)(delay_ms / 1000);
	delay.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
	event_add(ts->event, &delay);
	ts->armed_ms = due_ms;
}

/* Each fn may do what it likes with any timer, so the queue is looked at anew after each. */
static void
fire_due(struct timer_queue *q, uint64_t now_ms)
{
	while (!list_empty(&q->timers)) {
		struct timer *t = container_of(q->timers.next, struct timer, node);

		if (t->due_ms > now_ms)
			return;
		timer_stop(t);
		t->fn(t->arg);
	}
}

/*
 * What is started from here on is due later than now_ms, since no duration is 0; so this ends
 * however quickly the timers start each other again.
 */
static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct timers *ts = arg;
	uint64_t now_ms;

	clock_hold();
	now_ms = clock_now_ms();
	ts->armed_ms = NEVER;
	ts->firing = true;
	while (ts->heap_count > 0 && ts->heap[0]->look_at_ms <= now_ms) {
		struct timer_queue *q = ts->heap[0];

		/* It stays at the top meanwhile: what joins the heap is due later. */
		fire_due(q, now_ms);
		assert(ts->heap[0] == q);
		if (list_empty(&q->timers)) {
			heap_remove_top(ts);
			list_append(&ts->idle, &q->idle);
		} else {
			q->look_at_ms = container_of(q->timers.next, struct timer, node)->due_ms;
			heap_sink(ts, q);
		}
	}
	ts->firing = false;
	arm(ts, now_ms);
	clock_go_on();
}

struct timers *
timers_new(struct event_base *base)
{
	struct timers *ts = mem_new(sizeof *ts);

	list_init(&ts->idle);
	ts->armed_ms = NEVER;
	ts->event = evtimer_new(base, on_event, ts);
	if (ts->event == NULL) {
		log_error("cannot make a timer event");
		abort();
	}
	return ts;
}

void
timers_free(struct timers *ts)
{
	if (ts == NULL)
		return;
	assert(!ts->firing);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct timer_queue *q, *next;

		for (q = ts->buckets[i]; q != NULL; q = next) {
			next = q->next_in_bucket;
			while (!list_empty(&q->timers))
				timer_stop(container_of(q->timers.next, struct timer, node));
			mem_free(q);
		}
	}
	event_free(ts->event);
	mem_free(ts->heap);
	mem_free(ts);
}

/* A restart that would move the deadline by no more than the slack leaves it where it is. */
static bool
restart_is_near(const struct timers *ts, const struct timer *t, uint32_t after_ms, uint64_t due_ms)
{
	const struct timer_queue *q = t->queue;

	return q != NULL && q->owner == ts && q->after_ms == after_ms &&
	    due_ms - t->due_ms <= q->slack_ms;
}

void
timer_start(struct timers *ts, struct timer *t, uint32_t after_ms, timer_fn *fn, void *arg)
{
	struct timer_queue *q;
	uint64_t now_ms, due_ms;

	if (after_ms == 0) {
		timer_stop(t);
		return;
	}
	now_ms = clock_now_ms();
	due_ms = now_ms + after_ms;
	t->fn = fn;
	t->arg = arg;
	if (restart_is_near(ts, t, after_ms, due_ms))
		return;
	timer_stop(t);
	q = queue_for(ts, after_ms);
	t->queue = q;
	t->due_ms = due_ms;
	list_append(&q->timers, &t->node);
	if (q->heap_at != NOT_IN_HEAP)
		return;
	list_unlink(&q->idle);
	q->look_at_ms = due_ms;
	heap_add(ts, q);
	if (!ts->firing)
		arm(ts, now_ms);
}

void
timer_stop(struct timer *t)
{
	if (t->queue == NULL)
		return;
	list_unlink(&t->node);
	t->queue = NULL;
}
