/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/losses.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/demands.h"
#include "conf/topology.h"
#include "control/plan.h"
#include "steer/endpoint.h"
#include "steer/steer.h"
#include "steer/table.h"
#include "steer/together.h"
#include "steer/whatif.h"

/* Shares and sheds below this are rounding. */
#define NOTHING 0.0005

enum { TICK_MS = 100, SETTLE_TICKS = 100, NAME_WIDTH = 24 };

/* What losses of one service are measured by. */
struct measure {
	double demand; /* requests per second; 0: unknown */
	bool assumed;  /* not said by --demand */
	bool shared;   /* other services count on capacity of its first tier as well */
	double shed;   /* of it, while nothing is lost */
};

/* One service, and what becomes of it without each of its regions. */
struct member {
	struct plan *plan;
	struct steer *steer;
	struct measure measure;
	struct whatif **losses; /* by region of the topology; NULL: not asked for, or not felt */
};

/* A proxy that does not run: everything it is made of, all endpoints up. */
struct world {
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	struct table *table;
	struct rules *rules;
	struct member *members; /* by service */
	struct steer **steers;  /* theirs */
	struct together *together;
};

/* No name is asked for: each stands for one address. */
static struct table_addresses
one_address(
    void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned endpoint)
{
	static const struct sockaddr_storage address = { .ss_family = AF_INET };
	static const socklen_t len = sizeof(struct sockaddr_in);

	return (struct table_addresses){ .list = &address, .lens = &len, .count = 1 };
}

/* Long enough for everything to have been up and settled. */
static void
settle(struct steer *s)
{
	const struct steer_plan *plan = steer_plan_of(s);
	struct steer_region_seen *regions = mem_array(plan->region_count, sizeof regions[0]);
	struct wishes *wishes = mem_new(sizeof *wishes);
	struct facts *facts = mem_new(sizeof *facts);
	uint64_t now_ms = TICK_MS;

	for (unsigned r = 0; r < plan->region_count; r++) {
		regions[r].capacity_share = 1;
		for (unsigned e = 0; e < plan->regions[r].endpoint_count; e++)
			steer_probe(s, r, e, ENDPOINT_UP, REASON_CHECK_PASSED, 1, now_ms);
	}
	for (unsigned i = 0; i < SETTLE_TICKS; i++, now_ms += TICK_MS) {
		const struct steer_seen seen = { .regions = regions,
			.wishes = wishes,
			.wall_ms = now_ms,
			.second = i % (1000 / TICK_MS) == 0 };

		facts->count = 0;
		steer_tick(s, &seen, now_ms, facts);
	}
	mem_free(facts);
	mem_free(wishes);
	mem_free(regions);
}

static void
member_open(struct world *w, unsigned service)
{
	struct member *m = &w->members[service];

	m->plan = plan_new(&w->table->services[service], w->rules);
	m->steer = w->steers[service] = steer_new(plan_steer(m->plan), NULL, 0);
	m->losses = mem_array(w->table->topology->region_count, sizeof m->losses[0]);
	settle(m->steer);
}

static void
world_open(struct world *w, struct topology *t)
{
	w->endpoints = endpoint_registry_new(1);
	w->steerings = steering_registry_new(1);
	w->table = table_build(t, NULL, w->endpoints, w->steerings, one_address, NULL, 1);
	w->rules = rules_new(t);
	w->members = mem_array(w->table->service_count, sizeof w->members[0]);
	w->steers = mem_array(w->table->service_count, sizeof w->steers[0]);
	for (unsigned i = 0; i < w->table->service_count; i++)
		member_open(w, i);
	w->together = together_new(w->steers, w->table->service_count);
}

static void
member_close(const struct world *w, struct member *m)
{
	for (unsigned i = 0; i < w->table->topology->region_count; i++)
		mem_free(m->losses[i]);
	mem_free(m->losses);
	steer_free(m->steer);
	plan_free(m->plan);
}

static void
world_close(struct world *w)
{
	together_free(w->together);
	for (unsigned i = 0; i < w->table->service_count; i++)
		member_close(w, &w->members[i]);
	mem_free(w->members);
	mem_free(w->steers);
	rules_free(w->rules);
	table_release(w->table);
	endpoint_registry_sweep(w->endpoints);
	endpoint_registry_free(w->endpoints);
	steering_registry_free(w->steerings);
}

/*
 * What the preferred tier takes at max_utilization, of capacity that it shares its part: a full
 * day. 0: unknown.
 */
static double
assumed_demand(const struct world *w, unsigned service, bool *shared)
{
	const struct steer_plan *plan = steer_plan_of(w->steers[service]);
	uint32_t lowest = UINT32_MAX;
	double capacity = 0;

	for (unsigned i = 0; i < plan->region_count; i++) {
		unsigned sharers = together_sharers(w->together, service, i);

		if (plan->regions[i].tier < lowest) {
			lowest = plan->regions[i].tier;
			capacity = 0;
			*shared = false;
		}
		if (plan->regions[i].tier > lowest)
			continue;
		capacity += plan->regions[i].capacity / sharers;
		*shared = *shared || sharers > 1;
	}
	return plan->policy.share.max_utilization * capacity;
}

static void
print_shares(FILE *to, const struct steer_plan *plan, const struct whatif *w)
{
	const char *comma = "";

	for (unsigned i = 0; i < plan->region_count; i++) {
		if (w->before[i] < NOTHING && w->after[i] < NOTHING)
			continue;
		fprintf(to, "%s%s %.1f %% -> %.1f %%", comma, plan->regions[i].name,
		    w->before[i] * 100, w->after[i] * 100);
		comma = ", ";
	}
}

static void
measure_all(struct world *w, const struct demands *demands)
{
	for (unsigned i = 0; i < w->table->service_count; i++) {
		struct measure *m = &w->members[i].measure;

		m->demand = demands_of(demands, steer_plan_of(w->steers[i])->service);
		m->assumed = m->demand <= 0;
		if (m->assumed)
			m->demand = assumed_demand(w, i, &m->shared);
		together_set_demand(w->together, i, m->demand);
	}
	together_lose(w->together, NULL, true);
	for (unsigned i = 0; i < w->table->service_count; i++) {
		struct together_parts parts = together_parts_of(w->together, i);
		struct whatif what;

		whatif_lose_beside(w->steers[i], -1, w->members[i].measure.demand, &parts, &what);
		w->members[i].measure.shed = what.shed;
	}
}

static int
find_region(const struct steer_plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->region_count; i++) {
		if (strcmp(plan->regions[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/*
 * All services lose it at once: what one of them needs elsewhere the others do not find there, and
 * one that was never in it may have to share with those who come.
 */
static void
lose(struct world *w, unsigned region)
{
	const char *name = w->table->topology->regions[region].name;

	together_lose(w->together, name, true);
	for (unsigned i = 0; i < w->table->service_count; i++) {
		struct member *m = &w->members[i];
		struct together_parts parts = together_parts_of(w->together, i);
		int own = find_region(steer_plan_of(m->steer), name);
		struct whatif what;

		if (own < 0 && parts.after == NULL)
			continue;
		whatif_lose_beside(m->steer, own, m->measure.demand, &parts, &what);
		if (own < 0 && what.shed <= m->measure.shed + NOTHING)
			continue;
		m->losses[region] = mem_new(sizeof what);
		*m->losses[region] = what;
	}
}

static void
print_loss(FILE *to, const struct steer_plan *plan, const struct measure *m, const char *lost,
    const struct whatif *w, bool absorbed, bool named)
{
	char rule[256];

	fprintf(to, "    without %-*s ", NAME_WIDTH, lost);
	if (w->mode != SHARE_NORMAL) {
		fputs("no region is left", to);
	} else {
		print_shares(to, plan, w);
		if (w->shed > NOTHING)
			fprintf(
			    to, "; %.1f %% shed (%.0f requests/s)", w->shed * 100, w->shed_rate);
	}
	if (w->broken != NULL) {
		safety_describe(w->broken, rule, sizeof rule);
		fprintf(to, "; breaks the safety rule %s (%s)", w->broken->name, rule);
	}
	if (!absorbed)
		fprintf(to, "; CANNOT BE ABSORBED%s%s", named ? " by " : "",
		    named ? plan->service : "");
	if (!absorbed && named && w->shed > NOTHING)
		fprintf(to, " at %.10g requests/s (%s)", m->demand,
		    m->assumed ? "assumed, --demand says otherwise" : "--demand");
	fputc('\n', to);
}

static bool
states_capacity(const struct steer_plan *plan)
{
	for (unsigned i = 0; i < plan->region_count; i++) {
		if (plan->regions[i].capacity > 0)
			return true;
	}
	return false;
}

/* A demand that somebody has stated does not fit, though nothing is lost. */
static bool
is_beyond(const struct measure *m)
{
	return !m->assumed && m->shed > NOTHING;
}

static void
print_already(FILE *to, const char *when, const struct measure *m)
{
	fprintf(to, "%s%.1f %% shed already (%.0f requests/s)\n", when, m->shed * 100,
	    m->shed * m->demand);
}

static void
print_head(FILE *to, const struct steer_plan *plan, const struct measure *m)
{
	if (m->demand <= 0)
		fprintf(to,
		    "  %s: no capacity is stated for its first tier, so this is about "
		    "shares only; --demand N tells what they are measured by\n",
		    plan->service);
	else if (m->assumed)
		fprintf(to,
		    "  %s, at %.10g requests/s: assumed, %.0f %% (max_utilization) of what its first "
		    "tier can take%s; --demand N says otherwise\n",
		    plan->service, m->demand, plan->policy.share.max_utilization * 100,
		    m->shared ? ", divided among the services that share it" : "");
	else
		fprintf(to, "  %s, at %.10g requests/s, as --demand says%s\n", plan->service,
		    m->demand,
		    states_capacity(plan) ? "" : "; no capacity is stated, so all of it fits");
	if (m->shed > NOTHING)
		print_already(to, "    with all regions up       ", m);
}

/*
 * Measured by what the configuration states: another region to go to, capacities that suffice for
 * all demand, rules that still hold.
 */
static bool
is_absorbed(const struct whatif *w, double demand)
{
	if (w->broken != NULL || w->mode != SHARE_NORMAL)
		return false;
	return demand <= 0 || w->shed <= NOTHING;
}

/*
 * Who gave a service one region only knows that it has no failover, and is told so; no script
 * should fail over it for ever. Who wants more of it says so with a safety rule.
 */
static bool
is_by_choice(const struct steer_plan *plan, const char *lost, const struct whatif *w)
{
	return plan->region_count == 1 && find_region(plan, lost) == 0 && w->broken == NULL;
}

/* One service and what becomes of it, as the two ways of telling it want to be told. */
struct teller {
	/* absent: the region that is to be lost, when the service does not have it; or NULL */
	void (*service)(
	    void *arg, const struct steer_plan *, const struct measure *, const char *absent);
	void (*loss)(void *arg, const struct steer_plan *, const struct measure *, const char *lost,
	    const struct whatif *, bool absorbed);
	void *arg;
};

static bool
tell_service(const struct teller *t, const struct topology *topology, const struct member *m,
    const struct losses_question *q)
{
	const struct steer_plan *plan = steer_plan_of(m->steer);
	const char *absent =
	    q->region != NULL && find_region(plan, q->region) < 0 ? q->region : NULL;
	bool good = !is_beyond(&m->measure);

	t->service(t->arg, plan, &m->measure, absent);
	for (unsigned i = 0; i < topology->region_count; i++) {
		const struct whatif *w = m->losses[i];
		const char *lost = topology->regions[i].name;
		bool absorbed;

		if (w == NULL)
			continue;
		absorbed = is_absorbed(w, m->measure.demand);
		t->loss(t->arg, plan, &m->measure, lost, w, absorbed);
		good = good && (absorbed || is_by_choice(plan, lost, w));
	}
	return good;
}

static bool
tell(const struct teller *t, struct topology *topology, const struct losses_question *q)
{
	struct world w;
	bool good = true;

	world_open(&w, topology);
	measure_all(&w, q->demands);
	for (unsigned i = 0; i < topology->region_count; i++) {
		if (q->region == NULL || strcmp(q->region, topology->regions[i].name) == 0)
			lose(&w, i);
	}
	for (unsigned i = 0; i < w.table->service_count; i++)
		good = tell_service(t, topology, &w.members[i], q) && good;
	world_close(&w);
	return good;
}

struct printer {
	FILE *to;
	bool quiet;
};

static void
print_beyond(FILE *to, const struct steer_plan *plan, const struct measure *m)
{
	if (!is_beyond(m))
		return;
	fprintf(to, "  %s, at %.10g requests/s (--demand): ", plan->service, m->demand);
	print_already(to, "with all regions up ", m);
}

static void
print_service(void *arg, const struct steer_plan *plan, const struct measure *m, const char *absent)
{
	const struct printer *p = arg;

	if (p->quiet) {
		print_beyond(p->to, plan, m);
		return;
	}
	if (absent != NULL)
		fprintf(p->to, "  %s: not in %s\n", plan->service, absent);
	if (is_beyond(m) || (absent == NULL && plan->region_count > 1))
		print_head(p->to, plan, m);
}

static void
print_one(void *arg, const struct steer_plan *plan, const struct measure *m, const char *lost,
    const struct whatif *w, bool absorbed)
{
	const struct printer *p = arg;

	if (is_by_choice(plan, lost, w)) {
		if (!p->quiet)
			fprintf(p->to,
			    "  %s has one region, %s, and so no failover: without it, no service\n",
			    plan->service, lost);
		return;
	}
	if (!p->quiet || !absorbed)
		print_loss(p->to, plan, m, lost, w, absorbed, p->quiet || plan->region_count == 1);
}

bool
losses_print(FILE *to, struct topology *t, const struct losses_question *q, bool quiet)
{
	struct printer printer = { to, quiet };
	const struct teller teller = { print_service, print_one, &printer };

	if (!quiet)
		fputs(
		    "\nif a region were lost: where traffic settles, not the seconds until then\n",
		    to);
	return tell(&teller, t, q);
}

static void
add_service(void *arg, const struct steer_plan *plan, const struct measure *m, const char *absent)
{
	json_array_append_new(arg,
	    json_pack("{s:s, s:o, s:b, s:f, s:f, s:b, s:s?, s:[]}", "service", plan->service,
		"demand", m->demand > 0 ? json_real(m->demand) : json_null(), "demand_assumed",
		m->assumed, "shed", m->shed, "max_utilization", plan->policy.share.max_utilization,
		"one_region", plan->region_count == 1, "not_in", absent, "losses"));
}

static void
add_loss(void *arg, const struct steer_plan *plan, const struct measure *m, const char *lost,
    const struct whatif *w, bool absorbed)
{
	const json_t *services = arg;
	json_t *shares = json_object();
	char rule[256];
	json_t *losses =
	    json_object_get(json_array_get(services, json_array_size(services) - 1), "losses");

	if (w->broken != NULL)
		safety_describe(w->broken, rule, sizeof rule);
	for (unsigned i = 0; i < plan->region_count; i++)
		json_object_set_new(shares, plan->regions[i].name,
		    json_pack("{s:f, s:f}", "before", w->before[i], "after", w->after[i]));
	json_array_append_new(losses,
	    json_pack("{s:s, s:b, s:b, s:f, s:f, s:s?, s:s?, s:o}", "region", lost, "absorbed",
		absorbed, "no_region_left", w->mode != SHARE_NORMAL, "shed", w->shed, "shed_rate",
		w->shed_rate, "breaks", w->broken != NULL ? w->broken->name : NULL, "rule",
		w->broken != NULL ? rule : NULL, "shares", shares));
}

json_t *
losses_json(struct topology *t, const struct losses_question *q, bool *absorbed)
{
	json_t *services = json_array();
	const struct teller teller = { add_service, add_loss, services };

	*absorbed = tell(&teller, t, q);
	return services;
}
