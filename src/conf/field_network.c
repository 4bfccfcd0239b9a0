/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/ip.h"
#include "conf/field.h"

/* An empty list might mean nobody or everybody: whoever wrote it is asked. */
void
field_set_networks(struct load *l, const struct value *v)
{
	struct ip_range *ranges;
	const char **texts;
	unsigned count;
	struct error e;

	if (!field_read_texts(l, v, &texts, &count))
		return;
	if (count == 0)
		field_complain(l, v,
		    "the list is empty; leave %s out or name a network, such as \"192.0.2.0/24\"",
		    v->key->name);
	ranges = arena_array(l->arena, count + 1, sizeof *ranges);
	for (unsigned i = 0; i < count; i++)
		if (!ip_range_parse(texts[i], &ranges[i], &e)) {
			field_complain(l, v, "%s", e.text);
			return;
		}
	ip_set_make(v->field, ranges, count);
}
