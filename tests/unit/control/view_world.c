/* SPDX-License-Identifier: Apache-2.0 */
#include "view_world.h"

#include <check.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/topology.h"
#include "steer/share.h"
#include "steer/steering.h"

struct view view;
struct worker_stats view_stats[VIEW_WORKERS];
struct controller_stats view_control;

static struct view_worker workers[VIEW_WORKERS];
static struct endpoint_registry *endpoints;
static struct steering_registry *steerings;
static struct table *table;
static struct tally *tally;

#define HEAD                                                                                       \
	"workers = 2;\n"                                                                           \
	"listeners = ( { name = \"web\"; bind = \"127.0.0.1:0\"; } );\n"                           \
	"regions = ( { name = \"east\"; provider = \"aws\"; }, { name = \"west\"; },\n"            \
	"  { name = \"far\"; provider = \"gcp\"; } );\n"                                           \
	"services = ( { name = \"shop\"; regions = (\n"
#define TAIL                                                                                       \
	"  { region = \"west\"; weight = 30; endpoints = ( \"http://127.0.0.1:9003\" ); },\n"      \
	"  { region = \"far\"; tier = 1; endpoints = ( \"http://127.0.0.1:9004\" ); } ); } );\n"   \
	"routes = ( { service = \"shop\"; } );\n"

static const char two[] =
    HEAD "  { region = \"east\"; weight = 70;\n"
	 "    endpoints = ( \"http://127.0.0.1:9001\", \"http://127.0.0.1:9002\" ); },\n" TAIL;
static const char one[] =
    HEAD "  { region = \"east\"; weight = 70; endpoints = ( \"http://127.0.0.1:9001\" ); },\n" TAIL;

static struct table_addresses
no_names(void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned e)
{
	ck_abort_msg("all endpoints are literal addresses");
	return (struct table_addresses){ .count = 0 };
}

static void
use_table(const char *text)
{
	struct conf_problems problems = { .count = 0 };
	struct topology *topology = conf_load_text(text, "test", "/", &problems);
	struct table *next;

	ck_assert_msg(
	    topology != NULL, "%s", problems.count > 0 ? problems.list[0].text : "no reason given");
	conf_problems_free(&problems);
	next = table_build(topology, table, endpoints, steerings, no_names, NULL, 1);
	topology_unref(topology);
	if (table != NULL)
		table_release(table);
	endpoint_registry_sweep(endpoints);
	table = next;
	view.table = table;
}

static void
all_up(void)
{
	static const uint32_t shares[] = { SHARE_WHOLE * 7 / 10, SHARE_WHOLE - SHARE_WHOLE * 7 / 10,
		0 };

	for (unsigned i = 0; i < table->services[0].region_count; i++) {
		const struct table_region *r = &table->services[0].regions[i];

		for (unsigned j = 0; j < r->endpoint_count; j++) {
			struct endpoint *e = r->endpoints[j];

			atomic_store(&e->word, endpoint_word(ENDPOINT_UP, ENDPOINT_WEIGHT_FULL));
			atomic_store(&e->reason, REASON_CHECK_PASSED);
			atomic_store(&e->reason_detail, 4);
			atomic_store(&e->since_ms, 940 * 1000);
			atomic_store(&e->last_check_us, 1500);
			atomic_store(&e->certificate_ends_s, 1795336020 + 22 * 86400);
		}
		steering_changed(r->steering, r->endpoint_count);
		atomic_store(&r->steering->share, shares[i]);
	}
}

void
view_world_make(void)
{
	memset(view_stats, 0, sizeof view_stats);
	memset(&view_control, 0, sizeof view_control);
	view = (struct view){ .process = { .version = "1.2.3",
				  .commit = "abc",
				  .config = "x.conf",
				  .started_wall_us = 1,
				  .reload_successful = true,
				  .reload_wall_us = 2000000,
				  .reload_success_wall_us = 2000000 },
		.workers = workers,
		.worker_count = VIEW_WORKERS,
		.control = &view_control,
		.ready = true,
		.now_ms = 1000 * 1000,
		.now_wall_us = UINT64_C(1795336020000000) };
	for (unsigned i = 0; i < VIEW_WORKERS; i++)
		workers[i] = (struct view_worker){ &view_stats[i], 100 + (int)i };
	endpoints = endpoint_registry_new(VIEW_WORKERS);
	steerings = steering_registry_new(VIEW_WORKERS);
	table = NULL;
	use_table(two);
	all_up();
	tally = tally_new(0);
	view.tally = tally;
}

static void
release_shards(void)
{
	for (unsigned i = 0; i < table->services[0].region_count; i++) {
		const struct table_region *r = &table->services[0].regions[i];

		for (unsigned j = 0; j < r->endpoint_count; j++)
			for (unsigned w = 0; w < VIEW_WORKERS; w++)
				if (atomic_load(&r->endpoints[j]->shards[w]) != NULL)
					endpoint_shard_release(endpoint_shard(r->endpoints[j], w));
	}
}

void
view_world_free(void)
{
	release_shards();
	tally_free(tally);
	table_release(table);
	endpoint_registry_sweep(endpoints);
	endpoint_registry_free(endpoints);
	steering_registry_free(steerings);
}

void
view_world_shrink(void)
{
	struct endpoint *leaving = view_endpoint(0, 1);

	for (unsigned w = 0; w < VIEW_WORKERS; w++)
		if (atomic_load(&leaving->shards[w]) != NULL)
			endpoint_shard_release(endpoint_shard(leaving, w));
	use_table(one);
}

void
view_world_observe(uint64_t now_ms)
{
	view.now_ms = now_ms;
	tally_observe(tally, table, now_ms);
	tally_observe_requests(tally, view.workers, view.worker_count);
}

struct endpoint *
view_endpoint(unsigned region, unsigned n)
{
	return table->services[0].regions[region].endpoints[n];
}

const struct table_region *
view_region(unsigned region)
{
	return &table->services[0].regions[region];
}

void
view_traffic(struct endpoint *e, unsigned worker, unsigned n, unsigned code_class, uint64_t us)
{
	struct endpoint_shard *s = endpoint_shard(e, worker);

	for (unsigned i = 0; i < n; i++) {
		atomic_fetch_add(&s->tries, 1);
		atomic_fetch_add(&s->answered, 1);
		atomic_fetch_add(&s->status_class[code_class], 1);
		histogram_add(&s->first_byte, us);
	}
}
