/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static bool
holds_only(const unsigned char *p, size_t size, unsigned char byte)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != byte)
			return false;
	return true;
}

START_TEST(what_is_taken_is_aligned_zeroed_and_apart)
{
	enum { COUNT = 20000 };
	struct arena *a = arena_new();
	unsigned char **taken = calloc(COUNT, sizeof *taken);
	size_t *sizes = calloc(COUNT, sizeof *sizes);
	unsigned seed = 1;

	for (int i = 0; i < COUNT; i++) {
		/* Mostly small, now and then larger than any block. */
		sizes[i] = (size_t)rand_r(&seed) % (i % 1000 == 0 ? 400000 : 120);
		taken[i] = arena_take(a, sizes[i]);
		ck_assert_uint_eq((uintptr_t)taken[i] % 16, 0);
		ck_assert(holds_only(taken[i], sizes[i], 0));
		memset(taken[i], i % 255 + 1, sizes[i]);
	}
	for (int i = 0; i < COUNT; i++)
		ck_assert(holds_only(taken[i], sizes[i], (unsigned char)(i % 255 + 1)));
	free(taken);
	free(sizes);
	arena_free(a);
}
END_TEST

START_TEST(sizes_at_block_borders_fit)
{
	struct arena *a = arena_new();

	for (size_t size = 1000; size < 9000; size++)
		memset(arena_take(a, size), 1, size);
	arena_free(a);
}
END_TEST

START_TEST(nothing_has_an_address_of_its_own)
{
	struct arena *a = arena_new();
	char *first = arena_take(a, 0);

	ck_assert_ptr_ne(first, arena_take(a, 0));
	ck_assert_ptr_ne(first, arena_array(a, 0, 8));
	arena_free(a);
	arena_free(NULL);
}
END_TEST

START_TEST(texts_are_copied_and_terminated)
{
	struct arena *a = arena_new();
	const char unterminated[3] = { 'a', 'b', 'c' };
	char *printed = arena_printf(a, "%s:%d %0*d", "host", 80, 5000, 7);

	ck_assert_str_eq(arena_strdup(a, ""), "");
	ck_assert_str_eq(arena_strdup(a, "gcp"), "gcp");
	ck_assert_str_eq(arena_strndup(a, unterminated, 3), "abc");
	ck_assert_str_eq(arena_strndup(a, "ab", 10), "ab");
	ck_assert_str_eq(arena_strndup(a, "ab", 0), "");
	ck_assert_uint_eq(strlen(printed), 5008);
	ck_assert(strncmp(printed, "host:80 0", 9) == 0 && printed[5007] == '7');
	arena_free(a);
}
END_TEST

/* aborts */
START_TEST(an_array_that_overflows_aborts)
{
	struct arena *a = arena_new();
	volatile size_t count = SIZE_MAX / 16 + 2;

	arena_array(a, count, 16);
}
END_TEST

static char order[4];
static unsigned ended;

static void
note(void *arg)
{
	order[ended++] = *(const char *)arg;
}

START_TEST(endings_run_once_the_last_one_first)
{
	struct arena *a = arena_new();

	arena_at_end(a, note, arena_strdup(a, "1"));
	arena_at_end(a, note, arena_strdup(a, "2"));
	ck_assert_uint_eq(ended, 0);
	arena_free(a);
	ck_assert_str_eq(order, "21");
}
END_TEST

/* The flags of the mapping that holds p, as the kernel has them ("dd" is not dumped). */
static void
flags_of(const void *p, char *flags, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false, found = false;
	char line[512];

	ck_assert_ptr_nonnull(f);
	while (!found && fgets(line, sizeof line, f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)p >= from && (unsigned long)p < to;
		found = inside && strncmp(line, "VmFlags:", 8) == 0;
	}
	fclose(f);
	ck_assert(found);
	snprintf(flags, size, "%s", line);
}

START_TEST(a_secret_is_in_no_core_file_and_a_text_is)
{
	struct arena *plain = arena_new(), *secret = arena_new_secret();
	char of_text[512], of_key[512], of_large_key[512];

	flags_of(arena_strdup(plain, "text"), of_text, sizeof of_text);
	flags_of(arena_strdup(secret, "key"), of_key, sizeof of_key);
	flags_of(arena_take(secret, 100000), of_large_key, sizeof of_large_key);
	ck_assert_ptr_null(strstr(of_text, " dd"));
	ck_assert_ptr_nonnull(strstr(of_key, " dd"));
	ck_assert_ptr_nonnull(strstr(of_large_key, " dd"));
	arena_free(secret);
	arena_free(plain);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/arena");
	TCase *tests = tcase_create("arena");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, endings_run_once_the_last_one_first);
	tcase_add_test(tests, a_secret_is_in_no_core_file_and_a_text_is);
	tcase_add_test(tests, what_is_taken_is_aligned_zeroed_and_apart);
	tcase_add_test(tests, sizes_at_block_borders_fit);
	tcase_add_test(tests, nothing_has_an_address_of_its_own);
	tcase_add_test(tests, texts_are_copied_and_terminated);
	tcase_add_test_raise_signal(tests, an_array_that_overflows_aborts, SIGABRT);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
