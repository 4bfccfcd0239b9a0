/*
 * Templates: text with parts that each request fills in (conf/variable.def). "$1" to "$9" are the
 * groups of a pattern, "$0" is all it matched, "$$" a dollar sign. Pure.
 */
#ifndef CONF_VARIABLE_H
#define CONF_VARIABLE_H

#include <stdbool.h>

#include "base/bytes.h"

enum conf_variable {
	VARIABLE_NONE,
#define VARIABLE(id, name, doc) VARIABLE_##id,
#include "conf/variable.def"
#undef VARIABLE
	VARIABLE_GROUP, /* of a pattern */
};

/* A run of plain text, or a variable. */
struct template_piece {
	enum conf_variable variable; /* NONE: text */
	unsigned group; /* of VARIABLE_GROUP */
	struct slice text; /* part of the template */
};

/* The variable of this name, without "${}"; NONE: there is none. */
enum conf_variable variable_lookup(const char *name, size_t len);

/* The one that a misspelt name most likely means; NULL: none is near. */
const char *variable_nearest(const char *name);

/* Takes the next piece off the template at *at; false at its end. */
bool template_next(const char **at, struct template_piece *);

/* The largest group a template asks for; -1: it has none. */
int template_groups(const char *template);

#endif
