/*
 * Log lines of facts: each one is worth reading until a region of a thousand endpoints goes down at
 * once. So many a second are written, the others counted.
 *
 * One thread.
 */
#ifndef CONTROL_FACT_LOG_H
#define CONTROL_FACT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "steer/endpoint.h"
#include "steer/fact.h"

enum { FACT_LINES_PER_S = 20 };

/* Zero-initialised. */
struct fact_log {
	uint64_t window_ms; /* when it began */
	unsigned lines;
	unsigned held_back;
};

/*
 * Why the fact's endpoint, or NULL, is in its state: "3 checks failed: connection refused". Empty
 * where the fact's own numbers say it. ENDPOINT_REASON_BYTES are enough; returns buf.
 */
char *fact_log_cause(const struct fact *, const struct endpoint *, char *buf, size_t size);
/* endpoint: the one the fact is about, or NULL. The words are the journal's. */
void fact_log_write(struct fact_log *, const struct fact *, const struct endpoint *);
/* An endpoint that has left the configuration or DNS. */
void fact_log_removed(struct fact_log *, const struct endpoint *, uint64_t now_ms);
/* Says how many were held back, once their window is over. */
void fact_log_tick(struct fact_log *, uint64_t now_ms);

#endif
