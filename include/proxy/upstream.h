/*
 * One HTTP/1 connection to an endpoint: connects, sends a request, reads its answer.
 *
 * Owned by the pool; on lease to at most one exchange. Worker thread only.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "http/h1.h"
#include "net/stream.h"
#include "proxy/side.h"
#include "proxy/worker_state.h"

struct pool_slot;
struct worker;

enum upstream_read { UP_IDLE, UP_HEAD, UP_BODY, UP_TRAILERS, UP_OVER };

struct upstream {
	struct side side; /* the exchange's view of this connection */
	struct stream stream;
	struct worker *worker;
	struct pool_slot *slot;
	struct list node; /* in the slot: idle, or connecting */

	/* the answer being read */
	enum upstream_read reading;
	struct h1_parse parse;
	struct h1_body body;
	char *saved; /* a head or trailers in pieces: a block, or NULL */
	uint32_t saved_len;
	enum method method; /* of the request on it */
	bool chunked_out; /* the request's body goes out chunked */
	bool request_sent;
	bool keep; /* the answer's head allows another request */
	bool dirty; /* never to be used again */
	bool opening; /* not open yet */
	bool paused; /* the exchange wants no more now */
	bool used; /* has carried a request before */
	uint8_t interims;
	struct deferred read_on; /* reading goes on from the loop */

	uint64_t trust; /* slot->trust as it began to connect */
	struct timer timer; /* connecting, or idle */
	uint64_t connect_started_us;
	uint64_t connect_us;
	uint64_t idle_since_ms;
};

/* Called once the connection is open, or has failed (why), never before upstream_open() returns. */
typedef void upstream_opened_fn(struct upstream *, enum fault why, void *arg);

/*
 * Begins to connect. NULL with *why when it failed at once. Ends in pool_on_opened().
 */
struct upstream *upstream_open(struct worker *, struct pool_slot *, uint32_t connect_ms,
    enum fault *why);
void upstream_close(struct upstream *);

/* An idle connection was chosen: it stops watching for its end. */
void upstream_take(struct upstream *);
/* It goes idle, for at most keep_ms. */
void upstream_park(struct upstream *, uint32_t keep_ms);
/* May it carry another request? */
bool upstream_is_clean(const struct upstream *);

#endif
