/*
 * Does a client still send its body, and fast enough on the whole? Pure.
 */
#ifndef PROXY_BODY_RATE_H
#define PROXY_BODY_RATE_H

#include <stdint.h>

struct conf_client_limits;

struct body_rate {
	uint64_t start_ms; /* of the present watch */
	uint64_t last_ms;  /* when bytes came last */
	uint64_t bytes;    /* since start_ms */
};

void body_rate_begin(struct body_rate *, uint64_t now_ms);
void body_rate_add(struct body_rate *, uint64_t bytes, uint64_t now_ms);
/* In how many ms to ask again; 0: it has paused too long, or is too slow. */
uint32_t body_rate_judge(
    const struct body_rate *, const struct conf_client_limits *, uint64_t now_ms);

#endif
