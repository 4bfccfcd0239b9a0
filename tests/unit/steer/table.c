/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/table.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/arena.h"
#include "steer/maglev.h"
#include "world.h"

static struct endpoint *
endpoint_of(const struct table *t, unsigned region, unsigned index)
{
	return t->services[0].regions[region].endpoints[index];
}

/* What a name resolves to, as 10.9.0.x; and how often it was asked. */
struct names {
	unsigned char last[8];
	unsigned count;
	unsigned asked;
	struct sockaddr_storage list[8];
	socklen_t lens[8];
};

static struct table_addresses
resolve(void *arg, const struct conf_service *s, const struct conf_service_region *r,
    unsigned endpoint)
{
	struct names *n = arg;

	n->asked++;
	for (unsigned i = 0; i < n->count; i++) {
		struct sockaddr_in *in = (void *)&n->list[i];

		in->sin_family = AF_INET;
		in->sin_port = htons(80);
		in->sin_addr.s_addr = htonl(10u << 24 | 9u << 16 | n->last[i]);
		n->lens[i] = sizeof *in;
	}
	return (struct table_addresses){ n->list, n->lens, n->count };
}

/* Makes the endpoint a name. */
static void
make_name(struct topology *t, unsigned region, unsigned endpoint)
{
	t->services[0].regions[region].endpoints[endpoint].literal = false;
	t->services[0].regions[region].endpoints[endpoint].host = "shop.example";
}

static struct table *
build(struct world *w, const struct table *old, struct names *n)
{
	return table_build(w->topology, old, w->endpoints, w->steerings, resolve, n, 1);
}

START_TEST(a_table_has_what_the_topology_says)
{
	static const uint32_t weights[] = { 3, 1, 1000 };
	static const struct world_region regions[] = { { 0, 70, 3, weights }, { 1, 30, 1, NULL },
		{ 1, 5, 0, NULL } };
	struct world w;
	const struct table_region *r;

	world_open(&w, BALANCE_ROUND_ROBIN, regions, 3, 2);
	ck_assert_uint_eq(w.table->service_count, 1);
	ck_assert_uint_eq(w.table->generation, 1);
	ck_assert_ptr_eq(w.service->conf, &w.topology->services[0]);
	ck_assert_uint_eq(w.service->region_count, 3);
	r = &w.service->regions[0];
	ck_assert_str_eq(r->name, "r0");
	ck_assert_uint_eq(r->endpoint_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(r->weights[i], weights[i]);
		ck_assert_uint_eq(r->endpoints[r->by_id[i]]->id, i);
	}
	ck_assert_str_eq(r->endpoints[2]->url, "http://10.0.0.2:80");
	ck_assert_ptr_null(r->maglev);
	ck_assert_str_eq(r->steering->region, "r0");
	ck_assert_uint_eq(w.service->regions[2].endpoint_count, 0);
	ck_assert_ptr_eq(table_service_find(w.table, "shop"), w.service);
	ck_assert_ptr_null(table_service_find(w.table, "other"));
	ck_assert_ptr_eq(table_route(w.table, SLICE("any.host"), SLICE("/x"), NULL, NULL), w.topology->routes);
	world_close(&w);
}
END_TEST

START_TEST(an_endpoint_listed_twice_is_one_with_the_weights_added)
{
	static const uint32_t weights[] = { 1, 2, 4, 8, 16 };
	static const struct world_region region = { 0, 1, 5, weights };
	struct names n = { .last = { 1 }, .count = 0 };
	struct conf_endpoint *e;
	const struct table_region *r;
	struct table *t;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	e = w.topology->services[0].regions[0].endpoints;
	e[3].addr = e[1].addr;
	e[3].host = e[1].host;
	e[4].addr = e[1].addr; /* the same address under another name is another endpoint */
	e[4].host = "shop.example";
	t = build(&w, w.table, &n);
	r = &t->services[0].regions[0];
	ck_assert_uint_eq(r->endpoint_count, 4);
	ck_assert_ptr_eq(r->endpoints[0], endpoint_of(w.table, 0, 0));
	ck_assert_ptr_eq(r->endpoints[1], endpoint_of(w.table, 0, 1));
	ck_assert_ptr_eq(r->endpoints[2], endpoint_of(w.table, 0, 2));
	ck_assert_str_eq(r->endpoints[3]->host, "shop.example");
	ck_assert_uint_eq(r->weights[0], 1);
	ck_assert_uint_eq(r->weights[1], 2 + 8);
	ck_assert_uint_eq(r->weights[2], 4);
	ck_assert_uint_eq(r->weights[3], 16);
	ck_assert_uint_eq(atomic_load(&r->endpoints[1]->refs), 2); /* one for each table */
	table_release(t);
	world_close(&w);
}
END_TEST

START_TEST(weights_added_beyond_what_a_table_holds_are_the_most_it_holds)
{
	uint32_t weights[100];
	struct world_region region = { 0, 1, 100, weights };
	struct names n = { .count = 0 };
	struct conf_endpoint *e;
	struct table *t;
	struct world w;

	for (unsigned i = 0; i < 100; i++)
		weights[i] = 1000;
	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	e = w.topology->services[0].regions[0].endpoints;
	for (unsigned i = 1; i < 100; i++) {
		e[i].addr = e[0].addr;
		e[i].host = e[0].host;
	}
	t = build(&w, NULL, &n);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 1);
	ck_assert_uint_eq(t->services[0].regions[0].weights[0], UINT16_MAX);
	table_release(t);
	world_close(&w);
}
END_TEST

START_TEST(the_order_of_a_dns_answer_does_not_matter)
{
	static const struct world_region region = { 0, 1, 3, NULL };
	struct names one = { .last = { 3, 1, 2 }, .count = 3 };
	struct names other = { .last = { 2, 3, 1 }, .count = 3 };
	struct table *a, *b;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	make_name(w.topology, 0, 1);
	a = build(&w, w.table, &one);
	b = build(&w, a, &other);
	ck_assert_uint_eq(one.asked, 1);
	ck_assert_uint_eq(a->services[0].regions[0].endpoint_count, 5);
	ck_assert_uint_eq(b->services[0].regions[0].endpoint_count, 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_ptr_eq(endpoint_of(a, 0, i), endpoint_of(b, 0, i));
	ck_assert_str_eq(endpoint_of(a, 0, 0)->url, "http://10.0.0.0:80");
	ck_assert_str_eq(endpoint_of(a, 0, 1)->url, "http://10.9.0.1:80");
	ck_assert_str_eq(endpoint_of(a, 0, 3)->url, "http://10.9.0.3:80");
	ck_assert_str_eq(endpoint_of(a, 0, 4)->url, "http://10.0.0.2:80");
	table_release(a);
	table_release(b);
	world_close(&w);
}
END_TEST

START_TEST(a_name_without_addresses_leaves_the_region_to_the_others)
{
	static const struct world_region region = { 0, 1, 1, NULL };
	struct names n = { .count = 0 };
	struct table *t;
	struct world w;

	world_open(&w, BALANCE_MAGLEV, &region, 1, 1);
	make_name(w.topology, 0, 0);
	t = build(&w, NULL, &n);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 0);
	ck_assert_ptr_null(t->services[0].regions[0].maglev);
	table_release(t);
	world_close(&w);
}
END_TEST

START_TEST(health_and_steering_outlive_the_table)
{
	static const struct world_region region = { 0, 1, 2, NULL };
	struct names n = { .count = 0 };
	struct table *t;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	world_set(&w, 0, 1, ENDPOINT_DOWN);
	t = build(&w, w.table, &n);
	ck_assert_uint_eq(t->generation, 2);
	ck_assert_ptr_eq(t->services[0].regions[0].steering, w.service->regions[0].steering);
	ck_assert_int_eq(endpoint_word_state(atomic_load(&endpoint_of(t, 0, 1)->word)),
	    ENDPOINT_DOWN);
	table_release(w.table);
	endpoint_registry_sweep(w.endpoints);
	ck_assert_uint_eq(endpoint_registry_count(w.endpoints), 2);
	w.table = t;
	world_close(&w);
}
END_TEST

START_TEST(what_no_table_names_is_swept)
{
	static const struct world_region region = { 0, 1, 3, NULL };
	struct names n = { .count = 0 };
	struct table *t;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	w.topology->services[0].regions[0].endpoint_count = 1;
	t = build(&w, w.table, &n);
	endpoint_registry_sweep(w.endpoints);
	ck_assert_uint_eq(endpoint_registry_count(w.endpoints), 3);
	table_release(w.table);
	endpoint_registry_sweep(w.endpoints);
	ck_assert_uint_eq(endpoint_registry_count(w.endpoints), 1);
	w.table = t;
	world_close(&w);
}
END_TEST

START_TEST(the_route_index_is_shared_for_one_topology_and_not_for_two)
{
	static const struct world_region region = { 0, 1, 1, NULL };
	struct names n = { .count = 0 };
	struct topology *other = world_topology(BALANCE_RANDOM, &region, 1);
	struct table *same, *changed;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	same = build(&w, w.table, &n);
	changed = table_build(other, w.table, w.endpoints, w.steerings, resolve, &n, 1);
	ck_assert_ptr_eq(same->routes, w.table->routes);
	ck_assert_ptr_ne(changed->routes, w.table->routes);
	ck_assert_uint_eq(atomic_load(&w.topology->refs), 3);
	table_release(w.table);
	ck_assert_ptr_eq(table_route(same, SLICE("h"), SLICE("/"), NULL, NULL), w.topology->routes);
	ck_assert_ptr_eq(table_route(changed, SLICE("h"), SLICE("/"), NULL, NULL), other->routes);
	topology_unref(other); /* changed still holds it */
	table_release(changed);
	w.table = same;
	world_close(&w);
}
END_TEST

START_TEST(maglev_slots_are_shared_while_the_members_are_the_same)
{
	static const struct world_region regions[] = { { 0, 1, 5, NULL }, { 0, 1, 5, NULL } };
	struct names n = { .count = 0 };
	const struct table_region *before, *after;
	struct table *same, *changed;
	struct world w;

	world_open(&w, BALANCE_MAGLEV, regions, 2, 1);
	before = w.service->regions;
	ck_assert_uint_eq(before[0].maglev_size, maglev_size_for(5));
	ck_assert_ptr_ne(before[0].maglev, before[1].maglev);
	same = build(&w, w.table, &n);
	after = same->services[0].regions;
	ck_assert_ptr_eq(after[0].maglev, before[0].maglev);
	ck_assert_ptr_eq(after[1].maglev, before[1].maglev);
	w.topology->services[0].regions[1].endpoints[0].weight = 2;
	changed = build(&w, same, &n);
	after = changed->services[0].regions;
	ck_assert_ptr_eq(after[0].maglev, before[0].maglev);
	ck_assert_ptr_ne(after[1].maglev, before[1].maglev);
	table_release(same);
	table_release(w.table);
	for (uint32_t i = 0; i < after[0].maglev_size; i++)
		ck_assert_uint_lt(after[0].maglev[i], 5);
	w.table = changed;
	world_close(&w);
}
END_TEST

static void
count_free(void *arg)
{
	++*(unsigned *)arg;
}

START_TEST(the_last_holder_frees_the_table_and_its_listeners_once)
{
	static const struct world_region region = { 0, 1, 1, NULL };
	struct names n = { .count = 0 };
	unsigned freed = 0;
	struct table *t;
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, &region, 1, 1);
	t = table_build(w.topology, NULL, w.endpoints, w.steerings, resolve, &n, 3);
	t->listeners = &freed;
	t->listeners_free = count_free;
	table_release(t);
	table_release(t);
	ck_assert_uint_eq(freed, 0);
	ck_assert_uint_eq(atomic_load(&endpoint_of(w.table, 0, 0)->refs), 2);
	table_release(t);
	ck_assert_uint_eq(freed, 1);
	ck_assert_uint_eq(atomic_load(&endpoint_of(w.table, 0, 0)->refs), 1);
	ck_assert_uint_eq(atomic_load(&w.topology->refs), 2);
	world_close(&w);
}
END_TEST

START_TEST(ten_thousand_endpoints_are_built_and_merged)
{
	static const struct world_region regions[] = { { 0, 1, 5000, NULL }, { 0, 1, 5000, NULL } };
	struct world w;

	world_open(&w, BALANCE_MAGLEV, regions, 2, 1);
	ck_assert_uint_eq(endpoint_registry_count(w.endpoints), 10000);
	for (unsigned r = 0; r < 2; r++)
		for (unsigned i = 0; i < 5000; i++)
			ck_assert_uint_eq(endpoint_of(w.table, r, i)->id, r * 5000 + i);
	world_close(&w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/table");
	TCase *tests = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_table_has_what_the_topology_says);
	tcase_add_test(tests, an_endpoint_listed_twice_is_one_with_the_weights_added);
	tcase_add_test(tests, weights_added_beyond_what_a_table_holds_are_the_most_it_holds);
	tcase_add_test(tests, the_order_of_a_dns_answer_does_not_matter);
	tcase_add_test(tests, a_name_without_addresses_leaves_the_region_to_the_others);
	tcase_add_test(tests, health_and_steering_outlive_the_table);
	tcase_add_test(tests, what_no_table_names_is_swept);
	tcase_add_test(tests, the_route_index_is_shared_for_one_topology_and_not_for_two);
	tcase_add_test(tests, maglev_slots_are_shared_while_the_members_are_the_same);
	tcase_add_test(tests, the_last_holder_frees_the_table_and_its_listeners_once);
	tcase_add_test(tests, ten_thousand_endpoints_are_built_and_merged);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
