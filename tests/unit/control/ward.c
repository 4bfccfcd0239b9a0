/* SPDX-License-Identifier: Apache-2.0 */
#include "ward.h"

#include <check.h>

#include "conf/topology.h"
#include "proxy/worker.h"
#include "steer/check.h"
#include "steer/table.h"
#include "steer/touched.h"

static void
on_wanted(void *arg)
{
	struct ward *w = arg;

	w->wanted++;
}

static void
on_lost(void *arg, const struct endpoint *e)
{
	struct ward *w = arg;

	w->lost++;
}

static struct table_addresses
no_names(void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned e)
{
	return (struct table_addresses){ 0 };
}

void
ward_use(struct ward *w, struct topology *t)
{
	struct table *next =
	    table_build(t, w->table, w->endpoints, w->steerings, no_names, NULL, 1);

	t->services[0].outlier.base_ms = EJECT_MS;
	director_adopt(w->director, next);
	director_settle(w->director);
	if (w->table != NULL) {
		table_release(w->table);
		topology_unref(w->topology);
		endpoint_registry_sweep(w->endpoints);
	}
	w->table = next;
	w->topology = t;
}

void
ward_open_on(struct ward *w, struct topology *t, const struct state *resumed)
{
	*w = (struct ward){ .touched = { touched_new(), touched_new() } };
	w->director = director_new(&(struct director_setup){ .stats = &w->stats,
	    .touched = w->touched,
	    .worker_count = WORKERS,
	    .wanted = on_wanted,
	    .lost = on_lost,
	    .arg = w });
	w->endpoints = endpoint_registry_new(WORKERS);
	w->steerings = steering_registry_new(WORKERS);
	if (resumed != NULL)
		director_resume(w->director, resumed);
	ward_use(w, t);
}

void
ward_open(struct ward *w, const struct world *world)
{
	ward_open_on(w, world_topology(world), NULL);
}

void
ward_close(struct ward *w)
{
	const struct table_service *s = &w->table->services[0];

	director_free(w->director);
	for (unsigned r = 0; r < s->region_count; r++)
		for (unsigned i = 0; i < s->regions[r].endpoint_count; i++)
			for (unsigned n = 0; n < WORKERS; n++)
				if (atomic_load(&s->regions[r].endpoints[i]->shards[n]) != NULL)
					endpoint_shard_release(
					    endpoint_shard(s->regions[r].endpoints[i], n));
	table_release(w->table);
	topology_unref(w->topology);
	endpoint_registry_free(w->endpoints);
	steering_registry_free(w->steerings);
	for (unsigned n = 0; n < WORKERS; n++)
		touched_free(w->touched[n]);
}

struct endpoint *
ward_endpoint(const struct ward *w, unsigned region, unsigned n)
{
	return world_endpoint(w->table, region, n);
}

struct steering *
ward_steering(const struct ward *w, unsigned region)
{
	return w->table->services[0].regions[region].steering;
}

void
ward_tick(struct ward *w)
{
	for (int i = 0; i < TICK_MS; i++)
		world_pause();
	director_tick(w->director);
}

void
ward_serve(struct ward *w, unsigned region, unsigned n, unsigned worker, enum fault why)
{
	struct endpoint_shard *shard = endpoint_shard(ward_endpoint(w, region, n), worker);
	struct region_shard *r = steering_shard(ward_steering(w, region), worker);

	stat_add(&service_steering_shard(w->table->services[0].steering, worker)->requests, 1);
	stat_add(&shard->tries, 1);
	region_shard_begin(r);
	if (why == FAULT_NONE) {
		stat_add(&shard->answered, 1);
		region_shard_reached(r, 1000);
		region_shard_answered(r);
	} else {
		endpoint_shard_failed(shard, why);
		region_shard_failed(r);
	}
	touched_mark(w->touched[worker], ward_endpoint(w, region, n)->id);
}

void
ward_tell(struct ward *w, unsigned region, unsigned n, enum endpoint_state state)
{
	struct check_track track = { .state = state,
		.reason = state == ENDPOINT_UP ? REASON_CHECK_PASSED : REASON_CHECK_REFUSED,
		.detail = 3 };

	director_probe(w->director, ward_endpoint(w, region, n), &track);
}

void
ward_tell_all(struct ward *w, enum endpoint_state state)
{
	const struct table_service *s = &w->table->services[0];

	for (unsigned r = 0; r < s->region_count; r++)
		for (unsigned i = 0; i < s->regions[r].endpoint_count; i++)
			ward_tell(w, r, i, state);
	director_settle(w->director);
}

struct world
ward_two_by_two(const struct conf_health_check *check)
{
	struct world world = rig_two_regions(check, 1, 2);

	world.regions[0].ports[1] = 3;
	world.regions[1].ports[1] = 4;
	return world;
}
