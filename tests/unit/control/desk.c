/* SPDX-License-Identifier: Apache-2.0 */
#include "control/desk.h"

#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "people_world.h"

static struct desk_answer last;
static unsigned answers;

static void
on_answer(void *arg, const struct desk_answer *a)
{
	last = *a;
	answers++;
}

static void
explain(const char *service)
{
	struct desk_question q = { .kind = DESK_EXPLAIN };

	snprintf(q.service, sizeof q.service, "%s", service);
	desk_ask(people_desk, &q, on_answer, NULL);
}

static void
set_up(void)
{
	people_make("");
	answers = 0;
}

static void
tear_down(void)
{
	people_free();
}

START_TEST(an_explanation_names_the_service_and_each_of_its_regions)
{
	explain("shop");
	ck_assert_uint_eq(answers, 0); /* never before the call has returned */
	people_turn(0);
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(last.verdict, DESK_YES);
	ck_assert_ptr_nonnull(strstr(last.text, "shop"));
	ck_assert_ptr_nonnull(strstr(last.text, "\neast gets 70 %"));
	ck_assert_ptr_nonnull(strstr(last.text, "\nwest gets 30 %"));
	ck_assert_ptr_nonnull(strstr(last.text, "\nfar gets 0 %"));
}
END_TEST

START_TEST(an_unknown_service_is_named)
{
	explain("shopp");
	people_turn(0);
	ck_assert_int_eq(last.verdict, DESK_UNKNOWN);
	ck_assert_str_eq(
	    last.text, "there is no service 'shopp'; did you mean shop? There are shop, blog");
}
END_TEST

START_TEST(what_control_has_not_taken_yet_is_added_to)
{
	struct wishes *wishes = calloc(1, sizeof *wishes);

	explain("shop");
	wishes->version = 41;
	desk_post_wishes(people_desk, wishes, "east");
	wishes->version = 42;
	desk_post_wishes(people_desk, wishes, "west");
	desk_post_wishes(people_desk, wishes, "east");
	desk_post_wishes(people_desk, wishes, NULL);
	people_turn(0);
	ck_assert_uint_eq(answers, 1);
	ck_assert_uint_eq(desk_wishes(people_desk)->version, 42);
	ck_assert_str_eq(desk_restored(people_desk), "east");
	/* more comes before all of it was told */
	desk_post_wishes(people_desk, wishes, "far");
	people_turn(0);
	ck_assert_str_eq(desk_restored(people_desk), "west");
	ck_assert_str_eq(desk_restored(people_desk), "far");
	ck_assert_ptr_null(desk_restored(people_desk));
	free(wishes);
}
END_TEST

/* ---- with control on a thread of its own ---- */

static atomic_bool stop;

static void *
serve(void *arg)
{
	struct desk_world world = { .service_count = 0 };
	uint64_t version = 0;

	while (!atomic_load(&stop)) {
		desk_serve(people_desk, &world);
		ck_assert_uint_ge(desk_wishes(people_desk)->version, version);
		version = desk_wishes(people_desk)->version;
		(void)desk_restored(people_desk);
	}
	desk_serve(people_desk, &world);
	return NULL;
}

START_TEST(every_question_is_answered_and_the_newest_wishes_arrive)
{
	enum { QUESTIONS = 500 };
	struct wishes *wishes = calloc(1, sizeof *wishes);
	uint64_t by_ms = clock_now_ms() + 30000;
	pthread_t thread;

	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
	for (unsigned i = 0; i < QUESTIONS; i++) {
		explain("nothing is served here");
		wishes->version = 100 + i;
		desk_post_wishes(people_desk, wishes, i % 2 == 0 ? "east" : "west");
		people_turn_main();
	}
	while (answers < QUESTIONS) {
		ck_assert_uint_lt(clock_now_ms(), by_ms);
		people_turn_main();
	}
	ck_assert_int_eq(last.verdict, DESK_UNKNOWN);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(answers, QUESTIONS);
	ck_assert_uint_eq(desk_wishes(people_desk)->version, 100 + QUESTIONS - 1);
	free(wishes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/desk");
	TCase *tests = tcase_create("desk");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_explanation_names_the_service_and_each_of_its_regions);
	tcase_add_test(tests, an_unknown_service_is_named);
	tcase_add_test(tests, what_control_has_not_taken_yet_is_added_to);
	tcase_add_test(tests, every_question_is_answered_and_the_newest_wishes_arrive);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
