/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static struct ip
from_v4(const void *bytes)
{
	struct ip ip = { .family = IP_V4 };

	memcpy(ip.bytes, bytes, 4);
	return ip;
}

static struct ip
from_v6(const void *bytes)
{
	struct ip ip = { .family = IP_V6 };

	if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0)
		return from_v4((const uint8_t *)bytes + sizeof mapped_prefix);
	memcpy(ip.bytes, bytes, 16);
	return ip;
}

bool
ip_parse(const char *text, size_t len, struct ip *ip)
{
	char copy[IP_TEXT_MAX];
	uint8_t bytes[16];

	if (len == 0 || len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1)
		*ip = from_v4(bytes);
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		*ip = from_v6(bytes);
	else
		return false;
	return true;
}

struct ip
ip_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	if (sa->sa_family == AF_INET6)
		return from_v6(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	return (struct ip){ .family = IP_NONE };
}

size_t
ip_format(const struct ip *ip, char text[IP_TEXT_MAX])
{
	if (ip->family == IP_NONE)
		snprintf(text, IP_TEXT_MAX, "unix");
	else
		inet_ntop(ip->family == IP_V4 ? AF_INET : AF_INET6, ip->bytes, text, IP_TEXT_MAX);
	return strlen(text);
}

static unsigned
family_bits(const struct ip *ip)
{
	return ip->family == IP_V4 ? 32 : ip->family == IP_V6 ? 128 : 0;
}

/* All bits of the address behind the prefix, to one or zero. */
static void
set_host_bits(struct ip *ip, unsigned prefix, bool on)
{
	for (unsigned bit = prefix; bit < family_bits(ip); bit++) {
		uint8_t mask = (uint8_t)(0x80u >> bit % 8);

		if (on)
			ip->bytes[bit / 8] |= mask;
		else
			ip->bytes[bit / 8] &= (uint8_t)~mask;
	}
}

struct ip
ip_network(const struct ip *ip, unsigned prefix4, unsigned prefix6)
{
	struct ip network = *ip;

	set_host_bits(&network, ip->family == IP_V4 ? prefix4 : prefix6, false);
	return network;
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool
ip_is_loopback(const struct ip *ip)
{
	static const struct ip six = { .family = IP_V6, .bytes = { [15] = 1 } };

	return (ip->family == IP_V4 && ip->bytes[0] == 127) || ip_equal(ip, &six);
}

/* The digits behind the slash; false: no number, or longer than the address. */
static bool
parse_prefix(const char *digits, unsigned most, unsigned *prefix)
{
	size_t len = strlen(digits);

	if (len == 0 || len > 3 || strspn(digits, "0123456789") != len)
		return false;
	*prefix = (unsigned)strtoul(digits, NULL, 10);
	return *prefix <= most;
}

bool
ip_range_parse(const char *text, struct ip_range *range, struct error *e)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char network[IP_TEXT_MAX];
	unsigned prefix, bits;

	*range = (struct ip_range){ 0 };
	if (strcmp(text, "unix") == 0)
		return true;
	if (!ip_parse(text, len, &range->from)) {
		error_set(e,
		    "\"%s\" is no address or network; write one such as \"192.0.2.0/24\", "
		    "\"2001:db8::/32\" or \"unix\"",
		    text);
		return false;
	}
	/* An IPv4-mapped network is written with 96 bits more than it has here. */
	bits = memchr(text, ':', len) != NULL ? 128 : 32;
	prefix = bits;
	if (slash != NULL && !parse_prefix(slash + 1, bits, &prefix)) {
		error_set(e,
		    "\"%s\" has no such prefix; write a number from 0 to %u behind the \"/\"", text,
		    bits);
		return false;
	}
	bits -= family_bits(&range->from);
	prefix = prefix > bits ? prefix - bits : 0;
	range->to = range->from;
	set_host_bits(&range->from, prefix, false);
	if (!ip_equal(&range->from, &range->to)) {
		ip_format(&range->from, network);
		error_set(e, "\"%s\" has bits set behind its prefix; write \"%s/%u\"", text,
		    network, prefix);
		return false;
	}
	set_host_bits(&range->to, prefix, true);
	return true;
}

const char *
ip_range_format(const struct ip_range *range, char text[IP_RANGE_TEXT_MAX])
{
	unsigned bits = family_bits(&range->from), prefix = bits;
	struct ip end = range->from;
	size_t len = ip_format(&range->from, text);

	while (prefix > 0 && memcmp(&end, &range->to, sizeof end) < 0)
		set_host_bits(&end, --prefix, true);
	if (prefix < bits)
		snprintf(text + len, IP_RANGE_TEXT_MAX - len, "/%u", prefix);
	return text;
}

static int
compare_ranges(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip));
}

void
ip_set_make(struct ip_set *set, struct ip_range *ranges, unsigned count)
{
	unsigned last = 0;

	*set = (struct ip_set){ ranges, 0 };
	if (count == 0)
		return;
	qsort(ranges, count, sizeof *ranges, compare_ranges);
	for (unsigned i = 1; i < count; i++) {
		if (memcmp(&ranges[i].from, &ranges[last].to, sizeof(struct ip)) > 0)
			ranges[++last] = ranges[i];
		else if (memcmp(&ranges[i].to, &ranges[last].to, sizeof(struct ip)) > 0)
			ranges[last].to = ranges[i].to;
	}
	set->count = last + 1;
}

bool
ip_set_has(const struct ip_set *set, const struct ip *ip)
{
	unsigned low = 0, high = set->count;

	/* The last range that begins at or before it. */
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp(&set->ranges[middle].from, ip, sizeof *ip) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && memcmp(ip, &set->ranges[low - 1].to, sizeof *ip) <= 0;
}
