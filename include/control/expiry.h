/*
 * When the certificates of endpoints end, as their health checks are shown them. A standby is only
 * as ready as its certificate is valid on the day it is needed.
 *
 * Control thread only; what is written on the endpoint anybody may read.
 */
#ifndef CONTROL_EXPIRY_H
#define CONTROL_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

struct endpoint;

enum { EXPIRY_WARN_DAYS = 21 };

/* Both in seconds since 1970. False of 0, which is no end. */
bool expiry_is_near(int64_t ends_s, int64_t now_s);

/*
 * A check was shown a certificate that ends then (0: it was shown none). Keeps it on the endpoint
 * for people, and warns in the log while that is near, once a day. Returns whether it warned. Not
 * verified: nothing ends with it, so there is none for status and metrics either, or each alert on
 * them would have to know whom it does not matter of.
 */
bool expiry_note(struct endpoint *, int64_t ends_s, bool verified, int64_t now_s);

#endif
