/* SPDX-License-Identifier: Apache-2.0 */
/* What safety rules make of wishes, and when. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "people_world.h"
#include "wisher.h"

static const struct {
	const char *safety;
	double demand;
	const char *before; /* evacuated already, by force */
	struct wish wish;
	const char *overridden;
	int result;
	const char *rule;
} judged[] = {
#define EVACUATE(region)                                                                           \
	{                                                                                          \
		WISH_EVACUATE, region, "", 0, "a", "r", 0, 0                                       \
	}
#define PIN(region, share)                                                                         \
	{                                                                                          \
		WISH_PIN, region, "shop", share, "a", "r", 0, 0                                    \
	}
	{ "", 0, NULL, EVACUATE("east"), "", WISH_DONE, "" },
	/* blog lives there alone */
	{ "", 0, NULL, EVACUATE("west"), "", WISH_REFUSED, "last_region" },
	{ "", 0, NULL, EVACUATE("west"), "last_region", WISH_DONE, "last_region" },
	{ "{ name = \"two\"; at_least = 2; }", 0, NULL, EVACUATE("west"), "", WISH_REFUSED,
	    "two,last_region" },
	{ "{ name = \"two\"; at_least = 2; }, { wait = \"1h\"; }", 0, NULL, EVACUATE("west"),
	    "wait,last_region,two", WISH_DONE, "two,last_region" },
	{ "", 0, NULL, EVACUATE("west"), "last_region2,x", WISH_WRONG, "" },
	/* a rule that would not have refused was not overridden */
	{ "", 0, NULL, EVACUATE("east"), "last_region", WISH_DONE, "" },
	{ "{ name = \"two\"; at_least = 2; }", 0, NULL, EVACUATE("east"), "", WISH_DONE, "" },
	{ "{ name = \"two\"; at_least = 2; }", 0, "far", EVACUATE("east"), "", WISH_REFUSED,
	    "two" },
	{ "{ name = \"two\"; at_least = 2; }", 0, "far", EVACUATE("east"), "two", WISH_DONE,
	    "two" },
	/* blog has no second one, and shop's are none of its */
	{ "{ name = \"two\"; at_least = 2; }", 0, NULL, EVACUATE("west"), "last_region",
	    WISH_REFUSED, "two" },
	/* it does not serve already */
	{ "{ name = \"two\"; at_least = 2; }", 0, "far", EVACUATE("far"), "", WISH_DONE, "" },
	{ "{ never_together = ( \"east\", \"far\" ); }", 0, "far", EVACUATE("east"), "",
	    WISH_REFUSED, "never_together" },
	{ "{ never_together = ( \"east\", \"far\" ); }", 0, "west", EVACUATE("east"), "", WISH_DONE,
	    "" },
	{ "{ capacity = true; }", 1200, NULL, EVACUATE("east"), "", WISH_DONE, "" },
	{ "{ capacity = true; }", 1400, NULL, EVACUATE("east"), "", WISH_REFUSED, "capacity" },
	{ "{ capacity = true; }", 1400, NULL, EVACUATE("east"), "capacity", WISH_DONE, "capacity" },
	{ "{ capacity = true; }", 0, NULL, EVACUATE("east"), "", WISH_DONE, "" },
	{ "{ capacity = true; }", 1000, NULL, PIN("west", 0.5), "", WISH_DONE, "" },
	{ "{ capacity = true; }", 1000, NULL, PIN("west", 0.6), "", WISH_REFUSED, "capacity" },
	{ "{ capacity = true; }", 2000, NULL, PIN("west", 0.05), "", WISH_REFUSED, "capacity" },
	{ "{ name = \"two\"; at_least = 2; }", 0, "far", PIN("east", 0), "", WISH_REFUSED, "two" },
	/* broken before, and a pin that takes nobody out is not to blame */
	{ "{ name = \"two\"; at_least = 3; }", 0, "far", PIN("west", 0.5), "", WISH_DONE, "" },
	{ "{ wait = \"1h\"; }", 0, NULL, EVACUATE("east"), "", WISH_DONE, "" },
	{ "{ wait = \"1h\"; }", 0, "far", EVACUATE("east"), "", WISH_REFUSED, "wait" },
	{ "{ wait = \"1h\"; }", 0, "far", PIN("east", 0.1), "", WISH_REFUSED, "wait" },
	/* two at once */
	{ "{ name = \"all\"; at_least = 3; }", 0, NULL, EVACUATE("west"), "all", WISH_REFUSED,
	    "last_region" },
	{ "{ name = \"all\"; at_least = 3; }", 0, NULL, EVACUATE("west"), "all,last_region",
	    WISH_DONE, "all,last_region" },
};

START_TEST(safety_rules_apply_by_name)
{
	char rules[WISH_TEXT];

	people_make(judged[_i].safety);
	people_demand(SHOP, judged[_i].demand);
	people_turn(20);
	if (judged[_i].before != NULL && wisher_evacuate(judged[_i].before, "") == WISH_REFUSED) {
		snprintf(rules, sizeof rules, "%s", wisher_reply.rule);
		ck_assert_int_eq(wisher_evacuate(judged[_i].before, rules), WISH_DONE);
	}
	people_turn(20);
	ck_assert_int_eq(
	    wisher_make(&judged[_i].wish, 0, judged[_i].overridden), judged[_i].result);
	ck_assert_str_eq(wisher_reply.rule, judged[_i].rule);
	if (judged[_i].result == WISH_REFUSED) {
		ck_assert_str_eq(people_fact_text("refused", "rule"), judged[_i].rule);
		ck_assert_ptr_nonnull(strstr(wisher_reply.text, "--override"));
		ck_assert_uint_eq(wisher_in_force(), judged[_i].before != NULL ? 1 : 0);
	} else if (judged[_i].rule[0] != '\0') {
		ck_assert_str_eq(people_fact_text("overridden", "rule"), judged[_i].rule);
	}
	people_free();
}
END_TEST

START_TEST(a_refusal_says_what_and_why_then_the_numbers_then_the_way_out)
{
	people_make("{ name = \"two\"; at_least = 2; regions = ( \"east\", \"far\" ); }");
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_REFUSED);
	ck_assert_str_eq(wisher_reply.text,
	    "evacuate east is refused, nothing was changed: it breaks the safety rule two (at "
	    "least 2 of east, far must serve)\n"
	    "shop: east 70.0 % -> 0.0 %, west 30.0 % -> 100.0 %; nothing would be shed\n"
	    "to do it all the same, add --override two\n");
	ck_assert_int_eq(wisher_evacuate("east", "tow"), WISH_WRONG);
	ck_assert_str_eq(
	    wisher_reply.text, "there is no safety rule 'tow'; there are two, last_region");
	ck_assert_int_eq(wisher_evacuate("west", "two"), WISH_REFUSED);
	ck_assert_ptr_nonnull(
	    strstr(wisher_reply.text, "blog: no region that can serve would be left\n"));
	ck_assert_ptr_nonnull(
	    strstr(wisher_reply.text, "(each service keeps a region that can serve it)"));
	ck_assert_ptr_nonnull(strstr(wisher_reply.text, "add --override two,last_region\n"));
	people_free();
}
END_TEST

START_TEST(a_freeze_moves_nothing_and_begins_no_wait)
{
	struct wish w = wisher_wish(WISH_FREEZE, "", "", 0);

	people_make("{ wait = \"1h\"; }");
	ck_assert_int_eq(wisher_make(&w, 0, ""), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_FREEZE, "", ""), WISH_DONE);
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	people_turn(20);
	ck_assert_int_eq(wisher_evacuate("far", ""), WISH_REFUSED);
	people_free();
}
END_TEST

/* Whoever has made a mistake takes it back at once; the next change waits for what came of that. */
START_TEST(what_ends_a_wish_is_never_held_up_but_begins_the_wait)
{
	struct wish pin = wisher_wish(WISH_PIN, "shop", "east", 0.5);

	people_make("{ wait = \"1h\"; }");
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	ck_assert_int_eq(wisher_make(&pin, 0, "wait"), WISH_DONE);
	ck_assert_int_eq(wisher_end(WISH_PIN, "shop", "east"), WISH_DONE);
	ck_assert_int_eq(wisher_evacuate("far", ""), WISH_REFUSED);
	ck_assert_str_eq(wisher_reply.rule, "wait");
	people_free();
}
END_TEST

START_TEST(restoring_what_waited_for_a_person_begins_the_wait_too)
{
	people_make("{ wait = \"1h\"; }");
	people_region_down(SHOP, EAST);
	people_turn(20);
	people_region_up(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(wisher_end(WISH_EVACUATE, "", "east"), WISH_DONE);
	ck_assert_int_eq(wisher_evacuate("far", ""), WISH_REFUSED);
	ck_assert_str_eq(wisher_reply.rule, "wait");
	people_free();
}
END_TEST

START_TEST(of_two_at_one_moment_the_second_waits)
{
	struct wish east = wisher_wish(WISH_EVACUATE, "", "east", 0);
	struct wish far = wisher_wish(WISH_EVACUATE, "", "far", 0);

	people_make("{ wait = \"1h\"; }");
	wisher_replies = 0;
	wish_store_make(people_store, &east, 0, "", wisher_on_reply, NULL);
	wish_store_make(people_store, &far, 0, "", wisher_on_reply, NULL);
	for (unsigned i = 0; i < 4; i++)
		people_turn(1);
	ck_assert_uint_eq(wisher_replies, 2);
	ck_assert_int_eq(wisher_reply.result, WISH_REFUSED);
	ck_assert_str_eq(wisher_reply.rule, "wait");
	ck_assert_uint_eq(wisher_in_force(), 1);
	people_free();
}
END_TEST

START_TEST(a_region_that_is_down_may_be_put_aside_whatever_the_rules_say)
{
	people_make("{ name = \"all\"; at_least = 3; }");
	people_region_down(SHOP, EAST);
	people_turn(20);
	ck_assert_int_eq(wisher_evacuate("far", ""), WISH_REFUSED);
	ck_assert_int_eq(wisher_evacuate("east", ""), WISH_DONE);
	people_free();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/wish_rules");
	TCase *rules = tcase_create("rules");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(rules, safety_rules_apply_by_name, 0, ARRAY_SIZE(judged));
	tcase_add_test(rules, a_refusal_says_what_and_why_then_the_numbers_then_the_way_out);
	tcase_add_test(rules, a_freeze_moves_nothing_and_begins_no_wait);
	tcase_add_test(rules, what_ends_a_wish_is_never_held_up_but_begins_the_wait);
	tcase_add_test(rules, restoring_what_waited_for_a_person_begins_the_wait_too);
	tcase_add_test(rules, of_two_at_one_moment_the_second_waits);
	tcase_add_test(rules, a_region_that_is_down_may_be_put_aside_whatever_the_rules_say);
	suite_add_tcase(suite, rules);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
