/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slab.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

START_TEST(steady_use_takes_nothing_from_the_system)
{
	atomic_ullong count = 0;
	struct slab *s = slab_new(4096, 8);
	void *blocks[8];

	mem_count_into(&count);
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
			blocks[i] = slab_take(s);
			memset(blocks[i], 0x77, slab_block_size(s));
		}
		ck_assert_uint_eq(slab_in_use(s), 8);
		for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
			slab_give(s, blocks[i]);
		ck_assert_uint_eq(slab_in_use(s), 0);
	}
	ck_assert_uint_eq(atomic_load(&count), 8);
	slab_free(s);
}
END_TEST

START_TEST(each_block_begins_at_a_cache_line)
{
	struct slab *s = slab_new(100, 8);
	char *one = slab_take(s), *other = slab_take(s);

	ck_assert_uint_eq((uintptr_t)one % 64, 0);
	ck_assert_uint_eq((uintptr_t)other % 64, 0);
	slab_give(s, other);
	slab_give(s, one);
	slab_free(s);
}
END_TEST

START_TEST(trimming_gives_back_what_is_free_and_nothing_else)
{
	atomic_ullong count = 0;
	struct slab *s = slab_new(100, 8);
	char *used = slab_take(s);
	void *other = slab_take(s);

	memset(used, 0x55, 100);
	slab_give(s, other);
	slab_trim(s);
	slab_trim(s);
	ck_assert_uint_eq(slab_in_use(s), 1);
	ck_assert_int_eq(used[99], 0x55);
	mem_count_into(&count);
	other = slab_take(s);
	ck_assert_uint_eq(atomic_load(&count), 1); /* none was left */
	slab_give(s, other);
	slab_give(s, used);
	slab_free(s);
}
END_TEST

/* How many of four blocks come from the system once four have been given back. */
static unsigned
taken_again_with(unsigned keep)
{
	atomic_ullong count = 0;
	struct slab *s = slab_new(100, keep);
	void *blocks[4];

	for (int round = 0; round < 2; round++) {
		if (round == 1)
			mem_count_into(&count);
		for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
			blocks[i] = slab_take(s);
		for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
			slab_give(s, blocks[i]);
	}
	mem_count_into(NULL);
	slab_free(s);
	return (unsigned)atomic_load(&count);
}

START_TEST(no_more_than_keep_are_held_back)
{
	static const struct {
		unsigned keep;
		unsigned taken_again; /* from the system, of 4 */
	} cases[] = { { 0, 4 }, { 1, 3 }, { 3, 1 }, { 4, 0 }, { 100, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(taken_again_with(cases[i].keep) == cases[i].taken_again, "keep %u",
		    cases[i].keep);
}
END_TEST

START_TEST(blocks_in_use_are_apart)
{
	struct slab *s = slab_new(16, 2);
	char *a = slab_take(s), *b = slab_take(s);

	ck_assert_ptr_ne(a, b);
	slab_give(s, a);
	ck_assert_ptr_eq(slab_take(s), a); /* the one that is still warm */
	slab_give(s, b);
	slab_give(s, a);
	slab_give(s, NULL);
	slab_free(s);
	slab_free(NULL);
}
END_TEST

/* aborts */
START_TEST(freeing_a_slab_with_blocks_out_aborts)
{
	struct slab *s = slab_new(16, 2);
	void *block = slab_take(s);

	memset(block, 0, 16);
	slab_free(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/slab");
	TCase *tests = tcase_create("slab");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, steady_use_takes_nothing_from_the_system);
	tcase_add_test(tests, each_block_begins_at_a_cache_line);
	tcase_add_test(tests, trimming_gives_back_what_is_free_and_nothing_else);
	tcase_add_test(tests, no_more_than_keep_are_held_back);
	tcase_add_test(tests, blocks_in_use_are_apart);
	tcase_add_test_raise_signal(tests, freeing_a_slab_with_blocks_out_aborts, SIGABRT);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
