/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include <assert.h>
#include <stddef.h>

#include "values.h"
#include "words.h"

enum {
	NAME_SLOTS = 256,
	NAME_MAX_LEN = 24, /* none of field.def is longer */
};

static const struct slice names[FIELD_COUNT] = {
	[FIELD_OTHER] = { "", 0 },
#define FIELD(id, name, hop) [FIELD_##id] = { name, sizeof(name) - 1 },
#include "http/field.def"
#undef FIELD
};

static const bool hop_by_hop[FIELD_UNSEEN + 1] = {
#define FIELD(id, name, hop) [FIELD_##id] = hop,
#include "http/field.def"
#undef FIELD
	[FIELD_UNSEEN] = true,
};

/* Ids by hash, linear probing. Filled before main(), so that threads only ever read it. */
static uint8_t slots[NAME_SLOTS];

static unsigned
name_hash(const char *name, size_t len)
{
	unsigned first = (unsigned char)name[0] | 0x20;
	unsigned last = (unsigned char)name[len - 1] | 0x20;

	return (unsigned)(len * 37 + first * 7 + last * 57) % NAME_SLOTS;
}

__attribute__((constructor)) static void
fill_slots(void)
{
	for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
		unsigned at = name_hash(names[id].at, names[id].len);

		assert(names[id].len <= NAME_MAX_LEN);
		while (slots[at] != FIELD_OTHER)
			at = (at + 1) % NAME_SLOTS;
		slots[at] = (uint8_t)id;
	}
}

enum field_id
field_lookup(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN)
		return FIELD_OTHER;
	for (unsigned at = name_hash(name, len); slots[at] != FIELD_OTHER;
	     at = (at + 1) % NAME_SLOTS) {
		const struct slice *known = &names[slots[at]];

		if (known->len == len && same_name(name, known->at, len))
			return (enum field_id)slots[at];
	}
	return FIELD_OTHER;
}

struct slice
field_id_name(enum field_id id)
{
	return names[id];
}

bool
field_is_hop_by_hop(enum field_id id)
{
	return hop_by_hop[id];
}

bool
field_is_alias(struct slice name)
{
	char dashed[NAME_MAX_LEN];
	bool underscore = false;

	for (size_t i = 0; i < name.len && i < sizeof dashed; i++) {
		underscore |= name.at[i] == '_';
		dashed[i] = name.at[i] == '_' ? '-' : char_lower(name.at[i]);
	}
	if (!underscore)
		return false;
	if (name.len > 12 && memcmp(dashed, "x-forwarded-", 12) == 0)
		return true;
	if (name.len > 6 && memcmp(dashed, "proxy-", 6) == 0)
		return true;
	if (name.len > sizeof dashed)
		return false;
	switch (field_lookup(dashed, name.len)) {
	case FIELD_CONTENT_LENGTH:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_KEEP_ALIVE:
	case FIELD_HTTP2_SETTINGS:
	case FIELD_X_REAL_IP:
	case FIELD_X_REQUEST_ID:
	case FIELD_X_MIRRORED_FROM:
	case FIELD_CDN_LOOP:
	case FIELD_MAX_FORWARDS:
		return true;
	default: /* has no '-', or an origin that takes it for the real one does no harm */
		return false;
	}
}

const struct field *
head_find(const struct head *h, enum field_id id)
{
	assert(id != FIELD_OTHER);
	for (unsigned i = 0; i < h->field_count; i++)
		if (h->fields[i].id == id)
			return &h->fields[i];
	return NULL;
}

bool
head_value(const struct head *h, struct slice name, struct slice *value)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		if (h->fields[i].id == FIELD_UNSEEN ||
		    !slice_eq_nocase(field_name(h, &h->fields[i]), name))
			continue;
		*value = field_value(h, &h->fields[i]);
		return true;
	}
	return false;
}

bool
head_cookie(const struct head *h, struct slice name, struct slice *value)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice rest, pair;

		if (h->fields[i].id != FIELD_COOKIE)
			continue;
		rest = field_value(h, &h->fields[i]);
		while (value_next_by(&rest, ';', &pair)) {
			if (!slice_starts(pair, name) || pair.len <= name.len ||
			    pair.at[name.len] != '=')
				continue;
			*value = (struct slice){ pair.at + name.len + 1, pair.len - name.len - 1 };
			return true;
		}
	}
	return false;
}

bool
value_has_token(struct slice value, struct slice token)
{
	struct slice element;

	while (value_next(&value, &element))
		if (slice_eq_nocase(element, token))
			return true;
	return false;
}

bool
head_nominates(const struct head *h, struct slice name)
{
	for (unsigned i = 0; i < h->field_count; i++)
		if (h->fields[i].id == FIELD_CONNECTION &&
		    value_has_token(field_value(h, &h->fields[i]), name))
			return true;
	return false;
}

void
head_hide_underscored(struct head *h)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice name = field_name(h, &h->fields[i]);

		if (memchr(name.at, '_', name.len) != NULL)
			h->fields[i].id = FIELD_UNSEEN;
	}
}

void
head_hide_nominated(struct head *h, const struct head *of)
{
	if (head_find(of, FIELD_CONNECTION) == NULL)
		return;
	for (unsigned i = 0; i < h->field_count; i++)
		if (head_nominates(of, field_name(h, &h->fields[i])))
			h->fields[i].id = FIELD_UNSEEN;
}

enum method
method_lookup(struct slice text)
{
	static const struct {
		struct slice text;
		enum method method;
	} methods[] = {
		{ { "GET", 3 }, METHOD_GET },
		{ { "POST", 4 }, METHOD_POST },
		{ { "HEAD", 4 }, METHOD_HEAD },
		{ { "PUT", 3 }, METHOD_PUT },
		{ { "DELETE", 6 }, METHOD_DELETE },
		{ { "OPTIONS", 7 }, METHOD_OPTIONS },
		{ { "PATCH", 5 }, METHOD_PATCH },
		{ { "TRACE", 5 }, METHOD_TRACE },
		{ { "CONNECT", 7 }, METHOD_CONNECT },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(methods); i++)
		if (slice_eq(text, methods[i].text))
			return methods[i].method;
	return METHOD_OTHER;
}
