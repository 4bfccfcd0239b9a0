/* SPDX-License-Identifier: Apache-2.0 */
#include "control/health.h"

#include <check.h>

#include "base/clock.h"
#include "conf/topology.h"
#include "control/site.h"
#include "net/loop.h"
#include "rig.h"
#include "steer/table.h"

enum { EJECT_MS = 200 };

/* A set of endpoints on a loop of its own: an ejection need not take half a minute here. */
struct ward {
	struct loop *loop;
	struct controller_stats stats;
	struct health_set *set;
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	struct topology *topology;
	struct sites *sites;
	struct table *table;
	unsigned changes;
	unsigned unreachable;
};

static void
on_changed(void *arg)
{
	struct ward *w = arg;

	w->changes++;
	health_set_settle(w->set);
	loop_stop(w->loop);
}

static void
on_unreachable(void *arg, const struct endpoint *e)
{
	struct ward *w = arg;

	w->unreachable++;
}

static struct table_addresses
no_names(void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned e)
{
	return (struct table_addresses){ 0 };
}

static void
ward_open(struct ward *w, const struct world *world)
{
	*w = (struct ward){ .loop = loop_new() };
	w->set = health_set_new(&(struct health_setup){ .loop = w->loop,
	    .stats = &w->stats,
	    .eject_ms = EJECT_MS,
	    .changed = on_changed,
	    .unreachable = on_unreachable,
	    .arg = w });
	w->endpoints = endpoint_registry_new(1);
	w->steerings = steering_registry_new(1);
	w->topology = world_topology(world);
	w->sites = sites_new(w->topology);
	w->table = table_build(
	    w->topology, NULL, w->endpoints, w->steerings, no_names, NULL, 1);
	health_set_adopt(w->set, w->table, w->sites);
}

static void
ward_close(struct ward *w)
{
	health_set_free(w->set);
	table_release(w->table);
	sites_free(w->sites);
	topology_unref(w->topology);
	endpoint_registry_free(w->endpoints);
	steering_registry_free(w->steerings);
	loop_free(w->loop);
}

static void
fail_times(struct ward *w, const struct endpoint *e, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		health_set_urgent(w->set, e->id, FAULT_CONNECT_REFUSED);
}

START_TEST(an_ejected_endpoint_comes_back_when_its_time_is_over)
{
	struct world world = rig_two_regions(&world_no_check, 1, 2);
	uint64_t began_ms;
	struct ward w;
	struct endpoint *e;

	ward_open(&w, &world);
	e = world_endpoint(w.table, 0, 0);
	fail_times(&w, e, HEALTH_TRAFFIC_FALL);
	began_ms = clock_now_ms();
	ck_assert_int_eq(world_state(e), ENDPOINT_DOWN);
	ck_assert_uint_eq(world_share(w.table, 1), 100);
	ck_assert_uint_eq(w.unreachable, 1);
	fail_times(&w, e, 10); /* late tries: neither longer nor again */
	ck_assert_uint_eq(w.changes, 1);
	loop_run(w.loop);
	ck_assert_uint_ge(clock_now_ms() - began_ms, EJECT_MS - EJECT_MS / 32 - 1);
	ck_assert_int_eq(world_state(e), ENDPOINT_UP);
	ck_assert_int_eq(world_reason(e), REASON_NOT_CHECKED);
	ck_assert_uint_eq(world_share(w.table, 0), 100);
	/* And it takes as many failures again. */
	fail_times(&w, e, HEALTH_TRAFFIC_FALL - 1);
	ck_assert_int_eq(world_state(e), ENDPOINT_UP);
	fail_times(&w, e, 1);
	ck_assert_int_eq(world_state(e), ENDPOINT_DOWN);
	ward_close(&w);
}
END_TEST

START_TEST(ejections_never_leave_a_service_without_an_endpoint)
{
	struct world world = rig_two_regions(&world_no_check, 1, 2);
	struct ward w;
	unsigned up = 0;

	world.regions[0].ports[1] = 3;
	world.regions[1].ports[1] = 4;
	ward_open(&w, &world);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4; i++)
			fail_times(&w, world_endpoint(w.table, i / 2, i % 2), HEALTH_TRAFFIC_FALL);
	}
	for (unsigned i = 0; i < 4; i++)
		up += world_state(world_endpoint(w.table, i / 2, i % 2)) == ENDPOINT_UP;
	ck_assert_uint_eq(up, 1);
	ward_close(&w);
}
END_TEST

START_TEST(a_checked_endpoint_is_not_ejected_by_traffic)
{
	struct world world = rig_two_regions(&world_check, 1, 2);
	struct ward w;

	world.check.timeout_ms = 60000;
	ward_open(&w, &world);
	fail_times(&w, world_endpoint(w.table, 0, 0), 10 * HEALTH_TRAFFIC_FALL);
	ck_assert_int_eq(world_state(world_endpoint(w.table, 0, 0)), ENDPOINT_UNKNOWN);
	ward_close(&w);
}
END_TEST

START_TEST(a_change_in_one_region_makes_balancers_of_no_other_look_again)
{
	struct world world = rig_two_regions(&world_no_check, 1, 2);
	const struct table_region *regions;
	unsigned east, west;
	struct ward w;

	world.regions[0].ports[1] = 3;
	ward_open(&w, &world);
	regions = w.table->services[0].regions;
	east = atomic_load(&regions[0].steering->generation);
	west = atomic_load(&regions[1].steering->generation);
	fail_times(&w, world_endpoint(w.table, 0, 0), HEALTH_TRAFFIC_FALL);
	ck_assert_uint_eq(atomic_load(&regions[0].steering->generation), east + 1);
	ck_assert_uint_eq(atomic_load(&regions[0].steering->usable), 1);
	ck_assert_uint_eq(atomic_load(&regions[1].steering->generation), west);
	ward_close(&w);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/ejection");
	TCase *c = tcase_create("ejection");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, an_ejected_endpoint_comes_back_when_its_time_is_over);
	tcase_add_test(c, ejections_never_leave_a_service_without_an_endpoint);
	tcase_add_test(c, a_checked_endpoint_is_not_ejected_by_traffic);
	tcase_add_test(c, a_change_in_one_region_makes_balancers_of_no_other_look_again);
	suite_add_tcase(s, c);
	return rig_main(s);
}
