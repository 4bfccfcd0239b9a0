/*
 * Answers compressed on their way to the client (RFC 1952, zlib).
 *
 * A context is some 270 KiB, so a worker has a bounded number of them; beyond it answers go out as
 * they are. Worker thread only.
 */
#ifndef PROXY_GZIP_H
#define PROXY_GZIP_H

#include <stdbool.h>

#include "base/bytes.h"
#include "http/message.h"

struct edits;
struct exchange;
struct gzip;
struct gzip_pool;

struct gzip_pool *gzip_pool_new(void);
void gzip_pool_free(struct gzip_pool *); /* all contexts must have been given back */

/* The answer's head has come: x->gzip is set if the route compresses and this is an answer for it. */
void gzip_begin(struct exchange *, const struct head *);
/* x is over, or its answer is. */
void gzip_end(struct exchange *);

/* What the head says of it: Vary always, the coding if there is one. */
void gzip_say(const struct gzip *, struct edits *);

/* Is this answer being compressed, or only one that could have been? */
bool gzip_is_on(const struct exchange *);

/*
 * Compresses body bytes and sends what comes of them, behind head if that is not NULL. end: nothing
 * follows them; last: nor do trailers. False as side_ops.send_body().
 */
bool gzip_send(struct exchange *, const struct head *, struct span *, bool end, bool last);

#endif
