/*
 * IP addresses as keys, and sets of them written as networks. Pure; a finished set is constant and
 * may be asked by any thread.
 *
 * An IPv4 address has one form only: inside an IPv4-mapped IPv6 address it is the same key. So
 * "::/0" is every IPv6 address and no IPv4 one.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6, IP_TEXT_MAX = 46, IP_RANGE_TEXT_MAX = IP_TEXT_MAX + 4 };

/* All of it is compared and hashed: bytes that a family does not use are zero. */
struct ip {
	uint8_t family; /* IP_NONE: who came by a unix socket has no address */
	uint8_t bytes[16]; /* IPv4: the first four */
};

struct ip_range {
	struct ip from, to;
};

struct ip_set {
	struct ip_range *ranges; /* sorted, apart from each other; borrowed */
	unsigned count;
};

/* A literal address of len bytes: no brackets, port, zone or name. */
bool ip_parse(const char *text, size_t len, struct ip *);
struct ip ip_of(const struct sockaddr *);
/* "192.0.2.1", "2001:db8::1", "unix" for none; returns the length. */
size_t ip_format(const struct ip *, char text[IP_TEXT_MAX]);
/* The first address of its network: prefix4 or prefix6 bits of it. */
struct ip ip_network(const struct ip *, unsigned prefix4, unsigned prefix6);
bool ip_equal(const struct ip *, const struct ip *);
bool ip_is_loopback(const struct ip *);

/* "192.0.2.0/24", "192.0.2.1", "2001:db8::/32" or "unix"; false with an error. */
bool ip_range_parse(const char *text, struct ip_range *, struct error *);
/* The way back, of a range that is a network, as those of a set are; returns text. */
const char *ip_range_format(const struct ip_range *, char text[IP_RANGE_TEXT_MAX]);

/* Sorts and joins ranges, which the set borrows from then on. */
void ip_set_make(struct ip_set *, struct ip_range *ranges, unsigned count);
bool ip_set_has(const struct ip_set *, const struct ip *);

#endif
