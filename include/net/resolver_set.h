/*
 * Sets of addresses: sorted, without duplicates, bounded. Pure.
 */
#ifndef NET_RESOLVER_SET_H
#define NET_RESOLVER_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct ares_addrinfo;

/* Owns its arrays; zero-initialised is empty. */
struct resolver_set {
	struct sockaddr_storage *addrs;
	socklen_t *lens;
	unsigned count;
	unsigned room;
};

void resolver_set_clear(struct resolver_set *);
/* Adds address with port 0, unless nobody can be reached there (any, multicast, broadcast). */
void resolver_set_add(struct resolver_set *, const struct sockaddr *);
/*
 * Adds an answer's addresses of one family; returns the smallest TTL among them and the aliases
 * that led there, in seconds.
 */
uint32_t resolver_set_read(struct resolver_set *, const struct ares_addrinfo *, int family);
void resolver_set_join(struct resolver_set *, const struct resolver_set *from);
/* Sorts, removes duplicates, and keeps the first max (so that it is always the same ones). */
void resolver_set_finish(struct resolver_set *, unsigned max);
bool resolver_set_equal(const struct resolver_set *, const struct resolver_set *);

#endif
