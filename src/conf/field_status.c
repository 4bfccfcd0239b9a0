/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "conf/value.h"

/* One status or range, from a number or a text, appended behind the count. */
static bool
add_status(struct load *l, const struct value *v, const char *text,
    struct conf_status_range *ranges, unsigned *count)
{
	struct conf_status_range *range = &ranges[*count];
	struct error e;

	if (!value_status_range(text, range, &e)) {
		field_complain(l, v, "%s", e.text);
		return false;
	}
	if (!field_in_range(l, v, range->from) || !field_in_range(l, v, range->to))
		return false;
	++*count;
	return true;
}

/* "502, 503, 504", as defaults and variables of the environment have it. */
static bool
add_statuses_in(
    struct load *l, const struct value *v, struct conf_status_range *ranges, unsigned *count)
{
	const char *at = v->text;

	for (;;) {
		size_t len = strcspn(at, ",");
		const char *end = at + len;

		while (len > 0 && (*at == ' ' || at[len - 1] == ' ')) {
			at += *at == ' ';
			len--;
		}
		if (!add_status(l, v, arena_strndup(l->arena, at, len), ranges, count))
			return false;
		if (*end == '\0')
			return true;
		at = end + 1;
	}
}

static bool
add_elements(
    struct load *l, const struct value *v, struct conf_status_range *ranges, unsigned *count)
{
	char buf[512];

	for (int i = 0; i < config_setting_length(v->setting); i++) {
		struct value elem = *v;

		if (!field_read(l, config_setting_get_elem(v->setting, (unsigned)i), &elem))
			return false;
		if (!field_is_integer(&elem) && elem.type != CONFIG_TYPE_STRING) {
			field_complain(l, &elem,
			    "a status was expected, found %s; write 200 or \"200-299\"",
			    field_written(&elem, buf, sizeof buf));
			return false;
		}
		if (!add_status(l, &elem,
			elem.type == CONFIG_TYPE_STRING ? elem.text
							: field_written(&elem, buf, sizeof buf),
			ranges, count))
			return false;
	}
	return true;
}

/* The ranges of a list, or of a single value; NULL when something was reported. */
static struct conf_status_range *
wants_statuses(struct load *l, const struct value *v, unsigned *count)
{
	bool list = v->type == CONFIG_TYPE_LIST || v->type == CONFIG_TYPE_ARRAY;
	size_t room = list                  ? (size_t)config_setting_length(v->setting)
	    : v->type == CONFIG_TYPE_STRING ? strlen(v->text) / 2 + 1
					    : 1;
	struct conf_status_range *ranges = arena_array(l->arena, room + 1, sizeof *ranges);
	char buf[512];
	bool good;

	*count = 0;
	field_written(v, buf, sizeof buf);
	if (list) {
		good = add_elements(l, v, ranges, count);
	} else if (v->type == CONFIG_TYPE_STRING) {
		good = add_statuses_in(l, v, ranges, count);
	} else if (field_is_integer(v)) {
		good = add_status(l, v, buf, ranges, count);
	} else {
		field_complain(
		    l, v, "a list of statuses was expected, found %s; write ( 200, 204 )", buf);
		good = false;
	}
	return good ? ranges : NULL;
}

void
field_set_ranges(struct load *l, const struct value *v)
{
	unsigned *count = (unsigned *)((char *)v->base + v->key->count_offset);
	struct conf_status_range *ranges = wants_statuses(l, v, count);

	if (ranges != NULL && *count == 0)
		field_complain(
		    l, v, "the list is empty; leave %s out or write ( \"200-399\" )", v->key->name);
	*(struct conf_status_range **)v->field = ranges;
}

/* Ranges are spread out, so that who asks for one status walks a short list of numbers. */
void
field_set_statuses(struct load *l, const struct value *v)
{
	unsigned *count = (unsigned *)((char *)v->base + v->key->count_offset);
	unsigned range_count, at = 0, total = 0;
	struct conf_status_range *ranges = wants_statuses(l, v, &range_count);
	uint16_t *statuses;

	*count = 0;
	if (ranges == NULL)
		return;
	for (unsigned i = 0; i < range_count; i++)
		total += ranges[i].to - ranges[i].from + 1u;
	statuses = arena_array(l->arena, total + 1, sizeof *statuses);
	for (unsigned i = 0; i < range_count; i++)
		for (unsigned status = ranges[i].from; status <= ranges[i].to; status++)
			statuses[at++] = (uint16_t)status;
	*(const uint16_t **)v->field = statuses;
	*count = total;
}
