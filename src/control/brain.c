/* SPDX-License-Identifier: Apache-2.0 */
#include "control/brain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "control/act.h"
#include "control/desk.h"
#include "control/fact_log.h"
#include "control/journal.h"
#include "control/meter.h"
#include "control/plan.h"
#include "control/region_use.h"
#include "control/state.h"
#include "steer/check.h"
#include "steer/steer.h"
#include "steer/table.h"
#include "steer/touched.h"

enum { SECOND_MS = 1000 };

/* Where an endpoint stands in the table, and what was read of it. */
struct place {
	const struct endpoint *endpoint; /* NULL: in no table */
	unsigned service, region, index;
	struct endpoint_meter meter;
};

struct service_brain {
	const struct table_service *table;
	struct plan *plan;
	struct steer *steer;
	struct region_meter *regions; /* by region of the table */
	struct demand_meter demand_meter;
	double demand;
	uint64_t second_ms; /* when the last full second was closed */
	uint64_t restored; /* bit i: region i is to be given back with the next decision */
	bool due; /* in brain.due */
	bool whole; /* nothing has been written for this table yet */
};

struct brain {
	struct brain_setup setup;
	struct touched_reader *touched;
	const struct table *table;
	struct rules *rules;
	struct service_brain *services; /* by index in the table */
	unsigned service_count;
	struct steer **steers; /* of the services, for the desk */
	unsigned *due; /* services of which something urgent was told, by index */
	unsigned due_count;
	struct place *places; /* by endpoint id */
	unsigned place_count;
	uint32_t *used; /* ids of the tick under way; as roomy as places */
	unsigned used_count;
	struct region_uses *uses;
	const struct wishes *wishes; /* the desk's; never NULL */
	const struct state *resumed; /* borrowed until the first adoption is over */
	struct fact_log log;
	struct facts facts; /* of the tick under way */
};

struct brain *
brain_new(const struct brain_setup *setup)
{
	static const struct wishes nothing;
	struct brain *b = mem_new(sizeof *b);

	b->setup = *setup;
	b->wishes = &nothing;
	b->uses = region_uses_new();
	if (setup->touched != NULL)
		b->touched = touched_reader_new(setup->touched, setup->worker_count);
	return b;
}

static void
free_services(struct service_brain *services, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		steer_free(services[i].steer);
		plan_free(services[i].plan);
		mem_free(services[i].regions);
	}
	mem_free(services);
}

void
brain_free(struct brain *b)
{
	if (b == NULL)
		return;
	free_services(b->services, b->service_count);
	rules_free(b->rules);
	touched_reader_free(b->touched);
	mem_free(b->steers);
	mem_free(b->due);
	mem_free(b->places);
	mem_free(b->used);
	region_uses_free(b->uses);
	mem_free(b);
}

/* ---- telling ---- */

static const struct endpoint *
endpoint_of(const struct brain *b, uint32_t id)
{
	return id < b->place_count ? b->places[id].endpoint : NULL;
}

static void
tell(struct brain *b, const struct fact *f)
{
	const struct endpoint *e = endpoint_of(b, f->endpoint_id);

	fact_log_write(&b->log, f, e);
	if (b->setup.journal != NULL)
		journal_put(b->setup.journal, f, e != NULL ? e->url : NULL, b->wishes);
	if (f->kind == FACT_ENDPOINT_EJECTED && e != NULL)
		b->setup.lost(b->setup.arg, e);
}

/* ---- adopting a table ---- */

/* What there is now, by service_steering.number; to be freed. */
static struct service_brain **
services_by_number(const struct brain *b, unsigned *count)
{
	struct service_brain **list;

	*count = 0;
	for (unsigned i = 0; i < b->service_count; i++) {
		unsigned number = b->services[i].table->steering->number;

		*count = number >= *count ? number + 1 : *count;
	}
	list = mem_array(*count, sizeof(struct service_brain *));
	for (unsigned i = 0; i < b->service_count; i++)
		list[b->services[i].table->steering->number] = &b->services[i];
	return list;
}

/* What was read of a region goes with its steering, and what is still to be told. */
static void
take_meters(struct service_brain *s, const struct service_brain *before)
{
	s->demand_meter = before->demand_meter;
	s->demand = before->demand;
	s->second_ms = before->second_ms;
	for (unsigned i = 0; i < s->table->region_count; i++) {
		for (unsigned j = 0; j < before->table->region_count; j++) {
			if (before->table->regions[j].steering != s->table->regions[i].steering)
				continue;
			s->regions[i] = before->regions[j];
			s->restored |= (before->restored >> j & 1) << i;
		}
	}
}

static void
resume_service(struct service_brain *s, const struct state *state, uint64_t now_ms)
{
	uint64_t passed_ms = state_age_ms(state);

	for (unsigned i = 0; i < state->region_count; i++) {
		if (strcmp(state->regions[i].service, s->table->conf->name) == 0)
			steer_restore_region(
			    s->steer, &state->regions[i].saved, passed_ms, now_ms);
	}
}

static void
adopt_service(struct brain *b, struct service_brain *s, const struct table_service *table,
    const struct service_brain *before, uint64_t now_ms)
{
	s->table = table;
	s->plan = plan_new(table, b->rules);
	s->steer =
	    steer_new(plan_steer(s->plan), before != NULL ? before->steer : NULL, now_ms);
	s->regions = mem_array(table->region_count, sizeof s->regions[0]);
	s->whole = true;
	if (before != NULL)
		take_meters(s, before);
	else if (b->resumed != NULL)
		resume_service(s, b->resumed, now_ms);
}

static void
mark(struct brain *b, unsigned service)
{
	if (b->services[service].due)
		return;
	b->services[service].due = true;
	b->due[b->due_count++] = service;
}

static struct place *
place_for(struct brain *b, uint32_t id)
{
	unsigned size = b->place_count > 0 ? b->place_count : 64;

	if (id < b->place_count)
		return &b->places[id];
	while (size <= id)
		size *= 2;
	b->places = mem_resize(b->places, size * sizeof b->places[0]);
	memset(b->places + b->place_count, 0, (size - b->place_count) * sizeof b->places[0]);
	b->used = mem_resize(b->used, size * sizeof b->used[0]);
	b->place_count = size;
	return &b->places[id];
}

static void
adopt_endpoint(struct brain *b, const struct endpoint *e, unsigned service, unsigned region,
    unsigned index)
{
	struct place *p = place_for(b, e->id);

	if (p->endpoint != e)
		endpoint_meter_begin(&p->meter, e);
	p->endpoint = e;
	p->service = service;
	p->region = region;
	p->index = index;
}

/* What the new table does not name any more loses its place: its id may come again as another. */
static void
forget_places(struct brain *b)
{
	for (unsigned i = 0; i < b->place_count; i++) {
		struct place *p = &b->places[i];
		const struct table_region *r;

		if (p->endpoint == NULL)
			continue;
		if (p->service < b->table->service_count &&
		    p->region < b->table->services[p->service].region_count) {
			r = &b->table->services[p->service].regions[p->region];
			if (p->index < r->endpoint_count && r->endpoints[p->index] == p->endpoint)
				continue;
		}
		p->endpoint = NULL;
	}
}

static void
adopt_places(struct brain *b)
{
	for (unsigned s = 0; s < b->table->service_count; s++) {
		const struct table_service *service = &b->table->services[s];

		for (unsigned r = 0; r < service->region_count; r++) {
			const struct table_region *region = &service->regions[r];

			for (unsigned i = 0; i < region->endpoint_count; i++)
				adopt_endpoint(b, region->endpoints[i], s, r, i);
		}
	}
	forget_places(b);
}

void
brain_adopt(struct brain *b, const struct table *table)
{
	struct service_brain *services = mem_array(table->service_count, sizeof *services);
	struct rules *rules = b->rules;
	uint64_t now_ms = clock_now_ms();
	unsigned known;
	struct service_brain **before = services_by_number(b, &known);

	b->rules = rules_new(table->topology);
	for (unsigned i = 0; i < table->service_count; i++) {
		const struct table_service *service = &table->services[i];
		unsigned number = service->steering->number;

		adopt_service(
		    b, &services[i], service, number < known ? before[number] : NULL, now_ms);
	}
	mem_free(before);
	free_services(b->services, b->service_count);
	rules_free(rules);
	b->services = services;
	b->service_count = table->service_count;
	b->table = table;
	b->steers = mem_resize(b->steers, (table->service_count + 1) * sizeof b->steers[0]);
	b->due = mem_resize(b->due, (table->service_count + 1) * sizeof b->due[0]);
	b->due_count = 0;
	region_uses_begin(b->uses, table);
	for (unsigned i = 0; i < b->service_count; i++) {
		b->steers[i] = b->services[i].steer;
		mark(b, i);
	}
	b->resumed = NULL;
	adopt_places(b);
}

/* ---- what happens, as it happens ---- */

static void
want(struct brain *b, unsigned service)
{
	mark(b, service);
	b->setup.wanted(b->setup.arg);
}

void
brain_probe(struct brain *b, const struct endpoint *e, const struct check_track *track)
{
	const struct place *p;

	if (endpoint_of(b, e->id) != e)
		return;
	p = &b->places[e->id];
	steer_probe(b->services[p->service].steer, p->region, p->index, track->state, track->reason,
	    track->detail, clock_now_ms());
	want(b, p->service);
}

void
brain_urgent(struct brain *b, uint32_t endpoint_id, enum fault why)
{
	const struct place *p;

	if (endpoint_of(b, endpoint_id) == NULL || fault_origin(why) != FAULT_LOCAL)
		return;
	p = &b->places[endpoint_id];
	if (steer_urgent(
		b->services[p->service].steer, p->region, p->index, why, clock_now_ms()))
		want(b, p->service);
}

/* A region is told once to be given back: each service keeps that for its next decision. */
static void
note_restored(struct brain *b, const char *region)
{
	for (unsigned i = 0; i < b->service_count; i++) {
		struct service_brain *s = &b->services[i];

		for (unsigned r = 0; r < s->table->region_count; r++) {
			if (strcmp(s->table->regions[r].name, region) == 0)
				s->restored |= 1ull << r;
		}
	}
}

static void
take_wishes(struct brain *b)
{
	const char *restored;

	if (b->setup.desk == NULL)
		return;
	b->wishes = desk_wishes(b->setup.desk);
	while ((restored = desk_restored(b->setup.desk)) != NULL)
		note_restored(b, restored);
}

void
brain_serve(struct brain *b)
{
	struct desk_world world = { b->steers, b->service_count, clock_now_ms() };

	desk_serve(b->setup.desk, &world);
	take_wishes(b);
	for (unsigned i = 0; i < b->service_count; i++)
		want(b, i);
}

/* ---- observing ---- */

/* There is room: an id is told once, and those without a place are not taken. */
static void
take_id(void *arg, uint32_t id)
{
	struct brain *b = arg;

	if (endpoint_of(b, id) != NULL)
		b->used[b->used_count++] = id;
}

/*
 * Reading ten thousand endpoints is waiting for memory, three times each: so what comes next is
 * fetched while this one is worked on.
 */
static void
see_endpoints(struct brain *b, uint64_t now_ms)
{
	enum { AHEAD = 8 };

	b->used_count = 0;
	touched_collect(b->touched, take_id, b);
	for (unsigned i = 0; i < b->used_count; i++) {
		struct place *p = &b->places[b->used[i]];
		struct evidence delta;

		if (i + 2 * AHEAD < b->used_count)
			endpoint_meter_fetch(b->places[b->used[i + 2 * AHEAD]].endpoint);
		if (i + AHEAD < b->used_count)
			endpoint_meter_fetch_shards(b->places[b->used[i + AHEAD]].endpoint);
		if (endpoint_meter_read(&p->meter, p->endpoint, &delta))
			steer_see(b->services[p->service].steer, p->region, p->index, &delta,
			    now_ms);
	}
}

/* Demand of all services, and who uses the regions that several of them share. */
static void
measure(struct brain *b, uint64_t now_us)
{
	region_uses_begin(b->uses, b->table);
	for (unsigned i = 0; i < b->service_count; i++) {
		struct service_brain *s = &b->services[i];

		s->demand = demand_meter_read(&s->demand_meter, s->table->steering, now_us);
		region_uses_add(b->uses, s->table, s->steer, s->demand);
	}
}

/* ---- deciding ---- */

static void
tell_all(struct brain *b)
{
	for (unsigned i = 0; i < b->facts.count; i++)
		tell(b, &b->facts.list[i]);
	b->log.held_back += b->facts.lost;
}

static bool
is_full_second(struct service_brain *s, uint64_t now_ms)
{
	if (now_ms - s->second_ms < SECOND_MS)
		return false;
	s->second_ms = now_ms;
	return true;
}

static void
decide(struct brain *b, struct service_brain *s, uint64_t now_ms)
{
	struct steer_region_seen regions[SHARE_MAX_REGIONS];
	struct steer_seen seen = {
		.demand = s->demand,
		.regions = regions,
		.wishes = b->wishes,
		.wall_ms = clock_wall_us() / 1000,
		.second = is_full_second(s, now_ms),
	};
	bool changed;

	for (unsigned i = 0; i < s->table->region_count; i++) {
		const struct steering *steering = s->table->regions[i].steering;

		regions[i].completions = region_meter_completions(&s->regions[i], steering);
		regions[i].in_flight = region_meter_in_flight(steering);
		regions[i].first_byte =
		    seen.second ? region_meter_second(&s->regions[i], steering) : NULL;
		regions[i].restored = (s->restored >> i & 1) != 0;
		regions[i].capacity_share =
		    region_uses_part(b->uses, &s->table->regions[i], s->steer, s->demand);
	}
	b->facts.count = b->facts.lost = 0;
	changed = steer_tick(s->steer, &seen, now_ms, &b->facts);
	if (changed || s->whole || seen.second)
		act_service(s->table, s->steer, b->setup.stats, s->whole);
	s->restored = 0;
	s->due = s->whole = false;
	tell_all(b);
}

void
brain_settle(struct brain *b)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < b->due_count; i++) {
		struct service_brain *s = &b->services[b->due[i]];

		if (s->due)
			decide(b, s, now_ms);
	}
	b->due_count = 0;
}

void
brain_tick(struct brain *b)
{
	uint64_t now_us = clock_now_us();

	fact_log_tick(&b->log, now_us / 1000);
	if (b->table == NULL)
		return;
	take_wishes(b);
	if (b->touched != NULL)
		see_endpoints(b, now_us / 1000);
	measure(b, now_us);
	for (unsigned i = 0; i < b->service_count; i++)
		decide(b, &b->services[i], now_us / 1000);
	region_uses_limit(b->uses);
}

/* ---- over a restart ---- */

void
brain_save(const struct brain *b, struct state *state)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < b->service_count; i++) {
		const struct service_brain *s = &b->services[i];

		for (unsigned r = 0; r < s->table->region_count; r++)
			steer_save_region(s->steer, r, now_ms,
			    state_add_region(state, s->table->conf->name));
	}
}

void
brain_resume(struct brain *b, const struct state *state)
{
	b->resumed = state;
}
