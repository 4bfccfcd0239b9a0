/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/body_rate.h"

#include <check.h>

#include "conf/topology.h"

static const struct conf_client_limits limits = {
	.body_idle_ms = 30000,
	.min_rate_bytes = 500,
	.min_rate_grace_ms = 10000,
};

START_TEST(a_pause_may_last_so_long_and_no_longer)
{
	struct conf_client_limits any_rate = { .body_idle_ms = 30000 };
	struct body_rate r;

	body_rate_begin(&r, 1000);
	ck_assert_uint_eq(body_rate_judge(&r, &any_rate, 1000), 30000);
	body_rate_add(&r, 1, 11000);
	ck_assert_uint_eq(body_rate_judge(&r, &any_rate, 40999), 1);
	ck_assert_uint_eq(body_rate_judge(&r, &any_rate, 41000), 0);
}
END_TEST

START_TEST(the_rate_holds_after_its_grace)
{
	struct body_rate r;

	body_rate_begin(&r, 0);
	body_rate_add(&r, 4999, 9000);
	ck_assert_uint_eq(body_rate_judge(&r, &limits, 9999), 10000);
	ck_assert_uint_eq(body_rate_judge(&r, &limits, 10000), 0);
	body_rate_add(&r, 1, 10000);
	ck_assert_uint_eq(body_rate_judge(&r, &limits, 10000), 10000);
}
END_TEST

START_TEST(the_next_look_is_when_something_can_have_changed)
{
	struct body_rate r;

	body_rate_begin(&r, 0);
	body_rate_add(&r, 1 << 20, 500);
	ck_assert_uint_eq(body_rate_judge(&r, &limits, 500), 10000);
	ck_assert_uint_eq(body_rate_judge(&r, &limits, 25500), 5000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy/body_rate");
	TCase *t = tcase_create("body_rate");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, a_pause_may_last_so_long_and_no_longer);
	tcase_add_test(t, the_rate_holds_after_its_grace);
	tcase_add_test(t, the_next_look_is_when_something_can_have_changed);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
