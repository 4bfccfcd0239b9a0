/*
 * Why traffic is where it is, in sentences: "us-east-1 gets 0 %: DOWN for 3 m 12 s, 3 failures in a
 * row on 2 endpoints; ...". Pure text from the steering's state.
 */
#ifndef STEER_EXPLAIN_H
#define STEER_EXPLAIN_H

#include <stddef.h>

#include "steer/steer.h"

struct wishes;

/*
 * One region's sentence. wishes: those in force, of which owner, reason and end are told; NULL:
 * they are not known. Returns its length (cut to size).
 */
size_t explain_region(const struct steer *, unsigned region, const struct wishes *, uint64_t now_ms,
    char *buf, size_t size);
/* The service's own: mode, shed, freeze, stale view, what a loss of each region would mean. */
size_t explain_service(
    const struct steer *, const struct wishes *, uint64_t now_ms, char *buf, size_t size);

#endif
