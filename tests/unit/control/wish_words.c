/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer to one person says of what others wish. */
#include "control/wish_words.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "people_world.h"

static struct wish_reply reply;

static void
on_reply(void *arg, const struct wish_reply *r)
{
	reply = *r;
}

static struct wish
wish_of(enum wish_kind kind, const char *service, const char *region, const char *owner,
    const char *reason)
{
	struct wish w = { .kind = kind, .share = 0.2 };

	snprintf(w.service, sizeof w.service, "%s", service);
	snprintf(w.region, sizeof w.region, "%s", region);
	snprintf(w.owner, sizeof w.owner, "%s", owner);
	snprintf(w.reason, sizeof w.reason, "%s", reason);
	return w;
}

static int
make(enum wish_kind kind, const char *service, const char *region, const char *owner,
    const char *reason)
{
	struct wish w = wish_of(kind, service, region, owner, reason);

	reply = (struct wish_reply){ .result = WISH_NOT_ANSWERED };
	wish_store_make(people_store, &w, 0, "", on_reply, NULL);
	people_turn(1);
	people_turn(1); /* control takes what came of it */
	return reply.result;
}

static int
end(enum wish_kind kind, const char *service, const char *region)
{
	struct wish w = wish_of(kind, service, region, "amy", "");

	reply = (struct wish_reply){ .result = WISH_NOT_ANSWERED };
	wish_store_end(people_store, &w, on_reply, NULL);
	people_turn(1);
	people_turn(1); /* control takes what came of it */
	return reply.result;
}

static void
assert_says(const char *what)
{
	ck_assert_msg(strstr(reply.text, what) != NULL, "no '%s' in: %s", what, reply.text);
}

static void
assert_is_silent_of(const char *what)
{
	ck_assert_msg(strstr(reply.text, what) == NULL, "'%s' in: %s", what, reply.text);
}

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

START_TEST(ending_the_freeze_of_all_names_those_that_stay_frozen)
{
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", "a launch"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "zed", "an audit"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "blog", "", "bob", "a talk"), WISH_DONE);
	ck_assert_int_eq(end(WISH_FREEZE, "", ""), WISH_DONE);
	assert_says("automatic moves of all services go on, but shop stays frozen by zed (an "
		    "audit) until 20");
	assert_says(", blog stays frozen by bob (a talk) until 20");
}
END_TEST

START_TEST(ending_the_freeze_of_one_says_that_all_stay_frozen)
{
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", "a launch"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "zed", "an audit"), WISH_DONE);
	ck_assert_int_eq(end(WISH_FREEZE, "shop", ""), WISH_DONE);
	assert_says("the freeze of shop alone is over, but all services stay frozen by amy (a "
		    "launch) until 20");
	assert_is_silent_of("go on");
}
END_TEST

START_TEST(ending_the_only_freeze_says_that_moves_go_on)
{
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "zed", "an audit"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "blog", "", "bob", "a talk"), WISH_DONE);
	ck_assert_int_eq(end(WISH_FREEZE, "shop", ""), WISH_DONE);
	ck_assert_str_eq(reply.text, "automatic moves of shop go on");
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", "a launch"), WISH_DONE);
	ck_assert_int_eq(end(WISH_FREEZE, "blog", ""), WISH_DONE);
	ck_assert_int_eq(end(WISH_FREEZE, "", ""), WISH_DONE);
	ck_assert_str_eq(reply.text, "automatic moves of all services go on");
}
END_TEST

START_TEST(a_region_restored_under_a_freeze_is_said_not_to_grow)
{
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", "amy", "an upgrade"), WISH_DONE);
	ck_assert_int_eq(end(WISH_EVACUATE, "", "east"), WISH_DONE);
	ck_assert_str_eq(reply.text, "east takes traffic again, by its ramp");
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", "amy", "an upgrade"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "zed", "an audit"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "bob", "a launch"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "blog", "", "eve", "a talk"), WISH_DONE);
	ck_assert_int_eq(end(WISH_EVACUATE, "", "east"), WISH_DONE);
	assert_says("\nbut its share does not grow while all services are frozen by zed (an "
		    "audit) until 20");
	assert_says("\nbut its share of shop does not grow while that is frozen by bob (a launch)");
	assert_is_silent_of("blog"); /* which is not served in east */
}
END_TEST

START_TEST(a_region_restored_under_a_pin_is_said_to_be_pinned)
{
	ck_assert_int_eq(make(WISH_PIN, "shop", "east", "bob", "a slow disk"), WISH_DONE);
	ck_assert_int_eq(make(WISH_PIN, "shop", "west", "bob", "a slow net"), WISH_DONE);
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", "amy", "an upgrade"), WISH_DONE);
	ck_assert_int_eq(end(WISH_EVACUATE, "", "east"), WISH_DONE);
	assert_says("\nbut its share of shop is pinned to 20 % by bob (a slow disk) until 20");
	assert_is_silent_of("a slow net");
}
END_TEST

START_TEST(a_region_that_waited_is_said_not_to_grow_as_well)
{
	people_region_down(SHOP, EAST);
	people_turn(20);
	people_region_up(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "zed", "an audit"), WISH_DONE);
	ck_assert_int_eq(end(WISH_EVACUATE, "", "east"), WISH_DONE);
	assert_says("east waited to be restored and takes traffic again, by its ramp\nbut its "
		    "share does not grow while all services are frozen by zed (an audit) until 20");
}
END_TEST

START_TEST(a_wish_for_what_another_wished_says_whose_it_replaces)
{
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", "amy", "an upgrade"), WISH_DONE);
	assert_is_silent_of("replaces");
	ck_assert_str_eq(people_fact_text("wish_made", "replaces"), "");
	ck_assert_int_eq(make(WISH_EVACUATE, "", "far", "bob", "a storm"), WISH_DONE);
	assert_is_silent_of("replaces");
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", "zed", "a test"), WISH_DONE);
	assert_says("\nit replaces that by amy (an upgrade) until 20");
	ck_assert_ptr_nonnull(
	    strstr(people_fact_text("wish_made", "replaces"), "by amy (an upgrade) until 20"));
	ck_assert_str_eq(wishes_evacuation(desk_wishes(people_desk), "east")->owner, "zed");
}
END_TEST

START_TEST(a_freeze_of_one_service_does_not_replace_that_of_all)
{
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", "a launch"), WISH_DONE);
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "zed", "an audit"), WISH_DONE);
	assert_is_silent_of("replaces");
	ck_assert_int_eq(make(WISH_FREEZE, "shop", "", "bob", "a talk"), WISH_DONE);
	assert_says("\nit replaces that by zed (an audit) until 20");
}
END_TEST

static const char *const unreadable[] = {
	"a\nb",
	"a\tb",
	"a\rb",
	"\033[2Jb",
	"a\177",
	"\001",
	"a\xc2\x9bK",
	"\xc2\x80",
	"b\xc2\x9f",
};

START_TEST(a_control_character_in_a_reason_is_refused)
{
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", unreadable[_i]), WISH_WRONG);
	assert_says("the reason holds a control character");
	ck_assert_uint_eq(desk_wishes(people_desk)->count, 0);
	ck_assert_uint_eq(people_facts("wish_made"), 0);
}
END_TEST

START_TEST(a_control_character_in_an_owner_is_refused)
{
	ck_assert_int_eq(make(WISH_EVACUATE, "", "east", unreadable[_i], "why"), WISH_WRONG);
	assert_says("the owner holds a control character");
	ck_assert_uint_eq(desk_wishes(people_desk)->count, 0);
}
END_TEST

START_TEST(and_who_ends_a_wish_writes_none_into_the_journal)
{
	struct wish w = wish_of(WISH_FREEZE, "", "", "amy", unreadable[_i]);

	ck_assert_int_eq(make(WISH_FREEZE, "", "", "amy", "a launch"), WISH_DONE);
	reply = (struct wish_reply){ .result = WISH_NOT_ANSWERED };
	wish_store_end(people_store, &w, on_reply, NULL);
	ck_assert_int_eq(reply.result, WISH_WRONG);
	assert_says("the reason holds a control character");
	people_turn(1);
	ck_assert_uint_eq(desk_wishes(people_desk)->count, 1);
	ck_assert_uint_eq(people_facts("wish_ended"), 0);
}
END_TEST

START_TEST(letters_of_all_languages_are_fine)
{
	/* the bytes 0x80 to 0x9f are in many of them */
	ck_assert_int_eq(make(WISH_FREEZE, "", "", "Zo\xc3\xab",
			     "\xc3\x80 \xc2\xa0 \xe2\x82\xac \xf0\x9f\x9a\x80"),
	    WISH_DONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/wish_words");
	TCase *tests = tcase_create("words");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, ending_the_freeze_of_all_names_those_that_stay_frozen);
	tcase_add_test(tests, ending_the_freeze_of_one_says_that_all_stay_frozen);
	tcase_add_test(tests, ending_the_only_freeze_says_that_moves_go_on);
	tcase_add_test(tests, a_region_restored_under_a_freeze_is_said_not_to_grow);
	tcase_add_test(tests, a_region_restored_under_a_pin_is_said_to_be_pinned);
	tcase_add_test(tests, a_region_that_waited_is_said_not_to_grow_as_well);
	tcase_add_test(tests, a_wish_for_what_another_wished_says_whose_it_replaces);
	tcase_add_test(tests, a_freeze_of_one_service_does_not_replace_that_of_all);
	tcase_add_loop_test(
	    tests, a_control_character_in_a_reason_is_refused, 0, ARRAY_SIZE(unreadable));
	tcase_add_loop_test(
	    tests, a_control_character_in_an_owner_is_refused, 0, ARRAY_SIZE(unreadable));
	tcase_add_loop_test(
	    tests, and_who_ends_a_wish_writes_none_into_the_journal, 0, ARRAY_SIZE(unreadable));
	tcase_add_test(tests, letters_of_all_languages_are_fine);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
