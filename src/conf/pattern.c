/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/pattern.h"

#include <stddef.h>
#include <string.h>

/* What is behind the class that begins at at, "[^]a-z]". */
static const char *
skip_class(const char *at)
{
	at++;
	at += *at == '^';
	at += *at == ']';
	for (; *at != '\0' && *at != ']'; at++)
		at += *at == '\\' && at[1] != '\0';
	return *at == ']' ? at + 1 : at;
}

/* What is behind the character, escape, class or bracket at at. */
static const char *
skip_one(const char *at)
{
	if (*at == '[')
		return skip_class(at);
	return at[0] == '\\' && at[1] != '\0' ? at + 2 : at + 1;
}

/* What the group holds whose bracket is at at; NULL: it captures nothing. */
static const char *
captured(const char *at)
{
	const char *name;

	if (at[1] == '*')
		return NULL;
	if (at[1] != '?')
		return at + 1;
	name = at + 2 + (at[2] == 'P');
	if (*name != '\'' && (*name != '<' || name[1] == '=' || name[1] == '!'))
		return NULL;
	name += 1 + strcspn(name + 1, *name == '<' ? ">" : "'");
	return *name != '\0' ? name + 1 : NULL;
}

/* NULL: there is none. */
static const char *
find_group(const char *pattern, unsigned group)
{
	for (const char *at = pattern; *at != '\0'; at = skip_one(at)) {
		const char *inside = *at == '(' ? captured(at) : NULL;

		if (inside != NULL && --group == 0)
			return inside;
	}
	return NULL;
}

/* One of several ways to match, up to its "|" or its group's end: nothing, or a slash at first. */
static bool
is_path(const char *at)
{
	static const char ends[] = "|)";

	at += *at == '^';
	if (*at == '\0' || strchr(ends, *at) != NULL ||
	    (*at == '$' && (at[1] == '\0' || strchr(ends, at[1]) != NULL)))
		return true;
	at += *at == '\\' && at[1] == '/';
	/* one that may be missing is none to rely on */
	return *at == '/' && (at[1] == '\0' || strchr("?*{", at[1]) == NULL);
}

/* What gives brackets, spaces or the beginning of the match another meaning. */
static bool
is_beyond_reading(const char *pattern)
{
	static const char *const odd[] = { "(?#", "(?(", "(?|", "\\Q", "\\K" };

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		if (strstr(pattern, odd[i]) != NULL)
			return true;
	}
	for (const char *at = pattern; (at = strstr(at, "(?")) != NULL; at += 2) {
		if (memchr(at + 2, 'x', strspn(at + 2, "^-imnsxJU")) != NULL)
			return true;
	}
	return false;
}

bool
pattern_group_is_path(const char *pattern, unsigned group)
{
	const char *at = group == 0 ? pattern : find_group(pattern, group);
	unsigned depth = 0;

	if (at == NULL || is_beyond_reading(pattern) || !is_path(at))
		return false;
	for (; *at != '\0' && (*at != ')' || depth > 0); at = skip_one(at)) {
		depth += *at == '(';
		depth -= *at == ')';
		if (*at == '|' && depth == 0 && !is_path(at + 1))
			return false;
	}
	return true;
}
