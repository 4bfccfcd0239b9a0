/*
 * What the parts of a prober share: the connection and the verdict (probe.c), and what is said on it
 * (probe_http.c, probe_tcp.c).
 */
#ifndef CONTROL_PROBE_PARTS_H
#define CONTROL_PROBE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/probe.h"
#include "steer/endpoint.h"

/* Verdicts are only recorded; the callback from the loop tells them at its end. */
void probe_passed(struct probe *);
/* The connection goes with it. answered: it was not for want of an answer. */
void probe_failed(struct probe *, enum endpoint_reason, uint32_t detail, bool answered);
/* A verdict outside of any callback from the loop. */
void probe_tell_later(struct probe *);
void probe_hang_up(struct probe *);

/* The stream is open, or is still: asks, and takes what comes back. */
void probe_http_ask(struct probe *);
void probe_http_take(struct probe *, char *data, size_t len);
/* Forgets the beginning of a head. */
void probe_let_go(struct probe *);

void probe_tcp_ask(struct probe *);
void probe_tcp_take(struct probe *, const char *data, size_t len);

#endif
