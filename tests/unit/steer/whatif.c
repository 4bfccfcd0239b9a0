/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/whatif.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "bench.h"

static struct bench b;

static const struct safety_rule two_serve = { SAFETY_AT_LEAST, "two-serve", NULL, 0, 2 };

START_TEST(a_plan_alone_tells_what_a_loss_would_do)
{
	static const struct {
		const char *what;
		unsigned count;
		uint32_t tier[3];
		double capacity[3];
		double demand;
		int lose;
		enum share_mode mode;
		double before[3], after[3];
		double shed_rate;
	} t[] = {
		{ "as things are", 2, { 0, 0 }, { 0, 0 }, 0, -1, SHARE_NORMAL, { .5, .5 },
		    { .5, .5 }, 0 },
		{ "one of two", 2, { 0, 0 }, { 0, 0 }, 0, 0, SHARE_NORMAL, { .5, .5 }, { 0, 1 },
		    0 },
		{ "the primary", 2, { 0, 1 }, { 0, 0 }, 0, 0, SHARE_NORMAL, { 1, 0 }, { 0, 1 }, 0 },
		{ "the standby", 2, { 0, 1 }, { 0, 0 }, 0, 1, SHARE_NORMAL, { 1, 0 }, { 1, 0 }, 0 },
		{ "a small standby, the usual day", 2, { 0, 1 }, { 1000, 250 }, 0, 0, SHARE_NORMAL,
		    { 1, 0 }, { 0, .2941 }, 600 },
		{ "the same with a demand said", 2, { 0, 1 }, { 1000, 250 }, 500, 0, SHARE_NORMAL,
		    { 1, 0 }, { 0, .5 }, 250 },
		{ "three that just fit", 3, { 0, 0, 0 }, { 1000, 1000, 1000 }, 2000, 2,
		    SHARE_NORMAL, { .333, .333, .333 }, { .5, .5, 0 }, 0 },
		{ "the only one", 1, { 0 }, { 100 }, 50, 0, SHARE_NOTHING, { 1 }, { 0 }, 50 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct whatif w;

		bench_plan(&b, t[i].count);
		for (unsigned r = 0; r < t[i].count; r++) {
			b.regions[r].tier = t[i].tier[r];
			b.regions[r].capacity = t[i].capacity[r];
		}
		bench_start(&b);
		whatif_lose(b.s, t[i].lose, t[i].demand, &w);
		ck_assert_msg(w.mode == t[i].mode, "%s: mode %d", t[i].what, w.mode);
		for (unsigned r = 0; r < t[i].count; r++) {
			ck_assert_msg(fabs(w.before[r] - t[i].before[r]) < 1e-3,
			    "%s: before, r%u has %.4f", t[i].what, r, w.before[r]);
			ck_assert_msg(fabs(w.after[r] - t[i].after[r]) < 1e-3,
			    "%s: after, r%u has %.4f", t[i].what, r, w.after[r]);
		}
		ck_assert_msg(fabs(w.shed_rate - t[i].shed_rate) < 0.5, "%s: %.2f/s are shed",
		    t[i].what, w.shed_rate);
		bench_stop(&b);
	}
}
END_TEST

START_TEST(it_names_the_rule_that_the_loss_would_break)
{
	struct whatif w;

	bench_plan(&b, 2);
	b.plan.policy.rules = &two_serve;
	b.plan.policy.rule_count = 1;
	bench_start(&b);
	whatif_lose(b.s, -1, 0, &w);
	ck_assert_ptr_null(w.broken);
	whatif_lose(b.s, 1, 0, &w);
	ck_assert_ptr_eq(w.broken, &two_serve);
	bench_stop(&b);
}
END_TEST

START_TEST(what_is_down_now_is_no_help_and_what_waits_will_be)
{
	struct whatif w;

	bench_plan(&b, 3);
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 3000);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 2000);
	whatif_lose(b.s, 1, 100, &w);
	ck_assert_double_eq_tol(w.after[2], 1, 1e-3);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 2000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	whatif_lose(b.s, 1, 100, &w);
	ck_assert_double_eq_tol(w.before[0], 1 / 3.0, 1e-3);
	ck_assert_double_eq_tol(w.after[0], 0.5, 1e-3);
	bench_stop(&b);
}
END_TEST

START_TEST(asking_changes_nothing)
{
	struct whatif w;

	bench_start_pair(&b);
	whatif_lose(b.s, 0, 0, &w);
	ck_assert(!bench_tick(&b));
	ck_assert_double_eq_tol(bench_share_of(&b, 0), 1, 1e-9);
	bench_stop(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/whatif");
	TCase *tests = tcase_create("whatif");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_plan_alone_tells_what_a_loss_would_do);
	tcase_add_test(tests, it_names_the_rule_that_the_loss_would_break);
	tcase_add_test(tests, what_is_down_now_is_no_help_and_what_waits_will_be);
	tcase_add_test(tests, asking_changes_nothing);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
