/* SPDX-License-Identifier: Apache-2.0 */
#include "control/expiry.h"

#include <check.h>

#include "steer/endpoint.h"

enum { DAY_S = 24 * 60 * 60 };

static const int64_t ends_s = 2000000000;

START_TEST(an_end_is_said_once_a_day_from_the_day_on_which_it_is_near)
{
	struct endpoint e = { .service = "shop", .region = "east", .url = "https://10.0.0.1" };
	unsigned said = 0;

	for (int64_t left_s = 60 * DAY_S; left_s > 0; left_s -= 600)
		said += expiry_note(&e, ends_s, true, ends_s - left_s);
	ck_assert_uint_eq(said, EXPIRY_WARN_DAYS);
	ck_assert(!expiry_note(&e, ends_s, true, ends_s + DAY_S)); /* its checks fail by then */
	ck_assert_int_eq(atomic_load(&e.certificate_ends_s), ends_s);
}
END_TEST

START_TEST(several_certificates_behind_one_address_are_no_reason_to_say_it_more_often)
{
	struct endpoint e = { .service = "shop", .region = "east", .url = "https://10.0.0.1" };
	unsigned said = 0;

	for (unsigned i = 0; i < 100; i++)
		said += expiry_note(&e, ends_s + i % 2, true, ends_s - DAY_S + i);
	ck_assert_uint_eq(said, 1);
}
END_TEST

START_TEST(who_is_not_verified_may_end_when_he_likes)
{
	struct endpoint e = { .service = "shop", .region = "east", .url = "https://10.0.0.1" };

	expiry_note(&e, ends_s, true, ends_s - 30 * DAY_S);
	ck_assert(!expiry_note(&e, ends_s, false, ends_s - DAY_S)); /* a reload says so */
	ck_assert_int_eq(atomic_load(&e.certificate_ends_s), 0);
	ck_assert(!expiry_note(&e, 0, true, ends_s));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/expiry");
	TCase *tests = tcase_create("expiry");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, an_end_is_said_once_a_day_from_the_day_on_which_it_is_near);
	tcase_add_test(
	    tests, several_certificates_behind_one_address_are_no_reason_to_say_it_more_often);
	tcase_add_test(tests, who_is_not_verified_may_end_when_he_likes);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
