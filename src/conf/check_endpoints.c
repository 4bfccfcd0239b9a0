/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that can't be what they look like: in two regions at once, or this proxy itself. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/ip.h"
#include "conf/load.h"
#include "conf/names.h"

/* ---- in two regions ---- */

/* "10.0.0.10 80", however its URL is written. */
static const char *
place_of(struct load *l, const struct conf_endpoint *e)
{
	char text[IP_TEXT_MAX];
	struct ip ip;

	if (!e->literal)
		return arena_printf(l->arena, "%s %u", e->host, e->port);
	ip = ip_of((const struct sockaddr *)&e->addr.addr);
	ip_format(&ip, text);
	return arena_printf(l->arena, "%s %u", text, e->port);
}

/* One line for each region, which may share all of a thousand endpoints with another. */
static void
check_shared(struct load *l, const struct conf_service_region *r, struct names *seen)
{
	const struct conf_endpoint *first = NULL;
	struct name other = { .text = NULL };
	char more[32] = "";
	unsigned shared = 0;

	for (unsigned i = 0; i < r->endpoint_count; i++) {
		const struct conf_endpoint *e = &r->endpoints[i];
		const struct name *before =
		    e->host != NULL ? names_add(seen, place_of(l, e), r, e->where) : NULL;

		if (before == NULL || before->thing == r || shared++ > 0)
			continue;
		first = e;
		other = *before;
	}
	if (first == NULL)
		return;
	if (shared > 1)
		snprintf(more, sizeof more, " and %u more", shared - 1);
	report_warning(&l->report, &first->where,
	    "endpoint %s%s of region \"%s\" is in region \"%s\" too (%s:%u): both fail together, so "
	    "neither can take over from the other; name it in one of them",
	    first->url, more, r->region->name,
	    ((const struct conf_service_region *)other.thing)->region->name, other.where.file,
	    other.where.line);
}

static void
check_regions(struct load *l, const struct conf_service *s)
{
	struct names *seen = names_new();

	for (unsigned i = 0; i < s->region_count; i++) {
		if (s->regions[i].region != NULL)
			check_shared(l, &s->regions[i], seen);
	}
	names_free(seen);
}

/* ---- this proxy itself ---- */

/* Would what comes to this listener be sent to the service? HTTP is by its routes, so it may. */
static bool
leads_to(const struct conf_listener *one, const struct conf_service *s)
{
	if (one->protocol == PROTOCOL_HTTP)
		return s->protocol == SERVICE_HTTP;
	if (one->service == s)
		return true;
	for (unsigned i = 0; i < one->server_name_count; i++) {
		if (one->server_names[i].service == s)
			return true;
	}
	return false;
}

static uint16_t
port_of(const struct conf_address *a)
{
	if (a->addr.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->addr)->sin_port);
	if (a->addr.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->addr)->sin6_port);
	return 0;
}

static bool
is_of_this_machine(const struct ip *ip, const struct ifaddrs *interfaces)
{
	if (ip_is_loopback(ip))
		return true;
	for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next) {
		struct ip own;

		if (i->ifa_addr == NULL ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		own = ip_of(i->ifa_addr);
		if (ip_equal(&own, ip))
			return true;
	}
	return false;
}

/* The listener of all addresses: 0.0.0.0 has those of IPv4, :: both. */
static bool
takes_all(const struct ip *bind, const struct ip *ip)
{
	static const uint8_t zeros[sizeof bind->bytes];

	return memcmp(bind->bytes, zeros, bind->family == IP_V4 ? 4 : 16) == 0 &&
	    (bind->family != IP_V4 || ip->family == IP_V4);
}

/* A name is nobody's until it is asked for, but for the one that is this machine everywhere. */
static bool
address_of(const struct conf_endpoint *e, struct ip *ip)
{
	if (e->literal)
		*ip = ip_of((const struct sockaddr *)&e->addr.addr);
	else if (e->host == NULL || strcmp(e->host, "localhost") != 0)
		return false;
	else
		ip_parse("127.0.0.1", strlen("127.0.0.1"), ip);
	return true;
}

static bool
is_listener(const struct conf_endpoint *e, const struct conf_listener *one,
    const struct ifaddrs *interfaces)
{
	struct ip ip, bind;

	if (one->bind.text == NULL || port_of(&one->bind) == 0 || port_of(&one->bind) != e->port ||
	    !address_of(e, &ip))
		return false;
	bind = ip_of((const struct sockaddr *)&one->bind.addr);
	return ip_equal(&bind, &ip) ||
	    (takes_all(&bind, &ip) && is_of_this_machine(&ip, interfaces));
}

static void
check_loop(struct load *l, const struct conf_service *s, const struct conf_endpoint *e,
    const struct ifaddrs *interfaces)
{
	const struct topology *t = l->topology;

	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *one = &t->listeners[i];

		if (!leads_to(one, s) || !is_listener(e, one, interfaces))
			continue;
		report_warning(&l->report, &e->where,
		    "endpoint %s is this proxy's own listener \"%s\" (%s:%u): what is sent there goes "
		    "round in circles; name the server that is to answer",
		    e->url, one->name, one->where.file, one->where.line);
		return;
	}
}

void
check_endpoints(struct load *l)
{
	const struct topology *t = l->topology;
	struct ifaddrs *interfaces = NULL;

	/* without them what is bound to all addresses is known by the loopback ones only */
	if (getifaddrs(&interfaces) != 0)
		interfaces = NULL;
	for (unsigned i = 0; i < t->service_count; i++) {
		const struct conf_service *s = &t->services[i];

		check_regions(l, s);
		for (unsigned r = 0; r < s->region_count; r++) {
			for (unsigned e = 0; e < s->regions[r].endpoint_count; e++)
				check_loop(l, s, &s->regions[r].endpoints[e], interfaces);
		}
	}
	if (interfaces != NULL)
		freeifaddrs(interfaces);
}
