/* SPDX-License-Identifier: Apache-2.0 */
/* The application behind an origin: slots, a line in front of them, and collapse under load. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin.h"

static void start(struct work *);

bool
work_misbehaves(struct behaviour *b)
{
	unsigned n = b->count++;

	/* Spread evenly: 30 percent is every third or so, not thirty in a row. */
	return (n + 1) * b->percent / 100 > n * b->percent / 100;
}

static void
answer(struct work *w, enum deed deed, unsigned arg)
{
	if (w->asker != NULL)
		w->asker->answer(w->asker, w, deed, arg);
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}

static void
free_slot(void)
{
	struct work *w;

	origin.busy--;
	if ((w = TAILQ_FIRST(&origin.line)) == NULL)
		return;
	TAILQ_REMOVE(&origin.line, w, next);
	origin.waiting--;
	start(w);
}

static void
on_worked(int fd, short what, void *arg)
{
	struct work *w = arg;
	bool slot = w->starts;
	enum deed deed = w->behaviour->deed;
	unsigned n = w->behaviour->arg;

	(void)fd, (void)what;
	if (deed != DEED_OK && deed != DEED_SLOW && work_misbehaves(w->behaviour))
		answer(w, deed, n);
	else
		answer(w, DEED_OK, 0);
	if (slot)
		free_slot();
}

static void
wait_for(struct work *w, event_callback_fn then, uint64_t us)
{
	struct timeval tv = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };

	if (w->timer != NULL)
		event_free(w->timer);
	w->timer = event_new(origin.base, -1, 0, then, w);
	if (w->timer == NULL || event_add(w->timer, &tv) != 0)
		abort();
}

/* The longer the line, the more everything takes. */
static uint64_t
crowded(uint64_t amount)
{
	if (origin.queue == 0)
		return amount;
	return amount + amount * origin.collapse * origin.waiting / origin.queue;
}

/* What is left when it needs no processor; a slot that it still has makes others wait. */
static void
work_on(struct work *w)
{
	uint64_t ms = w->starts ? crowded(w->ms) : w->ms;

	if (w->behaviour->deed == DEED_SLOW && work_misbehaves(w->behaviour))
		ms += w->behaviour->arg;
	/* What fails fails at once: the fastest endpoint is the broken one. */
	if (w->behaviour->deed == DEED_STATUS && w->behaviour->percent == 100)
		ms = 0;
	wait_for(w, on_worked, ms * 1000);
}

static void
on_computed(int fd, short what, void *arg)
{
	struct work *w = arg;

	(void)fd, (void)what;
	w->starts = false;
	work_on(w);
	free_slot();
}

static void
start(struct work *w)
{
	if (origin.slots > 0 && !w->health) {
		w->starts = true;
		origin.busy++;
	}
	if (w->starts && origin.cost_us > 0)
		wait_for(w, on_computed, crowded(origin.cost_us));
	else
		work_on(w);
}

/* The number behind name, "ms=" say, in the target's query. */
static unsigned
asked(const char *target, const char *name, unsigned usual)
{
	const char *at = strchr(target, '?');
	size_t len = strlen(name);

	for (; at != NULL; at = strchr(at + 1, '&'))
		if (strncmp(at + 1, name, len) == 0)
			return (unsigned)strtoul(at + 1 + len, NULL, 10);
	return usual;
}

struct work *
work_new(struct asker *asker, const char *method, const char *target, const char *id)
{
	struct work *w = calloc(1, sizeof *w);

	if (w == NULL)
		abort();
	w->asker = asker;
	w->health = strncmp(target, "/healthz", 8) == 0;
	w->ms = asked(target, "ms=", w->health ? 0 : origin.delay_ms);
	w->answer_bytes = asked(target, "bytes=", 64);
	w->pieces = asked(target, "pieces=", 1);
	w->gap_ms = asked(target, "gap=", 0);
	snprintf(w->method, sizeof w->method, "%s", method);
	snprintf(w->id, sizeof w->id, "%s", *id != '\0' ? id : "-");
	return w;
}

void
work_begin(struct work *w)
{
	w->behaviour = w->health ? &origin.health : &origin.traffic;
	if (w->health || origin.slots == 0 || origin.busy < origin.slots) {
		start(w);
	} else if (origin.waiting < origin.queue) {
		origin.waiting++;
		TAILQ_INSERT_TAIL(&origin.line, w, next);
	} else {
		origin_log("full", w->method, w->id, "-");
		answer(w, DEED_STATUS, 503);
	}
}
