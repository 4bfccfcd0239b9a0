/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_store.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "control/desk.h"
#include "control/journal.h"
#include "control/wish_file.h"
#include "control/wish_pins.h"
#include "control/wish_text.h"
#include "control/wish_told.h"
#include "control/wish_unknown.h"
#include "control/wish_words.h"
#include "steer/fact.h"

enum { CLOCK_SET_MS = 1000 }; /* by less it is only steered, and the monotonic one with it */

struct wish_store {
	struct desk *desk;
	struct journal *journal;
	struct topology *topology; /* one reference; NULL until it is open */
	struct event *tick;        /* NULL until it is open */
	struct wishes wishes;
	uint64_t changed_ms; /* the last move by a person; 0: none yet */
	bool unsaved;        /* the disk refused: tried again with each tick */
};

/* A wish on its way: control is asked, or the answer is there. */
struct making {
	struct wish_store *store;
	struct wish wish;
	uint64_t for_ms;
	uint64_t asked_ms; /* control, when this was the store's last change */
	double shed;       /* of the worst-off service's demand, if it came into force */
	char overridden[WISH_TEXT];
	wish_reply_fn *done;
	void *arg;
};

struct wish_store *
wish_store_new(struct desk *desk, struct journal *journal)
{
	struct wish_store *s = mem_new(sizeof *s);

	s->desk = desk;
	s->journal = journal;
	s->wishes.wall_ahead_ms = clock_wall_ahead_ms();
	return s;
}

void
wish_store_close(struct wish_store *s)
{
	if (s->tick != NULL)
		event_free(s->tick);
	s->tick = NULL;
}

void
wish_store_free(struct wish_store *s)
{
	if (s == NULL)
		return;
	wish_store_close(s);
	if (s->topology != NULL)
		topology_unref(s->topology);
	mem_free(s);
}

/* By the monotonic clock: see struct wishes. */
static uint64_t
wall_ms(const struct wish_store *s)
{
	return (uint64_t)((int64_t)clock_now_ms() + s->wishes.wall_ahead_ms);
}

static void
tell(struct wish_store *s, enum fact_kind kind, enum fact_signal signal, const struct wish *w,
    const char *rule)
{
	wish_tell(s->journal, kind, signal, w, wall_ms(s), rule, "");
}

static void
save(struct wish_store *s)
{
	struct error error;

	if (s->topology->state_dir[0] == '\0')
		return;
	if (wish_file_write(s->topology->state_dir, &s->wishes, &error)) {
		if (s->unsaved)
			log_info("the wishes are kept on disk again");
		s->unsaved = false;
		return;
	}
	/* once: routing does not depend on it, and each tick tries again */
	if (!s->unsaved)
		log_warn("the wishes in force would not outlive a restart: %s", error.text);
	s->unsaved = true;
}

/* They have changed: on disk first, so that what is in force outlives us. */
static void
publish(struct wish_store *s, const char *restored)
{
	save(s);
	desk_post_wishes(s->desk, &s->wishes, restored);
}

static void
on_over(void *arg, const struct wish *w)
{
	struct wish_store *s = arg;
	char text[2 * WISH_NAME + 8];

	log_info("%s %s is over: its time has come (%s: %s)", wish_word(w->kind),
	    wish_subject(w, text, sizeof text), w->owner, w->reason);
	tell(s, FACT_WISH_ENDED, SIGNAL_TIME, w, "");
}

/* What people and files read follows the wall clock; returns whether that was set. */
static bool
follow_clock(struct wish_store *s)
{
	int64_t by_ms = clock_wall_ahead_ms() - s->wishes.wall_ahead_ms;

	if (by_ms > -CLOCK_SET_MS && by_ms < CLOCK_SET_MS)
		return false;
	wishes_shift(&s->wishes, by_ms);
	if (s->wishes.count > 0)
		log_warn("the clock was set by %.1f s: wishes last as long as they were made for",
		    (double)by_ms / 1000);
	return true;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct wish_store *s = arg;
	bool moved = follow_clock(s);

	if (wishes_expire(&s->wishes, wall_ms(s), on_over, s) > 0 || moved)
		publish(s, NULL);
	else if (s->unsaved)
		save(s);
}

/* ---- what the configuration does not know ---- */

/* The configuration wins. */
static bool
drop_unknown(struct wish_store *s)
{
	bool dropped = false;
	char why[2 * WISH_NAME + 64], text[2 * WISH_NAME + 8];

	for (unsigned i = s->wishes.count; i-- > 0;) {
		struct wish w = s->wishes.list[i];

		if (wish_unknown(s->topology, &w, why, sizeof why) == NULL)
			continue;
		log_warn("%s %s (%s: %s) is dropped: %s in the configuration", wish_word(w.kind),
		    wish_subject(&w, text, sizeof text), w.owner, w.reason, why);
		tell(s, FACT_WISH_DROPPED, SIGNAL_NONE, &w, "");
		wishes_drop(&s->wishes, w.kind, w.service, w.region);
		dropped = true;
	}
	return dropped;
}

static void
take_topology(struct wish_store *s, struct topology *t)
{
	topology_ref(t);
	if (s->topology != NULL)
		topology_unref(s->topology);
	s->topology = t;
}

void
wish_store_open(struct wish_store *s, struct event_base *base, struct topology *t)
{
	static const struct timeval second = { .tv_sec = 1 };
	bool changed = false;

	take_topology(s, t);
	if (t->state_dir[0] != '\0')
		changed = !wish_file_read(t->state_dir, &s->wishes);
	changed = wishes_expire(&s->wishes, wall_ms(s), on_over, s) > 0 || changed;
	changed = drop_unknown(s) || changed;
	if (s->wishes.count > 0)
		log_info(
		    "%u wishes of people are in force from before the restart", s->wishes.count);
	wish_pins_warn(&s->wishes);
	if (changed)
		save(s);
	desk_post_wishes(s->desk, &s->wishes, NULL);
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	if (s->tick == NULL || event_add(s->tick, &second) != 0) {
		log_error("cannot start the timer of wishes");
		abort();
	}
}

void
wish_store_adopt(struct wish_store *s, struct topology *t)
{
	bool moved = strcmp(s->topology->state_dir, t->state_dir) != 0;

	take_topology(s, t);
	if (drop_unknown(s))
		publish(s, NULL);
	else if (moved)
		save(s);
	wish_pins_warn(&s->wishes);
}

/* ---- making one ---- */

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

/* Fills the reply and returns false when others should not have to read it. */
static bool
is_readable(const struct wish *w, struct wish_reply *r)
{
	bool reason_is = wish_text_is_plain(w->reason);

	if (reason_is && wish_text_is_plain(w->owner))
		return true;
	wish_say(r,
	    "the %s holds a control character: line breaks, tabs and escapes are refused, "
	    "for it is shown on the terminals of others",
	    reason_is ? "owner" : "reason");
	return false;
}

/* Fills the reply and returns false when the configuration does not know what it names. */
static bool
is_known(const struct wish_store *s, const struct wish *w, struct wish_reply *r)
{
	char why[2 * WISH_NAME + 64];

	if (wish_unknown(s->topology, w, why, sizeof why) == NULL)
		return true;
	wish_say(r, "%s", why);
	wish_say_known(s->topology, w, r->text, sizeof r->text);
	return false;
}

/* Fills the reply and returns false when it can't be what was meant. */
static bool
is_sound(const struct wish_store *s, const struct wish *w, uint64_t for_ms, struct wish_reply *r)
{
	r->result = WISH_WRONG;
	if (is_blank(w->reason)) {
		wish_say(r, "a reason is needed: who reads the journal must understand why");
		return false;
	}
	if (is_blank(w->owner)) {
		wish_say(r, "an owner is needed: whom to ask");
		return false;
	}
	if (!is_readable(w, r))
		return false;
	if (for_ms < WISH_MIN_MS || for_ms > WISH_MAX_MS) {
		wish_say(r, "it lasts from 1 second to 72 hours");
		return false;
	}
	if (w->kind == WISH_PIN && !(w->share >= 0 && w->share <= 1)) {
		wish_say(r, "a share is between 0 and 100 %%");
		return false;
	}
	return is_known(s, w, r) && wish_pins_fit(&s->wishes, w, r);
}

/* What moves traffic begins the wait that a safety rule may ask for; a freeze moves none. */
static void
note_change(struct wish_store *s, enum wish_kind kind)
{
	if (kind != WISH_FREEZE)
		s->changed_ms = clock_now_ms();
}

/* What is in force, but not on disk, is not what whoever made or ended it thinks it is. */
static void
say_unsaved(const struct wish_store *s, const char *restart, struct wish_reply *r)
{
	if (s->unsaved)
		wish_say(
		    r, "but that could not be written to state_dir, see the log: %s\n", restart);
}

/* what: how things would stand, from control. The news comes first, then the numbers. */
static void
come_into_force(struct making *m, const char *what, struct wish_reply *r)
{
	struct wish_store *s = m->store;
	char text[2 * WISH_NAME + 8], until[32];
	char replaced[WISH_WHOSE_BYTES] = "";
	const struct wish *same;

	r->result = WISH_WRONG;
	/* a reload may have come in between, and another wish */
	if (!is_known(s, &m->wish, r) || !wish_pins_fit(&s->wishes, &m->wish, r))
		return;
	m->wish.made_wall_ms = wall_ms(s);
	m->wish.until_wall_ms = m->wish.made_wall_ms + m->for_ms;
	same = wishes_same(&s->wishes, &m->wish);
	if (same != NULL)
		wish_whose(same, replaced, sizeof replaced);
	if (!wishes_set(&s->wishes, &m->wish)) {
		wish_say(r, "there are %d wishes in force already: end some first", WISHES_MAX);
		return;
	}
	r->result = WISH_DONE;
	note_change(s, m->wish.kind);
	clock_format_wall(m->wish.until_wall_ms * 1000, until, sizeof until);
	wish_subject(&m->wish, text, sizeof text);
	log_info("%s %s until %s, by %s: %s", wish_word(m->wish.kind), text, until, m->wish.owner,
	    m->wish.reason);
	wish_say(r, "%s %s is in force until %s\n", wish_word(m->wish.kind), text, until);
	if (same != NULL)
		wish_say(r, "it replaces that %s\n", replaced);
	if (r->rule[0] != '\0') {
		log_warn("%s %s breaks the safety rule %s: overridden by %s",
		    wish_word(m->wish.kind), text, r->rule, m->wish.owner);
		wish_tell_rule(m->store->journal, FACT_OVERRIDDEN, &m->wish, m->shed, r->rule);
		wish_say(r, "it breaks the safety rule %s: overridden\n", r->rule);
	}
	wish_tell(s->journal, FACT_WISH_MADE, SIGNAL_PERSON, &m->wish, wall_ms(s), "", replaced);
	publish(s, NULL);
	say_unsaved(s, "a restart would forget it", r);
	if (s->topology->state_dir[0] == '\0')
		wish_say(r, "state_dir is not set: a restart would forget it\n");
	wish_say(r, "%s", what);
	wish_say_pins(&s->wishes, &m->wish, r);
}

/* What was refused and why, the numbers, the way out. */
static void
refuse(struct making *m, const struct desk_answer *a, struct wish_reply *r)
{
	char text[2 * WISH_NAME + 8];

	r->result = WISH_REFUSED;
	wish_subject(&m->wish, text, sizeof text);
	log_warn("%s %s, by %s, is refused by the safety rule %s", wish_word(m->wish.kind), text,
	    m->wish.owner, r->rule);
	wish_tell_rule(m->store->journal, FACT_REFUSED, &m->wish, m->shed, r->rule);
	wish_say(r, "%s %s is refused, nothing was changed: it breaks the safety rule%s %s\n",
	    wish_word(m->wish.kind), text, strchr(a->rule, ',') != NULL ? "s" : "", a->asks);
	wish_say(r, "%sto do it all the same, add --override %s%s%s\n", a->text, m->overridden,
	    m->overridden[0] != '\0' ? "," : "", a->rule);
}

static void
be_late(struct wish_reply *r)
{
	r->result = WISH_NOT_ANSWERED;
	wish_say(r, "the control thread did not answer in time: nothing was changed");
}

static void
finish(struct making *m, struct wish_reply *r)
{
	m->done(m->arg, r);
	mem_free(r);
	mem_free(m);
}

static void on_judged(void *, const struct desk_answer *);

static void
ask_control(struct making *m)
{
	uint64_t changed_ms = m->store->changed_ms;
	struct desk_question q = { .kind = DESK_JUDGE,
		.wish = m->wish,
		.since_last_change_ms =
		    changed_ms != 0 ? clock_now_ms() - changed_ms : UINT64_MAX };

	m->asked_ms = changed_ms;
	memcpy(q.overridden, m->overridden, sizeof q.overridden);
	desk_ask(m->store->desk, &q, on_judged, m);
}

static void
on_judged(void *arg, const struct desk_answer *a)
{
	struct making *m = arg;
	struct wish_reply *r;

	/* Somebody else was first, since whom a rule may want some time to pass. */
	if (a->verdict == DESK_YES && m->asked_ms != m->store->changed_ms) {
		ask_control(m);
		return;
	}
	r = mem_new(sizeof *r);
	snprintf(r->rule, sizeof r->rule, "%s", a->rule);
	m->shed = a->shed;
	switch (a->verdict) {
	case DESK_YES:
		come_into_force(m, a->text, r);
		break;
	case DESK_REFUSED:
		refuse(m, a, r);
		break;
	case DESK_UNKNOWN:
		r->result = WISH_WRONG;
		wish_say(r, "%s", a->text);
		break;
	case DESK_LATE:
		be_late(r);
		break;
	}
	finish(m, r);
}

void
wish_store_make(struct wish_store *s, const struct wish *w, uint64_t for_ms, const char *overridden,
    wish_reply_fn *done, void *arg)
{
	struct making *m = mem_new(sizeof *m);
	struct wish_reply *r = mem_new(sizeof *r);

	*m = (struct making){ .store = s,
		.wish = *w,
		.for_ms = for_ms != 0 ? for_ms : WISH_DEFAULT_MS,
		.done = done,
		.arg = arg };
	snprintf(m->overridden, sizeof m->overridden, "%s", overridden);
	if (is_sound(s, w, m->for_ms, r) && w->kind != WISH_FREEZE) {
		ask_control(m);
		mem_free(r);
		return;
	}
	if (r->text[0] == '\0')
		come_into_force(m, "", r); /* a freeze moves nothing: there is nothing to judge */
	done(arg, r);
	mem_free(r);
	mem_free(m);
}

/*
 * ---- ending one ----
 *
 * No rule is asked: what was taken is given back, slowly and within all limits, to what decides by
 * itself. Who has made a mistake must not have to wait before he can take it back. But it moves
 * traffic, so the next wish waits for what comes of it.
 */

/* It was not evacuated: a region that is healthy again and waits for a person is no wish of ours.
 */
static void
on_waits(void *arg, const struct desk_answer *a)
{
	struct making *m = arg;
	struct wish_reply *r = mem_new(sizeof *r);
	const char *region = m->wish.region;

	switch (a->verdict) {
	case DESK_YES:
		desk_post_wishes(m->store->desk, &m->store->wishes, region);
		note_change(m->store, WISH_EVACUATE);
		tell(m->store, FACT_RESTORE_ASKED, SIGNAL_PERSON, &m->wish, "");
		r->result = WISH_DONE;
		wish_say(
		    r, "%s waited to be restored and takes traffic again, by its ramp", region);
		wish_say_held(&m->store->wishes, m->store->topology, region, r);
		break;
	case DESK_REFUSED:
	case DESK_UNKNOWN:
		r->result = WISH_WRONG;
		wish_say(r, "nothing to restore: %s is neither evacuated nor waiting, %s", region,
		    a->text);
		break;
	case DESK_LATE:
		be_late(r);
		break;
	}
	finish(m, r);
}

static void
restore_waiting(struct wish_store *s, const struct wish *w, wish_reply_fn *done, void *arg)
{
	struct making *m = mem_new(sizeof *m);
	struct desk_question q = { .kind = DESK_WAITS, .wish = *w };

	*m = (struct making){ .store = s, .wish = *w, .done = done, .arg = arg };
	desk_ask(s->desk, &q, on_waits, m);
}

/* It was in force until now. */
static void
end_wish(struct wish_store *s, const struct wish *w, struct wish_reply *r)
{
	char text[2 * WISH_NAME + 8];

	wish_subject(w, text, sizeof text);
	r->result = WISH_DONE;
	note_change(s, w->kind);
	log_info("%s %s is ended by %s%s%s", wish_word(w->kind), text, w->owner,
	    w->reason[0] != '\0' ? ": " : "", w->reason);
	tell(s, FACT_WISH_ENDED, SIGNAL_PERSON, w, "");
	publish(s, w->kind == WISH_EVACUATE ? w->region : NULL);
	if (w->kind == WISH_FREEZE)
		wish_say_unfrozen(&s->wishes, w, r);
	else if (w->kind == WISH_PIN)
		wish_say(r, "%s is automatic again", text);
	else
		wish_say(r, "%s takes traffic again, by its ramp", text);
	if (w->kind == WISH_EVACUATE)
		wish_say_held(&s->wishes, s->topology, w->region, r);
	if (s->unsaved)
		wish_say(r, "\n");
	say_unsaved(s, "a restart would bring it back", r);
}

void
wish_store_end(struct wish_store *s, const struct wish *w, wish_reply_fn *done, void *arg)
{
	char text[2 * WISH_NAME + 8];
	struct wish_reply *r = mem_new(sizeof *r);
	bool sound = is_readable(w, r) && is_known(s, w, r);
	bool ends = sound && wishes_drop(&s->wishes, w->kind, w->service, w->region);

	if (sound && !ends && w->kind == WISH_EVACUATE) {
		mem_free(r);
		restore_waiting(s, w, done, arg);
		return;
	}
	r->result = WISH_WRONG;
	if (ends)
		end_wish(s, w, r);
	else if (sound)
		wish_say(r, "there is no %s of %s to be ended", wish_word(w->kind),
		    wish_subject(w, text, sizeof text));
	done(arg, r);
	mem_free(r);
}

const struct wishes *
wish_store_list(const struct wish_store *s)
{
	return &s->wishes;
}

json_t *
wish_store_json(const struct wish_store *s)
{
	return wish_file_json(&s->wishes);
}
