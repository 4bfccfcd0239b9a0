/* SPDX-License-Identifier: Apache-2.0 */
#include "control/director.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/watchdog.h"
#include "conf/topology.h"
#include "control/act.h"
#include "control/desk.h"
#include "control/fact_log.h"
#include "control/journal.h"
#include "control/meter.h"
#include "control/plan.h"
#include "control/region_use.h"
#include "control/state.h"
#include "proxy/worker.h"
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

/* Of a region: requests that were shed having asked there. */
struct region_shed {
	struct rate_meter by_rate_meter, in_flight_meter;
	double by_rate, in_flight;
};

struct directed_service {
	const struct table_service *table;
	struct plan *plan;
	struct steer *steer;
	struct region_meter *regions; /* by region of the table */
	struct region_shed *sheds;    /* likewise */
	struct rate_meter demand_meter, shed_meter, memory_meter, refused_meter;
	double demand, shed, for_memory, refused;
	uint64_t second_ms; /* when the last full second was closed */
	uint64_t restored;  /* bit i: region i is to be given back with the next decision */
	bool due;           /* in director.due */
	bool whole;         /* nothing has been written for this table yet */
};

struct director {
	struct director_setup setup;
	struct touched_reader *touched;
	const struct table *table;
	struct rules *rules;
	struct directed_service *services; /* by index in the table */
	unsigned service_count;
	struct steer **steers; /* of the services, for the desk */
	unsigned *due;         /* services of which something urgent was told, by index */
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

struct director *
director_new(const struct director_setup *setup)
{
	static const struct wishes nothing;
	struct director *d = mem_new(sizeof *d);

	d->setup = *setup;
	d->wishes = &nothing;
	d->uses = region_uses_new();
	if (setup->touched != NULL)
		d->touched = touched_reader_new(setup->touched, setup->worker_count);
	return d;
}

static void
free_services(struct directed_service *services, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		steer_free(services[i].steer);
		plan_free(services[i].plan);
		mem_free(services[i].regions);
		mem_free(services[i].sheds);
	}
	mem_free(services);
}

void
director_free(struct director *d)
{
	if (d == NULL)
		return;
	free_services(d->services, d->service_count);
	rules_free(d->rules);
	touched_reader_free(d->touched);
	mem_free(d->steers);
	mem_free(d->due);
	mem_free(d->places);
	mem_free(d->used);
	region_uses_free(d->uses);
	mem_free(d);
}

/* ---- telling ---- */

static const struct endpoint *
endpoint_of(const struct director *d, uint32_t id)
{
	return id < d->place_count ? d->places[id].endpoint : NULL;
}

static void
tell(struct director *d, const struct fact *f)
{
	const struct endpoint *e = endpoint_of(d, f->endpoint_id);

	fact_log_write(&d->log, f, e);
	if (d->setup.journal != NULL)
		journal_put(d->setup.journal, f, e, d->wishes);
	if (f->kind == FACT_ENDPOINT_EJECTED && e != NULL)
		d->setup.lost(d->setup.arg, e);
}

/* ---- adopting a table ---- */

/* What there is now, by service_steering.number; to be freed. */
static struct directed_service **
services_by_number(const struct director *d, unsigned *count)
{
	struct directed_service **list;

	*count = 0;
	for (unsigned i = 0; i < d->service_count; i++) {
		unsigned number = d->services[i].table->steering->number;

		*count = number >= *count ? number + 1 : *count;
	}
	list = mem_array(*count, sizeof(struct directed_service *));
	for (unsigned i = 0; i < d->service_count; i++)
		list[d->services[i].table->steering->number] = &d->services[i];
	return list;
}

/* What was read of a region goes with its steering, and what is still to be told. */
static void
take_meters(struct directed_service *s, const struct directed_service *before)
{
	s->demand_meter = before->demand_meter;
	s->shed_meter = before->shed_meter;
	s->memory_meter = before->memory_meter;
	s->refused_meter = before->refused_meter;
	s->demand = before->demand;
	s->second_ms = before->second_ms;
	for (unsigned i = 0; i < s->table->region_count; i++) {
		for (unsigned j = 0; j < before->table->region_count; j++) {
			if (before->table->regions[j].steering != s->table->regions[i].steering)
				continue;
			s->regions[i] = before->regions[j];
			s->sheds[i] = before->sheds[j];
			s->restored |= (before->restored >> j & 1) << i;
		}
	}
}

static void
resume_service(struct directed_service *s, const struct state *state, uint64_t now_ms)
{
	uint64_t passed_ms = state_age_ms(state);

	for (unsigned i = 0; i < state->region_count; i++) {
		if (strcmp(state->regions[i].service, s->table->conf->name) == 0)
			steer_restore_region(s->steer, &state->regions[i].saved, passed_ms, now_ms);
	}
}

static void
adopt_service(struct director *d, struct directed_service *s, const struct table_service *table,
    const struct directed_service *before, uint64_t now_ms)
{
	s->table = table;
	s->plan = plan_new(table, d->rules);
	s->steer = steer_new(plan_steer(s->plan), before != NULL ? before->steer : NULL, now_ms);
	s->regions = mem_array(table->region_count, sizeof s->regions[0]);
	s->sheds = mem_array(table->region_count, sizeof s->sheds[0]);
	s->whole = true;
	if (before != NULL)
		take_meters(s, before);
	else if (d->resumed != NULL)
		resume_service(s, d->resumed, now_ms);
}

static void
mark(struct director *d, unsigned service)
{
	if (d->services[service].due)
		return;
	d->services[service].due = true;
	d->due[d->due_count++] = service;
}

static struct place *
place_for(struct director *d, uint32_t id)
{
	unsigned size = d->place_count > 0 ? d->place_count : 64;

	if (id < d->place_count)
		return &d->places[id];
	while (size <= id)
		size *= 2;
	d->places = mem_resize(d->places, size * sizeof d->places[0]);
	memset(d->places + d->place_count, 0, (size - d->place_count) * sizeof d->places[0]);
	d->used = mem_resize(d->used, size * sizeof d->used[0]);
	d->place_count = size;
	return &d->places[id];
}

static void
adopt_endpoint(
    struct director *d, const struct endpoint *e, unsigned service, unsigned region, unsigned index)
{
	struct place *p = place_for(d, e->id);

	if (p->endpoint != e)
		endpoint_meter_begin(&p->meter, e);
	p->endpoint = e;
	p->service = service;
	p->region = region;
	p->index = index;
}

/* What the new table does not name any more loses its place: its id may come again as another. */
static void
forget_places(struct director *d)
{
	for (unsigned i = 0; i < d->place_count; i++) {
		struct place *p = &d->places[i];
		const struct table_region *r;

		if (p->endpoint == NULL)
			continue;
		if (p->service < d->table->service_count &&
		    p->region < d->table->services[p->service].region_count) {
			r = &d->table->services[p->service].regions[p->region];
			if (p->index < r->endpoint_count && r->endpoints[p->index] == p->endpoint)
				continue;
		}
		p->endpoint = NULL;
	}
}

static void
adopt_places(struct director *d)
{
	for (unsigned s = 0; s < d->table->service_count; s++) {
		const struct table_service *service = &d->table->services[s];

		for (unsigned r = 0; r < service->region_count; r++) {
			const struct table_region *region = &service->regions[r];

			for (unsigned i = 0; i < region->endpoint_count; i++)
				adopt_endpoint(d, region->endpoints[i], s, r, i);
		}
	}
	forget_places(d);
}

void
director_adopt(struct director *d, const struct table *table)
{
	struct directed_service *services = mem_array(table->service_count, sizeof *services);
	struct rules *rules = d->rules;
	uint64_t now_ms = clock_now_ms();
	unsigned known;
	struct directed_service **before = services_by_number(d, &known);

	d->rules = rules_new(table->topology);
	for (unsigned i = 0; i < table->service_count; i++) {
		const struct table_service *service = &table->services[i];
		unsigned number = service->steering->number;

		adopt_service(
		    d, &services[i], service, number < known ? before[number] : NULL, now_ms);
		watchdog_work();
	}
	mem_free(before);
	free_services(d->services, d->service_count);
	rules_free(rules);
	d->services = services;
	d->service_count = table->service_count;
	d->table = table;
	d->steers = mem_resize(d->steers, (table->service_count + 1) * sizeof d->steers[0]);
	d->due = mem_resize(d->due, (table->service_count + 1) * sizeof d->due[0]);
	d->due_count = 0;
	region_uses_adopt(d->uses, table);
	for (unsigned i = 0; i < d->service_count; i++) {
		d->steers[i] = services[i].steer;
		region_uses_add(
		    d->uses, &table->services[i], services[i].steer, services[i].demand);
		mark(d, i);
	}
	d->resumed = NULL;
	adopt_places(d);
}

/* ---- what happens, as it happens ---- */

static void
want(struct director *d, unsigned service)
{
	mark(d, service);
	d->setup.wanted(d->setup.arg);
}

void
director_probe(struct director *d, const struct endpoint *e, const struct check_track *track)
{
	const struct place *p;
	const struct directed_service *s;

	if (endpoint_of(d, e->id) != e)
		return;
	p = &d->places[e->id];
	s = &d->services[p->service];
	steer_probe(s->steer, p->region, p->index, track->state, track->reason, track->detail,
	    clock_now_ms());
	/* what hangs behind a tcp service is connected to all the same: that is no answer */
	if (track->state == ENDPOINT_DOWN && !track->certain &&
	    s->table->conf->protocol == SERVICE_HTTP)
		steer_probe_uncertain(s->steer, p->region, p->index, track->failing_since_ms);
	want(d, p->service);
}

void
director_urgent(struct director *d, const struct urgent *u)
{
	const struct directed_service *s;
	struct place *p;
	struct endpoint_meter now;
	struct steer_answered answered;
	struct steer_report report;

	if (endpoint_of(d, u->endpoint_id) == NULL || fault_origin(u->fault) != FAULT_LOCAL)
		return;
	p = &d->places[u->endpoint_id];
	s = &d->services[p->service];
	endpoint_meter_begin(&now, p->endpoint);
	report = (struct steer_report){ p->region, p->index, u->fault,
		endpoint_meter_news(&p->meter, &now, u->fault, u->count), u->nobody_there,
		u->aged };
	if (report.count == 0 && !report.nobody_there)
		return;
	answered.region = region_meter_answered(s->table->regions[p->region].steering);
	answered.endpoint = now.answered;
	if (steer_urgent(s->steer, &report, &answered, clock_now_ms()))
		want(d, p->service);
}

/* A region is told once to be given back: each service keeps that for its next decision. */
static void
note_restored(struct director *d, const char *region)
{
	for (unsigned i = 0; i < d->service_count; i++) {
		struct directed_service *s = &d->services[i];

		for (unsigned r = 0; r < s->table->region_count; r++) {
			if (strcmp(s->table->regions[r].name, region) == 0)
				s->restored |= 1ull << r;
		}
	}
}

static void
take_wishes(struct director *d)
{
	const char *restored;

	if (d->setup.desk == NULL)
		return;
	d->wishes = desk_wishes(d->setup.desk);
	while ((restored = desk_restored(d->setup.desk)) != NULL)
		note_restored(d, restored);
}

void
director_serve(struct director *d)
{
	struct desk_world world = { d->steers, d->service_count, clock_now_ms() };

	desk_serve(d->setup.desk, &world);
	take_wishes(d);
	for (unsigned i = 0; i < d->service_count; i++)
		want(d, i);
}

/* ---- observing ---- */

/* There is room: an id is told once, and those without a place are not taken. */
static void
take_id(void *arg, uint32_t id)
{
	struct director *d = arg;

	if (endpoint_of(d, id) != NULL)
		d->used[d->used_count++] = id;
}

/*
 * Reading ten thousand endpoints is waiting for memory, three times each: so what comes next is
 * fetched while this one is worked on.
 */
static void
see_endpoints(struct director *d, uint64_t now_ms)
{
	enum { AHEAD = 8 };

	d->used_count = 0;
	touched_collect(d->touched, take_id, d);
	for (unsigned i = 0; i < d->used_count; i++) {
		struct place *p = &d->places[d->used[i]];
		struct evidence delta;

		if (i + 2 * AHEAD < d->used_count)
			endpoint_meter_fetch(d->places[d->used[i + 2 * AHEAD]].endpoint);
		if (i + AHEAD < d->used_count)
			endpoint_meter_fetch_shards(d->places[d->used[i + AHEAD]].endpoint);
		if (endpoint_meter_read(&p->meter, p->endpoint, &delta))
			steer_see(
			    d->services[p->service].steer, p->region, p->index, &delta, now_ms);
	}
}

/* What was shed, and where: only a region that has a limit turns anybody away. */
static void
measure_sheds(struct directed_service *s, uint64_t now_us)
{
	const struct service_steering *steering = s->table->steering;

	s->shed = rate_meter_read(&s->shed_meter, service_meter_shed(steering), now_us);
	s->for_memory =
	    rate_meter_read(&s->memory_meter, service_meter_shed_for_memory(steering), now_us);
	s->refused = rate_meter_read(&s->refused_meter, service_meter_refused(steering), now_us);
	for (unsigned i = 0; i < s->table->region_count; i++) {
		const struct table_region *r = &s->table->regions[i];
		struct region_shed *shed = &s->sheds[i];

		if (r->conf->capacity == 0 && !region_is_shared(r)) {
			*shed = (struct region_shed){ 0 }; /* before a reload it may have had one */
			continue;
		}
		shed->by_rate = rate_meter_read(
		    &shed->by_rate_meter, region_meter_shed_by_rate(r->steering), now_us);
		shed->in_flight = rate_meter_read(
		    &shed->in_flight_meter, region_meter_shed_in_flight(r->steering), now_us);
	}
}

/* Demand of all services, and who uses the regions that several of them share. */
static void
measure(struct director *d, uint64_t now_us)
{
	region_uses_begin(d->uses, d->table);
	for (unsigned i = 0; i < d->service_count; i++) {
		struct directed_service *s = &d->services[i];

		s->demand = rate_meter_read(
		    &s->demand_meter, service_meter_requests(s->table->steering), now_us);
		measure_sheds(s, now_us);
		region_uses_add(d->uses, s->table, s->steer, s->demand);
	}
}

/* ---- deciding ---- */

static void
tell_all(struct director *d)
{
	for (unsigned i = 0; i < d->facts.count; i++)
		tell(d, &d->facts.list[i]);
	d->log.held_back += d->facts.lost;
}

static bool
is_full_second(struct directed_service *s, uint64_t now_ms)
{
	if (now_ms - s->second_ms < SECOND_MS)
		return false;
	s->second_ms = now_ms;
	return true;
}

static void
decide(struct director *d, struct directed_service *s, uint64_t now_ms)
{
	struct steer_region_seen regions[SHARE_MAX_REGIONS];
	struct steer_seen seen = {
		.demand = s->demand,
		.shed = rate_meter_news(&s->shed_meter),
		.shed_for_memory = s->for_memory,
		.shed_rate = s->shed,
		.refused_rate = s->refused,
		.regions = regions,
		.wishes = d->wishes,
		.without = region_uses_without(d->uses, (unsigned)(s - d->services)),
		.wall_ms = (uint64_t)((int64_t)now_ms + d->wishes->wall_ahead_ms),
		.second = is_full_second(s, now_ms),
	};
	bool changed;

	for (unsigned i = 0; i < s->table->region_count; i++) {
		const struct steering *steering = s->table->regions[i].steering;

		regions[i].completions = region_meter_completions(&s->regions[i], steering);
		regions[i].in_flight = region_meter_in_flight(steering);
		regions[i].first_byte =
		    seen.second ? region_meter_second(&s->regions[i], steering) : NULL;
		regions[i].shed_by_rate = s->sheds[i].by_rate;
		regions[i].shed_in_flight = s->sheds[i].in_flight;
		regions[i].restored = (s->restored >> i & 1) != 0;
		regions[i].capacity_share =
		    region_uses_part(d->uses, &s->table->regions[i], s->steer, s->demand);
	}
	d->facts.count = d->facts.lost = 0;
	changed = steer_tick(s->steer, &seen, now_ms, &d->facts);
	if (changed || s->whole || seen.second)
		act_service(s->table, s->steer, d->setup.stats, s->whole);
	s->restored = 0;
	s->due = s->whole = false;
	tell_all(d);
}

void
director_settle(struct director *d)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < d->due_count; i++) {
		struct directed_service *s = &d->services[d->due[i]];

		watchdog_work(); /* after an adoption all of them are due */
		if (s->due)
			decide(d, s, now_ms);
	}
	d->due_count = 0;
}

void
director_tick(struct director *d)
{
	uint64_t now_us = clock_now_us();

	fact_log_tick(&d->log, now_us / 1000);
	if (d->table == NULL)
		return;
	/* Before counters are read: they hold answers too, and do not say which of them came
	 * before. */
	director_settle(d);
	take_wishes(d);
	if (d->touched != NULL)
		see_endpoints(d, now_us / 1000);
	measure(d, now_us);
	for (unsigned i = 0; i < d->service_count; i++)
		decide(d, &d->services[i], now_us / 1000);
	region_uses_limit(d->uses);
}

/* ---- over a restart ---- */

void
director_save(const struct director *d, struct state *state)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < d->service_count; i++) {
		const struct directed_service *s = &d->services[i];

		for (unsigned r = 0; r < s->table->region_count; r++)
			steer_save_region(
			    s->steer, r, now_ms, state_add_region(state, s->table->conf->name));
	}
}

void
director_resume(struct director *d, const struct state *state)
{
	d->resumed = state;
}
