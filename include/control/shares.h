/*
 * From the endpoints' words to the regions' shares: notes which regions have changed, and once a
 * turn counts anew and tells the workers.
 *
 * Control thread only.
 */
#ifndef CONTROL_SHARES_H
#define CONTROL_SHARES_H

#include <stdbool.h>

struct controller_stats;
struct shares;
struct table;
struct verdict_log;

struct shares *shares_new(struct controller_stats *, struct verdict_log *);
void shares_free(struct shares *);

/* A new table, borrowed until the next one; all of it counts as touched. */
void shares_adopt(struct shares *, const struct table *);
/* The word of an endpoint in this region has changed. */
void shares_touch(struct shares *, unsigned service, unsigned region);
/* Recomputes the services that were touched. */
void shares_settle(struct shares *);

#endif
