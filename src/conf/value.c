/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "conf/variable.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first, so that the first unit that divides a value is the shortest way to write it. */
static const struct unit time_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static const struct unit size_units[] = {
	{ "TiB", UINT64_C(1) << 40 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "TB", UINT64_C(1000000000000) },
	{ "GB", UINT64_C(1000000000) },
	{ "MB", UINT64_C(1000000) },
	{ "KB", UINT64_C(1000) },
	{ "B", 1 },
};

static const struct unit *
find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

/*
 * Decimal digits with an optional fraction, times the unit: exact, in integers, as long as the
 * result is whole.
 */
static bool
scale(const char *digits, size_t len, uint64_t factor, uint64_t *value)
{
	const char *end = digits + len, *at = digits;
	uint64_t whole = 0, part = 0, parts = 1;

	for (; at < end && *at != '.'; at++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return false;
	for (at += at < end; at < end; at++) {
		if (__builtin_mul_overflow(parts, 10, &parts))
			return false;
		part = part * 10 + (uint64_t)(*at - '0');
	}
	if (__builtin_mul_overflow(part, factor, &part) || part % parts != 0)
		return false;
	return !__builtin_mul_overflow(whole, factor, &whole) &&
	    !__builtin_add_overflow(whole, part / parts, value);
}

/* How many characters at the beginning are a decimal number: "1", "1.5"; 0 if none. */
static size_t
number_len(const char *text)
{
	size_t len = strspn(text, "0123456789"), fraction;

	if (len == 0 || text[len] != '.')
		return len;
	fraction = strspn(text + len + 1, "0123456789");
	return fraction == 0 ? 0 : len + 1 + fraction;
}

static bool
quantity(const char *text, const struct unit *units, size_t count, uint64_t *value)
{
	size_t len = number_len(text);
	const struct unit *unit;

	if (len == 0)
		return false;
	if (text[len] == '\0' && strspn(text, "0.") == len) {
		*value = 0;
		return true;
	}
	unit = find_unit(units, count, text + len);
	return unit != NULL && scale(text, len, unit->factor, value);
}

bool
value_duration(const char *text, uint64_t *ms, struct error *e)
{
	size_t len = number_len(text);

	if (quantity(text, time_units, ARRAY_SIZE(time_units), ms))
		return true;
	if (len > 0 && text[len] == '\0' && strchr(text, '.') == NULL)
		error_set(e,
		    "a duration with a unit was expected, found \"%s\"; write \"%sms\" or \"%ss\"",
		    text, text, text);
	else if (len > 0 && text[len] == '\0')
		error_set(e, "a duration with a unit was expected, found \"%s\"; write \"%ss\"",
		    text, text);
	else
		error_set(e,
		    "a duration was expected, found \"%s\"; write a number of whole milliseconds "
		    "with a unit (ms, s, m, h, d), such as \"30s\"",
		    text);
	return false;
}

bool
value_size(const char *text, uint64_t *bytes, struct error *e)
{
	size_t len = number_len(text);

	if (quantity(text, size_units, ARRAY_SIZE(size_units), bytes))
		return true;
	if (len > 0 && text[len] == '\0')
		error_set(
		    e, "a size with a unit was expected, found \"%s\"; write \"%sB\"", text, text);
	else
		error_set(e,
		    "a size was expected, found \"%s\"; write a number of whole bytes with a "
		    "unit (B, KB, KiB, MB, MiB, GB, GiB, TB, TiB), such as \"64KiB\"",
		    text);
	return false;
}

bool
value_integer(const char *text, int64_t *value, struct error *e)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && !isspace((unsigned char)text[0]))
		return true;
	error_set(e, "an integer was expected, found \"%s\"; write digits", text);
	return false;
}

bool
value_float(const char *text, double *value, struct error *e)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	if (errno == 0 && end != text && *end == '\0' && isfinite(*value) &&
	    !isspace((unsigned char)text[0]))
		return true;
	error_set(e, "a number was expected, found \"%s\"; write one such as 0.5", text);
	return false;
}

/* Three digits, as RFC 9110 section 15 has them. */
static bool
status(const char *text, uint16_t *value)
{
	if (strspn(text, "0123456789") < 3)
		return false;
	*value = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
	return true;
}

bool
value_status_range(const char *text, struct conf_status_range *range, struct error *e)
{
	if (status(text, &range->from)) {
		range->to = range->from;
		if (text[3] == '\0')
			return true;
		if (text[3] == '-' && status(text + 4, &range->to) && text[7] == '\0' &&
		    range->from <= range->to)
			return true;
	}
	error_set(e,
	    "a status or a range of them was expected, found \"%s\"; write 200 or \"200-299\"",
	    text);
	return false;
}

/* What lies between "${" and "}". */
struct variable {
	const char *name;
	size_t name_len;
	const char *fallback; /* NULL: none */
	size_t fallback_len;
	const char *after; /* behind the "}" */
};

static bool
parse_variable(const char *text, struct variable *v, struct error *e)
{
	const char *close = strchr(text, '}'), *at = text + 2;

	*v = (struct variable){ .name = at };
	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	v->name_len = (size_t)(at - v->name);
	if (close == NULL) {
		error_set(e, "\"${\" has no \"}\"; write ${NAME}, or $$ for a dollar sign");
		return false;
	}
	v->after = close + 1;
	if (v->name_len > 0 && !isdigit((unsigned char)v->name[0])) {
		if (at == close)
			return true;
		if (at[0] == ':' && at[1] == '-') {
			v->fallback = at + 2;
			v->fallback_len = (size_t)(close - v->fallback);
			return true;
		}
	}
	error_set(e, "\"%.*s\" names no variable; write ${NAME} or ${NAME:-default}",
	    (int)(v->after - text), text);
	return false;
}

static bool
is_request_part(const struct variable *v)
{
	return v->fallback == NULL && variable_lookup(v->name, v->name_len) != VARIABLE_NONE;
}

/* keep_request: what a request says of itself may stand there, and so may have been meant. */
static void
complain_unset(const char *name, bool keep_request, struct error *e)
{
	const char *meant = keep_request ? variable_nearest(name) : NULL;

	if (meant != NULL)
		error_set(e,
		    "the environment variable %s is not set; did you mean ${%s}? Else set it, or "
		    "write ${%s:-default}",
		    name, meant, name);
	else
		error_set(e,
		    "the environment variable %s is not set; set it, or write ${%s:-default}", name,
		    name);
}

/* A variable's value, in the arena or the environment; NULL with an error when it has none. */
static const char *
look_up(const struct variable *v, bool keep_request, struct arena *arena, struct error *e)
{
	char *name = arena_strndup(arena, v->name, v->name_len);
	const char *value = getenv(name);

	if (v->fallback != NULL && (value == NULL || *value == '\0'))
		return arena_strndup(arena, v->fallback, v->fallback_len);
	if (value == NULL)
		complain_unset(name, keep_request, e);
	return value;
}

/* What the dollar at text stands for; *after is behind it. NULL with an error. */
static const char *
expand_one(
    const char *text, bool keep_request, struct arena *arena, const char **after, struct error *e)
{
	struct variable v;

	*after = text + 2;
	if (text[1] == '$')
		return keep_request ? "$$" : "$";
	if (keep_request && isdigit((unsigned char)text[1]))
		return arena_strndup(arena, text, 2);
	if (text[1] != '{') {
		error_set(
		    e, "a dollar sign stands alone; write $$ for one, or ${NAME} for a variable");
		return NULL;
	}
	if (!parse_variable(text, &v, e))
		return NULL;
	*after = v.after;
	if (keep_request && is_request_part(&v))
		return arena_strndup(arena, text, (size_t)(v.after - text));
	return look_up(&v, keep_request, arena, e);
}

bool
value_expand(
    const char *text, bool keep_request, struct arena *arena, const char **out, struct error *e)
{
	const char *at = text, *dollar, *value = "";
	char *whole = NULL;
	size_t len = 0;
	FILE *stream;

	*out = text;
	if (strchr(text, '$') == NULL)
		return true;
	stream = open_memstream(&whole, &len);
	if (stream == NULL)
		abort();
	while (value != NULL && (dollar = strchr(at, '$')) != NULL) {
		fwrite(at, 1, (size_t)(dollar - at), stream);
		value = expand_one(dollar, keep_request, arena, &at, e);
		if (value != NULL)
			fputs(value, stream);
	}
	if (value != NULL)
		fputs(at, stream);
	if (fclose(stream) != 0)
		abort();
	*out = arena_strndup(arena, whole, len);
	free(whole);
	return value != NULL;
}

static const char *
format(uint64_t value, const struct unit *units, size_t count, char buf[32])
{
	size_t i = 0;

	while (i + 1 < count && (value == 0 || value % units[i].factor != 0))
		i++;
	snprintf(buf, 32, "%" PRIu64 "%s", value, units[i].name);
	if (value != 0)
		snprintf(buf, 32, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
	return buf;
}

const char *
value_format_duration(uint64_t ms, char buf[32])
{
	return format(ms, time_units, ARRAY_SIZE(time_units), buf);
}

const char *
value_format_size(uint64_t bytes, char buf[32])
{
	return format(bytes, size_units, ARRAY_SIZE(size_units), buf);
}
