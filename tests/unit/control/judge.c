/* SPDX-License-Identifier: Apache-2.0 */
#include "control/judge.h"

#include <check.h>
#include <string.h>

#include "people_world.h"

static struct desk_answer answer;

/* As control is asked, before anything is in force. */
static enum desk_verdict
judge_evacuation(const char *region)
{
	static struct desk_question q;
	struct steer *const services[] = { people_steer(SHOP), people_steer(BLOG) };
	const struct desk_world world = { services, 2, 0 };

	q = (struct desk_question){ .kind = DESK_JUDGE,
		.wish = { .kind = WISH_EVACUATE },
		.since_last_change_ms = UINT64_MAX };
	strcpy(q.wish.region, region);
	memset(&answer, 0, sizeof answer);
	judge_wish(&world, desk_wishes(people_desk), &q, &answer);
	return answer.verdict;
}

/* west can do 500/s, of shop and of blog, which is there alone; far can do 800/s. */
START_TEST(capacity_is_what_all_services_together_find)
{
	people_make("{ capacity = true; }");
	people_demand(SHOP, 1000);
	people_demand(BLOG, 100);
	people_turn(20);
	ck_assert_int_eq(judge_evacuation("east"), DESK_YES);
	people_demand(SHOP, 1250);
	people_turn(20);
	ck_assert_int_eq(judge_evacuation("east"), DESK_REFUSED);
	ck_assert_str_eq(answer.rule, "capacity");
	people_demand(BLOG, 0);
	people_turn(20);
	ck_assert_int_eq(judge_evacuation("east"), DESK_YES);
	people_free();
}
END_TEST

/* Its checks may be what is wrong: blog fails open there and is served. */
START_TEST(the_last_region_of_a_service_that_fails_open_is_not_put_aside_unasked)
{
	people_make("");
	people_region_down(BLOG, 0);
	people_turn(20);
	ck_assert_int_eq(steer_mode(people_steer(BLOG)), SHARE_FAIL_OPEN);
	people_region_down(SHOP, WEST);
	people_turn(20);
	ck_assert_int_eq(judge_evacuation("west"), DESK_REFUSED);
	ck_assert_str_eq(answer.rule, "last_region");
	people_free();
}
END_TEST

START_TEST(what_would_become_of_shares_is_told_from_where_they_are)
{
	people_make("");
	people_demand(SHOP, 100);
	people_region_down(SHOP, EAST);
	people_turn(20);
	people_region_up(SHOP, EAST);
	people_turn(20); /* it waits */
	ck_assert_int_eq(judge_evacuation("far"), DESK_YES);
	ck_assert_msg(
	    strstr(answer.text, "shop: west 100.0 % -> 100.0 %;") != NULL, "%s", answer.text);
	people_free();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/judge");
	TCase *tests = tcase_create("judge");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, capacity_is_what_all_services_together_find);
	tcase_add_test(
	    tests, the_last_region_of_a_service_that_fails_open_is_not_put_aside_unasked);
	tcase_add_test(tests, what_would_become_of_shares_is_told_from_where_they_are);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
