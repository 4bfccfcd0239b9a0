/* SPDX-License-Identifier: Apache-2.0 */
#include "control/region_use.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "conf/topology.h"
#include "control/foresight.h"
#include "control/meter.h"
#include "steer/steer.h"
#include "steer/table.h"

struct region_use {
	struct admission *common;
	double use;                    /* requests per second that go there now */
	double demand;                 /* of all services that are there */
	double health;                 /* of the service that is best off there; 0..1 */
	double limit, limit_in_flight; /* sums of the services' own */
	unsigned under_way;
	unsigned services;
	bool untold; /* one of them has traffic there, and no limit in flight yet */
};

struct region_uses {
	const struct topology *topology;
	struct region_use *list; /* by index in the topology */
	unsigned room;
	struct foresight *foresight;
};

struct region_uses *
region_uses_new(void)
{
	struct region_uses *u = mem_new(sizeof *u);

	u->foresight = foresight_new();
	return u;
}

void
region_uses_free(struct region_uses *u)
{
	if (u == NULL)
		return;
	foresight_free(u->foresight);
	mem_free(u->list);
	mem_free(u);
}

bool
region_is_shared(const struct table_region *r)
{
	return r->conf->capacity == 0 && r->conf->region->capacity > 0;
}

void
region_uses_begin(struct region_uses *u, const struct table *table)
{
	unsigned count = table->topology->region_count;

	if (count > u->room) {
		u->list = mem_resize(u->list, count * sizeof u->list[0]);
		u->room = count;
	}
	u->topology = table->topology;
	if (count > 0)
		memset(u->list, 0, count * sizeof u->list[0]);
}

void
region_uses_adopt(struct region_uses *u, const struct table *table)
{
	foresight_adopt(u->foresight, table);
	region_uses_begin(u, table);
}

/* A region whose health is ignored, or that nobody can tell about, is taken at its word. */
static double
health_of(const struct steer_region_out *out)
{
	return out->blind > 0 || !(out->health > 0) ? 1 : out->health;
}

void
region_uses_add(
    struct region_uses *u, const struct table_service *service, struct steer *steer, double demand)
{
	foresight_add(u->foresight, steer, demand);
	for (unsigned i = 0; i < service->region_count; i++) {
		const struct table_region *r = &service->regions[i];
		struct region_use *use = &u->list[r->conf->region->index];
		struct steer_region_out out;

		if (!region_is_shared(r))
			continue;
		steer_region(steer, i, &out);
		use->common = r->steering->common;
		use->use += out.share * demand;
		use->demand += demand;
		use->health = fmax(use->health, health_of(&out));
		use->limit += out.limit;
		use->limit_in_flight += out.limit_in_flight;
		use->under_way += region_meter_in_flight(r->steering);
		use->untold |= out.limit_in_flight <= 0 && out.share * demand > 0;
		use->services++;
	}
}

double
region_uses_part(const struct region_uses *u, const struct table_region *r,
    const struct steer *steer, double demand)
{
	const struct region_use *use = &u->list[r->conf->region->index];
	double capacity = r->conf->region->capacity;
	struct steer_region_out out;
	double fair, left;

	if (!region_is_shared(r) || use->services < 2)
		return 1;
	steer_region(steer, r->index, &out);
	fair = use->demand > 0 ? demand / use->demand : 1.0 / use->services;
	left = 1 - (use->use - out.share * demand) / capacity;
	return fmax(fair, fmin(left, 1));
}

/*
 * In flight what the services may have by themselves, cut as their rates are: each of those is its
 * rate times its own latency, so the sum is right for the mix. Unknown until all who use the region
 * know their latency.
 */
static double
most_in_flight(const struct region_use *use, double limit)
{
	if (use->untold || use->limit <= 0)
		return 0;
	return ceil(use->limit_in_flight * fmin(1, limit / use->limit));
}

/*
 * The rate is the region's, less only what is down for all of them: where the endpoints of one
 * service are gone, its own cap says so, and the others may have what it leaves.
 */
void
region_uses_limit(const struct region_uses *u)
{
	for (unsigned i = 0; i < u->topology->region_count; i++) {
		const struct region_use *use = &u->list[i];
		double limit = u->topology->regions[i].capacity * use->health;

		if (use->services > 0)
			admission_set(
			    use->common, limit, most_in_flight(use, limit), use->under_way);
	}
	foresight_turn(u->foresight);
}

const double *
region_uses_without(const struct region_uses *u, unsigned service)
{
	return foresight_without(u->foresight, service);
}
