/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/maglev.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { MOST = 1000 };

static char name_room[MOST][32];
static const char *names[MOST];
static uint16_t weights[MOST];

static void
make_members(unsigned count, unsigned first)
{
	for (unsigned i = 0; i < count; i++) {
		snprintf(name_room[i], sizeof name_room[i], "http://10.0.%u.%u:80",
		    (first + i) >> 8, (first + i) & 255);
		names[i] = name_room[i];
		weights[i] = 1;
	}
}

static uint32_t *
fill(unsigned members, uint32_t size)
{
	uint32_t *slots = malloc(size * sizeof *slots);

	maglev_fill(slots, size, names, weights, members);
	return slots;
}

START_TEST(a_table_has_a_prime_size_of_at_least_a_hundred_slots_a_member)
{
	static const struct {
		unsigned members;
		uint32_t size;
	} t[] = { { 1, 127 }, { 2, 251 }, { 3, 509 }, { 10, 1021 }, { 100, 16381 },
		{ 10000, 1048573 }, { 41943, 4194301 }, { 41944, 4194301 }, { 100000, 4194301 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		uint32_t size = maglev_size_for(t[i].members);

		ck_assert_uint_eq(size, t[i].size);
		for (uint32_t d = 2; d * d <= size; d++)
			ck_assert_uint_ne(size % d, 0);
	}
}
END_TEST

START_TEST(slots_are_in_proportion_to_the_weights)
{
	uint32_t size = maglev_size_for(100);
	unsigned count[100] = { 0 };
	uint64_t sum = 0;
	uint32_t *slots;

	make_members(100, 0);
	for (unsigned i = 0; i < 100; i++)
		sum += weights[i] = (uint16_t)(1 + i % 10 * 50);
	slots = fill(100, size);
	for (uint32_t i = 0; i < size; i++) {
		ck_assert_uint_lt(slots[i], 100);
		count[slots[i]]++;
	}
	for (unsigned i = 0; i < 100; i++) {
		double due = (double)size * weights[i] / (double)sum;

		ck_assert_msg(count[i] >= due - 2 && count[i] <= due + 2,
		    "member %u of weight %u has %u slots, due are %f", i, weights[i], count[i],
		    due);
	}
	free(slots);
}
END_TEST

START_TEST(weight_zero_gets_no_slot)
{
	uint32_t *slots;

	make_members(3, 0);
	weights[1] = 0;
	slots = fill(3, 127);
	for (uint32_t i = 0; i < 127; i++)
		ck_assert_uint_ne(slots[i], 1);
	free(slots);
}
END_TEST

START_TEST(one_member_has_all_slots)
{
	uint32_t *slots;

	make_members(1, 0);
	weights[0] = UINT16_MAX;
	slots = fill(1, 127);
	for (uint32_t i = 0; i < 127; i++)
		ck_assert_uint_eq(slots[i], 0);
	free(slots);
}
END_TEST

START_TEST(members_of_one_name_end_and_share)
{
	unsigned second = 0;
	uint32_t *slots;

	make_members(2, 0);
	names[1] = names[0];
	slots = fill(2, 251);
	for (uint32_t i = 0; i < 251; i++)
		second += slots[i];
	ck_assert_uint_ge(second, 125);
	ck_assert_uint_le(second, 126);
	free(slots);
}
END_TEST

/* What must move is the lost member's hundredth; the paper measures about as much again. */
START_TEST(losing_one_of_a_hundred_moves_few_slots)
{
	uint32_t size = maglev_size_for(100);
	unsigned moved = 0;
	uint32_t *before, *after;

	make_members(100, 0);
	before = fill(100, size);
	make_members(99, 0);
	after = fill(99, size);
	for (uint32_t i = 0; i < size; i++)
		moved += before[i] != 99 && before[i] != after[i];
	ck_assert_msg(moved < size / 20, "%u of %u slots moved", moved, size);
	free(before);
	free(after);
}
END_TEST

/* The same without a heap, a shortcut or a thought for time: who is due first takes its next slot.
 */
static void
fill_simply(uint32_t *slots, uint32_t size, unsigned members)
{
	uint64_t due[MOST], at[MOST], skip[MOST];

	for (unsigned i = 0; i < members; i++) {
		due[i] = weights[i] > 0 ? ((uint64_t)1 << 40) / weights[i] : UINT64_MAX;
		at[i] = hash_bytes(names[i], strlen(names[i]), 0) % size;
		skip[i] = hash_bytes(names[i], strlen(names[i]), 1) % (size - 1) + 1;
	}
	memset(slots, 0xff, size * sizeof *slots);
	for (uint32_t filled = 0; filled < size; filled++) {
		unsigned first = 0;

		for (unsigned i = 1; i < members; i++)
			if (due[i] < due[first])
				first = i;
		while (slots[at[first]] != UINT32_MAX)
			at[first] = (at[first] + skip[first]) % size;
		slots[at[first]] = first;
		due[first] += ((uint64_t)1 << 40) / weights[first];
	}
}

START_TEST(tables_are_the_same_however_they_are_computed)
{
	static const uint16_t draws[][4] = { { 1, 1, 1, 1 }, { 7, 7, 7, 7 }, { 5, 5, 5, 0 },
		{ 1, 2, 3, 4 }, { 65535, 1, 65535, 1 } };

	for (unsigned members = 1; members <= 40; members += 3) {
		uint32_t size = maglev_size_for(members);
		uint32_t *simply = malloc(size * sizeof *simply);

		make_members(members, 3);
		for (unsigned d = 0; d < sizeof draws / sizeof draws[0]; d++) {
			uint32_t *slots;

			for (unsigned i = 0; i < members; i++)
				weights[i] = draws[d][i % 4];
			slots = fill(members, size);
			fill_simply(simply, size, members);
			ck_assert_mem_eq(slots, simply, size * sizeof *slots);
			free(slots);
		}
		free(simply);
	}
}
END_TEST

START_TEST(ten_thousand_members_are_filled_whatever_their_weights)
{
	enum { MANY = 10000 };
	char(*room)[32] = calloc(MANY, sizeof *room);
	const char **many = calloc(MANY, sizeof *many);
	uint16_t *heavy = calloc(MANY, sizeof *heavy);
	uint32_t size = maglev_size_for(MANY);
	uint32_t *slots = malloc(size * sizeof *slots);
	unsigned first = 0;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(room[i], sizeof room[i], "http://10.%u.%u.1:80", i >> 8, i & 255);
		many[i] = room[i];
		heavy[i] = 1;
	}
	heavy[0] = 1000;
	maglev_fill(slots, size, many, heavy, MANY);
	for (uint32_t i = 0; i < size; i++)
		first += slots[i] == 0;
	ck_assert_uint_ge(first, size / 11 - size / 1000);
	ck_assert_uint_le(first, size / 11 + size / 1000);
	free(room);
	free(many);
	free(heavy);
	free(slots);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/maglev");
	TCase *tests = tcase_create("maglev");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_table_has_a_prime_size_of_at_least_a_hundred_slots_a_member);
	tcase_add_test(tests, slots_are_in_proportion_to_the_weights);
	tcase_add_test(tests, weight_zero_gets_no_slot);
	tcase_add_test(tests, one_member_has_all_slots);
	tcase_add_test(tests, members_of_one_name_end_and_share);
	tcase_add_test(tests, losing_one_of_a_hundred_moves_few_slots);
	tcase_add_test(tests, tables_are_the_same_however_they_are_computed);
	tcase_add_test(tests, ten_thousand_members_are_filled_whatever_their_weights);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
