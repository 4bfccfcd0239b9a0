/* SPDX-License-Identifier: Apache-2.0 */
#include "people_world.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "conf/topology.h"
#include "control/plan.h"
#include "steer/table.h"

enum { SERVICES = 2, TICK_MS = 100, SETTLE_TICKS = 30 };

struct event_base *people_base;
struct desk *people_desk;
struct journal *people_journal;
struct wish_store *people_store;
char people_dir[48];

static struct topology *topology;
static struct endpoint_registry *endpoints;
static struct steering_registry *steerings;
static struct table *table;
static struct rules *rules;
static struct plan *plans[SERVICES];
static struct steer *steers[SERVICES];
static uint64_t now_ms;
static double demands[SERVICES];
static json_t *journal;

#define HEAD                                                                                       \
	"workers = 1; state_dir = \"%s\";\n"                                                       \
	"listeners = ( { name = \"web\"; bind = \"127.0.0.1:0\"; } );\n"                           \
	"regions = ( { name = \"east\"; capacity = 1000; }, { name = \"west\"; capacity = 500; "   \
	"},\n"                                                                                     \
	"  { name = \"far\"; capacity = 800; } );\n"
#define SHOP_EAST                                                                                  \
	"services = ( { name = \"shop\"; health_check = { type = \"tcp\"; };\n"                    \
	"  regions = ( { region = \"east\"; weight = 70; endpoints = ( \"http://127.0.0.1:1\" ); " \
	"}"

static const char whole[] =
    HEAD "safety = ( %s );\n" SHOP_EAST ",\n"
	 "    { region = \"west\"; weight = 30; endpoints = ( \"http://127.0.0.1:2\" ); },\n"
	 "    { region = \"far\"; tier = 1; endpoints = ( \"http://127.0.0.1:3\" ); } ); },\n"
	 "  { name = \"blog\"; regions = (\n"
	 "    { region = \"west\"; endpoints = ( \"http://127.0.0.1:4\" ); } ); } );\n"
	 "routes = ( { service = \"shop\"; }, { host = \"b\"; service = \"blog\"; } );\n";
static const char smaller[] = HEAD SHOP_EAST " ); } );\n"
					     "routes = ( { service = \"shop\"; } );\n";

static struct topology *
load(const char *text)
{
	struct conf_problems problems = { .count = 0 };
	struct topology *t = conf_load_text(text, "test", "/", &problems);

	ck_assert_msg(t != NULL, "%s", problems.count > 0 ? problems.list[0].text : "no reason");
	conf_problems_free(&problems);
	return t;
}

static struct table_addresses
no_names(void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned e)
{
	ck_abort_msg("all endpoints are literal addresses");
	return (struct table_addresses){ .count = 0 };
}

static void
decide(unsigned service)
{
	struct steer_region_seen seen[SHARE_MAX_REGIONS];
	struct facts *facts = calloc(1, sizeof *facts);
	const struct steer_seen all = { .demand = demands[service],
		.regions = seen,
		.wishes = desk_wishes(people_desk),
		.wall_ms = clock_wall_us() / 1000 };

	for (unsigned i = 0; i < SHARE_MAX_REGIONS; i++)
		seen[i] = (struct steer_region_seen){ .capacity_share = 1 };
	steer_tick(steers[service], &all, now_ms, facts);
	free(facts);
}

static void
make_steer(unsigned service)
{
	const struct steer_plan *plan;

	plans[service] = plan_new(&table->services[service], rules);
	plan = plan_steer(plans[service]);
	steers[service] = steer_new(plan, NULL, now_ms);
	for (unsigned r = 0; r < plan->region_count; r++)
		steer_probe(steers[service], r, 0, ENDPOINT_UP, REASON_CHECK_PASSED, 1, now_ms);
}

void
people_make(const char *safety)
{
	char text[4096];

	snprintf(people_dir, sizeof people_dir, "/tmp/detour-people-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(people_dir));
	snprintf(text, sizeof text, whole, people_dir, safety);
	topology = load(text);
	now_ms = 1000;
	memset(demands, 0, sizeof demands);
	journal = NULL;
	endpoints = endpoint_registry_new(1);
	steerings = steering_registry_new(1);
	table = table_build(topology, NULL, endpoints, steerings, no_names, NULL, 1);
	rules = rules_new(topology);
	people_base = event_base_new();
	people_journal = journal_new();
	people_desk = desk_new();
	desk_open(people_desk, people_base);
	journal_open(people_journal, people_base, people_dir);
	people_store = wish_store_new(people_desk, people_journal);
	wish_store_open(people_store, people_base, topology);
	for (unsigned i = 0; i < SERVICES; i++)
		make_steer(i);
	people_turn(SETTLE_TICKS);
}

void
people_restart(void)
{
	wish_store_free(people_store);
	people_store = wish_store_new(people_desk, people_journal);
	wish_store_open(people_store, people_base, topology);
}

void
people_free(void)
{
	char command[80];

	json_decref(journal);
	wish_store_free(people_store);
	desk_free(people_desk);
	journal_free(people_journal);
	event_base_free(people_base);
	for (unsigned i = 0; i < SERVICES; i++) {
		steer_free(steers[i]);
		plan_free(plans[i]);
	}
	rules_free(rules);
	table_release(table);
	endpoint_registry_sweep(endpoints);
	endpoint_registry_free(endpoints);
	steering_registry_free(steerings);
	topology_unref(topology);
	snprintf(command, sizeof command, "rm -rf %s", people_dir);
	ck_assert_int_eq(system(command), 0);
}

struct topology *
people_topology(void)
{
	return topology;
}

struct topology *
people_smaller(void)
{
	char text[4096];

	snprintf(text, sizeof text, smaller, people_dir);
	return load(text);
}

void
people_turn_main(void)
{
	event_base_loop(people_base, EVLOOP_NONBLOCK);
}

void
people_turn(unsigned ticks)
{
	struct desk_world world = { steers, SERVICES, now_ms };

	desk_serve(people_desk, &world);
	for (unsigned i = 0; i < ticks; i++) {
		now_ms += TICK_MS;
		for (unsigned s = 0; s < SERVICES; s++)
			decide(s);
	}
	people_turn_main();
}

struct steer *
people_steer(unsigned service)
{
	return steers[service];
}

void
people_demand(unsigned service, double requests_per_s)
{
	demands[service] = requests_per_s;
}

void
people_region_down(unsigned service, unsigned region)
{
	steer_probe(steers[service], region, 0, ENDPOINT_DOWN, REASON_CHECK_REFUSED, 3, now_ms);
}

void
people_region_up(unsigned service, unsigned region)
{
	steer_probe(steers[service], region, 0, ENDPOINT_UP, REASON_CHECK_PASSED, 1, now_ms);
}

static const json_t *
facts(void)
{
	json_decref(journal);
	journal = journal_json(people_journal, 0, 0);
	return json_object_get(journal, "facts");
}

static bool
is_kind(const json_t *fact, const char *kind)
{
	return strcmp(json_string_value(json_object_get(fact, "kind")), kind) == 0;
}

unsigned
people_facts(const char *kind)
{
	const json_t *all = facts();
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(all); i++)
		n += is_kind(json_array_get(all, i), kind);
	return n;
}

const char *
people_fact_text(const char *kind, const char *member)
{
	const json_t *all = facts();

	for (size_t i = json_array_size(all); i-- > 0;) {
		const json_t *fact = json_array_get(all, i);
		const char *text = json_string_value(json_object_get(fact, member));

		if (is_kind(fact, kind))
			return text != NULL ? text : "";
	}
	return "";
}
