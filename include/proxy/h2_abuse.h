/*
 * Is this peer working, or only making us work? Counts what HTTP/2 lets a peer do at next to no
 * cost of its own: requests reset (CVE-2023-44487), errors that make us reset (CVE-2025-8671),
 * frames that carry nothing (CVE-2019-9511 to -9518). Pure.
 */
#ifndef PROXY_H2_ABUSE_H
#define PROXY_H2_ABUSE_H

#include <stdbool.h>
#include <stdint.h>

struct conf_client_limits;

/* Zero-initialised but for the limits. */
struct h2_abuse {
	const struct conf_client_limits *limits; /* h2_max_resets and following; borrowed */
	uint64_t since_ms;                 /* the window in which resets count */
	uint32_t requests, resets, errors; /* in it */
	uint64_t looked_ms;
	uint32_t noise;  /* frames without work, leaking away at a rate */
	const char *why; /* static text, once a bound is passed */
};

/* Each answers: is it still bearable? */
bool h2_abuse_request(struct h2_abuse *, uint64_t now_ms);
bool h2_abuse_reset(struct h2_abuse *, uint64_t now_ms); /* the peer broke a request off */
bool h2_abuse_error(struct h2_abuse *, uint64_t now_ms); /* the peer made us reset a stream */
bool h2_abuse_noise(struct h2_abuse *, uint64_t now_ms); /* a frame that moves nothing */
/* A frame of ours that a WINDOW_UPDATE or two may answer. */
void h2_abuse_sent(struct h2_abuse *);

#endif
