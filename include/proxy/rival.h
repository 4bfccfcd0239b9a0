/*
 * A second try beside the first, elsewhere, the first one kept: whichever gets there first is used
 * and the other one let go.
 *
 * - A race to connect: the first has had no connection for max(50 ms, 4 round trips). Nothing has
 *   been sent, so any request may race, free of charge.
 * - A hedge: the first was sent and nothing came back, and the region is SUSPECT or DOWN, or the
 *   bytes were never acknowledged. Only what may be sent twice, whole in the replay buffer, once at
 *   a time. Or its endpoint alone is down, and another one of the region may do. It takes a token of the retry budget while the region is SUSPECT; without one it waits
 *   until the request is 200 ms old. Where the region or the endpoint is down, or the path dead, it is
 *   free: it replaces a try rather than adding to it.
 *
 * Worker thread only; called from the watch and from the state machine.
 */
#ifndef PROXY_RIVAL_H
#define PROXY_RIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/hints.h"

struct exchange;
struct try;

enum rival_why { RIVAL_SUSPECT, RIVAL_DOWN, RIVAL_ENDPOINT_DOWN, RIVAL_UNACKNOWLEDGED };

/* Begins the second try of a race. False: there is nowhere else to go. */
bool rival_race(struct exchange *);

/* Could a hedge help this try at all, now or later? */
bool rival_may_hedge(const struct try *);
enum rival_hedged { RIVAL_BEGUN, RIVAL_NOT_NOW, RIVAL_NOWHERE };
enum rival_hedged rival_hedge(struct exchange *, enum rival_why, uint64_t age_us);

/* The rival is not active any more: begins another one of the same race, if it was lost to why. */
void rival_lost(struct exchange *, enum fault why);

/* The rival leads from now on; what led before is the rival. */
COLD void rival_takes_lead(struct exchange *);
/* The leading try is what counts: the other one, if any, is let go. */
void rival_let_go(struct exchange *);

/*
 * What a try that waited for a connection in vain is to blame for: an unanswered connect of a path
 * whose round trip is known, or nothing.
 */
enum fault rival_verdict(const struct try *, uint64_t now_us);

#endif
