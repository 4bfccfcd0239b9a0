/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/twice.h"

#include <string.h>

#include "base/arena.h"
#include "conf/names.h"

struct group {
	struct group *outer; /* NULL: the whole text */
	unsigned id;
};

static const char word_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_*-";

/* at: behind a quote. Returns what is behind the one that ends the string. */
static const char *
skip_string(const char *at)
{
	while (*at != '\0' && *at != '"')
		at += *at == '\\' && at[1] != '\0' ? 2 : 1;
	return *at == '"' ? at + 1 : at;
}

/* Returns what is behind a string or comment that begins at at; at itself: none does. */
static const char *
skip_quoted(const char *at)
{
	if (*at == '"')
		return skip_string(at + 1);
	if (*at == '#' || strncmp(at, "//", 2) == 0)
		return at + strcspn(at, "\n");
	if (strncmp(at, "/*", 2) == 0) {
		const char *end = strstr(at + 2, "*/");

		return end != NULL ? end + 2 : at + strlen(at);
	}
	return at;
}

static struct group *
open_group(struct arena *arena, struct group *outer, unsigned id)
{
	struct group *g = arena_take(arena, sizeof *g);

	*g = (struct group){ outer, id };
	return g;
}

/* The text goes by in words, with their group at hand; a word before "=" or ":" is a key. */
static const char *
find(const char *at, struct arena *arena, struct names *seen)
{
	struct group *group = open_group(arena, NULL, 0);
	const struct conf_where nowhere = { 0 };
	const char *word = "";
	unsigned id = 0;

	while (*at != '\0') {
		const char *behind = skip_quoted(at);
		size_t len = strspn(at, word_bytes);

		if (behind != at) {
			at = behind;
			continue;
		}
		if (len > 0) {
			word = arena_strndup(arena, at, len);
			at += len;
			continue;
		}
		if (*at == '{')
			group = open_group(arena, group, ++id);
		else if (*at == '}' && group->outer != NULL)
			group = group->outer;
		else if ((*at == '=' || *at == ':') &&
		    names_add(seen, arena_printf(arena, "%u %s", group->id, word), word, nowhere) !=
			NULL)
			return word;
		at++;
	}
	return NULL;
}

const char *
twice_find(const char *text, struct arena *arena)
{
	struct names *seen = names_new();
	const char *key = find(text, arena, seen);

	names_free(seen);
	return key;
}
