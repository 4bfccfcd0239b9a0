/*
 * Whose clients take nothing: exchanges that hold a place at their endpoint for a client that has
 * let its answer lie for a while. Where requests wait for such a place, they get it.
 *
 * Worker thread only; what is kept is one list in the worker, the longest stalled first.
 */
#ifndef PROXY_STALLED_H
#define PROXY_STALLED_H

#include <stdbool.h>

struct exchange;
struct pool_slot;

/* How long a client may take (next to) nothing before others may have the place: some round trips.
 */
enum { STALLED_MS = 500 };

/* Its client has taken nothing for STALLED_MS; noted until it is forgotten. Twice is once. */
void stalled_note(struct exchange *);
/* It takes again, or is over. Of one that was not noted this does nothing. */
void stalled_forget(struct exchange *);

/*
 * Ends the exchange that has been noted longest among those with a place at the slot's endpoint:
 * FAULT_CLIENT_STALLED. False: there is none. From the loop, with no exchange on the stack.
 */
bool stalled_gives_way(struct pool_slot *);

#endif
