/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <check.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

START_TEST(a_held_clock_stands_still_and_goes_on_from_where_time_is)
{
	uint64_t held_us;

	clock_hold();
	held_us = clock_now_us();
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	ck_assert_uint_eq(clock_now_us(), held_us);
	ck_assert_uint_eq(clock_now_ms(), held_us / 1000);
	clock_go_on();
	ck_assert_uint_ge(clock_now_us(), held_us + 2000);
}
END_TEST

START_TEST(wall_time_is_written_as_rfc_3339)
{
	static const struct {
		uint64_t wall_us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 999, "1970-01-01T00:00:00.000Z" },
		{ 1000, "1970-01-01T00:00:00.001Z" },
		{ UINT64_C(951782399999999), "2000-02-28T23:59:59.999Z" },
		{ UINT64_C(951782400000000), "2000-02-29T00:00:00.000Z" },
		{ UINT64_C(951868800000000), "2000-03-01T00:00:00.000Z" },
		{ UINT64_C(4107542399000000), "2100-02-28T23:59:59.000Z" },
		{ UINT64_C(4107542400000000), "2100-03-01T00:00:00.000Z" },
		{ UINT64_C(1798761599999999), "2026-12-31T23:59:59.999Z" },
		{ UINT64_C(1798761600000000), "2027-01-01T00:00:00.000Z" },
		{ UINT64_C(253402300799999999), "9999-12-31T23:59:59.999Z" },
	};
	char buf[25];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(
		    clock_format_wall(cases[i].wall_us, buf, sizeof buf), cases[i].text);
}
END_TEST

START_TEST(http_dates_agree_with_the_c_library)
{
	for (uint64_t s = 0; s < UINT64_C(5000000000); s += 86400 * 13 + 3607) {
		time_t t = (time_t)s;
		struct tm tm;
		char ours[64], theirs[64];

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		ck_assert_str_eq(clock_format_http(s * 1000000, ours, sizeof ours), theirs);
	}
}
END_TEST

START_TEST(wall_time_agrees_with_the_c_library)
{
	for (uint64_t s = 0; s < UINT64_C(16725225600); s += 86400 * 3 + 3607) {
		time_t t = (time_t)s;
		struct tm tm;
		char ours[32], theirs[32];

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		ck_assert_str_eq(clock_format_wall(s * 1000000, ours, sizeof ours), theirs);
	}
}
END_TEST

START_TEST(an_absurd_time_stays_within_the_buffer)
{
	char buf[8];

	ck_assert_uint_eq(strlen(clock_format_wall(UINT64_MAX, buf, sizeof buf)), 7);
}
END_TEST

START_TEST(the_monotonic_clock_never_goes_back)
{
	uint64_t last_us = clock_now_us();

	for (int i = 0; i < 10000; i++) {
		uint64_t ms = clock_now_ms(), us = clock_now_us();

		ck_assert_uint_ge(us, last_us);
		ck_assert_uint_le(ms, us / 1000);
		ck_assert_uint_ge(ms, last_us / 1000);
		last_us = us;
	}
	ck_assert_uint_gt(clock_wall_us(), UINT64_C(1700000000000000));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/clock");
	TCase *tests = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_held_clock_stands_still_and_goes_on_from_where_time_is);
	tcase_add_test(tests, wall_time_is_written_as_rfc_3339);
	tcase_add_test(tests, http_dates_agree_with_the_c_library);
	tcase_add_test(tests, wall_time_agrees_with_the_c_library);
	tcase_add_test(tests, an_absurd_time_stays_within_the_buffer);
	tcase_add_test(tests, the_monotonic_clock_never_goes_back);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
