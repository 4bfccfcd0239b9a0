/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "helper.h"

struct quantity {
	const char *text;
	bool good;
	uint64_t value;
};

static const struct quantity durations[] = {
	{ "0", true, 0 },
	{ "0s", true, 0 },
	{ "0.0", true, 0 },
	{ "250ms", true, 250 },
	{ "2s", true, 2000 },
	{ "1.5s", true, 1500 },
	{ "0.001s", true, 1 },
	{ "5m", true, 300000 },
	{ "1h", true, 3600000 },
	{ "7d", true, 604800000 },
	{ "18446744073709551615ms", true, UINT64_MAX },
	{ "18446744073709551616ms", false, 0 },
	{ "99999999999999999999999d", false, 0 },
	{ "213503982335d", false, 0 },
	{ "0.0001s", false, 0 },
	{ "1.0000000000000000000000000000s", false, 0 },
	{ "", false, 0 },
	{ "s", false, 0 },
	{ "30", false, 0 },
	{ "-1s", false, 0 },
	{ "+1s", false, 0 },
	{ " 1s", false, 0 },
	{ "1 s", false, 0 },
	{ "1s ", false, 0 },
	{ "1.s", false, 0 },
	{ ".5s", false, 0 },
	{ "1S", false, 0 },
	{ "1h30m", false, 0 },
	{ "1e3ms", false, 0 },
	{ "0x10s", false, 0 },
};

START_TEST(a_duration_is_read_exactly_or_refused)
{
	const struct quantity *q = &durations[_i];
	uint64_t value = 0;
	struct error e;

	ck_assert_msg(value_duration(q->text, &value, &e) == q->good, "%s", q->text);
	if (q->good)
		ck_assert_uint_eq(value, q->value);
	else
		ck_assert_ptr_nonnull(strstr(e.text, "; write "));
}
END_TEST

static const struct quantity sizes[] = {
	{ "0", true, 0 },
	{ "512B", true, 512 },
	{ "1KB", true, 1000 },
	{ "64KiB", true, 65536 },
	{ "1.5KiB", true, 1536 },
	{ "1MB", true, 1000000 },
	{ "1MiB", true, 1048576 },
	{ "2GB", true, 2000000000 },
	{ "1GiB", true, 1073741824 },
	{ "1TiB", true, UINT64_C(1) << 40 },
	{ "16777216TiB", false, 0 },
	{ "64", false, 0 },
	{ "64k", false, 0 },
	{ "64KIB", false, 0 },
	{ "0.5B", false, 0 },
	{ "-1B", false, 0 },
	{ "", false, 0 },
};

START_TEST(a_size_is_read_exactly_or_refused)
{
	const struct quantity *q = &sizes[_i];
	uint64_t value = 0;
	struct error e;

	ck_assert_msg(value_size(q->text, &value, &e) == q->good, "%s", q->text);
	if (q->good)
		ck_assert_uint_eq(value, q->value);
	else
		ck_assert_ptr_nonnull(strstr(e.text, "; write "));
}
END_TEST

START_TEST(what_is_formatted_is_read_back)
{
	static const uint64_t values[] = { 0, 1, 250, 999, 1000, 1024, 1500, 60000, 65536, 3600000,
		86400000, 604800000, 1048576, 123456789, UINT64_C(1) << 40, UINT64_MAX };
	uint64_t value = values[_i], back = 0;
	struct error e;
	char buf[32];

	ck_assert(value_duration(value_format_duration(value, buf), &back, &e));
	ck_assert_uint_eq(back, value);
	ck_assert(value_size(value_format_size(value, buf), &back, &e));
	ck_assert_uint_eq(back, value);
}
END_TEST

struct expansion {
	const char *text;
	const char *expected;      /* NULL: refused */
	const char *expected_kept; /* the same, with the request's parts kept */
};

static const struct expansion expansions[] = {
	{ "", "", "" },
	{ "plain", "plain", "plain" },
	{ "${SET}", "value", "value" },
	{ "a${SET}b${SET}c", "avaluebvaluec", "avaluebvaluec" },
	{ "${SET:-other}", "value", "value" },
	{ "${UNSET:-other}", "other", "other" },
	{ "${UNSET:-}", "", "" },
	{ "${EMPTY}", "", "" },
	{ "${EMPTY:-other}", "other", "other" },
	{ "${UNSET:-a:-b $x}", "a:-b $x", "a:-b $x" },
	{ "$$", "$", "$$" },
	{ "$${SET}", "${SET}", "$${SET}" },
	{ "cost: 5$$", "cost: 5$", "cost: 5$$" },
	{ "a$1b", NULL, "a$1b" },
	{ "${client_ip}", NULL, "${client_ip}" },
	{ "${host}${path}", NULL, "${host}${path}" },
	{ "${host:-x}", "x", "x" },
	{ "https://${SET}${path}${query}", NULL, "https://value${path}${query}" },
	{ "${UNSET}", NULL, NULL },
	{ "${}", NULL, NULL },
	{ "${1A}", NULL, NULL },
	{ "${A B}", NULL, NULL },
	{ "${SET:x}", NULL, NULL },
	{ "${SET:}", NULL, NULL },
	{ "${SET", NULL, NULL },
	{ "${", NULL, NULL },
	{ "$", NULL, NULL },
	{ "a$b", NULL, NULL },
	{ "$SET", NULL, NULL },
};

START_TEST(variables_are_put_in_or_complained_about)
{
	const struct expansion *x = &expansions[_i];
	struct arena *arena = arena_new();
	const char *out;
	struct error e;

	setenv("SET", "value", 1);
	setenv("EMPTY", "", 1);
	unsetenv("UNSET");
	unsetenv("host");
	ck_assert_msg(
	    value_expand(x->text, false, arena, &out, &e) == (x->expected != NULL), "%s", x->text);
	if (x->expected != NULL)
		ck_assert_str_eq(out, x->expected);
	ck_assert_msg(value_expand(x->text, true, arena, &out, &e) == (x->expected_kept != NULL),
	    "%s", x->text);
	if (x->expected_kept != NULL)
		ck_assert_str_eq(out, x->expected_kept);
	arena_free(arena);
}
END_TEST

START_TEST(statuses_have_three_digits_and_ranges_go_upwards)
{
	static const struct {
		const char *text;
		bool good;
		unsigned from, to;
	} cases[] = {
		{ "200", true, 200, 200 },
		{ "200-299", true, 200, 299 },
		{ "204-204", true, 204, 204 },
		{ "299-200", false, 0, 0 },
		{ "2xx", false, 0, 0 },
		{ "20", false, 0, 0 },
		{ "2000", false, 0, 0 },
		{ "200-", false, 0, 0 },
		{ "200-2999", false, 0, 0 },
		{ "-200", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_status_range range;
		struct error e;

		ck_assert_msg(value_status_range(cases[i].text, &range, &e) == cases[i].good, "%s",
		    cases[i].text);
		if (cases[i].good) {
			ck_assert_uint_eq(range.from, cases[i].from);
			ck_assert_uint_eq(range.to, cases[i].to);
		}
	}
}
END_TEST

START_TEST(numbers_are_read_whole_or_refused)
{
	static const char *const bad[] = { "", " 1", "1 ", "1x", "x", "0x", "1.5.2", "1e999", "nan",
		"inf", "99999999999999999999" };
	struct error e;
	int64_t integer;
	double number;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_msg(!value_integer(bad[i], &integer, &e), "%s", bad[i]);
		if (i + 1 < ARRAY_SIZE(bad))
			ck_assert_msg(!value_float(bad[i], &number, &e), "%s", bad[i]);
	}
	ck_assert(value_integer("-12", &integer, &e) && integer == -12);
	ck_assert(value_float("0.25", &number, &e) && number == 0.25);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("value");
	TCase *tc = tcase_create("value");

	tcase_add_loop_test(tc, a_duration_is_read_exactly_or_refused, 0, ARRAY_SIZE(durations));
	tcase_add_loop_test(tc, a_size_is_read_exactly_or_refused, 0, ARRAY_SIZE(sizes));
	tcase_add_loop_test(tc, what_is_formatted_is_read_back, 0, 16);
	tcase_add_loop_test(
	    tc, variables_are_put_in_or_complained_about, 0, ARRAY_SIZE(expansions));
	tcase_add_test(tc, statuses_have_three_digits_and_ranges_go_upwards);
	tcase_add_test(tc, numbers_are_read_whole_or_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
