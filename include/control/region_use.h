/*
 * Regions whose own capacity several services share: who uses how much of it, what each may count
 * on, and the cap on all of them together. Control thread only.
 */
#ifndef CONTROL_REGION_USE_H
#define CONTROL_REGION_USE_H

#include <stdbool.h>

struct steer;
struct table;
struct table_region;
struct table_service;

struct region_uses;

struct region_uses *region_uses_new(void);
void region_uses_free(struct region_uses *); /* NULL is fine */

/* A service without a capacity of its own in a region that has one. */
bool region_is_shared(const struct table_region *);

/*
 * Another table, borrowed until the next one, whose services are steered by others. Each of them is
 * added at once: until they are measured again they use what they did before.
 */
void region_uses_adopt(struct region_uses *, const struct table *);
/* Begins anew, for that table: then each service is added, in its order. */
void region_uses_begin(struct region_uses *, const struct table *);
void region_uses_add(struct region_uses *, const struct table_service *, struct steer *,
    double demand);

/*
 * What a service may count on of a region's capacity, 0..1: its part of the demand of all services
 * that are there, or what the others leave, if that is more. So a region that others do not use is
 * wholly its own, and one that all want is divided. For a moment the parts may sum to more than
 * the whole; that is what the cap on all of them is for.
 */
double region_uses_part(const struct region_uses *, const struct table_region *,
    const struct steer *, double demand);

/* What the service of this index could count on without a region, as steer_seen has it, or NULL. */
const double *region_uses_without(const struct region_uses *, unsigned service);

/* Writes the caps on all services together, and looks at a loss; after each of them has decided. */
void region_uses_limit(const struct region_uses *);

#endif
