/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

/* A number in the unit of a key's type. The texts come from schema.def, which a test reads too. */
static double
measure(enum schema_type type, const char *text)
{
	struct error e;
	uint64_t value = 0;

	if (type == TYPE_DURATION && value_duration(text, &value, &e))
		return (double)value;
	if ((type == TYPE_SIZE || type == TYPE_SIZE64) && value_size(text, &value, &e))
		return (double)value;
	return strtod(text, NULL);
}

bool
field_in_range(struct load *l, const struct value *v, double value)
{
	const char *most;
	char least[32], buf[512];

	if (v->key->range == NULL)
		return true;
	most = strstr(v->key->range, "..") + 2;
	snprintf(least, sizeof least, "%.*s", (int)(most - 2 - v->key->range), v->key->range);
	if (value >= measure(v->key->type, least) && value <= measure(v->key->type, most))
		return true;
	field_complain(l, v, "%s is out of range; write a value from %s to %s",
	    field_written(v, buf, sizeof buf), least, most);
	return false;
}

void
field_set_bool(struct load *l, const struct value *v)
{
	const struct schema_word *word = NULL;
	char buf[512];

	if (v->type == CONFIG_TYPE_BOOL) {
		*(bool *)v->field = config_setting_get_bool(v->setting);
		return;
	}
	if (v->type == CONFIG_TYPE_STRING && v->free_form)
		word = schema_word(WORDS_BOOL, v->text);
	if (word == NULL)
		field_complain(l, v,
		    "true or false was expected, found %s; write %s = true or %s = false",
		    field_written(v, buf, sizeof buf), v->key->name, v->key->name);
	else
		*(bool *)v->field = word->value != 0;
}

static bool
wants_integer(struct load *l, const struct value *v, int64_t *value)
{
	struct error e;
	char buf[512];

	if (field_is_integer(v)) {
		*value = config_setting_get_int64(v->setting);
		return field_in_range(l, v, (double)*value);
	}
	if (v->type == CONFIG_TYPE_STRING && v->free_form) {
		if (value_integer(v->text, value, &e))
			return field_in_range(l, v, (double)*value);
		field_complain(l, v, "%s", e.text);
		return false;
	}
	field_complain(l, v, "an integer was expected, found %s; write %s",
	    field_written(v, buf, sizeof buf),
	    v->type == CONFIG_TYPE_FLOAT ? "a whole number" : "digits without quotes");
	return false;
}

void
field_set_uint(struct load *l, const struct value *v)
{
	int64_t value;

	if (wants_integer(l, v, &value))
		*(uint32_t *)v->field = (uint32_t)value;
}

void
field_set_uint16(struct load *l, const struct value *v)
{
	int64_t value;

	if (wants_integer(l, v, &value))
		*(uint16_t *)v->field = (uint16_t)value;
}

void
field_set_float(struct load *l, const struct value *v)
{
	struct error e;
	char buf[512];
	double value;

	if (v->type == CONFIG_TYPE_FLOAT) {
		value = config_setting_get_float(v->setting);
	} else if (field_is_integer(v)) {
		value = (double)config_setting_get_int64(v->setting);
	} else if (v->type != CONFIG_TYPE_STRING || !v->free_form) {
		field_complain(l, v, "a number was expected, found %s; write digits without quotes",
		    field_written(v, buf, sizeof buf));
		return;
	} else if (!value_float(v->text, &value, &e)) {
		field_complain(l, v, "%s", e.text);
		return;
	}
	if (field_in_range(l, v, value))
		*(double *)v->field = value;
}

typedef bool quantity_fn(const char *text, uint64_t *value, struct error *);

/* Which unit a bare number was meant in nobody can know: a whole one may well be milliseconds. */
static void
ask_for_unit(struct load *l, const struct value *v, const char *noun, const char *small,
    const char *unit, const char *found)
{
	if (small != NULL && field_is_integer(v))
		field_complain(l, v,
		    "a %s with a unit was expected, found %s; write \"%s%s\" or \"%s%s\"", noun,
		    found, found, small, found, unit);
	else
		field_complain(l, v, "a %s with a unit was expected, found %s; write \"%s%s\"",
		    noun, found, found, unit);
}

/* A duration or a size; 0 needs no unit, any other bare number is asked for one. small: or NULL. */
static bool
wants_quantity(struct load *l, const struct value *v, const char *noun, const char *small,
    const char *unit, quantity_fn *parse, uint64_t *value)
{
	struct error e;
	char buf[512];

	field_written(v, buf, sizeof buf);
	*value = 0;
	if (v->type == CONFIG_TYPE_STRING) {
		if (parse(v->text, value, &e))
			return field_in_range(l, v, (double)*value);
		field_complain(l, v, "%s", e.text);
	} else if (field_is_integer(v) && config_setting_get_int64(v->setting) == 0) {
		return field_in_range(l, v, 0);
	} else if (field_is_integer(v) || v->type == CONFIG_TYPE_FLOAT) {
		ask_for_unit(l, v, noun, small, unit, buf);
	} else {
		field_complain(l, v, "a %s was expected, found %s; write a text such as \"30%s\"",
		    noun, buf, unit);
	}
	return false;
}

void
field_set_duration(struct load *l, const struct value *v)
{
	uint64_t ms;

	if (wants_quantity(l, v, "duration", "ms", "s", value_duration, &ms))
		*(uint32_t *)v->field = (uint32_t)ms;
}

void
field_set_size(struct load *l, const struct value *v)
{
	uint64_t bytes;

	if (!wants_quantity(l, v, "size", NULL, "B", value_size, &bytes))
		return;
	if (v->key->type == TYPE_SIZE64)
		*(uint64_t *)v->field = bytes;
	else
		*(uint32_t *)v->field = (uint32_t)bytes;
}
