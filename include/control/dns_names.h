/*
 * The names among a topology's endpoints, watched with the resolver as long as this lives.
 *
 * Control thread only.
 */
#ifndef CONTROL_DNS_NAMES_H
#define CONTROL_DNS_NAMES_H

#include <stdbool.h>

#include "steer/table.h"

struct dns_names;
struct resolver;
struct state;
struct topology;

/* Takes a reference on the topology. A name that an older one watches too is not asked again. */
struct dns_names *dns_names_new(struct resolver *, struct topology *);
void dns_names_free(struct dns_names *);

/* Names without an answer yet begin with the addresses they had. */
void dns_names_seed(struct dns_names *, const struct state *);
/* Adds each name's last good answer to a snapshot. */
void dns_names_save(const struct dns_names *, struct state *);

/* Has each name been answered, or failed, once? */
bool dns_names_settled(const struct dns_names *);
/* Has each name an address, be it from before the restart? */
bool dns_names_known(const struct dns_names *);
/* Names whose last answer was a failure. */
unsigned dns_names_failing(const struct dns_names *);
/* Asks again soon for this host if it is one of the names: its address does not answer. */
void dns_names_hurry(const struct dns_names *, const char *host);

/* For table_build(), with the names as its argument. The answer is valid until the next call. */
table_resolve_fn dns_names_resolve;

#endif
