/*
 * The watch over tries of which nothing has come back: every 25 ms, while there are any, a look at
 * those that are old enough for it to mean something.
 *
 * A request costs list moves only. A connection is asked what the kernel knows of its path (one
 * system call) no earlier than after 150 ms and 4 round trips; one whose bytes were acknowledged is
 * not asked again. Worker thread only.
 */
#ifndef PROXY_WATCH_H
#define PROXY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"

struct socket_path;
struct try;
struct worker;

struct watch {
	struct list regions; /* struct service_region.node: those with tries to watch */
	struct timer timer;
};

void watch_open(struct worker *);
void watch_close(struct worker *);

/* It waits for a connection from now on. */
void watch_connecting(struct try *);
/* It was sent, or more of it was. */
void watch_sent(struct try *, uint64_t now_us);
/* Something came back, or it has ended. */
void watch_stop(struct try *);
/*
 * It is about to be let go, for its rival has answered. What became of its bytes still tells of
 * their way, on which others may be: where every request is overtaken, nothing else would.
 */
void watch_overtaken(struct try *);

/* What a look at a connection tells; see watch_judge(). */
enum watch_verdict {
	WATCH_ARRIVED, /* all of it was acknowledged */
	WATCH_OPEN, /* look again */
	WATCH_DEAD, /* sent again and still not acknowledged: nothing gets through */
};

/*
 * What earlier looks at a connection have told, whichever of its requests they were made for: one
 * that comes later learns from what befell those before it.
 */
struct watch_path {
	uint64_t looked_us; /* bytes were under way, and none was acknowledged since; 0: not so */
	uint64_t looked_bytes; /* acknowledged then */
	uint32_t resends; /* up to then */
	bool moved; /* more than at the look before */
};

/* What is asked about. */
struct watch_look {
	uint64_t wrote_us; /* the last bytes of the connection were given to the kernel */
	uint64_t end_bytes; /* it lies before it; 0: nobody knows yet */
};

/*
 * Pure but for what it notes in seen. Dead: bytes are under way, none was acknowledged since the
 * first look a round trip and 20 ms ago at least, and the kernel has sent them again, to which an
 * answer would be here by now. On a connection that carries other requests too, arrived is what was
 * acknowledged up to where the first look for it found its end. (A peer that is slow, or reads
 * nothing, acknowledges; retransmissions alone, without the second look, would take a delayed
 * acknowledgement for a loss. What the kernel only sends late, as it had to wait for room, is no
 * retransmission, and where acknowledgements come only its timeout counts. How long the peer has been silent says nothing: what it sends again
 * itself still comes in when only our direction is lost.)
 */
enum watch_verdict watch_judge(struct watch_path *seen, const struct socket_path *,
    const struct watch_look *, uint64_t now_us);

#endif
