/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/variable.h"

#include <string.h>

#include "conf/nearest.h"

static const struct {
	struct slice name;
	enum conf_variable variable;
} variables[] = {
#define VARIABLE(id, name, doc) { { name, sizeof(name) - 1 }, VARIABLE_##id },
#include "conf/variable.def"
#undef VARIABLE
};

enum conf_variable
variable_lookup(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (slice_eq(variables[i].name, (struct slice){ name, len }))
			return variables[i].variable;
	return VARIABLE_NONE;
}

const char *
variable_nearest(const char *name)
{
	struct nearest nearest = { .word = name };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		nearest_offer(&nearest, variables[i].name.at);
	return nearest.best;
}

/* What the dollar at text stands for; its length, or 0 when it is just a dollar sign. */
static size_t
take_variable(const char *text, struct template_piece *piece)
{
	size_t len;

	if (text[1] >= '0' && text[1] <= '9') {
		piece->variable = VARIABLE_GROUP;
		piece->group = (unsigned)(text[1] - '0');
		return 2;
	}
	if (text[1] != '{')
		return 0;
	len = strcspn(text + 2, "}");
	if (text[2 + len] == '\0')
		return 0;
	piece->variable = variable_lookup(text + 2, len);
	return piece->variable != VARIABLE_NONE ? len + 3 : 0;
}

bool
template_next(const char **at, struct template_piece *piece)
{
	const char *text = *at;
	size_t len;

	*piece = (struct template_piece){ .variable = VARIABLE_NONE };
	if (*text == '\0')
		return false;
	if (*text == '$') {
		len = take_variable(text, piece);
		if (len == 0) {
			piece->text = (struct slice){ text, 1 };
			len = text[1] == '$' ? 2 : 1;
		}
	} else {
		len = strcspn(text, "$");
		piece->text = (struct slice){ text, len };
	}
	*at = text + len;
	return true;
}

int
template_groups(const char *template)
{
	struct template_piece piece;
	int most = -1;

	while (template_next(&template, &piece))
		if (piece.variable == VARIABLE_GROUP && (int)piece.group > most)
			most = (int)piece.group;
	return most;
}
