/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/differ.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/regex.h"
#include "conf/topology.h"

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_texts(const char *const *a, unsigned a_count, const char *const *b, unsigned b_count)
{
	for (unsigned i = 0; i < a_count && i < b_count; i++) {
		if (!same_text(a[i], b[i]))
			return false;
	}
	return a_count == b_count;
}

static bool
same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool
same_file(const struct conf_file *a, const struct conf_file *b)
{
	return same_text(a->path, b->path) && (a->bytes == NULL) == (b->bytes == NULL) &&
	    (a->bytes == NULL || same_bytes(a->bytes, a->len, b->bytes, b->len));
}

static bool
same_regex(const struct regex *a, const struct regex *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(regex_text(a), regex_text(b)) == 0;
}

static bool
same_networks(const struct ip_set *a, const struct ip_set *b)
{
	for (unsigned i = 0; i < a->count && i < b->count; i++) {
		if (!ip_equal(&a->ranges[i].from, &b->ranges[i].from) ||
		    !ip_equal(&a->ranges[i].to, &b->ranges[i].to))
			return false;
	}
	return a->count == b->count;
}

static bool
same_on_down(const struct conf_on_down *a, const struct conf_on_down *b)
{
	return a->what == b->what && a->drain_ms == b->drain_ms;
}

/* The key by which things of a set are named. */
static const struct schema_key *
name_key(enum schema_set set)
{
	for (unsigned block = 0; block < BLOCK_COUNT; block++) {
		const struct schema_key *k = schema_keys(block);

		for (; k->block == block; k++) {
			if (k->type == TYPE_NAME && k->set == set)
				return k;
		}
	}
	abort();
}

static const char *
referred(const struct schema_key *k, const void *field)
{
	const void *thing = *(const void *const *)field;

	return thing == NULL
	    ? NULL
	    : *(const char *const *)((const char *)thing + name_key(k->set)->offset);
}

const char *
differ_name(enum schema_block block, const void *element)
{
	for (const struct schema_key *k = schema_keys(block); k->block == block; k++) {
		const void *field = (const char *)element + k->offset;
		const char *name = NULL;

		if (k->type == TYPE_NAME || k->type == TYPE_URL)
			name = *(const char *const *)field;
		else if (k->type == TYPE_REF)
			name = referred(k, field);
		if (name != NULL)
			return name;
	}
	return "";
}

static bool
same_list(const struct schema_key *k, const void *a, const void *b, char *path, size_t size)
{
	unsigned a_count = *(const unsigned *)((const char *)a + k->count_offset);
	unsigned b_count = *(const unsigned *)((const char *)b + k->count_offset);
	const char *a_list = *(const char *const *)((const char *)a + k->offset);
	const char *b_list = *(const char *const *)((const char *)b + k->offset);
	size_t each = schema_block(k->of)->size;

	for (unsigned i = 0; i < a_count && i < b_count; i++) {
		if (differ(k->of, a_list + i * each, b_list + i * each, NULL, path, size))
			return false;
	}
	path[0] = '\0';
	return a_count == b_count;
}

static bool
same_option(const struct schema_key *k, const void *a, const void *b, char *path, size_t size)
{
	const void *one = *(const void *const *)a, *other = *(const void *const *)b;

	if (one == NULL || other == NULL)
		return one == other;
	return !differ(k->of, one, other, NULL, path, size);
}

/* An array of plain values. */
static bool
same_counted(const struct schema_key *k, const void *a, const void *b)
{
	const void *x = *(const void *const *)((const char *)a + k->offset);
	const void *y = *(const void *const *)((const char *)b + k->offset);
	unsigned x_count = *(const unsigned *)((const char *)a + k->count_offset);
	unsigned y_count = *(const unsigned *)((const char *)b + k->count_offset);
	size_t each =
	    k->type == TYPE_STATUSES ? sizeof(uint16_t) : sizeof(struct conf_status_range);

	if (k->type == TYPE_TEXTS || k->type == TYPE_TOKENS)
		return same_texts(x, x_count, y, y_count);
	return same_bytes(x, x_count * each, y, y_count * each);
}

/* a and b are the blocks, for a list has its count in them. path: of what is in it, or "". */
static bool
same_value(const struct schema_key *k, const void *a, const void *b, char *path, size_t size)
{
	const char *x = (const char *)a + k->offset, *y = (const char *)b + k->offset;

	switch (k->type) {
	case TYPE_TEXT:
	case TYPE_TEMPLATE:
	case TYPE_NAME:
	case TYPE_TOKEN:
	case TYPE_HOSTNAME:
	case TYPE_AUTHORITY:
	case TYPE_ROUTE_HOST:
	case TYPE_URL_PATH:
	case TYPE_PATH:
	case TYPE_OUTPUT:
	case TYPE_URL:
		return same_text(*(const char *const *)x, *(const char *const *)y);
	case TYPE_REGEX:
		return same_regex(*(const struct regex *const *)x, *(const struct regex *const *)y);
	case TYPE_BUNDLE:
	case TYPE_CHAIN:
	case TYPE_SECRET:
		return same_file((const struct conf_file *)x, (const struct conf_file *)y);
	case TYPE_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case TYPE_UINT:
	case TYPE_DURATION:
	case TYPE_SIZE:
		return *(const uint32_t *)x == *(const uint32_t *)y;
	case TYPE_UINT16:
		return *(const uint16_t *)x == *(const uint16_t *)y;
	case TYPE_FLOAT: /* as it was written, so to the last bit */
		return memcmp(x, y, sizeof(double)) == 0;
	case TYPE_SIZE64:
		return *(const uint64_t *)x == *(const uint64_t *)y;
	case TYPE_WORD:
		return *(const int *)x == *(const int *)y;
	case TYPE_ON_DOWN:
		return same_on_down((const struct conf_on_down *)x, (const struct conf_on_down *)y);
	case TYPE_ADDRESS:
		return same_text(
		    ((const struct conf_address *)x)->text, ((const struct conf_address *)y)->text);
	case TYPE_REF:
		return same_text(referred(k, x), referred(k, y));
	case TYPE_NETWORKS:
		return same_networks((const struct ip_set *)x, (const struct ip_set *)y);
	case TYPE_GROUP:
		return !differ(k->of, x, y, NULL, path, size);
	case TYPE_OPTION:
		return same_option(k, x, y, path, size);
	case TYPE_LIST:
		return same_list(k, a, b, path, size);
	case TYPE_STATUSES:
	case TYPE_RANGES:
	case TYPE_TEXTS:
	case TYPE_TOKENS:
		break;
	case TYPE_COUNT:
		abort();
	}
	return same_counted(k, a, b);
}

static bool
same_users(const struct conf_basic_auth *a, const struct conf_basic_auth *b)
{
	for (unsigned i = 0; i < a->user_count && i < b->user_count; i++) {
		if (!same_text(a->users[i].name, b->users[i].name) ||
		    !same_text(a->users[i].hash, b->users[i].hash))
			return false;
	}
	return a->user_count == b->user_count;
}

/* What was read from a file of this name, where that is no conf_file. */
static bool
same_contents(const struct schema_key *k, const void *a, const void *b)
{
	return k->block != BLOCK_BASIC_AUTH || k->type != TYPE_PATH || same_users(a, b);
}

bool
differ_in(const struct schema_key *k, const void *a, const void *b, char *path, size_t size)
{
	char inner[128] = "";

	if (same_value(k, a, b, inner, sizeof inner) && same_contents(k, a, b))
		return false;
	snprintf(path, size, "%s%s%s", k->name, inner[0] != '\0' ? "." : "", inner);
	return true;
}

bool
differ(enum schema_block block, const void *a, const void *b, const struct schema_key *but,
    char *path, size_t size)
{
	const struct schema_key *keys = schema_keys(block);

	for (unsigned i = 0; keys[i].block == block; i++) {
		if (&keys[i] != but && differ_in(&keys[i], a, b, path, size))
			return true;
	}
	return false;
}
