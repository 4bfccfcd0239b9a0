/* SPDX-License-Identifier: Apache-2.0 */
/* A region that answers mostly with errors: without waiting for windows. */
#include "steer/grey.h"

#include <check.h>

static struct grey region;

/* In so many tenths of the last second. */
static bool
errs(const struct evidence *tick, const struct evidence *last_1s, unsigned slots)
{
	struct evidence_window w = { .last_1s = *last_1s, .slot_no = EVIDENCE_SLOTS };

	for (unsigned i = 0; i < slots; i++)
		w.slot[EVIDENCE_SLOTS - 1 - i] = *last_1s;
	return grey_errs(&region, tick, &w);
}

START_TEST(a_region_that_only_errs_is_known_without_waiting_for_windows)
{
	static const struct {
		const char *what;
		struct evidence ticks[3]; /* one after the other */
		struct evidence last_1s, others;
		bool burst;
	} t[] = {
		{ "20 errors in a row, retried elsewhere", { { .answered = 20, .errors = 20 } },
		    { .answered = 500, .errors = 20 }, { .answered = 10 }, true },
		{ "over several ticks",
		    { { .answered = 9, .errors = 9 }, { .answered = 9, .errors = 9 },
			{ .answered = 2, .errors = 2 } },
		    { .answered = 100, .errors = 20 }, { .answered = 10 }, true },
		{ "19", { { .answered = 19, .errors = 19 } }, { .answered = 500, .errors = 19 },
		    { .answered = 19 }, false },
		{ "a good one among them",
		    { { .answered = 19, .errors = 19 }, { .answered = 5, .errors = 4 },
			{ .answered = 19, .errors = 19 } },
		    { .answered = 500, .errors = 42 }, { .answered = 40 }, false },
		{ "nobody else has answered", { { .answered = 90, .errors = 90 } },
		    { .answered = 90, .errors = 90 }, { .answered = 9 }, false },
		{ "the others err too", { { .answered = 90, .errors = 90 } },
		    { .answered = 90, .errors = 90 }, { .answered = 100, .errors = 26 }, false },
		{ "the others err a little", { { .answered = 90, .errors = 90 } },
		    { .answered = 90, .errors = 90 }, { .answered = 100, .errors = 25 }, true },
		{ "six of ten in a second", { { .answered = 10, .errors = 6 } },
		    { .answered = 100, .errors = 60 }, { .answered = 60 }, true },
		{ "half", { { .answered = 10, .errors = 5 } }, { .answered = 100, .errors = 50 },
		    { .answered = 60 }, false },
		{ "most of 19", { { .answered = 10, .errors = 9 } },
		    { .answered = 19, .errors = 18 }, { .answered = 60 }, false },
		{ "long ago", { { .answered = 20, .errors = 20 }, { 0 } }, { 0 },
		    { .answered = 10 }, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		bool burst = false;

		region = (struct grey){ 0 };
		for (unsigned k = 0; k < 3; k++)
			burst = errs(&t[i].ticks[k], &t[i].last_1s, 2) &&
			    grey_burst(&region, &t[i].last_1s, &t[i].others);
		ck_assert_msg(burst == t[i].burst, "%s", t[i].what);
	}
}
END_TEST

START_TEST(what_one_moment_cuts_condemns_nobody)
{
	static const struct evidence tick = { .answered = 10, .errors = 40 };
	static const struct evidence second = { .answered = 60, .errors = 40 };

	region = (struct grey){ 0 };
	ck_assert(!errs(&tick, &second, 1));
	ck_assert(errs(&tick, &second, 2));
}
END_TEST

/* A server dies with hundreds of long answers, and it takes a busy machine a while to see it. */
START_TEST(what_was_begun_long_before_it_was_cut_condemns_nobody_until_that_lasts)
{
	static const struct evidence tick = { .answered = 10, .errors = 40, .cut = 40 };
	static const struct evidence second = { .answered = 100, .errors = 80, .cut = 80 };
	static const struct evidence some_new = { .answered = 100, .errors = 80, .cut = 31 };
	static const struct evidence most_new = { .answered = 100, .errors = 80, .cut = 29 };

	region = (struct grey){ 0 };
	ck_assert(!errs(&tick, &second, 3));
	ck_assert_uint_eq(region.errors_in_a_row, 0);
	ck_assert(!errs(&tick, &second, 7));
	ck_assert(errs(&tick, &second, 8)); /* an end that takes so long is none of one server */
	ck_assert(!errs(&tick, &some_new, 3));
	ck_assert(errs(&tick, &most_new, 3));
}
END_TEST

START_TEST(where_every_answer_is_cut_old_ones_among_them_hide_none)
{
	static const struct evidence tick = { .answered = 11, .errors = 40, .cut = 29 };
	static const struct evidence second = { .answered = 500, .errors = 80, .cut = 58 };

	region = (struct grey){ 0 };
	ck_assert(!errs(&tick, &second, 2));
	ck_assert(errs(&tick, &second, 2)); /* 22 in a row that are new */
	ck_assert_uint_eq(region.errors_in_a_row, 22);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/grey_burst");
	TCase *tests = tcase_create("burst");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_region_that_only_errs_is_known_without_waiting_for_windows);
	tcase_add_test(tests, what_one_moment_cuts_condemns_nobody);
	tcase_add_test(
	    tests, what_was_begun_long_before_it_was_cut_condemns_nobody_until_that_lasts);
	tcase_add_test(tests, where_every_answer_is_cut_old_ones_among_them_hide_none);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
