/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "conf/value.h"

enum { DRAIN_MAX_MS = 24 * 3600 * 1000 };

/* What stands between "drain(" and ")", or NULL. */
static const char *
drain_time(struct load *l, const char *text)
{
	static const char start[] = "drain(";
	size_t len = strlen(text);

	if (strncmp(text, start, sizeof start - 1) != 0 || text[len - 1] != ')')
		return NULL;
	return arena_strndup(l->arena, text + sizeof start - 1, len - sizeof start);
}

void
field_set_on_down(struct load *l, const struct value *v)
{
	struct conf_on_down *to = v->field;
	const char *time;
	struct error e;
	uint64_t ms;
	char buf[512];

	if (v->type == CONFIG_TYPE_STRING && strcmp(v->text, "keep") == 0) {
		to->what = ON_DOWN_KEEP;
		return;
	}
	if (v->type == CONFIG_TYPE_STRING && strcmp(v->text, "reset") == 0) {
		to->what = ON_DOWN_RESET;
		return;
	}
	time = v->type == CONFIG_TYPE_STRING ? drain_time(l, v->text) : NULL;
	if (time == NULL) {
		field_complain(l, v, "%s is none of \"keep\", \"drain(30s)\" and \"reset\"; write one of them",
		    field_written(v, buf, sizeof buf));
		return;
	}
	if (!value_duration(time, &ms, &e)) {
		field_complain(l, v, "%s", e.text);
		return;
	}
	if (ms > DRAIN_MAX_MS) {
		field_complain(l, v, "drain(%s) is too long; write at most drain(24h)", time);
		return;
	}
	to->what = ON_DOWN_DRAIN;
	to->drain_ms = (uint32_t)ms;
}
