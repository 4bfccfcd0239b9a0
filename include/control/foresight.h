/*
 * What the services of a table could count on without a region, of capacities that several of them
 * share: for steer_seen. One region is looked at in each tick, so that a tick stays short.
 *
 * Control thread only.
 */
#ifndef CONTROL_FORESIGHT_H
#define CONTROL_FORESIGHT_H

struct foresight;
struct steer;
struct table;

struct foresight *foresight_new(void);
void foresight_free(struct foresight *); /* NULL is fine */

/* Begins anew, for other services. The table is borrowed until the next one. */
void foresight_adopt(struct foresight *, const struct table *);
/* In each tick: each service, in its order. */
void foresight_add(struct foresight *, struct steer *, double demand);
/* After all were added. */
void foresight_turn(struct foresight *);
/* Of the service of this index, or NULL: it shares none, or nothing is known yet. */
const double *foresight_without(const struct foresight *, unsigned service);

#endif
