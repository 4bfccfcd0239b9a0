/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cache.h"

#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

START_TEST(steady_use_takes_nothing_from_the_system)
{
	static const size_t sizes[] = { 1, 40, 64, 100, 300, 1000, 4096, 16400, 20000, 60000 };
	struct cache *c = cache_new();
	void *blocks[ARRAY_SIZE(sizes)];
	atomic_ullong count = 0;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			blocks[i] = cache_take(c, sizes[i]);
			ck_assert_uint_ge(cache_size(blocks[i]), sizes[i]);
			memset(blocks[i], 0x77, cache_size(blocks[i]));
		}
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			cache_give(c, blocks[i]);
		mem_count_into(&count);
	}
	ck_assert_uint_eq(atomic_load(&count), 0);
	cache_free(c);
}
END_TEST

START_TEST(little_of_a_block_is_waste)
{
	struct cache *c = cache_new();

	for (size_t size = 64; size < 70000; size += 7) {
		void *block = cache_take(c, size);

		ck_assert_uint_ge(cache_size(block), size);
		ck_assert_uint_le(cache_size(block), size + size / 3 + 32);
		cache_give(c, block);
	}
	cache_free(c);
}
END_TEST

START_TEST(trimming_gives_back_what_is_kept)
{
	atomic_ullong count = 0;
	struct cache *c = cache_new();
	void *a = cache_take(c, 100), *b = cache_take(c, 5000), *kept = cache_take(c, 100);

	cache_give(c, a);
	cache_give(c, b);
	cache_trim(c);
	mem_count_into(&count);
	a = cache_take(c, 100);
	b = cache_take(c, 5000);
	ck_assert_uint_eq(atomic_load(&count), 2);
	cache_give(c, a);
	cache_give(c, b);
	cache_give(c, kept);
	cache_free(c);
}
END_TEST

START_TEST(what_is_too_large_to_keep_is_the_systems_at_once)
{
	struct cache *c = cache_new();
	atomic_ullong count = 0;

	mem_count_into(&count);
	for (int i = 0; i < 3; i++)
		cache_give(c, cache_take(c, 1 << 20));
	ck_assert_uint_eq(atomic_load(&count), 3);
	cache_give(c, NULL);
	cache_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base/cache");
	TCase *t = tcase_create("cache");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, steady_use_takes_nothing_from_the_system);
	tcase_add_test(t, trimming_gives_back_what_is_kept);
	tcase_add_test(t, little_of_a_block_is_waste);
	tcase_add_test(t, what_is_too_large_to_keep_is_the_systems_at_once);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
