/* SPDX-License-Identifier: Apache-2.0 */
#include "control/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stat.h"
#include "conf/topology.h"
#include "control/controller.h"
#include "control/verdict_log.h"
#include "steer/share.h"
#include "steer/table.h"

struct service_shares {
	enum share_mode mode;
	bool touched;
	bool *regions; /* touched */
};

/* One service's worth of numbers, each array with room for the largest service. */
struct scratch {
	struct share_region *counts;
	struct steering **steerings;
	uint32_t *before;
	uint32_t *after;
	uint32_t *up;
};

struct shares {
	struct controller_stats *stats;
	struct verdict_log *log;
	const struct table *table;
	struct service_shares *services;
	unsigned service_count;
	unsigned *touched; /* indices of services, for settling costs nothing when little changed */
	unsigned touched_count;
	struct scratch scratch;
};

struct shares *
shares_new(struct controller_stats *stats, struct verdict_log *log)
{
	struct shares *s = mem_new(sizeof *s);

	s->stats = stats;
	s->log = log;
	return s;
}

static void
forget_table(struct shares *s)
{
	for (unsigned i = 0; i < s->service_count; i++)
		mem_free(s->services[i].regions);
	mem_free(s->services);
	mem_free(s->touched);
	mem_free(s->scratch.counts);
	mem_free(s->scratch.steerings);
	mem_free(s->scratch.before);
	mem_free(s->scratch.after);
	mem_free(s->scratch.up);
}

void
shares_free(struct shares *s)
{
	forget_table(s);
	mem_free(s);
}

static struct scratch
scratch_for(const struct table *t)
{
	unsigned most = 0;

	for (unsigned i = 0; i < t->service_count; i++) {
		if (t->services[i].region_count > most)
			most = t->services[i].region_count;
	}
	return (struct scratch){
		.counts = mem_array(most, sizeof(struct share_region)),
		.steerings = mem_array(most, sizeof(struct steering *)),
		.before = mem_array(most, sizeof(uint32_t)),
		.after = mem_array(most, sizeof(uint32_t)),
		.up = mem_array(most, sizeof(uint32_t)),
	};
}

/*
 * The mode a service was in is kept across tables of the same topology only, where the index
 * says which service is meant; otherwise a service that fails open says so once more.
 */
void
shares_adopt(struct shares *s, const struct table *t)
{
	bool same = s->table != NULL && s->table->topology == t->topology;
	struct service_shares *services = mem_array(t->service_count, sizeof *services);

	for (unsigned i = 0; i < t->service_count; i++) {
		services[i].mode = same ? s->services[i].mode : SHARE_NORMAL;
		services[i].regions = mem_array(t->services[i].region_count, sizeof(bool));
	}
	forget_table(s);
	s->table = t;
	s->services = services;
	s->service_count = t->service_count;
	s->touched = mem_array(t->service_count, sizeof(unsigned));
	s->touched_count = 0;
	s->scratch = scratch_for(t);
	for (unsigned i = 0; i < t->service_count; i++) {
		for (unsigned r = 0; r < t->services[i].region_count; r++)
			shares_touch(s, i, r);
	}
}

void
shares_touch(struct shares *s, unsigned service, unsigned region)
{
	struct service_shares *touched = &s->services[service];

	touched->regions[region] = true;
	if (touched->touched)
		return;
	touched->touched = true;
	s->touched[s->touched_count++] = service;
}

/* One endpoint that is up makes the region whole: where traffic goes does not follow health here. */
static struct share_region
count_region(const struct table_region *region, uint32_t *up)
{
	struct share_region n = {
		.tier = region->conf->tier,
		.weight = region->conf->weight,
		.total = region->endpoint_count,
		.factor = 1,
		.pinned = NAN,
		.warm = 1,
	};

	*up = 0;

	for (unsigned i = 0; i < region->endpoint_count; i++) {
		switch (endpoint_word_state(
		    atomic_load_explicit(&region->endpoints[i]->word, memory_order_relaxed))) {
		case ENDPOINT_UP:
			++*up;
			break;
		case ENDPOINT_UNKNOWN:
			n.unknown++;
			break;
		case ENDPOINT_DOWN:
		case ENDPOINT_DRAINING:
			break;
		}
	}
	n.healthy = *up > 0 ? n.total - n.unknown : 0;
	return n;
}

static void
announce_mode(const struct table_service *service, enum share_mode was, enum share_mode mode)
{
	const char *name = service->conf->name;

	if (mode == was)
		return;
	switch (mode) {
	case SHARE_FAIL_OPEN:
		log_warn(
		    "service %s fails open: no endpoint in any region is up, so the checks are "
		    "doubted and traffic goes by the configured weights",
		    name);
		return;
	case SHARE_FAIL_CLOSED:
	case SHARE_NOTHING:
		log_warn(
		    "service %s has no endpoint to send to: all its requests are refused", name);
		return;
	case SHARE_NORMAL:
	case SHARE_UNPROVEN:
		if (was != SHARE_NORMAL && was != SHARE_UNPROVEN)
			log_info("service %s has endpoints it can rely on again", name);
		return;
	}
	abort();
}

static void
settle_service(struct shares *s, unsigned index)
{
	static const struct share_policy policy = {
		.overprovisioning = 1.4,
		.max_utilization = 1,
		.spill = SPILL_ALL_DOWN,
		.fail_open = true,
	};
	const struct table_service *service = &s->table->services[index];
	struct service_shares *touched = &s->services[index];
	struct scratch *n = &s->scratch;
	struct share_plan plan;

	for (unsigned r = 0; r < service->region_count; r++) {
		const struct table_region *region = &service->regions[r];

		n->counts[r] = count_region(region, &n->up[r]);
		n->steerings[r] = region->steering;
		n->before[r] = atomic_load_explicit(&region->steering->share, memory_order_relaxed);
	}
	share_compute(n->counts, service->region_count, &policy, 0, &plan);
	share_words(plan.share, service->region_count, n->after);
	announce_mode(service, touched->mode, plan.mode);
	touched->mode = plan.mode;
	/*
	 * Who is usable before who gets how much: a region whose share grows must not look as if
	 * it were failing open.
	 */
	for (unsigned r = 0; r < service->region_count; r++) {
		if (touched->regions[r])
			steering_changed(n->steerings[r], n->up[r]);
		touched->regions[r] = false;
	}
	if (steering_set_shares(n->steerings, n->after, service->region_count)) {
		stat_add(&s->stats->share_changes, 1);
		verdict_log_shares(s->log, service,
		    &(struct share_change){ plan.mode, n->before, n->after, n->up }, clock_now_ms());
	}
	touched->touched = false;
}

void
shares_settle(struct shares *s)
{
	for (unsigned i = 0; i < s->touched_count; i++)
		settle_service(s, s->touched[i]);
	s->touched_count = 0;
}
