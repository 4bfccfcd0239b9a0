/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver_set.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
resolver_set_clear(struct resolver_set *s)
{
	mem_free(s->addrs);
	mem_free(s->lens);
	*s = (struct resolver_set){ 0 };
}

static void
append(struct resolver_set *s, const struct sockaddr_storage *addr, socklen_t len)
{
	if (s->count == s->room) {
		s->room = s->room == 0 ? 8 : s->room * 2;
		s->addrs = mem_resize(s->addrs, s->room * sizeof *s->addrs);
		s->lens = mem_resize(s->lens, s->room * sizeof *s->lens);
	}
	s->addrs[s->count] = *addr;
	s->lens[s->count++] = len;
}

/* 0.0.0.0 would connect to this very host, the rest to nobody. */
static bool
is_usable4(const struct in_addr *a)
{
	uint32_t host = ntohl(a->s_addr);

	return host != INADDR_ANY && host != INADDR_BROADCAST && !IN_MULTICAST(host);
}

static bool
is_usable6(const struct in6_addr *a)
{
	return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a);
}

void
resolver_set_add(struct resolver_set *s, const struct sockaddr *sa)
{
	const struct sockaddr_in *from4 = (const void *)sa;
	const struct sockaddr_in6 *from6 = (const void *)sa;
	struct sockaddr_storage addr;
	struct sockaddr_in *to4 = (void *)&addr;
	struct sockaddr_in6 *to6 = (void *)&addr;

	/* Zeroed whole: sets are compared and sorted as bytes. */
	memset(&addr, 0, sizeof addr);
	addr.ss_family = sa->sa_family;
	if (sa->sa_family == AF_INET && is_usable4(&from4->sin_addr)) {
		to4->sin_addr = from4->sin_addr;
		append(s, &addr, sizeof *to4);
	} else if (sa->sa_family == AF_INET6 && is_usable6(&from6->sin6_addr)) {
		to6->sin6_addr = from6->sin6_addr;
		to6->sin6_scope_id = from6->sin6_scope_id;
		append(s, &addr, sizeof *to6);
	}
}

uint32_t
resolver_set_read(struct resolver_set *s, const struct ares_addrinfo *answer, int family)
{
	int ttl = INT32_MAX;

	for (const struct ares_addrinfo_cname *c = answer->cnames; c != NULL; c = c->next)
		if (c->ttl < ttl)
			ttl = c->ttl;
	for (const struct ares_addrinfo_node *n = answer->nodes; n != NULL; n = n->ai_next) {
		if (n->ai_family != family)
			continue;
		if (n->ai_ttl < ttl)
			ttl = n->ai_ttl;
		resolver_set_add(s, n->ai_addr);
	}
	return ttl < 0 ? 0 : (uint32_t)ttl; /* RFC 2181, 8: the top bit set means 0 */
}

void
resolver_set_join(struct resolver_set *s, const struct resolver_set *from)
{
	for (unsigned i = 0; i < from->count; i++)
		append(s, &from->addrs[i], from->lens[i]);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sockaddr_storage));
}

void
resolver_set_finish(struct resolver_set *s, unsigned max)
{
	unsigned kept = 0;

	if (s->count == 0)
		return;
	qsort(s->addrs, s->count, sizeof *s->addrs, compare);
	for (unsigned i = 0; i < s->count && kept < max; i++) {
		if (kept > 0 && compare(&s->addrs[i], &s->addrs[kept - 1]) == 0)
			continue;
		s->addrs[kept] = s->addrs[i];
		s->lens[kept++] = s->addrs[i].ss_family == AF_INET ? sizeof(struct sockaddr_in)
								   : sizeof(struct sockaddr_in6);
	}
	s->count = kept;
}

bool
resolver_set_equal(const struct resolver_set *a, const struct resolver_set *b)
{
	return a->count == b->count &&
	    (a->count == 0 || memcmp(a->addrs, b->addrs, a->count * sizeof *a->addrs) == 0);
}
