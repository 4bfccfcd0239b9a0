/*
 * Who makes wishes in the people's world (people_world.h), and what he is told.
 */
#ifndef TEST_WISHER_H
#define TEST_WISHER_H

#include "control/wish_store.h"

extern struct wish_reply wisher_reply; /* the last one */
extern unsigned wisher_replies; /* since the last wish was made or ended */
void wisher_on_reply(void *, const struct wish_reply *); /* a wish_reply_fn that keeps it so */

/* Of alice, for an upgrade. */
struct wish wisher_wish(enum wish_kind, const char *service, const char *region, double share);
/* Makes or ends one and takes turns until control has all that came of it; returns the result. */
int wisher_make(const struct wish *, uint64_t for_ms, const char *overridden);
int wisher_evacuate(const char *region, const char *overridden);
int wisher_end(enum wish_kind, const char *service, const char *region);

/* As control has them. */
unsigned wisher_in_force(void);

#endif
