/* SPDX-License-Identifier: Apache-2.0 */
#include "control/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/phrase.h"
#include "conf/known.h"
#include "steer/explain.h"
#include "steer/together.h"
#include "steer/whatif.h"

/* A demand of nothing would mean "assume a full day" to whatif_lose(): here it means what it says.
 */
#define NO_DEMAND 0.001
/* Shares below this are rounding. */
#define NOTHING 0.0005

#define say(answer, ...) phrase_add((answer)->text, sizeof((answer)->text), __VA_ARGS__)

enum { SENTENCE_BYTES = 1024 };

static const struct steer *
find_service(const struct desk_world *w, const char *name)
{
	for (unsigned i = 0; i < w->service_count; i++) {
		if (strcmp(steer_plan_of(w->services[i])->service, name) == 0)
			return w->services[i];
	}
	return NULL;
}

static int
find_region(const struct steer *s, const char *name)
{
	const struct steer_plan *plan = steer_plan_of(s);

	for (unsigned i = 0; i < plan->region_count; i++) {
		if (strcmp(plan->regions[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

void
judge_explain(const struct desk_world *w, const struct wishes *wishes, const char *service,
    struct desk_answer *a)
{
	const struct steer *s = find_service(w, service);
	char sentence[SENTENCE_BYTES];

	if (s == NULL) {
		struct known known = { .nearest.word = service };

		for (unsigned i = 0; i < w->service_count; i++)
			known_offer(&known, steer_plan_of(w->services[i])->service);
		a->verdict = DESK_UNKNOWN;
		say(a, "there is no service '%s'", service);
		known_say(&known, a->text, sizeof a->text);
		return;
	}
	a->verdict = DESK_YES;
	explain_service(s, wishes, w->now_ms, sentence, sizeof sentence);
	say(a, "%s\n", sentence);
	for (unsigned i = 0; i < steer_plan_of(s)->region_count; i++) {
		explain_region(s, i, wishes, w->now_ms, sentence, sizeof sentence);
		say(a, "%s\n", sentence);
	}
}

void
judge_waits(const struct desk_world *w, const char *name, struct desk_answer *a)
{
	unsigned told = 0; /* states, by bit */

	a->verdict = DESK_REFUSED;
	for (unsigned i = 0; i < w->service_count; i++) {
		int region = find_region(w->services[i], name);
		struct steer_region_out out;

		if (region < 0)
			continue;
		steer_region(w->services[i], (unsigned)region, &out);
		if (out.region.state == REGION_HOLD)
			a->verdict = DESK_YES;
		if ((told & 1u << out.region.state) == 0)
			say(a, "%s%s", told != 0 ? ", " : "its state is ",
			    region_state_name(out.region.state));
		told |= 1u << out.region.state;
	}
	if (told == 0)
		say(a, "no service uses it");
}

/* ---- how things would stand ---- */

/* Every region of any service, by name. */
struct standing {
	const char **names;
	bool *before; /* serving */
	bool *after;
	unsigned count;
	double shed; /* the worst-off service's, after */
	bool last;   /* it is the last fit region of some service */
	bool nobody; /* it is the last region at all that serves some service, fit or not */
};

static bool
state_serves(enum region_state state)
{
	switch (state) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_GREY:
	case REGION_RAMP:
		return true;
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_EVACUATED:
		return false;
	}
	abort();
}

static unsigned
index_of(struct standing *st, const char *name)
{
	unsigned i;

	for (i = 0; i < st->count; i++) {
		if (strcmp(st->names[i], name) == 0)
			return i;
	}
	st->names[i] = name;
	st->before[i] = true;
	st->count++;
	return i;
}

/* A region serves when it does for all that use it: who counts on it counts on the whole. */
static void
look_at(struct standing *st, const struct steer *s, const struct wishes *wishes)
{
	const struct steer_plan *plan = steer_plan_of(s);
	struct steer_region_out out;

	for (unsigned i = 0; i < plan->region_count; i++) {
		const char *name = plan->regions[i].name;
		unsigned at = index_of(st, name);

		steer_region(s, i, &out);
		if (!state_serves(out.region.state) || wishes_evacuation(wishes, name) != NULL)
			st->before[at] = false;
	}
}

static void
stand(struct standing *st, const struct desk_world *w, const struct wishes *wishes)
{
	unsigned room = 0;

	for (unsigned i = 0; i < w->service_count; i++)
		room += steer_plan_of(w->services[i])->region_count;
	*st = (struct standing){ .names = mem_array(room, sizeof st->names[0]),
		.before = mem_array(room, sizeof st->before[0]),
		.after = mem_array(room, sizeof st->after[0]) };
	for (unsigned i = 0; i < w->service_count; i++)
		look_at(st, w->services[i], wishes);
	memcpy(st->after, st->before, room * sizeof st->after[0]);
}

static void
stand_free(struct standing *st)
{
	mem_free(st->names);
	mem_free(st->before);
	mem_free(st->after);
}

static double
demand_of(const struct steer *s)
{
	double demand = steer_demand(s);

	return demand > NO_DEMAND ? demand : NO_DEMAND;
}

static void
say_shed(struct desk_answer *a, double shed)
{
	if (shed > NOTHING)
		say(a, "; %.1f %% would be shed\n", shed * 100);
	else
		say(a, "; nothing would be shed\n");
}

/*
 * Without the region: where each service that uses it would go at once, beside the others that do.
 * What will be once ramps and waits are over is a matter of `check --lose`.
 */
static void
lose(struct standing *st, const struct steer *s, unsigned region,
    const struct together_parts *parts, struct desk_answer *a)
{
	const struct steer_plan *plan = steer_plan_of(s);
	const char *comma = "";
	struct whatif w;

	whatif_lose_now(s, (int)region, demand_of(s), parts, &w);
	st->after[index_of(st, plan->regions[region].name)] = false;
	if (w.shed > st->shed)
		st->shed = w.shed;
	if (w.mode != SHARE_NORMAL && w.mode != SHARE_UNPROVEN) {
		st->last = true;
		st->nobody =
		    st->nobody || (w.mode == SHARE_NOTHING && steer_mode(s) == SHARE_FAIL_OPEN);
		say(a, "%s: no region that can serve would be left\n", plan->service);
		return;
	}
	say(a, "%s: ", plan->service);
	for (unsigned i = 0; i < plan->region_count; i++) {
		if (w.before[i] < NOTHING && w.after[i] < NOTHING)
			continue;
		say(a, "%s%s %.1f %% -> %.1f %%", comma, plan->regions[i].name, w.before[i] * 100,
		    w.after[i] * 100);
		comma = ", ";
	}
	say_shed(a, w.shed);
}

/* It is not there, but shares capacity with those who would come: only what it feels is told. */
static void
feel(struct standing *st, const struct steer *s, const struct together_parts *parts,
    struct desk_answer *a)
{
	struct whatif w, before;

	if (parts->after == NULL)
		return;
	whatif_lose_now(s, -1, demand_of(s), parts, &w);
	whatif_lose_now(
	    s, -1, demand_of(s), &(struct together_parts){ parts->now, parts->now }, &before);
	if (w.shed <= before.shed + NOTHING)
		return;
	if (w.shed > st->shed)
		st->shed = w.shed;
	say(a, "%s, which shares capacity with others", steer_plan_of(s)->service);
	say_shed(a, w.shed);
}

/* Of its capacity, what the service may count on there; 0: none is stated. */
static double
room_in(const struct steer *s, unsigned region)
{
	struct steer_region_out out;

	steer_region(s, region, &out);
	return out.limit;
}

/* What a stated capacity leaves over of a rate, as a part of the whole demand. */
static double
excess(double rate, double capacity, double demand)
{
	return capacity > 0 && rate > capacity ? (rate - capacity) / demand : 0;
}

/* No share makes a region serve that is out. */
static void
say_no_effect(
    const struct steer *s, unsigned region, const struct wishes *wishes, struct desk_answer *a)
{
	const char *name = steer_plan_of(s)->regions[region].name;
	struct steer_region_out out;

	steer_region(s, region, &out);
	if (wishes_evacuation(wishes, name) != NULL)
		say(a,
		    "but %s is evacuated: it gets nothing, and the pin takes effect when it is "
		    "restored\n",
		    name);
	else if (out.region.state == REGION_DOWN)
		say(a,
		    "but %s is down: it gets nothing, and the pin takes effect when it is back\n",
		    name);
}

static void
pin(struct standing *st, const struct steer *s, unsigned region, double share,
    struct desk_answer *a)
{
	const struct steer_plan *plan = steer_plan_of(s);
	const char *name = plan->regions[region].name;
	double demand = demand_of(s), others = 0;
	bool stated = true;

	for (unsigned i = 0; i < plan->region_count; i++) {
		if (i == region || !st->before[index_of(st, plan->regions[i].name)])
			continue;
		stated = stated && room_in(s, i) > 0;
		others += room_in(s, i);
	}
	st->shed = excess(share * demand, room_in(s, region), demand);
	if (stated)
		st->shed += excess((1 - share) * demand, others, demand);
	say(a, "%s: %s pinned to %.1f %%", plan->service, name, share * 100);
	say_shed(a, st->shed);
}

/* An evacuation takes it from all services, a pin from its own only: NULL, as things are. */
static struct together *
all_without(const struct desk_world *w, const struct wish *wish)
{
	struct together *t;

	if (wish->kind != WISH_EVACUATE)
		return NULL;
	t = together_new(w->services, w->service_count);
	for (unsigned i = 0; i < w->service_count; i++)
		together_set_demand(t, i, steer_demand(w->services[i]));
	together_lose(t, wish->region, false);
	return t;
}

/* False: nothing of that name is there. */
static bool
apply(struct standing *st, const struct desk_world *w, const struct wishes *wishes,
    const struct wish *wish, struct desk_answer *a)
{
	struct together *together = all_without(w, wish);
	bool found = false;

	for (unsigned i = 0; i < w->service_count; i++) {
		const struct steer *s = w->services[i];
		struct together_parts parts = { NULL, NULL };
		int region = find_region(s, wish->region);

		/* who is asked for nothing lacks nothing */
		if (together != NULL && steer_demand(s) > NO_DEMAND)
			parts = together_parts_of(together, i);
		if (region < 0)
			feel(st, s, &parts, a);
		if (region < 0)
			continue;
		if (wish->kind == WISH_PIN && strcmp(steer_plan_of(s)->service, wish->service) != 0)
			continue;
		found = true;
		if (wish->kind == WISH_PIN && wish->share > NOTHING)
			pin(st, s, (unsigned)region, wish->share, a);
		else
			lose(st, s, (unsigned)region, &parts, a);
		if (wish->kind == WISH_PIN)
			say_no_effect(s, (unsigned)region, wishes, a);
	}
	together_free(together);
	return found;
}

/* list: names with commas between them. */
static bool
is_in(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		if (strcspn(list, ",") == len && strncmp(list, name, len) == 0)
			return true;
		list += strcspn(list, ",");
		if (*list++ == '\0')
			return false;
	}
}

/* As one service sees it: a region that it does not have is none to fall back on. */
static bool
breaks_for(
    struct standing *st, const struct steer *s, const struct safety_rule *rule, uint64_t since_ms)
{
	const struct steer_plan *plan = steer_plan_of(s);
	const char *names[SHARE_MAX_REGIONS];
	bool serving[SHARE_MAX_REGIONS];
	const struct safety_after after = { .regions = names,
		.serving = serving,
		.region_count = plan->region_count,
		.shed = st->shed,
		.since_last_change_ms = since_ms };

	for (unsigned i = 0; i < plan->region_count; i++) {
		names[i] = plan->regions[i].name;
		serving[i] = st->after[index_of(st, names[i])];
	}
	return safety_broken(rule, 1, &after, NULL) != NULL;
}

/* at_least is of each service that has the region; the others are of all regions. */
static bool
breaks(struct standing *st, const struct desk_world *w, const struct desk_question *q,
    const struct safety_rule *rule)
{
	const struct safety_after after = { .regions = st->names,
		.serving = st->after,
		.region_count = st->count,
		.shed = st->shed,
		.since_last_change_ms = q->since_last_change_ms };

	if (rule->kind != SAFETY_AT_LEAST)
		return safety_broken(rule, 1, &after, NULL) != NULL;
	for (unsigned i = 0; i < w->service_count; i++) {
		if (find_region(w->services[i], q->wish.region) >= 0 &&
		    breaks_for(st, w->services[i], rule, q->since_last_change_ms))
			return true;
	}
	return false;
}

/* Rules about who serves are touched only by what takes somebody out. */
static bool
is_touched(const struct standing *st, const struct safety_rule *rule)
{
	bool serving = rule->kind == SAFETY_AT_LEAST || rule->kind == SAFETY_NEVER_TOGETHER;

	return !serving || memcmp(st->before, st->after, st->count * sizeof st->after[0]) != 0;
}

static const char last_region[] = "last_region";

/* Names must be whole, for they are typed again: what does not fit is told next time. */
static void
note_broken(struct desk_answer *a, const char *name, const char *asks)
{
	size_t names = strlen(a->rule), text = strlen(a->asks);

	if (names + strlen(name) + 2 > sizeof a->rule ||
	    text + strlen(name) + strlen(asks) + 6 > sizeof a->asks)
		return;
	snprintf(a->rule + names, sizeof a->rule - names, "%s%s", names > 0 ? "," : "", name);
	snprintf(
	    a->asks + text, sizeof a->asks - text, "%s%s (%s)", text > 0 ? ", " : "", name, asks);
}

/*
 * The rules of the configuration, and one of our own: the last fit region of a service stays, for
 * without it nothing can be served. All that are broken are told at once. overridden: those not to
 * be asked.
 */
static bool
find_broken(struct standing *st, const struct desk_world *w, const struct desk_question *q,
    const char *overridden, struct desk_answer *a)
{
	const struct steer_policy *policy = &steer_plan_of(w->services[0])->policy;
	char asks[WISH_TEXT];
	bool found = false;

	a->rule[0] = a->asks[0] = '\0';
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct safety_rule *rule = &policy->rules[i];

		if (is_in(overridden, rule->name) || !is_touched(st, rule) ||
		    !breaks(st, w, q, rule))
			continue;
		safety_describe(rule, asks, sizeof asks);
		note_broken(a, rule->name, asks);
		found = true;
	}
	if (st->last && !is_in(overridden, last_region)) {
		note_broken(a, last_region, "each service keeps a region that can serve it");
		found = true;
	}
	return found;
}

static void
obey(struct standing *st, const struct desk_world *w, const struct desk_question *q,
    struct desk_answer *a)
{
	a->shed = st->shed;
	if (find_broken(st, w, q, q->overridden, a)) {
		a->verdict = DESK_REFUSED;
		return;
	}
	a->verdict = DESK_YES;
	find_broken(st, w, q, "", a);
}

static bool
is_rule(const struct steer_policy *policy, const char *name, size_t len)
{
	if (len == strlen(last_region) && memcmp(name, last_region, len) == 0)
		return true;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		if (len == strlen(policy->rules[i].name) &&
		    memcmp(name, policy->rules[i].name, len) == 0)
			return true;
	}
	return false;
}

/* A rule that is not there would be overridden in vain: whoever says so has another one in mind. */
static bool
knows_rules(const struct desk_world *w, const char *list, struct desk_answer *a)
{
	const struct steer_policy *policy = &steer_plan_of(w->services[0])->policy;

	for (size_t len; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (is_rule(policy, list, len))
			continue;
		say(a, "there is no safety rule '%.*s'; there are ", (int)len, list);
		for (unsigned i = 0; i < policy->rule_count; i++)
			say(a, "%s, ", policy->rules[i].name);
		say(a, "%s", last_region);
		return false;
	}
	return true;
}

/*
 * The region it is about does not serve: it can be put aside without any rule being touched. But a
 * service that fails open is served by what is down, and perhaps well.
 */
static bool
takes_nothing(const struct standing *st, const struct wish *wish)
{
	if (st->nobody)
		return false;
	for (unsigned i = 0; i < st->count; i++) {
		if (strcmp(st->names[i], wish->region) == 0)
			return wish->kind == WISH_EVACUATE && !st->before[i];
	}
	return false;
}

void
judge_wish(const struct desk_world *w, const struct wishes *wishes, const struct desk_question *q,
    struct desk_answer *a)
{
	struct standing st;

	a->verdict = DESK_YES;
	if (q->wish.kind == WISH_FREEZE)
		return;
	if (!knows_rules(w, q->overridden, a)) {
		a->verdict = DESK_UNKNOWN;
		return;
	}
	stand(&st, w, wishes);
	if (!apply(&st, w, wishes, &q->wish, a)) {
		a->verdict = DESK_UNKNOWN;
		say(a, "no service is served there\n");
	} else if (takes_nothing(&st, &q->wish)) {
		a->verdict = DESK_YES;
	} else {
		obey(&st, w, q, a);
	}
	stand_free(&st);
}
