/*
 * Names to addresses with c-ares on an event loop: all A and AAAA addresses, TTL kept, the last
 * good answer never dropped because DNS fails.
 *
 * One thread. A watched name is asked again when its TTL (clamped) is over; failures are retried
 * with backoff up to max_ttl and change nothing but the counters.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/topology.h"
#include "net/loop.h"

struct resolver;
struct resolver_name;

/* Called from the loop when the set of addresses has changed (sorted, without duplicates). */
typedef void resolver_changed_fn(void *arg, struct resolver_name *);

struct resolver *resolver_new(struct loop *, const struct conf_resolver *, resolver_changed_fn *,
    void *arg);
void resolver_free(struct resolver *);
void resolver_configure(struct resolver *, const struct conf_resolver *);

/* Starts watching (counted by name); asks at once if it is new. */
struct resolver_name *resolver_watch(struct resolver *, const char *name);
/*
 * An address the name once had, to be used until its first good answer. Before that, and before
 * it is settled; the owner is not called.
 */
void resolver_seed(struct resolver_name *, const struct sockaddr *);
void resolver_unwatch(struct resolver *, struct resolver_name *);
/* Asks again soon (after a connect error), at most once a second per name. */
void resolver_hurry(struct resolver_name *);

const char *resolver_name_text(const struct resolver_name *);
/* The last good answer; ports are 0. Valid until the next change. */
unsigned resolver_addresses(const struct resolver_name *, const struct sockaddr_storage **,
    const socklen_t **lens);
/* The first answer, good or bad, is in. */
bool resolver_settled(const struct resolver_name *);
/* ms since the last good answer (or since it is watched), and the text of the last failure or NULL. */
uint64_t resolver_stale_ms(const struct resolver_name *, const char **failure);
/* Rounds of questions that brought no address, since the name is watched. */
uint64_t resolver_failures(const struct resolver_name *);

#endif
