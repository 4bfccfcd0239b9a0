/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/fact.h"

#include <check.h>
#include <math.h>
#include <string.h>

static const struct {
	struct fact f;
	const char *line;
} sentences[] = {
	{ { FACT_REGION_DOWN, SIGNAL_IN_A_ROW, 0, "shop", "us-east-1", UINT32_MAX, 3, 3, 2, "",
	      NULL },
	    "shop, us-east-1: region is down (3 failures in a row, threshold 3, 2 "
	    "endpoints)" },
	{ { FACT_REGION_DOWN, SIGNAL_HEALTH, 0, "shop", "a", UINT32_MAX, 0.2, 0.25, 5, "", NULL },
	    "shop, a: region is down (20 % healthy, threshold 25 %, 5 endpoints)" },
	{ { FACT_REGION_DOWN, SIGNAL_LOCAL_SHARE, 0, "shop", "a", UINT32_MAX, 0.667, 0.5, 1, "",
	      NULL },
	    "shop, a: region is down (66.7 % of tries failed, threshold 50 %, 1 "
	    "endpoint)" },
	{ { FACT_REGION_DOWN, SIGNAL_STALL, 0, "shop", "a", UINT32_MAX, 2, 2, 4, "", NULL },
	    "shop, a: region is down (2 windows without answers, threshold 2, 4 "
	    "endpoints)" },
	{ { FACT_REGION_GREY, SIGNAL_LATENCY_P95, 0, "shop", "a", UINT32_MAX, 812, 360, 2, "",
	      NULL },
	    "shop, a: region is worse than its peers (p95 812 ms, threshold 360 ms, 2 "
	    "peers)" },
	{ { FACT_REGION_GREY, SIGNAL_ERRORS, 0, "shop", "a", UINT32_MAX, 0.34, 0.021, 1, "", NULL },
	    "shop, a: region is worse than its peers (34 % errors, threshold 2.1 %, 1 "
	    "peer)" },
	{ { FACT_REGION_SUSPECT, SIGNAL_IN_A_ROW, 0, "shop", "a", UINT32_MAX, 1, 0, NAN, "", NULL },
	    "shop, a: region may be failing: looking closer (1 failure in the last "
	    "second, 0 tries begun in it)" },
	{ { FACT_REGION_SUSPECT, SIGNAL_IN_A_ROW, 0, "shop", "a", UINT32_MAX, 3, 1, NAN, "", NULL },
	    "shop, a: region may be failing: looking closer (3 failures in the last "
	    "second, 1 try begun in it)" },
	{ { FACT_REGION_SUSPECT, SIGNAL_STALL, 0, "shop", "a", UINT32_MAX, NAN, NAN, 1, "", NULL },
	    "shop, a: region may be failing: looking closer (1 window without answers)" },
	{ { FACT_REGION_HOLD, SIGNAL_HEALTH, 0, "shop", "a", UINT32_MAX, 30000, 0, 0, "", NULL },
	    "shop, a: region is healthy again and waits (for 30 s, 0 relapses)" },
	{ { FACT_REGION_HOLD, SIGNAL_HEALTH, 0, "shop", "a", UINT32_MAX, 960000, 5, 0, "", NULL },
	    "shop, a: region is healthy again and waits (for 16 min, 5 relapses)" },
	{ { FACT_REGION_EVACUATED, SIGNAL_PERSON, 0, "shop", "a", UINT32_MAX, 86400000, 0, 0, "",
	      NULL },
	    "shop, a: region evacuated by a person (for 24 h)" },
	{ { FACT_SHARES_MOVED, SIGNAL_NONE, 0, "shop", "a", UINT32_MAX, 0.7, 1.6e-15, 0, "", NULL },
	    "shop, a: share moved (from 70 %, to 0 %)" },
	{ { FACT_FAILED_OVER, SIGNAL_STALL, 0, "shop", "a", UINT32_MAX, 0.7, 0, 0, "", "b" },
	    "shop, a: a region with traffic is left for another one (share 70 %, to b)" },
	{ { FACT_SHED_BEGAN, SIGNAL_CAPACITY, 0, "shop", "", UINT32_MAX, 400, 250, 0.375, "",
	      NULL },
	    "shop: more demand than capacity: shedding (demand 400/s, capacity 250/s, "
	    "shed 37.5 %)" },
	{ { FACT_SHED_BEGAN, SIGNAL_MEMORY, 0, "shop", "", UINT32_MAX, 400, NAN, 0.375, "", NULL },
	    "shop: memory is short: shedding requests of low priority (demand 400/s, shed 37.5 %)" },
	{ { FACT_FAIL_OPEN, SIGNAL_NONE, 0, "shop", "", UINT32_MAX, 0, 4, 0, "", NULL },
	    "shop: no region is fit: health is ignored, traffic goes by weight (0 up, 4 total)" },
	{ { FACT_ENDPOINT_EJECTED, SIGNAL_IN_A_ROW, 0, "shop", "a", 7, 3, 3, 30000, "", NULL },
	    "shop, a, endpoint 7: endpoint taken out by live traffic (3 failures in a row, "
	    "threshold 3, for 30 s)" },
	{ { FACT_REFUSED, SIGNAL_PERSON, 0, "", "a", UINT32_MAX, 0.125, 0, 0, "at_least_two", NULL },
	    "a: a change was refused by a safety rule (shed 12.5 %, rule at_least_two)" },
	{ { FACT_SELF_SUSPECT, SIGNAL_CLOCK, 0, "", "", UINT32_MAX, 700, 500, 0, "", NULL },
	    "our own view is stale: everything is held (700 ms late, threshold 500 ms)" },
	{ { FACT_STARTED, SIGNAL_NONE, 0, NULL, NULL, UINT32_MAX, 1, 4, 2, NULL, NULL },
	    "Detour starts (1 service, 4 endpoints, 2 routes)" },
	{ { FACT_RELOAD_REFUSED, SIGNAL_NONE, 0, NULL, NULL, UINT32_MAX, 2, NAN, NAN, NULL, NULL },
	    "a configuration is refused, the old one serves on (2 errors)" },
	{ { FACT_LEAVING, SIGNAL_NONE, 0, NULL, NULL, UINT32_MAX, 1, NAN, NAN, NULL, NULL },
	    "Detour leaves, and ends when its clients have gone (1 request in flight)" },
	{ { FACT_ENDED, SIGNAL_NONE, 0, NULL, NULL, UINT32_MAX, 0, NAN, NAN, NULL, NULL },
	    "Detour ends (0 requests broken off)" },
	{ { FACT_UNFROZEN, SIGNAL_PERSON, 0, NULL, NULL, UINT32_MAX, 0, 0, 0, NULL, NULL },
	    "automatic moves go on" },
};

START_TEST(a_fact_reads_as_a_sentence_with_its_numbers)
{
	for (unsigned i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
		char buf[256];
		size_t n = fact_format(&sentences[i].f, NULL, buf, sizeof buf);

		ck_assert_str_eq(buf, sentences[i].line);
		ck_assert_uint_eq(n, strlen(sentences[i].line));
	}
}
END_TEST

START_TEST(an_endpoint_is_named_by_its_url)
{
	const struct fact f = { FACT_ENDPOINT_DOWN, SIGNAL_CHECKS, 0, "shop", "a", 7, 3, 0, 0, "",
		NULL };
	char buf[256];

	fact_format(&f, "http://10.1.0.10:80", buf, sizeof buf);
	ck_assert_str_eq(
	    buf, "shop, a, http://10.1.0.10:80: endpoint is down by its checks (3 failures)");
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_cut_and_its_length_told)
{
	const struct fact f = { FACT_REGION_UP, SIGNAL_TIME, 0, "shop", "a", UINT32_MAX, 0, 0, 0,
		"", NULL };
	const char *whole = "shop, a: region is up";

	for (size_t size = 0; size <= strlen(whole) + 1; size++) {
		char buf[64];

		memset(buf, '#', sizeof buf);
		ck_assert_uint_eq(fact_format(&f, NULL, buf, size), strlen(whole));
		ck_assert_int_eq(buf[size], '#');
		if (size == 0)
			continue;
		ck_assert_uint_eq(strlen(buf), size - 1);
		ck_assert_int_eq(strncmp(buf, whole, size - 1), 0);
	}
}
END_TEST

START_TEST(every_fact_and_every_signal_has_words)
{
	for (unsigned k = FACT_NOTHING + 1; k < FACT_KINDS; k++) {
		ck_assert_uint_gt(strlen(fact_word((enum fact_kind)k)), 0);
		ck_assert_uint_gt(strlen(fact_text((enum fact_kind)k)), 0);
		for (unsigned other = 0; other < k; other++)
			ck_assert_str_ne(
			    fact_word((enum fact_kind)k), fact_word((enum fact_kind)other));
		for (unsigned i = 1; i < 3; i++) { /* names stand without gaps */
			if (fact_number_name((enum fact_kind)k, i)[0] != '\0')
				ck_assert_int_ne(
				    fact_number_name((enum fact_kind)k, i - 1)[0], '\0');
		}
	}
	ck_assert_str_eq(fact_signal_word(SIGNAL_NONE), "");
	for (unsigned s = SIGNAL_NONE + 1; s < SIGNAL_COUNT; s++)
		ck_assert_uint_gt(strlen(fact_signal_word((enum fact_signal)s)), 0);
}
END_TEST

static struct fact
fact_at(enum fact_kind kind, uint64_t at_ms)
{
	return (struct fact){ .kind = kind, .at_ms = at_ms };
}

START_TEST(when_there_is_no_room_the_oldest_detail_goes_and_is_counted)
{
	static struct facts f;

	for (unsigned i = 0; i < FACTS_MAX - 2; i++)
		facts_add(&f, fact_at(FACT_REGION_DOWN, i));
	facts_add(&f, fact_at(FACT_SHARES_MOVED, 1000));
	facts_add(&f, fact_at(FACT_ENDPOINT_DOWN, 1001));
	ck_assert_uint_eq(f.lost, 0);
	facts_add(&f, fact_at(FACT_REGION_UP, 2000));
	ck_assert_uint_eq(f.count, FACTS_MAX);
	ck_assert_uint_eq(f.lost, 1);
	ck_assert_uint_eq(f.list[FACTS_MAX - 1].at_ms, 2000);
	ck_assert_uint_eq(f.list[FACTS_MAX - 2].at_ms, 1001);
	facts_add(&f, fact_at(FACT_REGION_HOLD, 2001));
	ck_assert_uint_eq(f.list[FACTS_MAX - 1].at_ms, 2001);
	ck_assert_uint_eq(f.list[FACTS_MAX - 2].at_ms, 2000);
	ck_assert_uint_eq(f.lost, 2);
	for (unsigned i = 0; i < FACTS_MAX - 2; i++)
		ck_assert_uint_eq(f.list[i].at_ms, i);
}
END_TEST

START_TEST(when_all_is_important_the_first_ones_stay)
{
	static struct facts f;

	for (unsigned i = 0; i < FACTS_MAX + 5; i++)
		facts_add(&f, fact_at(FACT_REGION_DOWN, i));
	ck_assert_uint_eq(f.count, FACTS_MAX);
	ck_assert_uint_eq(f.lost, 5);
	ck_assert_uint_eq(f.list[FACTS_MAX - 1].at_ms, FACTS_MAX - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/fact");
	TCase *tests = tcase_create("fact");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_fact_reads_as_a_sentence_with_its_numbers);
	tcase_add_test(tests, an_endpoint_is_named_by_its_url);
	tcase_add_test(tests, a_line_that_does_not_fit_is_cut_and_its_length_told);
	tcase_add_test(tests, every_fact_and_every_signal_has_words);
	tcase_add_test(tests, when_there_is_no_room_the_oldest_detail_goes_and_is_counted);
	tcase_add_test(tests, when_all_is_important_the_first_ones_stay);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
