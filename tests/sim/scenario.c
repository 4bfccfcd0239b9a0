/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *word;
	enum trouble_scope scope;
	unsigned odds;
} kinds[] = {
#define TROUBLE(name, word, scope, odds, text) [TROUBLE_##name] = { word, scope, odds },
#include "trouble.def"
#undef TROUBLE
};

const char *
trouble_word(enum trouble_kind k)
{
	return kinds[k].word;
}

enum trouble_scope
trouble_scope(enum trouble_kind k)
{
	return kinds[k].scope;
}

unsigned
trouble_odds(enum trouble_kind k)
{
	return kinds[k].odds;
}

static void
write_trouble(const struct trouble *t, FILE *f)
{
	fprintf(f, "%s at=%" PRIu32 " for=%" PRIu32 " period=%" PRIu32, trouble_word(t->kind),
	    t->at_ms, t->for_ms, t->period_ms);
	fprintf(f, " region=%u first=%u count=%u amount=%.17g\n", t->region, t->first, t->count,
	    t->amount);
}

void
scenario_write(const struct scenario *s, FILE *f)
{
	fprintf(f, "world seed=%" PRIu64 " run=%" PRIu32 " endpoints=%u demand=%.17g wave=%.17g",
	    s->seed, s->run_ms, s->endpoint_count, s->demand, s->wave);
	fprintf(f, " safe=%.17g again=%.17g standby=%.17g open=%d all_down=%d\n", s->safe, s->again,
	    s->standby_share, s->fail_open, s->spill_all_down);
	for (unsigned i = 0; i < s->region_count; i++) {
		const struct scenario_region *r = &s->region[i];

		fprintf(f, "region tier=%u weight=%u capacity=%.17g real=%.17g latency=%u\n",
		    r->tier, r->weight, r->capacity, r->real, r->latency_us);
	}
	for (unsigned i = 0; i < s->trouble_count; i++)
		write_trouble(&s->trouble[i], f);
}

static bool
read_world(struct scenario *s, const char *line)
{
	int open, all_down;
	int n = sscanf(line,
	    "world seed=%" SCNu64 " run=%" SCNu32 " endpoints=%u demand=%lf wave=%lf safe=%lf"
	    " again=%lf standby=%lf open=%d all_down=%d",
	    &s->seed, &s->run_ms, &s->endpoint_count, &s->demand, &s->wave, &s->safe, &s->again,
	    &s->standby_share, &open, &all_down);

	if (n != 10 || s->endpoint_count == 0 || s->endpoint_count > SIM_ENDPOINTS)
		return false;
	s->fail_open = open != 0;
	s->spill_all_down = all_down != 0;
	return true;
}

static bool
read_region(struct scenario *s, const char *line)
{
	struct scenario_region *r;

	if (s->region_count == SIM_REGIONS)
		return false;
	r = &s->region[s->region_count++];
	return sscanf(line, "region tier=%u weight=%u capacity=%lf real=%lf latency=%u", &r->tier,
		   &r->weight, &r->capacity, &r->real, &r->latency_us) == 5;
}

static bool
read_trouble(struct scenario *s, const char *line)
{
	struct trouble *t;
	char word[32];

	if (s->trouble_count == SIM_TROUBLES)
		return false;
	t = &s->trouble[s->trouble_count++];
	if (sscanf(line,
		"%31s at=%" SCNu32 " for=%" SCNu32 " period=%" SCNu32
		" region=%u first=%u count=%u amount=%lf",
		word, &t->at_ms, &t->for_ms, &t->period_ms, &t->region, &t->first, &t->count,
		&t->amount) != 8)
		return false;
	for (unsigned k = 0; k < TROUBLE_KINDS; k++) {
		if (strcmp(word, kinds[k].word) != 0)
			continue;
		t->kind = (enum trouble_kind)k;
		return t->region <= SIM_REGIONS && t->first + t->count <= SIM_ENDPOINTS;
	}
	return false;
}

bool
scenario_read(struct scenario *s, FILE *f, const char *name)
{
	char line[400];
	unsigned number = 0;

	memset(s, 0, sizeof *s);
	while (fgets(line, sizeof line, f) != NULL) {
		bool good;

		number++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (strncmp(line, "world ", 6) == 0)
			good = read_world(s, line);
		else if (strncmp(line, "region ", 7) == 0)
			good = read_region(s, line);
		else
			good = read_trouble(s, line);
		if (!good) {
			fprintf(stderr, "%s:%u: not a line of a scenario: %s", name, number, line);
			return false;
		}
	}
	if (s->region_count == 0 || s->run_ms == 0) {
		fprintf(stderr, "%s: a scenario has a world and at least one region\n", name);
		return false;
	}
	return true;
}
