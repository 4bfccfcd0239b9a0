/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fact_log.h"

#include <check.h>
#include <math.h>

#include "rig.h"

static void
note(struct fact_log *l, enum fact_kind kind, unsigned count, uint64_t now_ms)
{
	struct endpoint e = { .service = "shop", .region = "us-east-1", .url = "http://10.1.0.10" };
	struct fact f = { .kind = kind,
		.signal = SIGNAL_CHECKS,
		.at_ms = now_ms,
		.service = "shop",
		.region = "us-east-1",
		.endpoint_id = 7,
		.a = 3,
		.rule = "" };

	for (unsigned i = 0; i < count; i++)
		fact_log_write(l, &f, &e);
}

START_TEST(a_region_that_goes_down_at_once_does_not_flood_the_log)
{
	struct fact_log l = { 0 };

	note(&l, FACT_ENDPOINT_DOWN, FACT_LINES_PER_S, 5000);
	ck_assert_uint_eq(l.held_back, 0);
	note(&l, FACT_ENDPOINT_DOWN, 1000, 5999);
	ck_assert_uint_eq(l.lines, FACT_LINES_PER_S);
	ck_assert_uint_eq(l.held_back, 1000);
	fact_log_tick(&l, 5999);
	ck_assert_uint_eq(l.held_back, 1000);
	fact_log_tick(&l, 6000);
	ck_assert_uint_eq(l.held_back, 0);
	note(&l, FACT_ENDPOINT_DOWN, 1, 6001);
	ck_assert_uint_eq(l.lines, 1);
}
END_TEST

START_TEST(warnings_are_not_held_back_and_take_nobodys_place)
{
	struct fact_log l = { 0 };

	note(&l, FACT_ENDPOINT_DOWN, FACT_LINES_PER_S, 5000);
	note(&l, FACT_REGION_DOWN, 3, 5000);
	ck_assert_uint_eq(l.lines, FACT_LINES_PER_S);
	ck_assert_uint_eq(l.held_back, 0);
}
END_TEST

static void
move(struct fact_log *l, double logged, double from, double to)
{
	const struct fact f = { .kind = FACT_SHARES_MOVED,
		.at_ms = 5000,
		.service = "shop",
		.region = "us-east-1",
		.endpoint_id = UINT32_MAX,
		.a = from,
		.b = to,
		.c = logged };

	fact_log_write(l, &f, NULL);
}

START_TEST(a_step_on_the_way_is_no_line)
{
	struct fact_log l = { 0 };

	move(&l, NAN, 0.10, 0.11);
	ck_assert_uint_eq(l.lines, 0);
	move(&l, 0, 0.24, 0.25);
	ck_assert_uint_eq(l.lines, 1);
}
END_TEST

START_TEST(lines_that_are_not_wanted_are_not_counted)
{
	struct fact_log l = { 0 };

	log_set_level(LOG_LEVEL_WARN);
	note(&l, FACT_ENDPOINT_DOWN, 1000, 5000);
	log_set_level(LOG_LEVEL_INFO);
	ck_assert_uint_eq(l.lines, 0);
	ck_assert_uint_eq(l.held_back, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/fact_log");
	TCase *c = tcase_create("fact_log");

	tcase_add_test(c, a_region_that_goes_down_at_once_does_not_flood_the_log);
	tcase_add_test(c, warnings_are_not_held_back_and_take_nobodys_place);
	tcase_add_test(c, a_step_on_the_way_is_no_line);
	tcase_add_test(c, lines_that_are_not_wanted_are_not_counted);
	suite_add_tcase(s, c);
	return rig_main(s);
}
