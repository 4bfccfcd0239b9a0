/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/changes.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/phrase.h"
#include "conf/differ.h"
#include "conf/names.h"
#include "conf/topology.h"

enum { NAMED = 4, NAMES_BYTES = 320, PATH_BYTES = 128, WHAT_BYTES = 2 * CONF_NAME_MAX + 64 };

/* A text that grows by whole phrases. */
struct telling {
	char *buf;
	size_t size;
	struct arena *arena; /* of what is needed on the way */
	unsigned told, left_off;
};

static void
tell(struct telling *t, const char *phrase)
{
	static const char rest[] = "; and 4294967295 more changes";

	if (t->left_off > 0 || strlen(t->buf) + strlen(phrase) + sizeof rest > t->size) {
		t->left_off++;
		return;
	}
	phrase_add(t->buf, t->size, "%s%s", t->told++ > 0 ? "; " : "", phrase);
}

/* Names of what became of several things in the same way. */
struct names_told {
	char text[NAMES_BYTES];
	unsigned count;
};

static void
name_one(struct names_told *n, const char *name, const char *why)
{
	if (n->count++ < NAMED)
		phrase_add(n->text, sizeof n->text, "%s%.*s%s%s%s", n->text[0] != '\0' ? ", " : "",
		    NAMES_BYTES / NAMED - 8, name, why[0] != '\0' ? " (" : "", why,
		    why[0] != '\0' ? ")" : "");
}

static void
tell_names(struct telling *t, const char *what, const char *became, const struct names_told *n)
{
	char phrase[NAMES_BYTES + WHAT_BYTES + 64];

	if (n->count == 0)
		return;
	snprintf(phrase, sizeof phrase, "%s %s: %s", what, became, n->text);
	if (n->count > NAMED)
		phrase_add(phrase, sizeof phrase, " and %u more", n->count - NAMED);
	tell(t, phrase);
}

/* One list of blocks, before and now, by what its elements are known by. */
struct list {
	enum schema_block block;
	const char *first;
	unsigned count;
	const char **keys;   /* of each; from list_open() on */
	struct names *names; /* key to element; from list_open() on */
};

static const char *
element(const struct list *l, unsigned i)
{
	return l->first + i * schema_block(l->block)->size;
}

/* Several may be known by the same: routes of one host and path, with other conditions. */
static void
list_open(struct telling *t, struct list *l)
{
	const struct conf_where nowhere = { .line = 0 };

	l->names = names_new();
	l->keys = arena_array(t->arena, l->count + 1, sizeof l->keys[0]);
	for (unsigned i = 0; i < l->count; i++) {
		const char *name = differ_name(l->block, element(l, i)), *key = name;

		for (unsigned n = 2; names_add(l->names, key, element(l, i), nowhere) != NULL; n++)
			key = arena_printf(t->arena, "%s (%u)", name, n);
		l->keys[i] = key;
	}
}

static struct list
list_at(const struct schema_key *k, const void *base)
{
	return (struct list){ .block = k->of,
		.first = *(const char *const *)((const char *)base + k->offset),
		.count = *(const unsigned *)((const char *)base + k->count_offset) };
}

/* Routes by server name, which their listener holds. */
static struct list
server_names_of(const struct conf_listener *l)
{
	return (struct list){ .block = BLOCK_ROUTE,
		.first = (const char *)l->server_names,
		.count = l->server_name_count };
}

/* The list in a block that is told of by itself, not as a key of it; NULL: none. */
static const struct schema_key *
inner_list(enum schema_block block)
{
	if (block == BLOCK_SERVICE)
		return schema_key(block, "regions");
	return block == BLOCK_SERVICE_REGION ? schema_key(block, "endpoints") : NULL;
}

static void
tell_elements(struct telling *t, const struct list *was, const struct list *is, const char *what)
{
	struct names_told added = { .count = 0 }, removed = { .count = 0 },
			  changed = { .count = 0 };
	char path[PATH_BYTES];

	for (unsigned i = 0; i < is->count; i++) {
		const struct name *old = names_find(was->names, is->keys[i]);

		if (old == NULL)
			name_one(&added, is->keys[i], "");
		else if (differ(is->block, old->thing, element(is, i), inner_list(is->block), path,
			     sizeof path))
			name_one(&changed, is->keys[i], path);
	}
	for (unsigned i = 0; i < was->count; i++) {
		if (names_find(is->names, was->keys[i]) == NULL)
			name_one(&removed, was->keys[i], "");
	}
	tell_names(t, what, "added", &added);
	tell_names(t, what, "removed", &removed);
	tell_names(t, what, "changed", &changed);
}

static void tell_lists(struct telling *, struct list was, struct list is, const char *what);

/* "regions of shop", then "endpoints of shop in west"; of: the service's name. */
static void
tell_inner(
    struct telling *t, enum schema_block block, const void *was, const void *is, const char *what)
{
	const struct schema_key *inner = inner_list(block);
	const char *name = differ_name(block, is), *of = strstr(what, " of ");
	char phrase[WHAT_BYTES];

	if (block == BLOCK_LISTENER) {
		snprintf(phrase, sizeof phrase, "routes of %s", name);
		tell_lists(t, server_names_of(was), server_names_of(is), phrase);
	} else if (inner != NULL) {
		snprintf(phrase, sizeof phrase, "%s%s%s%s", inner->name, of != NULL ? of : " of ",
		    of != NULL ? " in " : "", name);
		tell_lists(t, list_at(inner, was), list_at(inner, is), phrase);
	}
}

static void
tell_lists(struct telling *t, struct list was, struct list is, const char *what)
{
	list_open(t, &was);
	list_open(t, &is);
	tell_elements(t, &was, &is, what);
	for (unsigned i = 0; i < is.count; i++) {
		const struct name *old = names_find(was.names, is.keys[i]);

		if (old != NULL)
			tell_inner(t, is.block, old->thing, element(&is, i), what);
	}
	names_free(was.names);
	names_free(is.names);
}

static void
tell_key(struct telling *t, const struct schema_key *k, const struct topology *before,
    const struct topology *now)
{
	char path[PATH_BYTES], phrase[PATH_BYTES + 16];

	if (k->type == TYPE_LIST) {
		tell_lists(t, list_at(k, before), list_at(k, now), k->name);
	} else if (differ_in(k, before, now, path, sizeof path)) {
		snprintf(phrase, sizeof phrase, "%s changed", path);
		tell(t, phrase);
	}
}

void
changes_say(const struct topology *before, const struct topology *now, char *buf, size_t size)
{
	struct telling t = { .buf = buf, .size = size, .arena = arena_new() };

	for (const struct schema_key *k = schema_keys(BLOCK_TOP); k->block == BLOCK_TOP; k++)
		tell_key(&t, k, before, now);
	if (t.left_off > 0)
		phrase_add(
		    buf, size, "; and %u more change%s", t.left_off, t.left_off == 1 ? "" : "s");
	else if (t.told == 0)
		phrase_add(buf, size, "the same as before");
	arena_free(t.arena);
}
