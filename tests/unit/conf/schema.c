/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/schema.h"

#include <stdlib.h>

#include "conf/value.h"
#include "helper.h"

/* Calls visit for every key of every block. */
static void
for_each_key(void (*visit)(const struct schema_key *))
{
	for (unsigned block = 0; block < BLOCK_COUNT; block++)
		for (const struct schema_key *k = schema_keys(block); k->block == block; k++)
			visit(k);
}

static unsigned keys_seen;

static void
is_documented(const struct schema_key *k)
{
	keys_seen++;
	ck_assert_msg(strlen(k->doc) > 10, "%s has no sentence", k->name);
	ck_assert_msg(
	    strchr("./`)\"", k->doc[strlen(k->doc) - 1]) != NULL, "%s: end the sentence", k->name);
	ck_assert_ptr_eq(schema_key(k->block, k->name), k);
}

START_TEST(every_key_is_documented_and_found)
{
	for_each_key(is_documented);
	ck_assert_uint_gt(keys_seen, 100);
}
END_TEST

static bool
measure(enum schema_type type, const char *text, double *value)
{
	struct error e;
	uint64_t quantity;

	if (type == TYPE_FLOAT || type == TYPE_UINT || type == TYPE_UINT16 ||
	    type == TYPE_STATUSES || type == TYPE_RANGES)
		return value_float(text, value, &e);
	if (type == TYPE_DURATION ? !value_duration(text, &quantity, &e)
				  : !value_size(text, &quantity, &e))
		return false;
	*value = (double)quantity;
	return true;
}

static void
has_a_sound_range(const struct schema_key *k)
{
	bool number = k->type == TYPE_FLOAT || k->type == TYPE_UINT || k->type == TYPE_UINT16 ||
	    k->type == TYPE_DURATION || k->type == TYPE_SIZE || k->type == TYPE_SIZE64;
	bool list = k->type == TYPE_STATUSES || k->type == TYPE_RANGES;
	double least, most, value,
	    room = k->type == TYPE_UINT16 || list ? UINT16_MAX
	    : k->type == TYPE_SIZE64              ? 1.2e18
						  : UINT32_MAX;
	char low[32];

	ck_assert_msg(
	    (k->range != NULL) == (number || list), "%s: a range for a number only", k->name);
	if (k->range == NULL)
		return;
	ck_assert_msg(strstr(k->range, "..") != NULL, "%s: %s", k->name, k->range);
	snprintf(low, sizeof low, "%.*s", (int)(strstr(k->range, "..") - k->range), k->range);
	ck_assert_msg(measure(k->type, low, &least), "%s: %s", k->name, k->range);
	ck_assert_msg(
	    measure(k->type, strstr(k->range, "..") + 2, &most), "%s: %s", k->name, k->range);
	ck_assert_msg(least >= 0 && least < most && most <= room, "%s: %s", k->name, k->range);
	if (list || k->fallback == NULL || k->fallback == schema_required)
		return;
	ck_assert_msg(measure(k->type, k->fallback, &value), "%s: %s", k->name, k->fallback);
	/* A default outside of the range is a special meaning that only the default can have. */
	ck_assert_msg(
	    value >= least && value <= most, "%s: %s is not in %s", k->name, k->fallback, k->range);
}

START_TEST(every_range_and_default_can_be_read_and_fits_its_field)
{
	for_each_key(has_a_sound_range);
}
END_TEST

static void
has_a_known_default(const struct schema_key *k)
{
	const struct schema_word *word;

	if (k->type != TYPE_WORD && k->type != TYPE_BOOL)
		return;
	word = schema_word(k->words, k->fallback);
	ck_assert_msg(word != NULL && !word->refused, "%s: %s", k->name, k->fallback);
}

START_TEST(every_word_that_is_a_default_is_in_its_list)
{
	for_each_key(has_a_known_default);
}
END_TEST

START_TEST(no_block_has_a_key_twice)
{
	for (unsigned block = 0; block < BLOCK_COUNT; block++)
		for (const struct schema_key *k = schema_keys(block); k->block == block; k++)
			for (const struct schema_key *o = k + 1; o->block == block; o++)
				ck_assert_str_ne(k->name, o->name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schema");
	TCase *tc = tcase_create("schema");

	tcase_add_test(tc, every_key_is_documented_and_found);
	tcase_add_test(tc, every_range_and_default_can_be_read_and_fits_its_field);
	tcase_add_test(tc, every_word_that_is_a_default_is_in_its_list);
	tcase_add_test(tc, no_block_has_a_key_twice);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
