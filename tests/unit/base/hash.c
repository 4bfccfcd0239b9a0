/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* These values are a contract: proxies of one fleet must send a key to the same endpoint. */
START_TEST(the_hash_is_the_same_everywhere_and_always)
{
	static const struct {
		const char *text;
		uint64_t seed, hash;
	} t[] = {
		{ "", 0, 0x91caad8a573bf895 },
		{ "a", 0, 0xe29c1d66da2a6aa3 },
		{ "a", 1, 0x93d42701e579b84f },
		{ "12345678", 0, 0xfe597b684c9c4f72 },
		{ "192.0.2.1", 0, 0x6b284aad5e2c778e },
		{ "a longer key, of some three words", 0, 0x4f346323999a3716 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		uint64_t hash = hash_bytes(t[i].text, strlen(t[i].text), t[i].seed);

		ck_assert_msg(hash == t[i].hash, "\"%s\", %lu: 0x%016lx", t[i].text,
		    (unsigned long)t[i].seed, (unsigned long)hash);
	}
}
END_TEST

START_TEST(alignment_does_not_matter_and_length_does)
{
	char buf[64] = { 0 };
	uint64_t first = hash_bytes(memcpy(buf, "0123456789abcdef!", 17), 17, 3);

	for (unsigned i = 1; i < 16; i++) {
		memcpy(buf + i, "0123456789abcdef!", 17);
		ck_assert_uint_eq(hash_bytes(buf + i, 17, 3), first);
	}
	memset(buf, 0, sizeof buf);
	for (size_t i = 0; i < sizeof buf; i++)
		ck_assert_uint_ne(hash_bytes(buf, i, 0), hash_bytes(buf, i == 63 ? 62 : i + 1, 0));
}
END_TEST

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t
hash_key(unsigned shape, unsigned i)
{
	char key[64];
	int len = 0;

	if (shape == 0)
		len = snprintf(key, sizeof key, "/shop/item/%u", i);
	else if (shape == 1)
		len = snprintf(key, sizeof key, "host-%u.example.com", i);
	else if (shape == 2)
		len = snprintf(key, sizeof key, "10.0.%u.%u", i >> 8, i & 255);
	else
		len = snprintf(key, sizeof key, "%08u%08u", i, i);
	return (uint32_t)hash_bytes(key, (size_t)len, 0);
}

/* Of 200,000 random 32-bit values, 4.7 pairs are equal; 30 would be a flaw. */
START_TEST(similar_keys_do_not_collide_more_than_chance)
{
	enum { KEYS = 200000 };
	uint32_t *low = calloc(KEYS, sizeof *low);

	for (unsigned shape = 0; shape < 4; shape++) {
		unsigned collisions = 0;

		for (unsigned i = 0; i < KEYS; i++)
			low[i] = hash_key(shape, i);
		qsort(low, KEYS, sizeof *low, compare);
		for (unsigned i = 1; i < KEYS; i++)
			collisions += low[i] == low[i - 1];
		ck_assert_msg(collisions < 30, "shape %u: %u collisions", shape, collisions);
	}
	free(low);
}
END_TEST

START_TEST(each_input_bit_moves_about_half_of_the_output)
{
	for (unsigned len = 1; len <= 40; len++) {
		unsigned char key[40];
		uint64_t whole;

		memset(key, 0x5a, sizeof key);
		whole = hash_bytes(key, len, 0);
		for (unsigned bit = 0; bit < len * 8; bit++) {
			int moved;

			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
			moved = __builtin_popcountll(whole ^ hash_bytes(key, len, 0));
			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
			ck_assert_msg(moved >= 10 && moved <= 54, "length %u, bit %u: %d moved",
			    len, bit, moved);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/hash");
	TCase *tests = tcase_create("hash");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_hash_is_the_same_everywhere_and_always);
	tcase_add_test(tests, alignment_does_not_matter_and_length_does);
	tcase_add_test(tests, similar_keys_do_not_collide_more_than_chance);
	tcase_add_test(tests, each_input_bit_moves_about_half_of_the_output);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
