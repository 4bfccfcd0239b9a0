/*
 * A configuration that exchanges of this worker still read though the worker has adopted another:
 * counted here, by plain numbers, so that the count all workers share is touched once for each
 * configuration and not once for each request. Worker thread only.
 */
#ifndef PROXY_HOLD_H
#define PROXY_HOLD_H

struct hold;
struct topology;

/* The present configuration's; takes a reference on it. */
struct hold *hold_new(struct topology *);
/* Another one is present, or the worker ends: it goes with its last user. NULL: does nothing. */
void hold_retire(struct hold *);

struct hold *hold_take(struct hold *);
void hold_drop(struct hold *);

#endif
