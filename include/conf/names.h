/*
 * A set of names, each with a thing: finds duplicates and what references refer to, at a cost
 * that does not grow with how many there are. One thread.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include "conf/topology.h"

struct names;

struct name {
	const char *text; /* borrowed until names_free() */
	const void *thing;
	struct conf_where where;
};

struct names *names_new(void);
void names_free(struct names *);
/* NULL when text is new and now in the set, else the one that was there before. */
const struct name *names_add(struct names *, const char *text, const void *thing,
    struct conf_where);
const struct name *names_find(const struct names *, const char *text); /* or NULL */
/* The one in the set that a misspelt name is nearest to, or NULL. Looks at every one. */
const char *names_nearest(const struct names *, const char *text);

#endif
