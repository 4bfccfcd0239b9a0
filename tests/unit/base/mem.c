/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/bytes.h"

static bool
all_zero(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != 0)
			return false;
	return true;
}

START_TEST(new_memory_is_zeroed)
{
	static const size_t cases[] = { 0, 1, 64, 4096, 1000003 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *p = mem_new(cases[i]);

		ck_assert_ptr_nonnull(p);
		ck_assert_msg(all_zero(p, cases[i]), "%zu bytes", cases[i]);
		mem_free(p);
		p = mem_array(3, cases[i]);
		ck_assert_msg(all_zero(p, 3 * cases[i]), "3 of %zu bytes", cases[i]);
		mem_free(p);
	}
}
END_TEST

START_TEST(lines_are_aligned_zeroed_and_whole)
{
	static const size_t cases[] = { 0, 1, 63, 64, 65, 8000 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t whole = (cases[i] + 63) / 64 * 64;
		char *p = mem_raw(whole + 1);

		/* What malloc gave out before must not shine through. */
		memset(p, 0x5a, whole + 1);
		mem_free(p);
		p = mem_lines(cases[i]);
		ck_assert_uint_eq((uintptr_t)p % 64, 0);
		/* AddressSanitizer sees whether all of it is ours. */
		ck_assert_msg(all_zero(p, whole), "%zu bytes", cases[i]);
		mem_free(p);
	}
}
END_TEST

START_TEST(resizing_to_nothing_does_not_free)
{
	char *p = mem_resize(NULL, 10);

	memcpy(p, "detour", 7);
	p = mem_resize(p, 100000);
	ck_assert_str_eq(p, "detour");
	p = mem_resize(p, 0);
	ck_assert_ptr_nonnull(p);
	mem_free(p);
}
END_TEST

START_TEST(texts_are_copied_whole)
{
	char *copy = mem_strdup("");
	char *text = mem_printf("%s-%d", "us-east", 1);

	ck_assert_str_eq(copy, "");
	ck_assert_str_eq(text, "us-east-1");
	mem_free(copy);
	mem_free(text);
	mem_free(NULL);
}
END_TEST

/* aborts */
START_TEST(an_array_that_overflows_aborts)
{
	volatile size_t count = SIZE_MAX / 8 + 1;

	mem_free(mem_array(count, 8));
}
END_TEST

/* aborts */
START_TEST(lines_that_overflow_abort)
{
	volatile size_t size = SIZE_MAX - 10;

	mem_free(mem_lines(size));
}
END_TEST

START_TEST(each_call_that_takes_memory_counts_once)
{
	atomic_ullong count = 0;
	void *p[7];

	mem_count_into(&count);
	p[0] = mem_new(1);
	p[1] = mem_raw(1);
	p[2] = mem_array(2, 2);
	p[3] = mem_strdup("a");
	p[4] = mem_printf("%d", 1);
	p[5] = mem_lines(1);
	p[6] = mem_resize(NULL, 1);
	ck_assert_uint_eq(atomic_load(&count), 7);
	mem_count_one();
	ck_assert_uint_eq(atomic_load(&count), 8);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		mem_free(p[i]);
	ck_assert_uint_eq(atomic_load(&count), 8);
	mem_count_into(NULL);
	mem_free(mem_new(1));
	ck_assert_uint_eq(atomic_load(&count), 8);
}
END_TEST

static void *
take_a_thousand(void *counter)
{
	if (counter != NULL)
		mem_count_into(counter);
	for (int i = 0; i < 1000; i++)
		mem_free(mem_new(1));
	return NULL;
}

START_TEST(a_thread_counts_only_its_own_calls)
{
	atomic_ullong mine = 0, theirs = 0;
	pthread_t counting, silent;

	mem_count_into(&mine);
	pthread_create(&counting, NULL, take_a_thousand, &theirs);
	pthread_create(&silent, NULL, take_a_thousand, NULL);
	pthread_join(counting, NULL);
	pthread_join(silent, NULL);
	ck_assert_uint_eq(atomic_load(&mine), 0);
	ck_assert_uint_eq(atomic_load(&theirs), 1000);
	mem_count_into(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/mem");
	TCase *tests = tcase_create("mem");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, new_memory_is_zeroed);
	tcase_add_test(tests, lines_are_aligned_zeroed_and_whole);
	tcase_add_test(tests, resizing_to_nothing_does_not_free);
	tcase_add_test(tests, texts_are_copied_whole);
	tcase_add_test_raise_signal(tests, an_array_that_overflows_aborts, SIGABRT);
	tcase_add_test_raise_signal(tests, lines_that_overflow_abort, SIGABRT);
	tcase_add_test(tests, each_call_that_takes_memory_counts_once);
	tcase_add_test(tests, a_thread_counts_only_its_own_calls);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
