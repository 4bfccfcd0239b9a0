/* SPDX-License-Identifier: Apache-2.0 */
#include "control/foresight.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "steer/steer.h"
#include "steer/table.h"
#include "steer/together.h"

/* Of a tick, in the mean: for a thousand services that share, one look takes longer. */
enum { MOST_US = 5000 };

struct foreseen {
	struct steer *steer;
	double demand;
	double *without; /* NULL: it shares none, or is not known yet */
	unsigned known;  /* losses that have been looked at */
};

struct foresight {
	const struct table *table;
	struct foreseen *list; /* by service */
	unsigned count;
	unsigned added;            /* in this tick */
	struct together *together; /* NULL until all services have been added once */
	bool any;
	unsigned rest; /* so many ticks are let pass now */
	unsigned turn; /* the region to be looked at, by index in the topology */
};

struct foresight *
foresight_new(void)
{
	return mem_new(sizeof(struct foresight));
}

static void
clear(struct foresight *f)
{
	for (unsigned i = 0; i < f->count; i++)
		mem_free(f->list[i].without);
	mem_free(f->list);
	together_free(f->together);
	*f = (struct foresight){ .table = NULL };
}

void
foresight_free(struct foresight *f)
{
	if (f == NULL)
		return;
	clear(f);
	mem_free(f);
}

void
foresight_adopt(struct foresight *f, const struct table *table)
{
	clear(f);
	f->table = table;
	f->count = table->service_count;
	f->list = mem_array(f->count, sizeof f->list[0]);
}

void
foresight_add(struct foresight *f, struct steer *steer, double demand)
{
	struct foreseen *s = &f->list[f->added++ % f->count];

	s->steer = steer;
	s->demand = demand;
}

static void
look_who_shares(struct foresight *f)
{
	struct steer **steers = mem_array(f->count, sizeof steers[0]);

	for (unsigned i = 0; i < f->count; i++)
		steers[i] = f->list[i].steer;
	f->together = together_new(steers, f->count);
	mem_free(steers);
	for (unsigned i = 0; i < f->count; i++) {
		unsigned regions = steer_plan_of(f->list[i].steer)->region_count;

		if (together_parts_of(f->together, i).after == NULL)
			continue;
		f->list[i].without = mem_array((size_t)regions * regions, sizeof(double));
		f->any = true;
	}
}

/* Where it does not matter: it has not that region. */
static void
take(struct foreseen *s, const char *lost, const double *parts)
{
	const struct steer_plan *plan = steer_plan_of(s->steer);

	for (unsigned i = 0; i < plan->region_count; i++) {
		if (strcmp(plan->regions[i].name, lost) != 0)
			continue;
		memcpy(s->without + (size_t)i * plan->region_count, parts,
		    plan->region_count * sizeof parts[0]);
		s->known++;
	}
}

void
foresight_turn(struct foresight *f)
{
	const struct topology *t;
	const char *lost;
	uint64_t began_us;

	if (f->table == NULL || f->added < f->count)
		return;
	f->added = 0;
	if (f->together == NULL)
		look_who_shares(f);
	if (!f->any || f->rest > 0) {
		f->rest -= f->rest > 0;
		return;
	}
	began_us = clock_now_us();
	t = f->table->topology;
	lost = t->regions[f->turn++ % t->region_count].name;
	for (unsigned i = 0; i < f->count; i++)
		together_set_demand(f->together, i, f->list[i].demand);
	together_look(f->together, lost, false);
	for (unsigned i = 0; i < f->count; i++) {
		if (f->list[i].without != NULL)
			take(&f->list[i], lost, together_parts_of(f->together, i).after);
	}
	f->rest = (unsigned)((clock_now_us() - began_us) / MOST_US);
}

const double *
foresight_without(const struct foresight *f, unsigned service)
{
	const struct foreseen *s = &f->list[service];

	if (f->together == NULL || s->known < steer_plan_of(s->steer)->region_count)
		return NULL;
	return s->without;
}
