/*
 * An exchange that has become a tunnel: bytes both ways as they come, each direction with its own
 * end, until both have ended (RFC 9110 section 7.8; a connection of a tcp service is one from its
 * first byte).
 *
 * What it writes to a side that does not take it makes the other one wait, as for bodies. A tunnel
 * in which nothing moves for timeouts.tunnel ends. A raw one whose endpoint ends it within a
 * second, before a byte has passed either way, has not been: it goes to another endpoint, if there
 * is one, unless the endpoint was told who the client is (send_proxy). A connection that had been kept
 * until then is replaced by a fresh one to the same endpoint, at no cost to it. What becomes of one
 * when its region goes down: lasting.h. Worker thread only.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "proxy/side.h"
#include "proxy/worker_state.h"

struct exchange;
struct worker;

/* An exchange's part; all zero while it is none. */
struct tunnel {
	struct deferred settle; /* runs the exchange from the loop */
	bool raw; /* from its first byte: there was no request */
	bool unproven; /* a raw one that its endpoint accepted, and may yet end before it was used */
	bool begun; /* both ways are open, or have been */
	bool client_ended; /* its direction, as seen by us */
	bool endpoint_ended;
	bool client_waits; /* it has not taken all that it was given */
	bool endpoint_waits;
	bool gently; /* ended by us, but not cut */
};

void tunnels_end(struct worker *); /* the worker leaves: each side hears an end */

/*
 * Both ways are open: from now on the exchange is a tunnel. drained: the client has taken all it was
 * given. The answer is the endpoint's side's.
 */
enum side_go tunnel_begin(struct exchange *, bool drained);
/* The same for a raw one, whose try has its connection: both sides may go on. */
void tunnel_connected(struct exchange *);
/* Before the exchange goes; nothing for one that never became a tunnel. */
void tunnel_end(struct exchange *);
/* Have both directions ended, and has each side taken everything? */
bool tunnel_is_over(const struct exchange *);

/* As exchange_on_*() of the same names say, for a tunnel. */
enum side_go tunnel_on_client_bytes(struct exchange *, struct span *, bool end);
enum side_go tunnel_on_endpoint_bytes(struct exchange *, struct span *, bool end);
/*
 * The same for bytes that a side of a raw one has moved to the other by itself. emptied: the other
 * has taken all of them; if not, the side waits for resume().
 */
void tunnel_on_moved(struct exchange *, bool from_client, uint64_t bytes, bool emptied);
/* The other side. */
struct side *tunnel_other(struct exchange *, const struct side *);
void tunnel_on_client_drained(struct exchange *);
void tunnel_on_endpoint_drained(struct exchange *);
void tunnel_on_endpoint_lost(struct exchange *, enum fault why);
/* Nothing has moved for too long. */
void tunnel_on_idle(struct exchange *);

#endif
