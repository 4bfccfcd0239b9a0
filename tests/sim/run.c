/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { SHRINK_RUNS = 400 };

static void
print_second(const struct world *w, const struct judge *j)
{
	printf("%7.1f wanted %u ok %u shed %.3f mode %d%s |", w->t_ms / 1000.0, j->wanted_1s,
	    j->ok_1s, steer_shed(w->core), (int)steer_mode(w->core),
	    steer_self_suspect(w->core) ? " self-suspect" : "");
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		printf(" %s %.3f>%.3f h%.2f %u/s %uus w%u b%.0f u%u L%.0f F%.1f |",
		    region_state_name(r->out.region.state), r->out.share, r->out.target,
		    r->out.health, j->region[i].tries_1s, r->latency_us, r->waiting, r->backlog,
		    r->used_count, r->out.limit, r->out.limit_in_flight);
	}
	printf("\n");
}

static void
print_tick(const struct world *w, const struct judge *j)
{
	char line[400];

	for (unsigned i = 0; i < w->facts.count; i++) {
		(void)fact_format(&w->facts.list[i], NULL, line, sizeof line);
		printf("%7.1f %s [%s, %s, %u, %g %g %g]\n", w->t_ms / 1000.0, line,
		    fact_word(w->facts.list[i].kind), fact_signal_word(w->facts.list[i].signal),
		    w->facts.list[i].endpoint_id, w->facts.list[i].a, w->facts.list[i].b,
		    w->facts.list[i].c);
	}
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		if (w->began[i])
			printf("%7.1f >>> %s begins\n", w->t_ms / 1000.0,
			    trouble_word(w->is->trouble[i].kind));
		if (w->ended[i])
			printf("%7.1f <<< %s ends\n", w->t_ms / 1000.0,
			    trouble_word(w->is->trouble[i].kind));
	}
	if (w->t_ms % 1000 == 0 && w->running)
		print_second(w, j);
}

void
run_scenario(const struct scenario *s, bool trace, struct run_result *result)
{
	struct judge *j = mem_new(sizeof *j);
	struct world *w = world_new(s);
	bool good = true;

	judge_start(j, w);
	while (good && w->t_ms < s->run_ms) {
		world_step(w);
		good = judge_tick(j);
		if (trace)
			print_tick(w, j);
	}
	*result = (struct run_result){ .found = j->found,
		.requests = j->requests,
		.served = j->served,
		.failed = j->failed,
		.shed = j->shed,
		.played_ms = w->t_ms };
	world_free(w);
	mem_free(j);
}

/* ---- shrinking ---- */

struct shrink {
	struct scenario *best;
	const char *rule;
	unsigned runs;
};

/* Takes the attempt over if it fails by the same rule. */
static bool
still_fails(struct shrink *k, const struct scenario *attempt)
{
	struct run_result result;

	if (k->runs >= SHRINK_RUNS)
		return false;
	k->runs++;
	run_scenario(attempt, false, &result);
	if (result.found.rule == NULL || strcmp(result.found.rule, k->rule) != 0)
		return false;
	*k->best = *attempt;
	k->best->run_ms = result.found.t_ms;
	return true;
}

static bool
leave_out(struct shrink *k)
{
	bool any = false;

	for (unsigned i = k->best->trouble_count; i-- > 0;) {
		struct scenario attempt = *k->best;

		attempt.trouble_count--;
		memmove(&attempt.trouble[i], &attempt.trouble[i + 1],
		    (attempt.trouble_count - i) * sizeof attempt.trouble[0]);
		any |= still_fails(k, &attempt);
	}
	return any;
}

static bool
shorten(struct shrink *k)
{
	bool any = false;

	for (unsigned i = 0; i < k->best->trouble_count; i++) {
		struct scenario attempt = *k->best;

		attempt.trouble[i].for_ms = attempt.trouble[i].for_ms / 200 * 100;
		if (attempt.trouble[i].for_ms >= TICK_MS)
			any |= still_fails(k, &attempt);
		attempt = *k->best;
		attempt.trouble[i].period_ms = 0;
		if (k->best->trouble[i].period_ms > 0)
			any |= still_fails(k, &attempt);
		attempt = *k->best;
		attempt.trouble[i].first = attempt.trouble[i].count = 0;
		if (k->best->trouble[i].count > 0)
			any |= still_fails(k, &attempt);
	}
	return any;
}

static bool
simplify(struct shrink *k)
{
	bool any = false;

	if (k->best->region_count > 1) {
		struct scenario attempt = *k->best;

		attempt.region_count--;
		any |= still_fails(k, &attempt);
	}
	if (k->best->endpoint_count > 1) {
		struct scenario attempt = *k->best;

		attempt.endpoint_count = (attempt.endpoint_count + 1) / 2;
		any |= still_fails(k, &attempt);
	}
	if (k->best->wave > 0 || k->best->again > 0 || k->best->standby_share > 0) {
		struct scenario attempt = *k->best;

		attempt.wave = attempt.again = attempt.standby_share = 0;
		any |= still_fails(k, &attempt);
	}
	return any;
}

unsigned
run_shrink(struct scenario *s, const char *rule)
{
	struct shrink k = { .best = s, .rule = rule };
	bool any = true;

	while (any && k.runs < SHRINK_RUNS) {
		any = leave_out(&k);
		any |= shorten(&k);
		any |= simplify(&k);
	}
	return k.runs;
}
