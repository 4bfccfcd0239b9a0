/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { RECORD_MAX = 200 * 1024, CANARY = 64 };

/* A record and its texts in one run, as a ring holds it. */
struct sample {
	union {
		struct access_record record;
		char bytes[RECORD_MAX];
	};
	size_t len;
};

static struct sample sample;
static char line[ACCESS_LINE_MAX + CANARY];

/* All texts are short and plain but for one. */
static void
make(enum access_text which, const char *text, size_t len)
{
	sample.record = (struct access_record){ .wall_us = UINT64_C(1795336020123000),
		.bytes_in = 12,
		.bytes_out = 3456,
		.total_us = 9000,
		.wait_us = 1,
		.queue_us = 2,
		.connect_us = 3,
		.first_byte_us = 4,
		.body_us = 5,
		.status = 200,
		.protocol_minor = 1,
		.tries = 2,
		.fault = FAULT_NONE,
		.reused = 1 };
	sample.len = sizeof sample.record;
	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		const char *from = i == which ? text : "plain";
		size_t n = i == which ? len : 5;

		sample.record.text_len[i] = (uint16_t)n;
		memcpy(sample.bytes + sample.len, from, n);
		sample.len += n;
	}
}

static size_t
format_into(enum conf_log_format format, size_t size)
{
	size_t untouched = sizeof line, len;

	memset(line, '#', sizeof line);
	len = access_log_format(&sample.record, sample.len, format, line, size);
	ck_assert_uint_le(len, size);
	/* one assertion, not one for each byte: they are slow */
	while (untouched > size && line[untouched - 1] == '#')
		untouched--;
	ck_assert_msg(
	    untouched == size, "byte %zu behind a buffer of %zu was written", untouched, size);
	return len;
}

static json_t *
parse(size_t len)
{
	json_error_t error;
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	ck_assert_msg(json != NULL, "%s at %d in: %.200s", error.text, error.position, line);
	return json;
}

static json_t *
format_json(void)
{
	return parse(format_into(LOG_FORMAT_JSON, ACCESS_LINE_MAX));
}

START_TEST(a_json_line_tells_all_of_the_record)
{
	json_t *json;

	make(ACCESS_PATH, "/a", 2);
	json = format_json();
	ck_assert_str_eq(
	    json_string_value(json_object_get(json, "time")), "2026-11-22T08:27:00.123Z");
	ck_assert_str_eq(json_string_value(json_object_get(json, "path")), "/a");
	ck_assert_str_eq(json_string_value(json_object_get(json, "protocol")), "HTTP/1.1");
	ck_assert_str_eq(json_string_value(json_object_get(json, "reason")), "-");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "status")), 200);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "bytes_in")), 12);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "bytes_out")), 3456);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "tries")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "total_us")), 9000);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "first_byte_us")), 4);
	ck_assert(json_is_true(json_object_get(json, "reused")));
	ck_assert(json_is_false(json_object_get(json, "tls_resumed")));
	ck_assert_ptr_null(json_object_get(json, "truncated"));
	json_decref(json);
}
END_TEST

START_TEST(a_copy_for_a_mirror_is_told_apart)
{
	json_t *json;
	size_t len;

	make(ACCESS_PATH, "/p", 2);
	json = format_json();
	ck_assert_ptr_null(json_object_get(json, "mirrored"));
	json_decref(json);
	sample.record.mirrored = 1;
	json = format_json();
	ck_assert(json_is_true(json_object_get(json, "mirrored")));
	json_decref(json);
	len = format_into(LOG_FORMAT_TEXT, ACCESS_LINE_MAX);
	ck_assert_ptr_nonnull(memmem(line, len, " mirrored=1 ", 12));
}
END_TEST

START_TEST(every_byte_comes_back_from_json_as_itself)
{
	for (unsigned b = 0; b < 256; b++) {
		char text[3] = { 'x', (char)b, 'y' };
		const unsigned char *got;
		json_t *json, *value;

		make(ACCESS_USER_AGENT, text, 3);
		json = format_json();
		ck_assert_ptr_null(memchr(line, '\n', ACCESS_LINE_MAX));
		value = json_object_get(json, "user_agent");
		got = (const unsigned char *)json_string_value(value);
		if (b == 0) { /* ends the C string, so look at the line */
			ck_assert_ptr_nonnull(memmem(line, ACCESS_LINE_MAX, "x\\u0000y", 8));
		} else if (b < 0x80) {
			ck_assert_uint_eq(json_string_length(value), 3);
			ck_assert_uint_eq(got[1], b);
		} else { /* Latin-1, as UTF-8 */
			ck_assert_uint_eq(json_string_length(value), 4);
			ck_assert_uint_eq((unsigned)(got[1] & 0x1f) << 6 | (got[2] & 0x3f), b);
		}
		json_decref(json);
	}
}
END_TEST

static const struct {
	const char *raw;
	const char *shown; /* as UTF-8 */
} utf8_cases[] = {
	{ "caf\xc3\xa9", "caf\xc3\xa9" }, { "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x9a\xa7", "\xf0\x9f\x9a\xa7" },
	{ "\xc0\xaf", "\xc3\x80\xc2\xaf" }, /* overlong slash */
	{ "\xe0\x80\xaf", "\xc3\xa0\xc2\x80\xc2\xaf" },
	{ "\xf0\x80\x80\xaf", "\xc3\xb0\xc2\x80\xc2\x80\xc2\xaf" },
	{ "\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80" },             /* a surrogate */
	{ "\xf4\x90\x80\x80", "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80" }, /* beyond U+10FFFF */
	{ "\xf5\x80\x80\x80", "\xc3\xb5\xc2\x80\xc2\x80\xc2\x80" },
	{ "cut \xe2\x82", "cut \xc3\xa2\xc2\x82" }, { "cut \xc3", "cut \xc3\x83" },
	{ "\xa9", "\xc2\xa9" }, /* a continuation alone */
};

START_TEST(utf8_stays_and_what_is_none_is_read_as_latin1)
{
	json_t *json;

	make(ACCESS_REFERER, utf8_cases[_i].raw, strlen(utf8_cases[_i].raw));
	json = format_json();
	ck_assert_str_eq(json_string_value(json_object_get(json, "referer")), utf8_cases[_i].shown);
	json_decref(json);
}
END_TEST

START_TEST(a_text_too_long_is_cut_and_the_line_says_so)
{
	char *text = malloc(UINT16_MAX);

	memset(text, 'a', UINT16_MAX);
	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		json_t *json;

		make((enum access_text)i, text, UINT16_MAX);
		json = format_json();
		ck_assert(json_is_true(json_object_get(json, "truncated")));
		json_decref(json);
	}
	free(text);
}
END_TEST

/* Tunnels and downloads last longer than 32 bits of us, which are 72 minutes. */
START_TEST(the_times_of_a_week_are_written_whole)
{
	static const char *const keys[] = { "total_us", "wait_us", "queue_us", "first_byte_us",
		"body_us" };
	const int64_t week_us = INT64_C(7) * 86400 * 1000000;
	json_t *json;

	make(ACCESS_PATH, "/a", 2);
	sample.record.total_us = sample.record.wait_us = sample.record.queue_us =
	    sample.record.first_byte_us = sample.record.body_us = (uint64_t)week_us;
	json = format_json();
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ck_assert_int_eq(json_integer_value(json_object_get(json, keys[i])), week_us);
	json_decref(json);
}
END_TEST

START_TEST(all_texts_of_the_worst_bytes_fit_a_line)
{
	sample.record = (struct access_record){ .wall_us = UINT64_MAX / 2,
		.bytes_in = INT64_MAX,
		.bytes_out = INT64_MAX,
		.total_us = UINT64_MAX / 4,
		.wait_us = UINT64_MAX / 4,
		.queue_us = UINT64_MAX / 4,
		.connect_us = UINT32_MAX,
		.first_byte_us = UINT64_MAX / 4,
		.body_us = UINT64_MAX / 4,
		.status = UINT16_MAX,
		.protocol_minor = UINT8_MAX,
		.tries = UINT8_MAX,
		.fault = UINT8_MAX,
		.reused = UINT8_MAX,
		.resumed = UINT8_MAX };
	sample.len = sizeof sample.record;
	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		sample.record.text_len[i] = 8192;
		memset(sample.bytes + sample.len, i % 2 ? 0x01 : 0xff, 8192);
		sample.len += 8192;
	}
	json_decref(format_json());
	ck_assert_uint_gt(format_into(LOG_FORMAT_TEXT, ACCESS_LINE_MAX), 0);
}
END_TEST

START_TEST(no_size_of_buffer_is_overrun_and_every_line_is_whole)
{
	char text[2048];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7); /* plain, escaped and UTF-8 in turn */
	make(ACCESS_PATH, text, sizeof text);
	for (size_t size = 1000; size < ACCESS_LINE_MAX; size += size < 2000 ? 1 : 61) {
		size_t len = format_into(LOG_FORMAT_JSON, size);

		if (len > 0)
			json_decref(parse(len));
		format_into(LOG_FORMAT_TEXT, size);
	}
}
END_TEST

START_TEST(a_torn_record_gives_no_line)
{
	make(ACCESS_PATH, "/a", 2);
	for (size_t len = 0; len < sample.len; len++)
		ck_assert_uint_eq(
		    access_log_format(&sample.record, len, LOG_FORMAT_JSON, line, ACCESS_LINE_MAX),
		    0);
	sample.record.text_len[ACCESS_TLS] = UINT16_MAX;
	ck_assert_uint_eq(format_into(LOG_FORMAT_JSON, ACCESS_LINE_MAX), 0);
}
END_TEST

START_TEST(each_fault_has_its_word_and_an_unknown_one_says_so)
{
	for (unsigned f = 0; f < 256; f++) {
		const char *word = f < FAULT_COUNT ? fault_word((enum fault)f) : "unknown";
		json_t *json;

		make(ACCESS_PATH, "/a", 2);
		sample.record.fault = (uint8_t)f;
		json = format_json();
		ck_assert_str_eq(json_string_value(json_object_get(json, "reason")), word);
		json_decref(json);
	}
}
END_TEST

START_TEST(a_text_line_is_combined_with_pairs_behind)
{
	static const char start[] =
	    "192.0.2.1 - - [22/Nov/2026:08:27:00 +0000] \"plain plain HTTP/1.1\""
	    " 200 3456 \"plain\" \"plain\" request_id=\"plain\"";
	size_t len;

	make(ACCESS_CLIENT, "192.0.2.1:55555", 15);
	len = format_into(LOG_FORMAT_TEXT, ACCESS_LINE_MAX);
	ck_assert_msg(len > sizeof start && memcmp(line, start, sizeof start - 1) == 0, "%.*s",
	    (int)len, line);
}
END_TEST

static const struct {
	const char *client;
	const char *shown;
} client_cases[] = {
	{ "[2001:db8::1]:443", "2001:db8::1 - -" },
	{ "", "- - -" },
	{ "unix", "unix - -" },
};

START_TEST(a_text_line_begins_with_the_address_alone)
{
	const char *shown = client_cases[_i].shown;

	make(ACCESS_CLIENT, client_cases[_i].client, strlen(client_cases[_i].client));
	format_into(LOG_FORMAT_TEXT, ACCESS_LINE_MAX);
	ck_assert_msg(strncmp(line, shown, strlen(shown)) == 0, "%.40s", line);
}
END_TEST

START_TEST(nothing_a_client_sends_breaks_out_of_its_quotes_in_text)
{
	static const char evil[] = "\" 200 1 \"\n10.0.0.1 - - \\x22\x1b[31m\x7f\xff";
	size_t len;

	make(ACCESS_USER_AGENT, evil, sizeof evil - 1);
	len = format_into(LOG_FORMAT_TEXT, ACCESS_LINE_MAX);
	for (size_t i = 0; i < len; i++)
		ck_assert_msg(line[i] >= 0x20 && line[i] < 0x7f, "byte %zu is %d", i, line[i]);
	ck_assert_ptr_nonnull(memmem(line, len,
	    "\"\\x22 200 1 \\x22\\x0a10.0.0.1 - - \\x5cx22\\x1b[31m\\x7f\\xff\" request_id=", 66));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/access_format");
	TCase *tc = tcase_create("access_format");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, the_times_of_a_week_are_written_whole);
	tcase_add_test(tc, a_json_line_tells_all_of_the_record);
	tcase_add_test(tc, a_copy_for_a_mirror_is_told_apart);
	tcase_add_test(tc, every_byte_comes_back_from_json_as_itself);
	tcase_add_loop_test(
	    tc, utf8_stays_and_what_is_none_is_read_as_latin1, 0, ARRAY_SIZE(utf8_cases));
	tcase_add_test(tc, a_text_too_long_is_cut_and_the_line_says_so);
	tcase_add_test(tc, all_texts_of_the_worst_bytes_fit_a_line);
	tcase_add_test(tc, no_size_of_buffer_is_overrun_and_every_line_is_whole);
	tcase_add_test(tc, a_torn_record_gives_no_line);
	tcase_add_test(tc, each_fault_has_its_word_and_an_unknown_one_says_so);
	tcase_add_test(tc, a_text_line_is_combined_with_pairs_behind);
	tcase_add_loop_test(
	    tc, a_text_line_begins_with_the_address_alone, 0, ARRAY_SIZE(client_cases));
	tcase_add_test(tc, nothing_a_client_sends_breaks_out_of_its_quotes_in_text);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
