/*
 * A request that finds no token of any region's rate waits for the one that comes first, if that is
 * soon (steer/admission.h says how long and why): a pause before its try, and part of the time that
 * the access log calls queue_us. Worker thread only.
 */
#ifndef PROXY_PACE_H
#define PROXY_PACE_H

#include <stdbool.h>

struct choice;
struct exchange;

/*
 * After tries_choose() has said FAULT_SHED: does it wait? Then its time is running and at its end
 * it picks anew, with the token if the region is still fit; until then there is nothing to give
 * back. False: it is to be shed now. A copy for a mirror never waits, nor who would miss a deadline
 * that it came with; nobody waits longer than ADMISSION_WAIT_US in all.
 */
bool pace_begin(struct exchange *, const struct choice *);

/* It is over, before its time: the client left, or a deadline has come. Again does no harm. */
void pace_end(struct exchange *);

#endif
