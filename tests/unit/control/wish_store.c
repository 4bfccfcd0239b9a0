/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_store.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "conf/topology.h"
#include "people_world.h"
#include "wisher.h"

static void
set_up(void)
{
	people_make("");
}

static void
tear_down(void)
{
	people_free();
}

START_TEST(an_evacuation_reaches_control_the_disk_and_the_journal)
{
	struct steer_region_out out;
	char path[80];
	struct stat st;

	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_ptr_nonnull(strstr(wisher_reply.text, "evacuate east is in force until "));
	ck_assert_ptr_nonnull(strstr(wisher_reply.text, "shop: east 70.0 % -> 0.0 %"));
	ck_assert_ptr_nonnull(wishes_evacuation(desk_wishes(people_desk), "east"));
	steer_region(people_steer(SHOP), EAST, &out);
	ck_assert_int_eq(out.region.state, REGION_EVACUATED);
	snprintf(path, sizeof path, "%s/wishes.json", people_dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(people_facts("wish_made"), 1);
	ck_assert_str_eq(people_fact_text("wish_made", "actor"), "alice");
	ck_assert_str_eq(people_fact_text("wish_made", "reason"), "upgrade");
}
END_TEST

START_TEST(restoring_ends_it_and_tells_control_which_region)
{
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 0);
	ck_assert_str_eq(desk_restored(people_desk), "east");
	ck_assert_ptr_null(desk_restored(people_desk));
	ck_assert_uint_eq(people_facts("wish_ended"), 1);
}
END_TEST

START_TEST(only_a_region_that_waits_is_restored_though_nobody_evacuated_it)
{
	people_region_down(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_WRONG);
	people_region_up(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	ck_assert_str_eq(
	    wisher_reply.text, "east waited to be restored and takes traffic again, by its ramp");
	people_turn(0);
	ck_assert_str_eq(desk_restored(people_desk), "east");
	ck_assert_uint_eq(people_facts("restore_asked"), 1);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "west"), WISH_WRONG);
	ck_assert_str_eq(wisher_reply.text,
	    "nothing to restore: west is neither evacuated nor waiting, its state is up");
	people_turn(0);
	ck_assert_ptr_null(desk_restored(people_desk));
	ck_assert_uint_eq(people_facts("restore_asked"), 1);
}
END_TEST

START_TEST(a_pin_of_a_region_that_is_out_says_that_it_has_no_effect)
{
	struct wish w = wisher_wish(WISH_PIN, "shop", "east", 0.5);

	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_ptr_null(strstr(wisher_reply.text, "effect"));
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_ptr_nonnull(strstr(wisher_reply.text,
	    "the pin of shop to 50 % there (alice: upgrade) has no effect meanwhile"));
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_ptr_nonnull(strstr(wisher_reply.text, "but east is evacuated: it gets nothing"));
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	people_region_down(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_ptr_nonnull(strstr(wisher_reply.text, "but east is down: it gets nothing"));
}
END_TEST

/* What cannot be meant is told before control is asked. */
static const struct {
	struct wish wish;
	uint64_t for_ms;
	const char *said;
} wrong[] = {
	{ { WISH_EVACUATE, "east", "", 0, "a", "", 0, 0 }, 0, "reason" },
	{ { WISH_EVACUATE, "east", "", 0, "a", " \t", 0, 0 }, 0, "reason" },
	{ { WISH_EVACUATE, "east", "", 0, "", "why", 0, 0 }, 0, "owner" },
	{ { WISH_EVACUATE, "nowhere", "", 0, "a", "why", 0, 0 }, 0, "no region 'nowhere'" },
	{ { WISH_EVACUATE, "", "", 0, "a", "why", 0, 0 }, 0, "no region ''" },
	{ { WISH_EVACUATE, "east", "", 0, "a", "why", 0, 0 }, 999, "72 hours" },
	{ { WISH_EVACUATE, "east", "", 0, "a", "why", 0, 0 }, WISH_MAX_MS + 1, "72 hours" },
	{ { WISH_FREEZE, "", "nothing", 0, "a", "why", 0, 0 }, 0, "no service 'nothing'" },
	{ { WISH_PIN, "east", "", 0.1, "a", "why", 0, 0 }, 0, "needs a service" },
	{ { WISH_PIN, "east", "blog", 0.1, "a", "why", 0, 0 }, 0, "not served" },
	{ { WISH_PIN, "east", "shop", 1.01, "a", "why", 0, 0 }, 0, "share" },
	{ { WISH_PIN, "east", "shop", -0.1, "a", "why", 0, 0 }, 0, "share" },
	{ { WISH_PIN, "east", "shop", NAN, "a", "why", 0, 0 }, 0, "share" },
};

START_TEST(what_makes_no_sense_is_told_at_once)
{
	ck_assert_int_eq(wisher_make(&wrong[_i].wish, wrong[_i].for_ms, ""), WISH_WRONG);
	ck_assert_msg(strstr(wisher_reply.text, wrong[_i].said) != NULL, "%s", wisher_reply.text);
	ck_assert_uint_eq(wisher_in_force(), 0);
	ck_assert_uint_eq(people_facts("wish_made"), 0);
}
END_TEST

START_TEST(the_longest_and_shortest_times_are_kept_to)
{
	static const uint64_t times[] = { WISH_MIN_MS, WISH_MAX_MS, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct wish w = wisher_wish(WISH_FREEZE, "shop", "", 0);
		uint64_t for_ms = times[i] != 0 ? times[i] : WISH_DEFAULT_MS;
		const struct wish *made;

		ck_assert_int_eq(wisher_make(&w, times[i], ""), WISH_DONE);
		made = wishes_freeze(desk_wishes(people_desk), "shop");
		ck_assert_uint_eq(made->until_wall_ms - made->made_wall_ms, for_ms);
	}
	ck_assert_uint_eq(wisher_in_force(), 1);
}
END_TEST

START_TEST(a_wish_ends_by_itself_when_its_time_has_come)
{
	struct wish w = wisher_wish(WISH_FREEZE, "", "", 0);
	uint64_t by_ms = clock_now_ms() + 10000;

	ck_assert_int_eq(wisher_make(&w, WISH_MIN_MS, ""), WISH_DONE);
	ck_assert_uint_eq(wisher_in_force(), 1);
	while (wisher_in_force() > 0) {
		ck_assert_uint_lt(clock_now_ms(), by_ms);
		people_turn(0);
		usleep(10000);
	}
	ck_assert_uint_eq(people_facts("wish_ended"), 1);
	ck_assert_str_eq(people_fact_text("wish_ended", "signal"), "time");
}
END_TEST

START_TEST(freezes_and_pins_are_made_and_ended)
{
	struct wish w = wisher_wish(WISH_PIN, "shop", "far", 0.2);

	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_double_eq(wishes_pin(desk_wishes(people_desk), "shop", "far")->share, 0.2);
	w = wisher_wish(WISH_FREEZE, "", "", 0);
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_ptr_nonnull(wishes_freeze(desk_wishes(people_desk), "blog"));
	ck_assert_int_eq(wisher_end(WISH_PIN, "shop", "west"), WISH_WRONG);
	ck_assert_int_eq(wisher_end(WISH_PIN, "shop", "far"), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_FREEZE, "shop", ""), WISH_WRONG);
	ck_assert_int_eq(wisher_end(WISH_FREEZE, "", ""), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_FREEZE, "", ""), WISH_WRONG);
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 0);
}
END_TEST

START_TEST(the_same_wish_again_replaces_the_first)
{
	for (unsigned i = 0; i < WISHES_MAX + 10; i++) {
		struct wish w = wisher_wish(WISH_FREEZE, "shop", "", 0);

		ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	}
	ck_assert_uint_eq(wisher_in_force(), 1);
}
END_TEST

/* ---- over a restart, over a reload ---- */

START_TEST(wishes_outlive_a_restart_with_their_version)
{
	struct wish w = wisher_wish(WISH_PIN, "shop", "far", 0.25);
	uint64_t version;

	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	version = desk_wishes(people_desk)->version;
	people_restart();
	people_turn(1);
	ck_assert_uint_eq(wisher_in_force(), 2);
	ck_assert_uint_eq(desk_wishes(people_desk)->version, version);
	ck_assert_str_eq(wishes_evacuation(desk_wishes(people_desk), "east")->owner, "alice");
	ck_assert_double_eq(wishes_pin(desk_wishes(people_desk), "shop", "far")->share, 0.25);
}
END_TEST

static void
write_wishes(const char *text)
{
	char path[80];
	FILE *to;

	snprintf(path, sizeof path, "%s/wishes.json", people_dir);
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
}

#define WISH(more)                                                                                 \
	"{\"version\": 3, \"wishes\": [{\"wish\": \"evacuate\", \"region\": \"east\","             \
	" \"owner\": \"a\", \"reason\": \"r\", " more "}]}"

static const char *const broken[] = { "", "{", "[]", "{}", "nonsense", "{\"wishes\": {}}",
	"{\"version\": -1, \"wishes\": []}", "{\"version\": 1, \"wishes\": [7]}",
	WISH("\"made_ms\": 1"),
	WISH("\"made_ms\": 1, \"until_ms\": 999999999"), /* longer than 72 h */
	WISH("\"made_ms\": 5, \"until_ms\": 4"), WISH("\"made_ms\": -5, \"until_ms\": 4"),
	"{\"version\": 1, \"wishes\": [{\"wish\": \"pin\", \"region\": \"east\", \"owner\": \"a\","
	" \"reason\": \"r\", \"made_ms\": 1, \"until_ms\": 2, \"share\": 0.1}]}" };

START_TEST(a_broken_file_is_set_aside_and_serving_goes_on)
{
	char aside[80];

	write_wishes(broken[_i]);
	people_restart();
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 0);
	snprintf(aside, sizeof aside, "%s/wishes.json.bad", people_dir);
	ck_assert_int_eq(access(aside, F_OK), 0);
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
}
END_TEST

START_TEST(what_was_over_while_we_were_away_does_not_come_back)
{
	write_wishes(WISH("\"made_ms\": 1000, \"until_ms\": 2000"));
	people_restart();
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 0);
	ck_assert_uint_eq(people_facts("wish_ended"), 1);
}
END_TEST

START_TEST(a_reload_drops_what_it_does_not_name_any_more)
{
	struct wish w = wisher_wish(WISH_FREEZE, "blog", "", 0);
	struct topology *smaller = people_smaller();

	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	w = wisher_wish(WISH_PIN, "shop", "far", 0.2);
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	w = wisher_wish(WISH_FREEZE, "", "", 0);
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	wish_store_adopt(people_store, smaller);
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 1);
	ck_assert_ptr_nonnull(wishes_freeze(desk_wishes(people_desk), ""));
	ck_assert_uint_eq(people_facts("wish_dropped"), 2);
	ck_assert_int_eq(wisher_end(WISH_FREEZE, "blog", ""), WISH_WRONG);
	topology_unref(smaller);
}
END_TEST

START_TEST(a_reload_while_control_judges_is_noticed)
{
	struct wish w = wisher_wish(WISH_PIN, "shop", "far", 0.2);
	struct topology *smaller = people_smaller();

	wisher_replies = 0;
	wish_store_make(people_store, &w, 0, "", wisher_on_reply, NULL);
	wish_store_adopt(people_store, smaller);
	people_turn(1);
	ck_assert_uint_eq(wisher_replies, 1);
	ck_assert_int_eq(wisher_reply.result, WISH_WRONG);
	people_turn(0);
	ck_assert_uint_eq(wisher_in_force(), 0);
	topology_unref(smaller);
}
END_TEST

START_TEST(a_disk_that_refuses_keeps_nobody_from_evacuating)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s; touch %s", people_dir, people_dir);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_uint_eq(wisher_in_force(), 1);
}
END_TEST

/* ---- when control does not answer ---- */

START_TEST(without_an_answer_in_time_nothing_is_changed)
{
	struct wish w = wisher_wish(WISH_EVACUATE, "", "east", 0);
	uint64_t began_ms = clock_now_ms();

	wisher_replies = 0;
	wish_store_make(people_store, &w, 0, "", wisher_on_reply, NULL);
	while (wisher_replies == 0) {
		ck_assert_uint_lt(clock_now_ms(), began_ms + 3 * DESK_DEADLINE_MS);
		people_turn_main();
		usleep(10000);
	}
	ck_assert_uint_ge(clock_now_ms() - began_ms, DESK_DEADLINE_MS - 50);
	ck_assert_int_eq(wisher_reply.result, WISH_NOT_ANSWERED);
	/* control wakes up and answers: too late to change anything */
	people_turn(1);
	people_turn(1);
	ck_assert_uint_eq(wisher_replies, 1);
	ck_assert_uint_eq(wisher_in_force(), 0);
	ck_assert_int_eq(wisher_evacuate("west", "last_region"), WISH_DONE);
}
END_TEST

START_TEST(closing_the_desk_answers_all_that_waits)
{
	struct wish w = wisher_wish(WISH_EVACUATE, "", "east", 0);

	wisher_replies = 0;
	for (unsigned i = 0; i < 3; i++)
		wish_store_make(people_store, &w, 0, "", wisher_on_reply, NULL);
	ck_assert_uint_eq(wisher_replies, 0);
	desk_close(people_desk);
	ck_assert_uint_eq(wisher_replies, 3);
	ck_assert_int_eq(wisher_reply.result, WISH_NOT_ANSWERED);
}
END_TEST

START_TEST(questions_are_put_one_after_the_other)
{
	struct wish east = wisher_wish(WISH_EVACUATE, "", "east", 0);
	struct wish far = wisher_wish(WISH_EVACUATE, "", "far", 0);

	wisher_replies = 0;
	wish_store_make(people_store, &east, 0, "", wisher_on_reply, NULL);
	wish_store_make(people_store, &far, 0, "", wisher_on_reply, NULL);
	people_turn(1);
	ck_assert_uint_eq(wisher_replies, 1);
	people_turn(1); /* and put once more: the first one has changed something meanwhile */
	people_turn(1);
	ck_assert_uint_eq(wisher_replies, 2);
	people_turn(1);
	ck_assert_uint_eq(wisher_in_force(), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/wish_store");
	TCase *tests = tcase_create("wishes");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_evacuation_reaches_control_the_disk_and_the_journal);
	tcase_add_test(tests, restoring_ends_it_and_tells_control_which_region);
	tcase_add_test(tests, only_a_region_that_waits_is_restored_though_nobody_evacuated_it);
	tcase_add_test(tests, a_pin_of_a_region_that_is_out_says_that_it_has_no_effect);
	tcase_add_loop_test(tests, what_makes_no_sense_is_told_at_once, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tests, the_longest_and_shortest_times_are_kept_to);
	tcase_add_test(tests, a_wish_ends_by_itself_when_its_time_has_come);
	tcase_add_test(tests, freezes_and_pins_are_made_and_ended);
	tcase_add_test(tests, the_same_wish_again_replaces_the_first);
	tcase_add_test(tests, wishes_outlive_a_restart_with_their_version);
	tcase_add_loop_test(
	    tests, a_broken_file_is_set_aside_and_serving_goes_on, 0, ARRAY_SIZE(broken));
	tcase_add_test(tests, what_was_over_while_we_were_away_does_not_come_back);
	tcase_add_test(tests, a_reload_drops_what_it_does_not_name_any_more);
	tcase_add_test(tests, a_reload_while_control_judges_is_noticed);
	tcase_add_test(tests, a_disk_that_refuses_keeps_nobody_from_evacuating);
	tcase_add_test(tests, without_an_answer_in_time_nothing_is_changed);
	tcase_add_test(tests, closing_the_desk_answers_all_that_waits);
	tcase_add_test(tests, questions_are_put_one_after_the_other);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
