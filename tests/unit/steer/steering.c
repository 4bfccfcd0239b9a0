/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/steering.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

START_TEST(a_name_keeps_its_steering)
{
	struct steering_registry *r = steering_registry_new(2);
	struct steering *first = steering_registry_get(r, "shop", "east");
	struct steering *all[500];

	ck_assert_str_eq(first->service, "shop");
	ck_assert_str_eq(first->region, "east");
	ck_assert_uint_eq(atomic_load(&first->share), 0);
	ck_assert_uint_eq(atomic_load(&first->usable), 0);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 500; i++) {
			char service[16], region[16];
			struct steering *s;

			snprintf(service, sizeof service, "s%u", i / 5);
			snprintf(region, sizeof region, "r%u", i % 5);
			s = steering_registry_get(r, service, region);
			ck_assert_str_eq(s->service, service);
			ck_assert_str_eq(s->region, region);
			if (round > 0)
				ck_assert_ptr_eq(s, all[i]);
			all[i] = s;
		}
	ck_assert_ptr_eq(steering_registry_get(r, "shop", "east"), first);
	ck_assert_ptr_ne(steering_registry_get(r, "east", "shop"), first);
	ck_assert_ptr_ne(steering_registry_get(r, "shope", "ast"), first);
	steering_registry_free(r);
}
END_TEST

START_TEST(a_service_keeps_its_steering_beside_its_regions)
{
	struct steering_registry *r = steering_registry_new(2);
	struct service_steering *all[200];

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 200; i++) {
			char name[16];
			struct service_steering *s;

			snprintf(name, sizeof name, "s%u", i);
			(void)steering_registry_get(r, name, "east");
			s = steering_registry_service(r, name);
			ck_assert_str_eq(s->service, name);
			if (round > 0)
				ck_assert_ptr_eq(s, all[i]);
			all[i] = s;
		}
	steering_registry_free(r);
}
END_TEST

START_TEST(each_worker_has_shards_of_its_own)
{
	struct steering_registry *r = steering_registry_new(2);
	struct steering *s = steering_registry_get(r, "shop", "east");
	struct service_steering *whole = steering_registry_service(r, "shop");
	struct region_shard *shard = steering_shard(s, 1);

	ck_assert_ptr_eq(steering_shard(s, 1), shard);
	ck_assert_ptr_ne(steering_shard(s, 0), shard);
	ck_assert_ptr_null(atomic_load(&steering_registry_get(r, "shop", "west")->shards[1]));
	for (unsigned i = 0; i < 3; i++)
		region_shard_begin(shard);
	region_shard_reached(shard, 1500);
	region_shard_answered(shard);
	region_shard_failed(shard);
	ck_assert_uint_eq(atomic_load(&shard->tries), 3);
	ck_assert_uint_eq(atomic_load(&shard->completions), 2);
	ck_assert_uint_eq(atomic_load(&shard->in_flight), 1);
	region_shard_gave_up(shard);
	ck_assert_uint_eq(atomic_load(&shard->completions), 2);
	ck_assert_uint_eq(atomic_load(&shard->in_flight), 0);
	ck_assert_ptr_eq(service_steering_shard(whole, 0), service_steering_shard(whole, 0));
	ck_assert_ptr_ne(service_steering_shard(whole, 0), service_steering_shard(whole, 1));
	steering_registry_free(r);
}
END_TEST

START_TEST(a_change_is_seen_by_its_generation)
{
	struct steering_registry *r = steering_registry_new(2);
	struct steering *s = steering_registry_get(r, "shop", "east");
	unsigned before = atomic_load(&s->generation);

	steering_changed(s, 3);
	ck_assert_uint_eq(atomic_load(&s->usable), 3);
	ck_assert_uint_ne(atomic_load(&s->generation), before);
	steering_registry_free(r);
}
END_TEST

START_TEST(shares_are_set_and_say_whether_they_changed)
{
	struct steering_registry *r = steering_registry_new(2);
	struct steering *s[] = { steering_registry_get(r, "shop", "a"),
		steering_registry_get(r, "shop", "b"), steering_registry_get(r, "shop", "c") };
	static const struct {
		uint32_t shares[3];
		bool changed;
	} t[] = {
		{ { 65536, 0, 0 }, true },
		{ { 65536, 0, 0 }, false },
		{ { 0, 65536, 0 }, true },
		{ { 1, 65534, 1 }, true },
		{ { 0, 0, 0 }, true },
		{ { 0, 0, 0 }, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		ck_assert_msg(steering_set_shares(s, t[i].shares, 3) == t[i].changed, "step %u", i);
		for (unsigned j = 0; j < 3; j++)
			ck_assert_uint_eq(atomic_load(&s[j]->share), t[i].shares[j]);
	}
	steering_registry_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steering");
	TCase *tests = tcase_create("steering");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_name_keeps_its_steering);
	tcase_add_test(tests, a_service_keeps_its_steering_beside_its_regions);
	tcase_add_test(tests, each_worker_has_shards_of_its_own);
	tcase_add_test(tests, a_change_is_seen_by_its_generation);
	tcase_add_test(tests, shares_are_set_and_say_whether_they_changed);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
