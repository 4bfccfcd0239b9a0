/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plan.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/topology.h"
#include "control/region_use.h"
#include "steer/table.h"

enum { MIN_TRIES = 20 }; /* fewer tell no share of failures */

/* Of a service's traffic, per second: fixed. */
#define MOVE_PER_S 0.10
#define SHED_LEAVE_PER_S 0.10

struct rules {
	struct safety_rule *list;
	unsigned count;
	const char **names; /* of all sets, one after the other */
};

struct plan {
	struct steer_plan steer;
	struct steer_region_plan *regions;
	uint32_t *ids; /* of all regions, one after the other */
};

static const char *const *
put_names(const char ***room, const struct conf_safety_region *set, unsigned count)
{
	const char **names = *room;

	for (unsigned i = 0; i < count; i++)
		names[i] = set[i].region->name;
	*room += count;
	return count > 0 ? names : NULL;
}

static struct safety_rule
rule_from(const struct conf_safety *conf, const char ***room)
{
	struct safety_rule rule = { .name = conf->name };

	if (conf->at_least > 0) {
		rule.kind = SAFETY_AT_LEAST;
		rule.number = conf->at_least;
		rule.regions = put_names(room, conf->regions, conf->region_count);
		rule.region_count = conf->region_count;
	} else if (conf->never_together_count > 0) {
		rule.kind = SAFETY_NEVER_TOGETHER;
		rule.regions = put_names(room, conf->never_together, conf->never_together_count);
		rule.region_count = conf->never_together_count;
	} else if (conf->capacity) {
		rule.kind = SAFETY_CAPACITY;
	} else {
		rule.kind = SAFETY_WAIT;
		rule.number = conf->wait_ms;
	}
	return rule;
}

struct rules *
rules_new(const struct topology *t)
{
	struct rules *r = mem_new(sizeof *r);
	unsigned names = 0;
	const char **room;

	for (unsigned i = 0; i < t->safety_count; i++)
		names += t->safety[i].region_count + t->safety[i].never_together_count;
	r->list = mem_array(t->safety_count, sizeof r->list[0]);
	r->names = mem_array(names, sizeof r->names[0]);
	room = r->names;
	for (unsigned i = 0; i < t->safety_count; i++)
		r->list[r->count++] = rule_from(&t->safety[i], &room);
	return r;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	mem_free(r->names);
	mem_free(r->list);
	mem_free(r);
}

const struct safety_rule *
rules_list(const struct rules *r, unsigned *count)
{
	*count = r->count;
	return r->list;
}

static enum share_spill
spill_of(enum conf_spill spill)
{
	switch (spill) {
	case CONF_SPILL_GRADUAL:
		return SPILL_GRADUAL;
	case CONF_SPILL_ALL_DOWN:
		return SPILL_ALL_DOWN;
	}
	abort();
}

struct steer_policy
plan_policy(const struct conf_service *s, const struct rules *rules)
{
	const struct conf_failover *f = &s->failover;
	const struct conf_outlier *o = &s->outlier;

	return (struct steer_policy){
		.share = {
			.overprovisioning = f->overprovisioning,
			.panic_threshold = f->panic_threshold,
			.max_utilization = f->max_utilization,
			.standby_share = f->standby_share,
			.spill = spill_of(f->spill),
			.fail_open = f->all_down == ALL_DOWN_FAIL_OPEN,
		},
		.region = {
			.min_healthy = f->min_healthy,
			.hold_down_ms = f->hold_down_ms,
			.ramp_ms = f->ramp_ms,
			.sensor_share = f->sensor_share,
			.manual_failback = f->failback == FAILBACK_MANUAL,
		},
		.outlier = {
			.consecutive = o->consecutive,
			.failure_share = o->failure_share,
			.min_tries = MIN_TRIES,
			.base_ms = o->base_ms,
			.max_ms = o->max_ms,
			.max_ejected = o->max_ejected,
			.slow_start_ms = o->slow_start_ms,
		},
		.warm_up_ms = f->warm_up_ms,
		.move_per_s = MOVE_PER_S,
		.shed_leave_per_s = SHED_LEAVE_PER_S,
		.rules = rules->list,
		.rule_count = rules->count,
	};
}

static struct steer_region_plan
region_from(const struct table_region *r, bool checked, uint32_t *ids)
{
	const struct conf_service_region *conf = r->conf;

	for (unsigned i = 0; i < r->endpoint_count; i++)
		ids[i] = r->endpoints[i]->id;
	return (struct steer_region_plan){
		.name = r->name,
		.provider = conf->region->provider,
		.tier = conf->tier,
		.weight = conf->weight,
		.capacity = conf->capacity > 0 ? conf->capacity : conf->region->capacity,
		.shared = region_is_shared(r),
		.endpoint_count = r->endpoint_count,
		.ids = ids,
		.weights = r->weights,
		.checked = checked,
	};
}

struct plan *
plan_new(const struct table_service *s, const struct rules *rules)
{
	struct plan *p = mem_new(sizeof *p);
	bool checked = s->conf->check.type != CHECK_NONE;
	unsigned endpoints = 0;
	uint32_t *ids;

	assert(s->region_count <= SHARE_MAX_REGIONS);
	for (unsigned i = 0; i < s->region_count; i++)
		endpoints += s->regions[i].endpoint_count;
	p->regions = mem_array(s->region_count, sizeof p->regions[0]);
	p->ids = mem_array(endpoints, sizeof p->ids[0]);
	ids = p->ids;
	for (unsigned i = 0; i < s->region_count; i++) {
		p->regions[i] = region_from(&s->regions[i], checked, ids);
		ids += s->regions[i].endpoint_count;
	}
	p->steer = (struct steer_plan){
		.service = s->conf->name,
		.policy = plan_policy(s->conf, rules),
		.regions = p->regions,
		.region_count = s->region_count,
	};
	return p;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	mem_free(p->ids);
	mem_free(p->regions);
	mem_free(p);
}

const struct steer_plan *
plan_steer(const struct plan *p)
{
	return &p->steer;
}
