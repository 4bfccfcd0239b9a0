/*
 * What the three files of an HTTP/1 client share: the connection (client_h1.c), requests as they
 * come (client_request.c), answers as they go (client_answer.c). Worker thread only.
 */
#ifndef PROXY_CLIENT_PARTS_H
#define PROXY_CLIENT_PARTS_H

#include <stdint.h>

#include "base/fault.h"
#include "base/timer.h"
#include "proxy/client_h1.h"

/* client_answer.c: what the exchange asks of it. */
extern const struct side_ops client_h1_ops;

/* client_request.c: reads and understands until it must wait. */
void client_read(struct client *);
/* The client's direction has ended, or the connection broke. */
void client_on_end(struct client *);

/* client_h1.c: deadlines and the end. */
void client_start_timer(struct client *, uint32_t ms, timer_fn *);
void client_on_idle(void *client);
void client_watch_idle(struct client *); /* until a request begins */
void client_on_head_timeout(void *client);
void client_watch_body(struct client *); /* its least rate, from now on */
void client_watch_stall(struct client *); /* after each write: does anything wait? */
void client_drop_saved(struct client *);
void client_free(struct client *);
/*
 * Says goodbye and listens on for a while: closing a socket that still receives makes the kernel
 * send a reset, and that may overtake the answer (RFC 9112 section 9.6).
 */
void client_linger(struct client *);
/* A request that cannot become an exchange: answered here, and the connection ends. */
void client_refuse(struct client *, enum fault why);

#endif
