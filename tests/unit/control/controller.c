/* SPDX-License-Identifier: Apache-2.0 */
#include "control/controller.h"

#include <check.h>
#include <string.h>

#include "dns.h"
#include "net/listener.h"
#include "origin.h"
#include "rig.h"
#include "steer/share.h"
#include "world.h"

START_TEST(a_controller_may_stop_before_anything_has_happened)
{
	struct controller_setup none = { .urgent_fd = -1 };
	struct world w = rig_two_regions(&world_check, 1, 2);
	struct topology *t = world_topology(&w);
	struct controller *c;
	struct error error;

	controller_free(NULL);
	controller_free(controller_new(&none));
	c = controller_new(&none);
	controller_apply(c, t, NULL);
	controller_free(c);
	c = controller_new(&none);
	ck_assert(controller_start(c, &error));
	controller_apply(c, t, NULL);
	controller_apply(c, t, NULL);
	controller_stop(c);
	controller_stop(c);
	controller_free(c);
	ck_assert_uint_eq(atomic_load(&t->refs), 1);
	topology_unref(t);
}
END_TEST

START_TEST(endpoints_without_a_check_are_up_at_once)
{
	struct rig r = rig_start();
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	const struct table *t;

	w.regions[0].weight = 3;
	w.regions[1] = (struct world_region){ .name = "us-west-2", .weight = 1, .ports = { 3, 4 } };
	ck_assert(!controller_ready(r.controller));
	ck_assert_ptr_null(controller_table(r.controller));
	t = rig_apply_and_wait(&r, &w);
	ck_assert(controller_ready(r.controller));
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), REASON_NOT_CHECKED);
	ck_assert_uint_eq(world_share(t, 0), 75);
	ck_assert_uint_eq(world_share(t, 1), 25);
	ck_assert_uint_eq(atomic_load(&t->services[0].regions[1].steering->usable), 2);
	ck_assert_uint_eq(rig_checks(&r), 0);
	rig_stop(&r);
}
END_TEST

START_TEST(shares_follow_health)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct origin *west = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_port(west));
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);
	unsigned generation;

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 0) == 100 && world_share(t, 1) == 0);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	ck_assert(atomic_load(&world_endpoint(t, 0, 0)->last_check_us) > 0);
	generation = atomic_load(&t->services[0].regions[0].steering->generation);

	origin_go_away(east);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), REASON_CHECK_REFUSED);
	UNTIL(world_share(t, 0) == 0 && world_share(t, 1) == 100);
	ck_assert_uint_eq(atomic_load(&t->services[0].regions[0].steering->usable), 0);
	ck_assert_uint_gt(atomic_load(&t->services[0].regions[0].steering->generation), generation);

	origin_come_back(east);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 0) == 100 && world_share(t, 1) == 0);
	ck_assert_uint_ge(atomic_load(&controller_stats(r.controller)->verdict_changes), 4);
	ck_assert_uint_ge(atomic_load(&controller_stats(r.controller)->share_changes), 3);
	ck_assert_uint_eq(atomic_load(&controller_stats(r.controller)->tables_built), 1);
	rig_stop(&r);
	origin_stop(east);
	origin_stop(west);
}
END_TEST

START_TEST(when_all_are_down_traffic_goes_by_the_configured_weights)
{
	struct world w = rig_two_regions(&world_check, origin_free_port(), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);

	ck_assert_uint_eq(world_share(t, 0), 100);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	/* By the weights of all regions: no tier is better than another any more. */
	UNTIL(world_share(t, 0) == 50 && world_share(t, 1) == 50);
	ck_assert_uint_eq(atomic_load(&t->services[0].steering->mode), SHARE_FAIL_OPEN);
	ck_assert_uint_eq(atomic_load(&t->services[0].regions[0].steering->blind), 1000);
	rig_stop(&r);
}
END_TEST

/* The only service's first region is a name, for which this server answers. */
static const struct table *
apply_named(struct rig *r, const struct dns *d, const struct world *like)
{
	struct world w = *like;
	struct topology *t;

	w.regions[0].dns = "shop.example.com";
	t = world_topology(&w);
	t->resolver.servers = dns_server(d);
	controller_apply(r->controller, t, NULL);
	topology_unref(t);
	UNTIL(controller_table(r->controller) != NULL);
	return controller_table(r->controller);
}

static const struct table_region *
first_region(struct rig *r)
{
	return &controller_table(r->controller)->services[0].regions[0];
}

static bool
has_url(const struct table_region *region, const char *start)
{
	for (unsigned i = 0; i < region->endpoint_count; i++) {
		if (strncmp(region->endpoints[i]->url, start, strlen(start)) == 0)
			return true;
	}
	return false;
}

START_TEST(a_name_is_resolved_before_the_first_table)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	struct dns *d = dns_start();
	const struct table *t;
	char request[1024];

	dns_answer(d, (const unsigned char[]){ 1, 0 });
	t = apply_named(&r, d, &w);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 1);
	ck_assert_str_eq(world_endpoint(t, 0, 0)->host, "shop.example.com");
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	origin_last_request(east, request, sizeof request);
	ck_assert_ptr_nonnull(strstr(request, "Host: shop.example.com:"));
	rig_stop(&r);
	dns_stop(d);
	origin_stop(east);
}
END_TEST

START_TEST(a_dns_answer_brings_endpoints_and_takes_them_and_keeps_the_health_of_the_others)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	struct dns *d = dns_start();
	struct endpoint *kept;
	uint64_t since_ms;

	dns_answer(d, (const unsigned char[]){ 1, 2, 0 });
	apply_named(&r, d, &w);
	ck_assert_uint_eq(first_region(&r)->endpoint_count, 2);
	kept = first_region(&r)->endpoints[0];
	UNTIL(world_state(kept) == ENDPOINT_UP);
	since_ms = atomic_load(&kept->since_ms);

	dns_answer(d, (const unsigned char[]){ 1, 3, 4, 0 });
	UNTIL(first_region(&r)->endpoint_count == 3);
	ck_assert(has_url(first_region(&r), "http://127.0.0.3:"));
	ck_assert(!has_url(first_region(&r), "http://127.0.0.2:"));
	ck_assert_ptr_eq(first_region(&r)->endpoints[0], kept);
	ck_assert_int_eq(world_state(kept), ENDPOINT_UP);
	ck_assert_uint_eq(atomic_load(&kept->since_ms), since_ms);
	rig_stop(&r);
	dns_stop(d);
	origin_stop(east);
}
END_TEST

START_TEST(dns_that_fails_changes_no_routing_and_is_counted)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct dns *d = dns_start();
	const struct table *t;

	dns_answer(d, (const unsigned char[]){ 1, 2, 0 });
	apply_named(&r, d, &w);
	dns_answer(d, NULL);
	UNTIL(atomic_load(&controller_stats(r.controller)->dns_failing) == 1);
	t = controller_table(r.controller);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 2);
	ck_assert_uint_eq(atomic_load(&controller_stats(r.controller)->tables_built), 1);
	dns_answer(d, (const unsigned char[]){ 2, 0 });
	UNTIL(first_region(&r)->endpoint_count == 1);
	UNTIL(atomic_load(&controller_stats(r.controller)->dns_failing) == 0);
	rig_stop(&r);
	dns_stop(d);
}
END_TEST

START_TEST(a_reload_that_keeps_its_names_is_published_without_waiting_for_dns)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct dns *d = dns_start();
	uint64_t began_ms;

	dns_answer(d, (const unsigned char[]){ 1, 0 });
	apply_named(&r, d, &w);
	dns_answer(d, NULL);
	began_ms = clock_now_ms();
	w.regions[0].tier = 5;
	apply_named(&r, d, &w);
	UNTIL(first_region(&r)->conf->tier == 5);
	ck_assert_uint_le(clock_now_ms() - began_ms, 500);
	ck_assert_uint_eq(first_region(&r)->endpoint_count, 1);
	rig_stop(&r);
	dns_stop(d);
}
END_TEST

START_TEST(a_name_that_cannot_be_resolved_delays_the_first_table_by_2_s_at_most)
{
	struct origin *west = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, 80, origin_port(west));
	struct rig r = rig_start();
	struct topology *topology;
	const struct table *t;
	uint64_t began_ms = clock_now_ms();

	w.regions[0].dns = "no-such-host.invalid";
	topology = world_topology(&w);
	topology->resolver.servers = "127.0.0.1:1";
	topology->resolver.timeout_ms = 60000;
	controller_apply(r.controller, topology, NULL);
	topology_unref(topology);
	UNTIL(controller_table(r.controller) != NULL);
	ck_assert_uint_le(clock_now_ms() - began_ms, 2500);
	t = controller_table(r.controller);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 0);
	ck_assert_uint_eq(world_share(t, 0), 0);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 1) == 100);
	rig_stop(&r);
	origin_stop(west);
}
END_TEST

START_TEST(a_table_brings_its_listeners_and_gives_them_back)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct topology *t = world_topology(&w);
	struct error error;
	struct listener_set *set = listener_set_open(t, NULL, 1, &error);

	ck_assert_ptr_nonnull(set);
	controller_apply(r.controller, t, set);
	UNTIL(world_worker_table(r.worker) != NULL);
	ck_assert_ptr_eq(world_worker_table(r.worker)->listeners, set);
	ck_assert_ptr_eq(world_worker_table(r.worker)->topology, t);
	rig_stop(&r);
	ck_assert_uint_eq(atomic_load(&set->refs), 1);
	ck_assert_uint_eq(atomic_load(&t->refs), 1);
	listener_set_unref(set);
	topology_unref(t);
}
END_TEST

START_TEST(workers_hear_how_short_memory_is)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct topology *scarce = world_topology(&w), *plenty = world_topology(&w);

	scarce->memory = (struct conf_memory){ 64 << 10, 0.85, 0.9, 0.95, { 0 } };
	plenty->memory = (struct conf_memory){ 1ull << 45, 0.85, 0.9, 0.95, { 0 } };
	controller_apply(r.controller, scarce, NULL);
	UNTIL(world_worker_pressure(r.worker) == PRESSURE_STOP);
	UNTIL(atomic_load(&controller_stats(r.controller)->memory_pressure) == PRESSURE_STOP);
	controller_apply(r.controller, plenty, NULL);
	UNTIL(world_worker_pressure(r.worker) == PRESSURE_NONE);
	rig_stop(&r);
	topology_unref(scarce);
	topology_unref(plenty);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/controller");
	TCase *c = tcase_create("controller");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_controller_may_stop_before_anything_has_happened);
	tcase_add_test(c, endpoints_without_a_check_are_up_at_once);
	tcase_add_test(c, shares_follow_health);
	tcase_add_test(c, when_all_are_down_traffic_goes_by_the_configured_weights);
	tcase_add_test(c, a_name_is_resolved_before_the_first_table);
	tcase_add_test(
	    c, a_dns_answer_brings_endpoints_and_takes_them_and_keeps_the_health_of_the_others);
	tcase_add_test(c, dns_that_fails_changes_no_routing_and_is_counted);
	tcase_add_test(c, a_reload_that_keeps_its_names_is_published_without_waiting_for_dns);
	tcase_add_test(c, a_name_that_cannot_be_resolved_delays_the_first_table_by_2_s_at_most);
	tcase_add_test(c, a_table_brings_its_listeners_and_gives_them_back);
	tcase_add_test(c, workers_hear_how_short_memory_is);
	suite_add_tcase(s, c);
	return rig_main(s);
}
