/*
 * A probe's connection when it speaks HTTP/2: one question at a time, and what came of it; a
 * request like any other, or gRPC's health check. Control thread only.
 */
#ifndef CONTROL_PROBE_H2_H
#define CONTROL_PROBE_H2_H

#include <stdbool.h>
#include <stddef.h>

struct check_result;
struct endpoint;
struct probe_h2;
struct site;
struct stream;

/* Over an open stream, which stays the caller's. */
struct probe_h2 *probe_h2_new(struct stream *);
void probe_h2_free(struct probe_h2 *); /* NULL is fine */

/* Asks; what was asked before and has not ended is given up. False: it cannot be asked any more. */
bool probe_h2_ask(struct probe_h2 *, const struct site *, const struct endpoint *);
/* Takes what came, and answers what must be. False: this is not HTTP/2, or not any longer. */
bool probe_h2_feed(struct probe_h2 *, const char *bytes, size_t len);
/* Can it be asked again? */
bool probe_h2_is_open(const struct probe_h2 *);

/*
 * What is known of the last question's answer is judged. False: not enough has come. *answered: the
 * endpoint's HTTP did, so its latency counts.
 */
bool probe_h2_judge(const struct probe_h2 *, const struct site *, struct check_result *,
    bool *answered);

#endif
