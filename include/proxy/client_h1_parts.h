/*
 * What the three files of an HTTP/1 client share: the connection (client_h1.c), requests as they
 * come (client_h1_request.c), answers as they go (client_h1_answer.c). Worker thread only.
 */
#ifndef PROXY_CLIENT_H1_PARTS_H
#define PROXY_CLIENT_H1_PARTS_H

#include <stdint.h>

#include "base/fault.h"
#include "base/hints.h"
#include "base/timer.h"
#include "proxy/client_h1.h"

static inline struct client_h1 *
client_h1_of(struct client *conn)
{
	return container_of(conn, struct client_h1, conn);
}

/* client_h1_answer.c: what the exchange asks of it. */
extern const struct side_ops client_h1_side_ops;

/* client_h1_request.c: reads and understands until it must wait. */
void client_h1_read(struct client_h1 *);

/* client_h1.c: deadlines and the end. */
void client_h1_on_idle(void *client);
void client_h1_watch_idle(struct client_h1 *); /* until a request begins */
void client_h1_on_head_timeout(void *client);
void client_h1_watch_body(struct client_h1 *); /* its least rate, from now on */
void client_h1_drop_saved(struct client_h1 *);
/* The client's direction has ended, or the connection broke, or must. */
void client_h1_end(struct client_h1 *, enum fault why);
void client_h1_linger(struct client_h1 *);
void client_h1_free(struct client_h1 *);
/* A request that cannot become an exchange: answered here, and the connection ends. */
COLD void client_h1_refuse(struct client_h1 *, enum fault why, const struct head *head);

#endif
