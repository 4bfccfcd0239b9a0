/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"

struct texts {
	const char **list;
	unsigned count;
};

/* "a, b", as defaults have it: how many there are at most. */
static unsigned
room_for(const char *text)
{
	unsigned room = 1;

	for (; *text != '\0'; text++)
		room += *text == ',';
	return room;
}

static void
split(struct load *l, const char *text, struct texts *t)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *end = text + len;

		while (len > 0 && (*text == ' ' || text[len - 1] == ' ')) {
			text += *text == ' ';
			len--;
		}
		if (len > 0)
			t->list[t->count++] = arena_strndup(l->arena, text, len);
		text = *end == ',' ? end + 1 : end;
	}
}

static bool
take_elements(struct load *l, const struct value *v, struct texts *t)
{
	char buf[512];

	for (int i = 0; i < config_setting_length(v->setting); i++) {
		struct value elem = *v;

		if (!field_read(l, config_setting_get_elem(v->setting, (unsigned)i), &elem))
			return false;
		if (elem.type != CONFIG_TYPE_STRING) {
			field_complain(l, &elem,
			    "a text was expected, found %s; write it in quotes",
			    field_written(&elem, buf, sizeof buf));
			return false;
		}
		t->list[t->count++] = arena_strdup(l->arena, elem.text);
	}
	return true;
}

static bool
take(struct load *l, const struct value *v, struct texts *t)
{
	char buf[512];

	if (v->type == CONFIG_TYPE_LIST || v->type == CONFIG_TYPE_ARRAY) {
		t->list = arena_array(l->arena, (size_t)config_setting_length(v->setting) + 1,
		    sizeof t->list[0]);
		return take_elements(l, v, t);
	}
	if (v->type != CONFIG_TYPE_STRING) {
		field_complain(l, v, "a list of texts was expected, found %s; write ( \"...\" )",
		    field_written(v, buf, sizeof buf));
		return false;
	}
	t->list = arena_array(l->arena, room_for(v->text), sizeof t->list[0]);
	split(l, v->text, t);
	return true;
}

bool
field_read_texts(struct load *l, const struct value *v, const char ***list, unsigned *count)
{
	struct texts t = { NULL, 0 };

	if (!take(l, v, &t))
		return false;
	*list = t.list;
	*count = t.count;
	return true;
}

void
field_set_texts(struct load *l, const struct value *v)
{
	field_read_texts(
	    l, v, v->field, (unsigned *)((char *)v->base + v->key->count_offset));
}

void
field_set_tokens(struct load *l, const struct value *v)
{
	const char **list;
	unsigned count;

	field_set_texts(l, v);
	list = *(const char ***)v->field;
	count = *(unsigned *)((char *)v->base + v->key->count_offset);
	for (unsigned i = 0; i < count; i++)
		if (!field_is_token(l, v, list[i]))
			return;
}
