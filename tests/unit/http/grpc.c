// SPDX-License-Identifier: Apache-2.0
#include "http/grpc.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "http/h1.h"

static bool
parse(struct head *h, char *text, size_t size, const char *field, const char *value)
{
	struct h1_parse p = { 0 };
	int len = snprintf(text, size, "POST /s/m HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n", field, value);

	return h1_parse_request(&p, h, text, (size_t)len, &h1_default_limits) == H1_DONE;
}

START_TEST(a_call_is_known_by_its_content_type)
{
	static const struct {
		const char *type;
		bool is;
	} cases[] = {
		{ "application/grpc", true },
		{ "application/grpc+proto", true },
		{ "Application/GRPC; charset=x", true },
		{ "application/grpc-web", false },
		{ "application/grpcx", false },
		{ "application/json", false },
		{ "application/grp", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct head h;
		char text[256];

		ck_assert(parse(&h, text, sizeof text, "Content-Type", cases[i].type));
		ck_assert_msg(grpc_is(&h) == cases[i].is, "%s", cases[i].type);
		ck_assert(parse(&h, text, sizeof text, "Accept", cases[i].type));
		ck_assert(!grpc_is(&h));
	}
}
END_TEST

START_TEST(a_timeout_is_read_to_the_letter)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} cases[] = {
		{ "100m", 100 },
		{ "1S", 1000 },
		{ "2M", 120000 },
		{ "1999u", 1 },
		{ "1n", 1 },
		{ "0m", 1 },
		{ "99999999H", 24 * 3600 * 1000 }, /* a day at most */
		{ "1H", 3600000 },
		{ "31m", 31 },
		{ "1001m", 1001 },
		{ "99999999n", 99 },
		{ "100000000n", 0 }, /* nine digits */
		{ "", 0 },
		{ "m", 0 },
		{ "100", 0 },
		{ "1s", 0 },
		{ "-1S", 0 },
		{ "1.5S", 0 },
		{ "1 S", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct head h;
		char text[256];

		ck_assert(parse(&h, text, sizeof text, "grpc-timeout", cases[i].text));
		ck_assert_msg(grpc_timeout_ms(&h) == cases[i].ms, "%s: %u", cases[i].text,
		    grpc_timeout_ms(&h));
	}
}
END_TEST

START_TEST(a_deadline_is_waited_for_in_few_durations_and_hit_exactly)
{
	static const uint32_t deadlines[] = { 1, 31, 33, 150, 1000, 1001, 65535, 24 * 3600 * 1000 };
	uint32_t last = 0, durations = 0;

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++) {
		uint32_t left = deadlines[i], steps = 0;

		while (left > 0) {
			uint32_t ms = grpc_timer_ms(left);

			ck_assert_uint_ge(ms, 1);
			ck_assert_uint_le(ms, left);
			left -= ms - ms / 32; /* a timer may be so early */
			steps++;
		}
		ck_assert_uint_le(steps, 40);
	}
	for (uint32_t left = 1; left <= 1 << 20; left++) {
		durations += grpc_timer_ms(left) != last;
		last = grpc_timer_ms(left);
	}
	ck_assert_uint_le(durations, 32 + 16 * 16);
}
END_TEST

START_TEST(a_status_is_a_number_that_there_is)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = { { "0", 0 }, { "9", 9 }, { "14", 14 }, { "16", 16 }, { "17", -1 }, { "014", -1 },
		{ "", -1 }, { "x", -1 }, { "1x", -1 }, { "-1", -1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct head h;
		char text[256];

		ck_assert(parse(&h, text, sizeof text, "grpc-status", cases[i].text));
		ck_assert_msg(grpc_status_of(&h) == cases[i].status, "%s", cases[i].text);
	}
}
END_TEST

/* Our failures as gRPC tells them. */
START_TEST(each_failure_of_ours_has_its_status)
{
	static const struct {
		enum fault why;
		enum grpc_status status;
	} cases[] = {
		{ FAULT_CONNECT_REFUSED, GRPC_UNAVAILABLE },
		{ FAULT_NO_ENDPOINT, GRPC_UNAVAILABLE },
		{ FAULT_RESET, GRPC_UNAVAILABLE },
		{ FAULT_CONNECT_TIMEOUT, GRPC_UNAVAILABLE },
		{ FAULT_QUEUE_TIMEOUT, GRPC_UNAVAILABLE },
		{ FAULT_TRY_TIMEOUT, GRPC_DEADLINE_EXCEEDED },
		{ FAULT_DEADLINE, GRPC_DEADLINE_EXCEEDED },
		{ FAULT_SHED, GRPC_RESOURCE_EXHAUSTED },
		{ FAULT_BODY_TOO_LARGE, GRPC_RESOURCE_EXHAUSTED },
		{ FAULT_NO_ROUTE, GRPC_UNIMPLEMENTED },
		{ FAULT_BAD_RESPONSE, GRPC_INTERNAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(grpc_status_for(cases[i].why, fault_status(cases[i].why)) ==
			cases[i].status,
		    "%s", fault_word(cases[i].why));
	ck_assert_int_eq(grpc_status_for(FAULT_NONE, 401), GRPC_UNAUTHENTICATED);
	ck_assert_int_eq(grpc_status_for(FAULT_NONE, 403), GRPC_PERMISSION_DENIED);
	ck_assert_int_eq(grpc_status_for(FAULT_NONE, 429), GRPC_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(grpc_status_for(FAULT_NONE, 418), GRPC_UNKNOWN);
}
END_TEST

START_TEST(only_what_the_endpoint_failed_at_speaks_against_it)
{
	for (int status = -1; status < GRPC_STATUS_COUNT; status++) {
		bool theirs = status == GRPC_UNKNOWN || status == GRPC_INTERNAL ||
		    status == GRPC_UNAVAILABLE || status == GRPC_DATA_LOSS;

		ck_assert_msg((grpc_http_status(status) >= 500) == theirs, "%d", status);
	}
	ck_assert_uint_eq(grpc_http_status(GRPC_UNAVAILABLE), 503);
}
END_TEST

START_TEST(a_message_is_encoded_and_cut_between_characters)
{
	char out[16];
	size_t len = grpc_write_message(SLICE("50% \xc3\xa9\n"), out, sizeof out);

	ck_assert_uint_eq(len, 15);
	ck_assert_mem_eq(out, "50%25 %C3%A9%0A", 15);
	ck_assert_uint_eq(grpc_write_message(SLICE("ab%"), out, 4), 2);
}
END_TEST

START_TEST(a_health_question_names_its_service)
{
	char out[64];

	ck_assert_uint_eq(grpc_health_request("", out, sizeof out), 5);
	ck_assert_mem_eq(out, "\0\0\0\0\0", 5);
	ck_assert_uint_eq(grpc_health_request("cart", out, sizeof out), 11);
	ck_assert_mem_eq(out, "\0\0\0\0\x06\x0a\x04" "cart", 11);
	ck_assert_uint_eq(grpc_health_request("cart", out, 10), 0);
}
END_TEST

START_TEST(only_serving_is_serving)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool serving;
	} cases[] = {
		{ "\0\0\0\0\x02\x08\x01", 7, true },
		{ "\0\0\0\0\x02\x08\x02", 7, false },
		{ "\0\0\0\0\x00", 5, false },
		{ "\x01\0\0\0\x02\x08\x01", 7, false }, /* compressed */
		{ "\0\0\0\0\x02\x08", 6, false }, /* cut */
		{ "\0\0\0\0\x06\x12\x02xy\x08\x01", 11, true }, /* an unknown field first */
		{ "\0\0\0\0\x06\x12\x7fxy\x08\x01", 11, false }, /* of a length that is not there */
		{ "\0\0\0\0\x02\x08\x01\x08\x02", 9, false }, /* the last one holds */
		{ "\0\0\0", 3, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(
		    grpc_health_is_serving(cases[i].bytes, cases[i].len) == cases[i].serving, "%zu", i);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http/grpc");
	TCase *tests = tcase_create("grpc");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_call_is_known_by_its_content_type);
	tcase_add_test(tests, a_deadline_is_waited_for_in_few_durations_and_hit_exactly);
	tcase_add_test(tests, a_timeout_is_read_to_the_letter);
	tcase_add_test(tests, a_status_is_a_number_that_there_is);
	tcase_add_test(tests, each_failure_of_ours_has_its_status);
	tcase_add_test(tests, only_what_the_endpoint_failed_at_speaks_against_it);
	tcase_add_test(tests, a_message_is_encoded_and_cut_between_characters);
	tcase_add_test(tests, a_health_question_names_its_service);
	tcase_add_test(tests, only_serving_is_serving);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
