/*
 * What the two files of an HTTP/1 connection to an endpoint share: upstream_h1.c (the connection, and
 * what comes by it) and upstream_h1_request.c (what the exchange asks of it). Worker thread only.
 */
#ifndef PROXY_UPSTREAM_H1_PARTS_H
#define PROXY_UPSTREAM_H1_PARTS_H

#include "proxy/upstream_h1.h"

extern const struct side_ops upstream_h1_side_ops;

/* Forgets the part of a head, or of what follows it, that was kept until more comes. */
void upstream_h1_drop_saved(struct upstream_h1 *);

#endif
