/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/schema.h"

#include <openssl/ssl.h>
#include <string.h>

#include "base/bytes.h"
#include "conf/nearest.h"
#include "conf/topology.h"

const char schema_required[] = "required";

#define REQUIRED schema_required
#define NONE NULL
#define NOWHERE SCHEMA_NOWHERE
#define AT(type) offsetof(type, where)

/* The formatter would give each part of a line of these tables a line of its own. */
/* clang-format off */

/* First reading of the table: each block's struct under the block's name. */
#define BLOCK(id, type, where, heading, noun) typedef type block_##id;
#include "conf/schema.def"

/* Second reading: a key's type must be what its field can take, or the build fails. */
#define FIELD(block, field) (((block_##block *)0)->field)
#define IS(block, field, type) \
	_Static_assert(__builtin_types_compatible_p(typeof(FIELD(block, field)), type), \
	    #block "." #field " has another type")
#define STORED_TEXT const char *
#define STORED_TEMPLATE const char *
#define STORED_TOKEN const char *
#define STORED_HOSTNAME const char *
#define STORED_AUTHORITY const char *
#define STORED_ROUTE_HOST const char *
#define STORED_URL_PATH const char *
#define STORED_PATH const char *
#define STORED_OUTPUT const char *
#define STORED_URL const char *
#define STORED_BUNDLE struct conf_file
#define STORED_CHAIN struct conf_file
#define STORED_SECRET struct conf_file
#define STORED_BOOL bool
#define STORED_UINT uint32_t
#define STORED_UINT16 uint16_t
#define STORED_FLOAT double
#define STORED_DURATION uint32_t
#define STORED_SIZE uint32_t
#define STORED_SIZE64 uint64_t
#define STORED_ADDRESS struct conf_address
#define STORED_REGEX const struct regex *
#define STORED_TEXTS const char **
#define STORED_TOKENS const char **
#define STORED_STATUSES const uint16_t *
#define STORED_RANGES struct conf_status_range *
#define STORED_NETWORKS struct ip_set
#define STORED_SET_TLS const struct conf_tls *
#define STORED_SET_REGION const struct conf_region *
#define STORED_SET_SERVICE const struct conf_service *
#define STORED_SET_LISTENER const struct conf_listener *
#define STORED_ON_DOWN struct conf_on_down

#define KEY(block, key, type, field, fallback, range, doc) IS(block, field, STORED_##type);
#define WORDKEY(block, key, field, fallback, list, doc) \
	_Static_assert(sizeof(FIELD(block, field)) == sizeof(int), "an enum is an int");
#define NAMEKEY(block, key, field, fallback, set, doc) IS(block, field, STORED_TEXT);
#define REFKEY(block, key, field, fallback, set, doc) IS(block, field, STORED_SET_##set);
#define GROUP(block, key, field, of, doc) IS(block, field, block_##of);
#define GROUP_HERE(block, key, of, doc) \
	_Static_assert(__builtin_types_compatible_p(block_##block, block_##of), "same struct");
#define OPTION(block, key, field, of, doc) IS(block, field, block_##of *);
#define LIST(block, key, field, count, fallback, of, doc) \
	IS(block, field, block_##of *); \
	IS(block, count, unsigned);
#define NUMBERS(block, key, type, field, count, fallback, range, doc) \
	IS(block, field, STORED_##type); \
	IS(block, count, unsigned);
#include "conf/schema.def"

/* Third reading: the keys. */
#define OFFSET(block, member) .offset = offsetof(block_##block, member)
#define COUNT(block, member) .count_offset = offsetof(block_##block, member)
#define KEY(b, k, t, field, d, r, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_##t, OFFSET(b, field), .fallback = (d), \
	    .range = (r), .words = WORDS_BOOL, .doc = (text) },
#define WORDKEY(b, k, field, d, list, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_WORD, OFFSET(b, field), .fallback = (d), \
	    .words = WORDS_##list, .doc = (text) },
#define NAMEKEY(b, k, field, d, in, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_NAME, OFFSET(b, field), .fallback = (d), \
	    .set = SET_##in, .doc = (text) },
#define REFKEY(b, k, field, d, in, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_REF, OFFSET(b, field), .fallback = (d), \
	    .set = SET_##in, .doc = (text) },
#define GROUP(b, k, field, kind, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_GROUP, OFFSET(b, field), \
	    .of = BLOCK_##kind, .doc = (text) },
#define GROUP_HERE(b, k, kind, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_GROUP, .of = BLOCK_##kind, .doc = (text) },
#define OPTION(b, k, field, kind, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_OPTION, OFFSET(b, field), \
	    .of = BLOCK_##kind, .doc = (text) },
#define LIST(b, k, field, count, d, kind, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_LIST, OFFSET(b, field), COUNT(b, count), \
	    .fallback = (d), .of = BLOCK_##kind, .doc = (text) },
#define NUMBERS(b, k, t, field, count, d, r, text) \
	{ .block = BLOCK_##b, .name = #k, .type = TYPE_##t, OFFSET(b, field), COUNT(b, count), \
	    .fallback = (d), .range = (r), .doc = (text) },
static const struct schema_key keys[] = {
#include "conf/schema.def"
	{ .block = BLOCK_COUNT },
};

/* Fourth: the words. */
#define WORD(list, text, value, doc) { WORDS_##list, text, value, doc, false },
#define REFUSED(list, text, why) { WORDS_##list, text, 0, why, true },
static const struct schema_word words[] = {
#include "conf/schema.def"
};

/*
 * Fifth: the number of each line in keys[]. A block stands for no line, so it gets the number of
 * the first of its keys.
 */
#define BLOCK(id, type, where, heading, noun) FIRST_##id, BEFORE_##id = FIRST_##id - 1,
#define KEY(block, key, type, field, fallback, range, doc) LINE_##block##_##key,
#define WORDKEY(block, key, field, fallback, list, doc) LINE_##block##_##key,
#define NAMEKEY(block, key, field, fallback, set, doc) LINE_##block##_##key,
#define REFKEY(block, key, field, fallback, set, doc) LINE_##block##_##key,
#define GROUP(block, key, field, of, doc) LINE_##block##_##key,
#define GROUP_HERE(block, key, of, doc) LINE_##block##_##key,
#define OPTION(block, key, field, of, doc) LINE_##block##_##key,
#define LIST(block, key, field, count, fallback, of, doc) LINE_##block##_##key,
#define NUMBERS(block, key, type, field, count, fallback, range, doc) LINE_##block##_##key,
enum schema_line {
#include "conf/schema.def"
	LINE_COUNT
};
_Static_assert(ARRAY_SIZE(keys) == LINE_COUNT + 1, "every key has a line");

/* Sixth: the blocks themselves. */
struct block {
	struct schema_block_info info;
	const struct schema_key *keys;
};

#define BLOCK(id, type, where, heading, noun) \
	{ { heading, noun, sizeof(type), where }, keys + FIRST_##id },
static const struct block blocks[] = {
#include "conf/schema.def"
};

/* clang-format on */

const struct schema_block_info *
schema_block(enum schema_block block)
{
	return &blocks[block].info;
}

const struct schema_key *
schema_keys(enum schema_block block)
{
	return blocks[block].keys;
}

const struct schema_key *
schema_key(enum schema_block block, const char *name)
{
	for (const struct schema_key *k = schema_keys(block); k->block == block; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

const struct schema_key *
schema_nearest(enum schema_block block, const char *name)
{
	struct nearest nearest = { .word = name };

	for (const struct schema_key *k = schema_keys(block); k->block == block; k++)
		nearest_offer(&nearest, k->name);
	return nearest.best == NULL ? NULL : schema_key(block, nearest.best);
}

const struct schema_word *
schema_words(unsigned *count)
{
	*count = ARRAY_SIZE(words);
	return words;
}

const struct schema_word *
schema_word(enum schema_words list, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].list == list && strcmp(words[i].text, text) == 0)
			return &words[i];
	return NULL;
}

const char *
schema_set_noun(enum schema_set set)
{
	static const char *const nouns[SET_COUNT] = {
		[SET_TLS] = "tls entry",
		[SET_LISTENER] = "listener",
		[SET_REGION] = "region",
		[SET_SERVICE] = "service",
		[SET_ROUTE] = "route",
		[SET_SAFETY] = "safety rule",
	};

	return nouns[set];
}
