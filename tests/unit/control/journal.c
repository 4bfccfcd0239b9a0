/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal.h"

#include <check.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "control/failovers.h"
#include "steer/endpoint.h"

static char dir[48];
static struct event_base *base;
static struct journal *journal;
static json_t *all;

static void
set_up(void)
{
	snprintf(dir, sizeof dir, "/tmp/detour-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	base = event_base_new();
	journal = journal_new();
	all = NULL;
}

static void
tear_down(void)
{
	char command[80];

	json_decref(all);
	journal_free(journal);
	event_base_free(base);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct fact
down(double value)
{
	return (struct fact){ .kind = FACT_REGION_DOWN,
		.signal = SIGNAL_IN_A_ROW,
		.at_ms = clock_now_ms(),
		.service = "shop",
		.region = "east",
		.endpoint_id = UINT32_MAX,
		.a = value,
		.b = 3,
		.c = 2,
		.rule = "" };
}

static void
put(double value)
{
	struct fact f = down(value);

	journal_put(journal, &f, NULL, NULL);
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static const json_t *
read_facts(uint64_t since, unsigned limit)
{
	json_decref(all);
	all = journal_json(journal, since, limit);
	return json_object_get(all, "facts");
}

static size_t
count(uint64_t since, unsigned limit)
{
	return json_array_size(read_facts(since, limit));
}

static long long
next(void)
{
	return json_integer_value(json_object_get(all, "next"));
}

static const char *
text_of(const json_t *fact, const char *key)
{
	const char *text = json_string_value(json_object_get(fact, key));

	return text != NULL ? text : "";
}

static double
number_of(const json_t *fact, const char *name)
{
	return json_number_value(json_object_get(json_object_get(fact, "numbers"), name));
}

static void
fail_over(const char *from, const char *into, enum fact_signal why)
{
	struct fact f = { .kind = FACT_FAILED_OVER,
		.signal = why,
		.at_ms = clock_now_ms(),
		.service = "shop",
		.region = from,
		.endpoint_id = UINT32_MAX,
		.a = 0.7,
		.into = into };

	journal_put(journal, &f, NULL, NULL);
}

START_TEST(failovers_are_counted_by_whence_whither_and_why)
{
	static const char *const lines[] = {
		"\ndetour_failovers_total{service=\"shop\",from=\"east\",to=\"west\",reason=\"stall\"} 2\n",
		"\ndetour_failovers_total{service=\"shop\",from=\"west\",to=\"\",reason=\"person\"} 1\n",
	};
	struct evbuffer *out = evbuffer_new();
	const json_t *facts;
	const char *text;

	journal_open(journal, base, dir);
	fail_over("east", "west", SIGNAL_STALL);
	fail_over("west", "", SIGNAL_PERSON);
	fail_over("east", "west", SIGNAL_STALL);
	turn();
	failovers_write(out, journal_failovers(journal));
	evbuffer_add(out, "", 1);
	text = (const char *)evbuffer_pullup(out, -1);
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		ck_assert_msg(strstr(text, lines[i]) != NULL, "%s", text);
	evbuffer_free(out);
	facts = read_facts(0, 0);
	ck_assert_str_eq(text_of(json_array_get(facts, 0), "into"), "west");
}
END_TEST

START_TEST(a_fact_is_told_with_its_time_evidence_and_numbers)
{
	struct endpoint e = { .url = "http://10.0.0.1:80" };
	struct fact f = down(4);
	const json_t *fact;

	journal_open(journal, base, "");
	f.endpoint_id = 7;
	f.at_ms -= 5000;
	journal_put(journal, &f, &e, NULL);
	turn();
	fact = json_array_get(read_facts(0, 0), 0);
	ck_assert_str_eq(text_of(fact, "kind"), "region_down");
	ck_assert_str_eq(text_of(fact, "service"), "shop");
	ck_assert_str_eq(text_of(fact, "region"), "east");
	ck_assert_str_eq(text_of(fact, "endpoint"), "http://10.0.0.1:80");
	ck_assert_str_eq(text_of(fact, "signal"), "in_a_row");
	ck_assert_str_eq(text_of(fact, "actor"), "detour");
	ck_assert_double_eq(number_of(fact, "value"), 4);
	ck_assert_double_eq(number_of(fact, "threshold"), 3);
	ck_assert_double_eq(number_of(fact, "endpoints"), 2);
	ck_assert_ptr_nonnull(strstr(text_of(fact, "text"), "4 failures in a row"));
	ck_assert_ptr_null(strstr(text_of(fact, "text"), "shop"));
	ck_assert_uint_eq(strlen(text_of(fact, "time")), 24);
}
END_TEST

START_TEST(an_endpoint_that_is_down_is_told_with_the_cause)
{
	struct endpoint e = { .url = "http://10.0.0.1:80" };
	struct fact f = { .kind = FACT_ENDPOINT_DOWN, .signal = SIGNAL_CHECKS, .a = 3 };
	const json_t *fact;

	atomic_store(&e.reason, REASON_CHECK_REFUSED);
	atomic_store(&e.reason_detail, 3);
	journal_open(journal, base, "");
	journal_put(journal, &f, &e, NULL);
	f.kind = FACT_ENDPOINT_UP;
	journal_put(journal, &f, &e, NULL);
	turn();
	fact = json_array_get(read_facts(0, 0), 0);
	ck_assert_str_eq(text_of(fact, "text"), "endpoint is down by its checks (3 failures)");
	ck_assert_str_eq(text_of(fact, "reason"), "3 checks failed: connection refused");
	ck_assert_str_eq(text_of(fact, "actor"), "detour");
	fact = json_array_get(read_facts(0, 0), 1);
	ck_assert_ptr_null(json_object_get(fact, "reason"));
}
END_TEST

START_TEST(the_time_is_when_it_happened_not_when_it_was_read)
{
	struct fact f = down(1);
	char before[32];
	uint64_t wall_us = clock_wall_us();

	journal_open(journal, base, "");
	f.at_ms -= 60000;
	journal_put(journal, &f, NULL, NULL);
	turn();
	clock_format_wall(wall_us - 59000 * 1000, before, sizeof before);
	ck_assert_int_lt(strcmp(text_of(json_array_get(read_facts(0, 0), 0), "time"), before), 0);
}
END_TEST

static const struct {
	enum fact_kind kind;
	struct wish wish;
	const char *word;
} persons[] = {
	{ FACT_REGION_EVACUATED, { .kind = WISH_EVACUATE, .region = "east" }, "evacuate" },
	{ FACT_FROZEN, { .kind = WISH_FREEZE, .service = "shop" }, "freeze" },
	{ FACT_FROZEN, { .kind = WISH_FREEZE }, "freeze" },
	{ FACT_PINNED, { .kind = WISH_PIN, .service = "shop", .region = "east" }, "pin" },
};

START_TEST(what_a_person_did_bears_owner_and_reason)
{
	struct wishes *wishes = calloc(1, sizeof *wishes);
	struct wish w = persons[_i].wish;
	struct fact f = down(0);
	const json_t *fact;

	strcpy(w.owner, "alice");
	strcpy(w.reason, "upgrade");
	ck_assert(wishes_set(wishes, &w));
	f.kind = persons[_i].kind;
	f.signal = SIGNAL_PERSON;
	journal_open(journal, base, "");
	journal_put(journal, &f, NULL, wishes);
	turn();
	fact = json_array_get(read_facts(0, 0), 0);
	ck_assert_str_eq(text_of(fact, "actor"), "alice");
	ck_assert_str_eq(text_of(fact, "reason"), "upgrade");
	ck_assert_str_eq(text_of(fact, "wish"), persons[_i].word);
	free(wishes);
}
END_TEST

START_TEST(a_number_that_does_not_apply_is_left_out)
{
	struct fact f = down(NAN);
	const json_t *fact;

	f.service = "\xff\xfe";
	journal_open(journal, base, dir);
	journal_put(journal, &f, NULL, NULL);
	turn();
	fact = json_array_get(read_facts(0, 0), 0);
	ck_assert_ptr_null(json_object_get(json_object_get(fact, "numbers"), "value"));
	ck_assert_ptr_null(strstr(text_of(fact, "text"), "nan"));
	ck_assert_str_eq(text_of(fact, "service"), "(not UTF-8)");
	ck_assert_uint_eq(atomic_load(&journal_stats(journal)->unwritten), 0);
}
END_TEST

/* since, limit: how many of ten facts, and the number to go on from */
static const struct {
	uint64_t since;
	unsigned limit;
	size_t count;
	long long next;
} windows[] = {
	{ 0, 0, 10, 10 },
	{ 0, 4, 4, 4 },
	{ 4, 4, 4, 8 },
	{ 8, 4, 2, 10 },
	{ 10, 4, 0, 10 },
	{ 11, 0, 10, 10 }, /* a number of a former life */
	{ UINT64_MAX, 3, 3, 10 },
	{ UINT64_MAX, 0, 10, 10 },
	{ UINT64_MAX - 1, 20, 10, 10 },
};

START_TEST(a_reader_goes_on_where_it_was)
{
	journal_open(journal, base, "");
	for (unsigned i = 0; i < 10; i++)
		put(i);
	turn();
	ck_assert_uint_eq(count(windows[_i].since, windows[_i].limit), windows[_i].count);
	ck_assert_int_eq(next(), windows[_i].next);
}
END_TEST

START_TEST(memory_keeps_the_newest_only)
{
	journal_open(journal, base, "");
	for (unsigned i = 0; i < JOURNAL_KEPT + 10; i++) {
		put(i);
		if (i % 1000 == 0)
			turn();
	}
	turn();
	ck_assert_uint_eq(count(0, 0), JOURNAL_KEPT);
	ck_assert_double_eq(number_of(json_array_get(read_facts(0, 1), 0), "value"), 10);
	ck_assert_uint_eq(count(1, 0), JOURNAL_KEPT);
	ck_assert_int_eq(next(), JOURNAL_KEPT + 10);
}
END_TEST

START_TEST(an_empty_journal_is_an_empty_list)
{
	ck_assert_uint_eq(count(0, 0), 0);
	ck_assert_int_eq(next(), 0);
	ck_assert_uint_eq(count(UINT64_MAX, 5), 0);
}
END_TEST

START_TEST(numbers_and_facts_go_on_after_a_restart)
{
	const json_t *facts;

	journal_open(journal, base, dir);
	put(1);
	put(2);
	turn();
	journal_free(journal);
	journal = journal_new();
	journal_open(journal, base, dir);
	put(3);
	turn();
	facts = read_facts(0, 0);
	ck_assert_uint_eq(json_array_size(facts), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *fact = json_array_get(facts, i);

		ck_assert_int_eq(json_integer_value(json_object_get(fact, "id")), (int)i + 1);
		ck_assert_double_eq(number_of(fact, "value"), (double)i + 1);
	}
}
END_TEST

START_TEST(what_is_still_in_the_ring_at_the_end_is_written)
{
	journal_open(journal, base, dir);
	put(1);
	journal_close(journal);
	put(2);
	journal_free(journal);
	journal = journal_new();
	journal_open(journal, base, dir);
	ck_assert_uint_eq(count(0, 0), 2);
}
END_TEST

START_TEST(a_damaged_file_costs_only_the_damaged_lines)
{
	char path[80];
	FILE *to;

	snprintf(path, sizeof path, "%s/journal.jsonl", dir);
	to = fopen(path, "w");
	fputs("{\"id\":5,\"kind\":\"region_up\"}\nrubbish\n{\"id\":-3}\n[]\n\"\xff\"\n"
	      "{\"id\":9223372036854775807}\n{\"id\":6,\"kind\":\"region_up\"}\n{\"id\":7,",
	    to);
	fclose(to);
	journal_open(journal, base, dir);
	ck_assert_uint_eq(count(0, 0), 2);
	put(1);
	turn();
	ck_assert_uint_eq(count(6, 0), 1);
	ck_assert_int_eq(next(), 7);
}
END_TEST

START_TEST(a_disk_that_takes_nothing_is_counted_and_memory_goes_on)
{
	journal_open(journal, base, "/proc/nowhere");
	for (unsigned i = 0; i < 5; i++)
		put(i);
	turn();
	ck_assert_uint_eq(count(0, 0), 5);
	ck_assert_uint_eq(atomic_load(&journal_stats(journal)->unwritten), 5);
	journal_set_dir(journal, dir);
	put(5);
	turn();
	ck_assert_uint_eq(atomic_load(&journal_stats(journal)->unwritten), 5);
	ck_assert_uint_eq(count(0, 0), 6);
}
END_TEST

START_TEST(control_never_waits_for_main)
{
	struct fact f = down(1);
	unsigned puts = 100 * 1000;

	journal_open(journal, base, "");
	for (unsigned i = 0; i < puts; i++)
		journal_put(journal, &f, NULL, NULL);
	turn();
	ck_assert_uint_gt(atomic_load(&journal_stats(journal)->dropped), 0);
	ck_assert_uint_eq(atomic_load(&journal_stats(journal)->dropped) +
		atomic_load(&journal_stats(journal)->facts),
	    puts);
	put(2);
	turn();
	ck_assert_double_eq(number_of(json_array_get(read_facts(UINT64_MAX, 1), 0), "value"), 2);
}
END_TEST

enum { THREAD_PUTS = 20000 };

static void *
put_many(void *arg)
{
	for (unsigned i = 0; i < THREAD_PUTS; i++)
		put(i);
	return NULL;
}

START_TEST(facts_cross_from_another_thread_in_order)
{
	uint64_t by_ms = clock_now_ms() + 20000, seen = 0, since = 0;
	double last = -1;
	pthread_t thread;

	journal_open(journal, base, "");
	ck_assert_int_eq(pthread_create(&thread, NULL, put_many, NULL), 0);
	while (seen + atomic_load(&journal_stats(journal)->dropped) < THREAD_PUTS) {
		const json_t *facts;

		ck_assert_uint_lt(clock_now_ms(), by_ms);
		turn();
		facts = read_facts(since, 0);
		since = (uint64_t)next();
		for (size_t i = 0; i < json_array_size(facts); i++) {
			double value = number_of(json_array_get(facts, i), "value");

			ck_assert_double_gt(value, last);
			last = value;
		}
		seen = atomic_load(&journal_stats(journal)->facts);
	}
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(mains_own_facts_stand_between_the_others)
{
	struct fact f = down(1);
	const json_t *fact;

	journal_open(journal, base, dir);
	f.kind = FACT_REFUSED;
	f.signal = SIGNAL_PERSON;
	f.rule = "two";
	put(1);
	turn();
	journal_add(journal, &f, &(struct journal_person){ .owner = "bob", .wish = "pin" });
	fact = json_array_get(read_facts(1, 0), 0);
	ck_assert_str_eq(text_of(fact, "actor"), "bob");
	ck_assert_str_eq(text_of(fact, "rule"), "two");
	ck_assert_str_eq(text_of(fact, "wish"), "pin");
	ck_assert_str_eq(text_of(fact, "reason"), "");
	ck_assert_ptr_nonnull(strstr(text_of(fact, "text"), "rule two"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/journal");
	TCase *tests = tcase_create("journal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, failovers_are_counted_by_whence_whither_and_why);
	tcase_add_test(tests, a_fact_is_told_with_its_time_evidence_and_numbers);
	tcase_add_test(tests, an_endpoint_that_is_down_is_told_with_the_cause);
	tcase_add_test(tests, the_time_is_when_it_happened_not_when_it_was_read);
	tcase_add_loop_test(
	    tests, what_a_person_did_bears_owner_and_reason, 0, ARRAY_SIZE(persons));
	tcase_add_test(tests, a_number_that_does_not_apply_is_left_out);
	tcase_add_loop_test(tests, a_reader_goes_on_where_it_was, 0, ARRAY_SIZE(windows));
	tcase_add_test(tests, memory_keeps_the_newest_only);
	tcase_add_test(tests, an_empty_journal_is_an_empty_list);
	tcase_add_test(tests, numbers_and_facts_go_on_after_a_restart);
	tcase_add_test(tests, what_is_still_in_the_ring_at_the_end_is_written);
	tcase_add_test(tests, a_damaged_file_costs_only_the_damaged_lines);
	tcase_add_test(tests, a_disk_that_takes_nothing_is_counted_and_memory_goes_on);
	tcase_add_test(tests, control_never_waits_for_main);
	tcase_add_test(tests, facts_cross_from_another_thread_in_order);
	tcase_add_test(tests, mains_own_facts_stand_between_the_others);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
