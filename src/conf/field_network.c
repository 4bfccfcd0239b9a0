/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "base/ip.h"

static bool
add_network(struct load *l, const struct value *v, const char *text, struct ip_range *range)
{
	struct error e;

	if (ip_range_parse(text, range, &e))
		return true;
	field_complain(l, v, "%s", e.text);
	return false;
}

/* "192.0.2.0/24, 2001:db8::/32", as a single value or a variable of the environment has it. */
static bool
add_networks_in(struct load *l, const struct value *v, struct ip_range *ranges, unsigned *count)
{
	const char *at = v->text;

	for (;;) {
		size_t len = strcspn(at, ",");
		const char *end = at + len;

		while (len > 0 && (*at == ' ' || at[len - 1] == ' ')) {
			at += *at == ' ';
			len--;
		}
		if (!add_network(l, v, arena_strndup(l->arena, at, len), &ranges[*count]))
			return false;
		++*count;
		if (*end == '\0')
			return true;
		at = end + 1;
	}
}

static bool
add_elements(struct load *l, const struct value *v, struct ip_range *ranges, unsigned *count)
{
	char buf[512];

	for (int i = 0; i < config_setting_length(v->setting); i++) {
		struct value elem = *v;

		if (!field_read(l, config_setting_get_elem(v->setting, (unsigned)i), &elem))
			return false;
		if (elem.type != CONFIG_TYPE_STRING) {
			field_complain(l, &elem,
			    "a network was expected, found %s; write \"192.0.2.0/24\"",
			    field_written(&elem, buf, sizeof buf));
			return false;
		}
		if (!add_network(l, &elem, elem.text, &ranges[*count]))
			return false;
		++*count;
	}
	return true;
}

void
field_set_networks(struct load *l, const struct value *v)
{
	bool list = v->type == CONFIG_TYPE_LIST || v->type == CONFIG_TYPE_ARRAY;
	bool text = v->type == CONFIG_TYPE_STRING;
	size_t room = list ? (size_t)config_setting_length(v->setting)
	    : text         ? strlen(v->text) / 2 + 1
			   : 0;
	struct ip_range *ranges = arena_array(l->arena, room + 1, sizeof *ranges);
	unsigned count = 0;
	char buf[512];

	if (!list && !text)
		field_complain(l, v,
		    "a list of networks was expected, found %s; write ( \"192.0.2.0/24\" )",
		    field_written(v, buf, sizeof buf));
	else if (list ? add_elements(l, v, ranges, &count) : add_networks_in(l, v, ranges, &count))
		ip_set_make(v->field, ranges, count);
}
