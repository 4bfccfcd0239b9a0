/*
 * How fast clients send requests, all workers together: a token bucket for each client and rule.
 * Any thread; lock-free.
 *
 * The generic cell rate algorithm (ITU-T I.371): of a bucket only the moment is kept at which it
 * will be full again. The table is of fixed size, whoever comes: a bucket that is full says nothing
 * and gives its place to another, and when all places of a hash are in use, the one that will be
 * full first does. The only words on a request's way that several workers write, but for those
 * of admission, and only where a limit is configured.
 */
#ifndef PROXY_RATE_TABLE_H
#define PROXY_RATE_TABLE_H

#include <stdint.h>

struct rate_table;

struct rate_table *rate_table_new(void);
void rate_table_free(struct rate_table *);

/*
 * Takes one token from the bucket called key, into which one falls every interval_ns and which
 * holds burst of them (at least 1). 0: taken; else how many ns it takes until there is one.
 */
uint64_t rate_table_take(
    struct rate_table *, uint64_t key, uint64_t interval_ns, uint32_t burst, uint64_t now_ns);

#endif
