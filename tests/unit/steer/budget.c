/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/budget.h"

#include <check.h>
#include <stdlib.h>

static const double share = 0.2;

static void
earn(struct retry_budget *b, unsigned count, uint64_t now_ms)
{
	for (unsigned i = 0; i < count; i++)
		budget_earn(b, share, now_ms);
}

static unsigned
spend_all(struct retry_budget *b, double floor_per_s, uint64_t now_ms)
{
	unsigned n = 0;

	while (budget_spend(b, floor_per_s, now_ms))
		n++;
	return n;
}

START_TEST(first_tries_earn_their_share_exactly)
{
	static const struct {
		unsigned tries, retries;
	} t[] = { { 0, 0 }, { 4, 0 }, { 5, 1 }, { 9, 1 }, { 10, 2 }, { 1000, 200 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct retry_budget b = { 0 };

		earn(&b, t[i].tries, 50000);
		ck_assert_uint_eq(spend_all(&b, 0, 50000), t[i].retries);
	}
}
END_TEST

/* Everything fails from some moment on, after a long time in which nothing did. */
START_TEST(no_ten_seconds_see_more_than_the_share_however_much_was_saved)
{
	for (unsigned first = 300; first < 310; first++) {
		struct retry_budget b = { 0 };
		unsigned retries[600] = { 0 }, sum = 0;

		for (unsigned tick = 0; tick < 600; tick++) {
			earn(&b, 10, 1000000 + 100 * tick);
			if (tick >= first)
				retries[tick] = spend_all(&b, 0, 1000000 + 100 * tick);
			sum += retries[tick] - (tick >= 100 ? retries[tick - 100] : 0);
			ck_assert_msg(
			    sum <= 200, "%u retries for 1000 requests until tick %u", sum, tick);
		}
		ck_assert_uint_ge(retries[first], 180); /* at once, when it matters most */
	}
}
END_TEST

/* Who has just begun has earned no more than it was asked: all that fails then is not tried again. */
START_TEST(a_young_budget_has_its_share_and_its_floor)
{
	struct retry_budget b = { 0 };

	earn(&b, 400, 1000000);
	ck_assert_uint_eq(spend_all(&b, 10, 1000000), 80 + 100);
	earn(&b, 400, 1002000);
	ck_assert_uint_eq(spend_all(&b, 10, 1002000), 80);
}
END_TEST

START_TEST(what_was_earned_is_over_after_ten_seconds)
{
	struct retry_budget b = { 0 };

	earn(&b, 100, 21000);
	ck_assert(budget_spend(&b, 0, 30999));
	ck_assert(!budget_spend(&b, 0, 31000));
	earn(&b, 100, 70000);
	ck_assert_uint_eq(spend_all(&b, 0, 70000), 20);
}
END_TEST

START_TEST(the_floor_lets_a_quiet_service_lose_all_that_it_is_busy_with_once)
{
	struct retry_budget b = { 0 };

	ck_assert_uint_eq(spend_all(&b, 10, 3600000), 100);
	ck_assert_uint_eq(spend_all(&b, 10, 3609999), 0);
	ck_assert_uint_eq(spend_all(&b, 10, 3611000), 100);
	ck_assert_uint_eq(spend_all(&b, 10, 7200000), 100);
}
END_TEST

START_TEST(no_ten_seconds_see_more_than_ten_times_the_floor)
{
	struct retry_budget b = { 0 };
	unsigned retries[300] = { 0 }, sum = 0;

	for (unsigned tick = 0; tick < 300; tick++) {
		for (unsigned i = 0; i < tick % 7; i++)
			retries[tick] += budget_spend(&b, 10, 1000000 + 100 * tick);
		sum += retries[tick] - (tick >= 100 ? retries[tick - 100] : 0);
		ck_assert_uint_le(sum, 100);
	}
	ck_assert_uint_ge(sum, 90);
}
END_TEST

START_TEST(a_small_part_of_the_floor_is_one_retry_in_ten_seconds)
{
	struct retry_budget b = { 0 };

	ck_assert_uint_eq(spend_all(&b, 0.05, 1000), 1);
	ck_assert_uint_eq(spend_all(&b, 0.05, 10000), 0);
	ck_assert_uint_eq(spend_all(&b, 0.05, 12000), 1);
	b = (struct retry_budget){ 0 };
	ck_assert_uint_eq(spend_all(&b, 0.625, 60000), 6);
}
END_TEST

START_TEST(who_may_not_use_the_floor_leaves_it_to_others)
{
	struct retry_budget b = { 0 };

	ck_assert(!budget_spend(&b, 0, 1000)); /* the first to ask at all */
	ck_assert(budget_spend(&b, 10, 1001));
	ck_assert(!budget_spend(&b, 0, 1002)); /* a hedge, say */
	ck_assert_uint_eq(spend_all(&b, 10, 1002), 99);
}
END_TEST

START_TEST(a_clock_at_zero_and_one_that_stands_still_are_fine)
{
	struct retry_budget b = { 0 };

	earn(&b, 5, 0);
	ck_assert_uint_eq(spend_all(&b, 0, 0), 1);
	earn(&b, 5, 2000);
	ck_assert(budget_spend(&b, 0, 1000)); /* behind: as if it stood */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("budget");
	TCase *tcase = tcase_create("budget");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, first_tries_earn_their_share_exactly);
	tcase_add_test(tcase, no_ten_seconds_see_more_than_the_share_however_much_was_saved);
	tcase_add_test(tcase, what_was_earned_is_over_after_ten_seconds);
	tcase_add_test(tcase, a_young_budget_has_its_share_and_its_floor);
	tcase_add_test(tcase, the_floor_lets_a_quiet_service_lose_all_that_it_is_busy_with_once);
	tcase_add_test(tcase, no_ten_seconds_see_more_than_ten_times_the_floor);
	tcase_add_test(tcase, a_small_part_of_the_floor_is_one_retry_in_ten_seconds);
	tcase_add_test(tcase, who_may_not_use_the_floor_leaves_it_to_others);
	tcase_add_test(tcase, a_clock_at_zero_and_one_that_stands_still_are_fine);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
