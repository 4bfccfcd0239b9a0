/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/together.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "steer_private.h"

enum { ROUNDS = 32, ALONE = -1 };

static const double still = 1e-4; /* of a capacity: who moves less than that stands */

/* A region of a service. */
struct spot {
	int place;  /* by index, or ALONE */
	double use; /* requests per second that it has there */
};

/* A region whose capacity several services share. */
struct place {
	const char *name;
	double capacity;
	unsigned services;
	unsigned preferred; /* by so many of them: it is of their first tier */
	double demand, use; /* of all of them */
};

struct member {
	const struct steer *steer;
	struct spot *spots;
	double *now, *after; /* parts, by region */
	double demand;
	bool shares;
};

struct together {
	struct member *members;
	unsigned count;
	struct spot *spots;
	double *parts;
	struct place *places;
	unsigned place_count;
};

static int
find_region(const struct steer *s, const char *name)
{
	for (unsigned i = 0; name != NULL && i < s->plan->region_count; i++) {
		if (strcmp(s->plan->regions[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int
place_of(struct together *t, const struct steer_region_plan *r)
{
	unsigned i = 0;

	if (!r->shared)
		return ALONE;
	while (i < t->place_count && strcmp(t->places[i].name, r->name) != 0)
		i++;
	if (i == t->place_count)
		t->places[t->place_count++] =
		    (struct place){ .name = r->name, .capacity = r->capacity };
	t->places[i].services++;
	return (int)i;
}

/* A place with one service is that one's alone. */
static void
look_for_sharers(struct together *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct member *m = &t->members[i];

		for (unsigned r = 0; r < m->steer->plan->region_count; r++) {
			if (m->spots[r].place != ALONE && t->places[m->spots[r].place].services < 2)
				m->spots[r].place = ALONE;
			m->shares = m->shares || m->spots[r].place != ALONE;
		}
	}
}

static bool
is_preferred(const struct steer_plan *plan, unsigned region)
{
	for (unsigned i = 0; i < plan->region_count; i++) {
		if (plan->regions[i].tier < plan->regions[region].tier)
			return false;
	}
	return true;
}

struct together *
together_new(struct steer *const *services, unsigned count)
{
	struct together *t = mem_new(sizeof *t);
	unsigned regions = 0, at = 0;

	for (unsigned i = 0; i < count; i++)
		regions += services[i]->plan->region_count;
	t->count = count;
	t->members = mem_array(count, sizeof t->members[0]);
	t->spots = mem_array(regions, sizeof t->spots[0]);
	t->parts = mem_array(regions, 2 * sizeof t->parts[0]);
	t->places = mem_array(regions, sizeof t->places[0]);
	for (unsigned i = 0; i < count; i++) {
		const struct steer_plan *plan = services[i]->plan;

		t->members[i] = (struct member){ .steer = services[i],
			.spots = &t->spots[at],
			.now = &t->parts[at],
			.after = &t->parts[regions + at] };
		for (unsigned r = 0; r < plan->region_count; r++) {
			int place = place_of(t, &plan->regions[r]);

			t->spots[at + r].place = place;
			if (place != ALONE && is_preferred(plan, r))
				t->places[place].preferred++;
		}
		at += plan->region_count;
	}
	look_for_sharers(t);
	return t;
}

void
together_free(struct together *t)
{
	if (t == NULL)
		return;
	mem_free(t->members);
	mem_free(t->spots);
	mem_free(t->parts);
	mem_free(t->places);
	mem_free(t);
}

unsigned
together_sharers(const struct together *t, unsigned service, unsigned region)
{
	int place = t->members[service].spots[region].place;

	return place == ALONE || t->places[place].preferred == 0 ? 1 : t->places[place].preferred;
}

void
together_set_demand(struct together *t, unsigned service, double per_s)
{
	t->members[service].demand = per_s;
}

static double
part_of(const struct member *m, const struct spot *spot, const struct place *place)
{
	double fair = place->demand > 0 ? m->demand / place->demand : 1.0 / place->services;
	double left = 1 - (place->use - spot->use) / place->capacity;

	return fmax(fair, fmin(left, 1));
}

/* Looks at what the others leave and takes what it needs. Returns how far it has moved, in parts.
 */
static double
settle(struct together *t, struct member *m, const char *lost, bool settled, double *parts)
{
	struct share_plan plan;
	double moved = 0;

	for (unsigned r = 0; r < m->steer->plan->region_count; r++) {
		int place = m->spots[r].place;

		parts[r] = place == ALONE ? 1 : part_of(m, &m->spots[r], &t->places[place]);
	}
	steer_what_if(m->steer, find_region(m->steer, lost), m->demand, settled, parts, &plan);
	for (unsigned r = 0; r < m->steer->plan->region_count; r++) {
		struct spot *spot = &m->spots[r];
		double use = plan.share[r] * m->demand;
		struct place *place;

		if (spot->place == ALONE)
			continue;
		place = &t->places[spot->place];
		place->use += use - spot->use;
		moved = fmax(moved, fabs(use - spot->use) / place->capacity);
		spot->use = use;
	}
	return moved;
}

static void
begin(struct together *t)
{
	for (unsigned i = 0; i < t->place_count; i++)
		t->places[i].demand = t->places[i].use = 0;
	for (unsigned i = 0; i < t->count; i++) {
		struct member *m = &t->members[i];

		for (unsigned r = 0; m->shares && r < m->steer->plan->region_count; r++) {
			m->spots[r].use = 0;
			if (m->spots[r].place != ALONE)
				t->places[m->spots[r].place].demand += m->demand;
		}
	}
}

static void
settle_all(struct together *t, const char *lost, bool settled, bool after)
{
	double moved = 1;

	begin(t);
	for (unsigned round = 0; round < ROUNDS && moved > still; round++) {
		moved = 0;
		for (unsigned i = 0; i < t->count; i++) {
			struct member *m = &t->members[i];

			if (m->shares)
				moved = fmax(
				    moved, settle(t, m, lost, settled, after ? m->after : m->now));
		}
	}
}

void
together_look(struct together *t, const char *region, bool settled)
{
	settle_all(t, region, settled, true);
}

void
together_lose(struct together *t, const char *region, bool settled)
{
	settle_all(t, NULL, settled, false);
	together_look(t, region, settled);
}

struct together_parts
together_parts_of(const struct together *t, unsigned service)
{
	const struct member *m = &t->members[service];

	return m->shares ? (struct together_parts){ m->now, m->after }
			 : (struct together_parts){ NULL, NULL };
}
