/* SPDX-License-Identifier: Apache-2.0 */
#include "control/verdict_log.h"

#include <check.h>

#include "rig.h"

static void
note_changes(struct verdict_log *l, unsigned count, uint64_t now_ms)
{
	struct endpoint e = { .service = "shop", .region = "us-east-1", .url = "http://10.1.0.10" };

	for (unsigned i = 0; i < count; i++)
		verdict_log_change(l, &e, ENDPOINT_UP, ENDPOINT_DOWN, REASON_CHECK_REFUSED, 3, now_ms);
}

START_TEST(a_region_that_goes_down_at_once_does_not_flood_the_log)
{
	struct verdict_log l = { 0 };

	note_changes(&l, VERDICT_LINES_PER_S, 5000);
	ck_assert_uint_eq(l.held_back, 0);
	note_changes(&l, 1000, 5999);
	ck_assert_uint_eq(l.lines, VERDICT_LINES_PER_S);
	ck_assert_uint_eq(l.held_back, 1000);
	verdict_log_tick(&l, 5999);
	ck_assert_uint_eq(l.held_back, 1000);
	verdict_log_tick(&l, 6000);
	ck_assert_uint_eq(l.held_back, 0);
	note_changes(&l, 1, 6001);
	ck_assert_uint_eq(l.lines, 1);
}
END_TEST

START_TEST(lines_that_are_not_wanted_are_not_counted)
{
	struct verdict_log l = { 0 };

	log_set_level(LOG_LEVEL_WARN);
	note_changes(&l, 1000, 5000);
	log_set_level(LOG_LEVEL_INFO);
	ck_assert_uint_eq(l.lines, 0);
	ck_assert_uint_eq(l.held_back, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/verdict_log");
	TCase *c = tcase_create("verdict_log");

	tcase_add_test(c, a_region_that_goes_down_at_once_does_not_flood_the_log);
	tcase_add_test(c, lines_that_are_not_wanted_are_not_counted);
	suite_add_tcase(s, c);
	return rig_main(s);
}
