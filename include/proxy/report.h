/*
 * What an exchange leaves behind: counters and its line in the access log.
 */
#ifndef PROXY_REPORT_H
#define PROXY_REPORT_H

#include <stdint.h>

#include "base/fault.h"
#include "base/bytes.h"

struct client_facts;
struct exchange;
struct head;
struct worker;

/* When the exchange is over and before its client is released. */
void report_exchange(struct exchange *);

/*
 * A request, or a connection of bytes, that never became an exchange: malformed, or too slow. head:
 * as far as it is known, for the log: method, host and path may be empty; NULL: nothing is known.
 */
void report_refused(struct worker *, const struct client_facts *, enum fault why,
    struct slice request_id, uint64_t first_byte_us, const struct head *head);

#endif
