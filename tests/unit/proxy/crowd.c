/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/crowd.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

static struct ip
ip(const char *text)
{
	struct ip parsed;

	ck_assert(ip_parse(text, strlen(text), &parsed));
	return parsed;
}

START_TEST(a_client_has_so_many_and_no_more)
{
	struct crowd *c = crowd_new(1);
	struct ip one = ip("192.0.2.1"), neighbour = ip("192.0.2.200"), other = ip("192.0.3.1");

	ck_assert(crowd_enter(c, &one, 3));
	ck_assert(crowd_enter(c, &one, 3));
	ck_assert(crowd_enter(c, &neighbour, 3));
	ck_assert(!crowd_enter(c, &one, 3));
	ck_assert(!crowd_enter(c, &neighbour, 3));
	ck_assert(crowd_enter(c, &other, 3));
	ck_assert(crowd_enter(c, &one, 4)); /* a reload may have raised it */
	crowd_leave(c, &one);
	crowd_leave(c, &one);
	ck_assert(crowd_enter(c, &neighbour, 3));
	ck_assert(!crowd_enter(c, &one, 3));
	ck_assert(crowd_enter(c, &one, 0)); /* any number */
	crowd_free(c);
}
END_TEST

START_TEST(an_ipv6_client_is_its_64)
{
	struct crowd *c = crowd_new(1);
	struct ip one = ip("2001:db8:1:2::1"), same = ip("2001:db8:1:2:ffff::1"),
		  other = ip("2001:db8:1:3::1");

	ck_assert(crowd_enter(c, &one, 1));
	ck_assert(!crowd_enter(c, &same, 1));
	ck_assert(crowd_enter(c, &other, 1));
	crowd_free(c);
}
END_TEST

/* Thousands of clients share places; hardly one is taken for more than it is. */
START_TEST(strangers_are_not_taken_for_each_other)
{
	struct crowd *c = crowd_new(12345);
	unsigned refused = 0;

	for (unsigned i = 0; i < 5000; i++) {
		struct ip client = { .family = IP_V4,
			.bytes = { (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1 } };

		for (unsigned n = 0; n < 10; n++)
			refused += !crowd_enter(c, &client, 20);
	}
	ck_assert_uint_lt(refused, 500); /* of 50,000 */
	crowd_free(c);
}
END_TEST

static void *
come_and_go(void *arg)
{
	struct ip one = { .family = IP_V4, .bytes = { 192, 0, 2, 1 } };

	for (unsigned i = 0; i < 100000; i++)
		if (crowd_enter(arg, &one, 2))
			crowd_leave(arg, &one);
	return NULL;
}

START_TEST(workers_count_together)
{
	struct crowd *c = crowd_new(1);
	struct ip one = ip("192.0.2.1");
	pthread_t threads[3];

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, c), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert(crowd_enter(c, &one, 1)); /* nobody is left in it */
	ck_assert(!crowd_enter(c, &one, 1));
	crowd_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy/crowd");
	TCase *t = tcase_create("crowd");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, a_client_has_so_many_and_no_more);
	tcase_add_test(t, an_ipv6_client_is_its_64);
	tcase_add_test(t, strangers_are_not_taken_for_each_other);
	tcase_add_test(t, workers_count_together);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
