/*
 * The names among a topology's endpoints, watched with the resolver as long as this lives.
 *
 * Control thread only.
 */
#ifndef CONTROL_NAMES_H
#define CONTROL_NAMES_H

#include <stdbool.h>

#include "steer/table.h"

struct names;
struct resolver;
struct topology;

/* Takes a reference on the topology. A name that an older one watches too is not asked again. */
struct names *names_new(struct resolver *, struct topology *);
void names_free(struct names *);

/* Has each name been answered, or failed, once? */
bool names_settled(const struct names *);
/* Names whose last answer was a failure. */
unsigned names_failing(const struct names *);
/* Asks again soon for this host if it is one of the names: its address does not answer. */
void names_hurry(const struct names *, const char *host);

/* For table_build(), with the names as its argument. The answer is valid until the next call. */
table_resolve_fn names_resolve;

#endif
