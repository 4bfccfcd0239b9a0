/*
 * The tries of an exchange: choosing an endpoint, sending the request to it, letting go of it, and
 * whether another one may follow. Called by the parts of an exchange only.
 */
#ifndef PROXY_TRIES_H
#define PROXY_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "steer/admission.h"

struct endpoint;
struct exchange;
struct service_region;
struct try;

/*
 * An endpoint for the next try, and room for it in its region: valid within one callback. While the
 * endpoint is NULL there is nothing to give back, and the region may be kept for as long as one waits
 * for a turn (pace.h), ADMISSION_WAIT_US at most: it is lasting.
 */
struct choice {
	struct endpoint *endpoint;
	struct service_region *region;
	struct ticket ticket; /* counted against the region's cap: begin a try, or give it back */
};

/*
 * The ladder: by share and balance at first; after a kept connection that closed the same endpoint,
 * once; after one that could not be reached another one of the same region, once; after both, or
 * anything else, another region if there is any.
 * A region that takes no more of this class is passed over. FAULT_NONE, or why there is no choice:
 * FAULT_NO_ENDPOINT, FAULT_ALL_DOWN or FAULT_SHED. After FAULT_SHED the choice names the region in
 * which there is a token the soonest; NULL: it takes too long everywhere.
 */
enum fault tries_choose(struct exchange *, enum admission_class, struct choice *);
/* Until there is a token in that region, in us; or ADMISSION_NEVER. */
uint32_t tries_wait_us(const struct choice *, enum admission_class);
/*
 * Takes the token that comes in that region: in so many us, or ADMISSION_NEVER. Lasting, and
 * nothing to give back.
 */
uint32_t tries_reserve(struct choice *, enum admission_class);
/* The token has come: a choice as any other, or none, as the region is unfit or full by now. */
bool tries_redeem(struct exchange *, enum admission_class, struct choice *);
/*
 * It is refused, as tries_choose() said: counts that, for the service and for the regions it asked.
 * Returns what it is called: who finds no room while no region is up is not shed for that.
 */
enum fault tries_refuse(struct exchange *, enum fault why);
/* No try is begun with it. */
void tries_give_back(struct choice *);

/* As what the next try of the exchange asks for room. */
enum admission_class tries_class(const struct exchange *);

/* Makes it this try's endpoint: from here on it counts. */
void tries_begin(struct try *, const struct choice *);

/*
 * Writes head and what there is of the body to t->up, as far as it takes that. False: nothing more
 * until it is drained; then tries_send_more() goes on with what was kept.
 */
bool tries_send(struct try *);
bool tries_send_more(struct try *);
/* The kernel has more to send for it: until that is acknowledged, it is not known to arrive. */
void tries_wrote(struct try *);

/* May what is sent to it have to be sent again, to another one? */
bool tries_may_repeat(const struct try *);

/* The answer's head has come. */
void tries_answered(struct try *, unsigned status, uint64_t now_us);
/* The same in two, where what has come may turn out to be none: it is there, and it counts as one. */
void tries_reached(struct try *, uint64_t now_us);
void tries_count_answer(struct try *, unsigned status);

/* What has befallen the endpoint is counted and told now, though the try goes on. */
void tries_blame(struct try *, enum fault why);

/* Lets go of endpoint and connection; why is what the endpoint is to blame for, or FAULT_NONE. */
void tries_end(struct try *, enum fault why);

/* Lets go of what the log says about the tries. */
void tries_forget(struct exchange *);

/* The next choice goes elsewhere: never to t's endpoint, to its region only if nothing else is
 * left. */
void tries_avoid(struct exchange *, const struct try *);

/*
 * The leading try's kept connection had ended by the time it was used, which says nothing against
 * the endpoint: the next one goes to it again, by a connection that was not kept.
 */
void tries_note_stale(struct exchange *);

/* It was sent in vain: no attempt is charged for it, whoever finds that out first. */
void tries_uncharge(struct try *);

/*
 * After the leading try has failed (x->fault): may another one follow? Takes a token of the budget
 * if that is what it needs, and remembers what to avoid.
 */
bool tries_may_go_on(struct exchange *);

/*
 * How long the next try waits: not at all, or up to 20 ms where the last one was lost after half a second,
 * until the second time that something which may have been sent is sent anew; then up to 25 ms * 2^n,
 * 250 ms at most, with full jitter.
 */
uint32_t tries_backoff_ms(struct exchange *);

#endif
