/*
 * Who a request is from: a peer that is not trusted is itself whatever it writes, and behind a
 * trusted one nothing in front of the last address it vouches for counts.
 */
#include "http/client_origin.h"
#include "oracle.h"

static struct ip
ip(const char *text)
{
	struct ip parsed = { 0 };

	must(ip_parse(text, strlen(text), &parsed), "an address");
	return parsed;
}

/* A head with one field, whose value is data behind some more of a list. */
static struct client_origin
find(const char *before, const uint8_t *data, size_t size, enum field_id id, const char *peer)
{
	static const char name[] = "Forwarded", other[] = "X-Forwarded-For";
	const char *field = id == FIELD_FORWARDED ? name : other;
	size_t name_len = strlen(field), before_len = strlen(before);
	char *base = malloc(name_len + before_len + size);
	struct ip_range ranges[2];
	struct ip_set trusted;
	struct client_origin o;
	struct ip from = ip(peer);
	struct error e;
	struct head h = { .base = base, .field_count = 1 };

	memcpy(base, field, name_len);
	memcpy(base + name_len, before, before_len);
	if (size > 0)
		memcpy(base + name_len + before_len, data, size);
	h.fields[0] = (struct field){ .value_at = (uint32_t)name_len,
		.value_len = (uint32_t)(before_len + size),
		.name_len = (uint16_t)name_len,
		.id = (uint16_t)id };
	must(ip_range_parse("10.0.0.0/8", &ranges[0], &e), "a network");
	must(ip_range_parse("2001:db8:1::/48", &ranges[1], &e), "a network");
	ip_set_make(&trusted, ranges, 2);
	client_origin_find(&h, slice_of(field), &trusted, &from, 1, &o);
	must(o.claimed == !ip_equal(&o.ip, &from) || ip_set_has(&trusted, &o.ip), "claimed or not");
	free(base);
	return o;
}

static void
check(const uint8_t *data, size_t size, enum field_id id, const char *forged)
{
	struct client_origin plain = find("", data, size, id, "10.0.0.1");
	struct client_origin longer = find(forged, data, size, id, "10.0.0.1");
	struct client_origin outside = find("", data, size, id, "203.0.113.9");
	struct ip peer = ip("203.0.113.9"), mark = ip("198.51.100.66");
	struct ip_range range = { ip("10.0.0.0"), ip("10.255.255.255") };
	bool all_trusted = memcmp(&plain.ip, &range.from, sizeof peer) >= 0 &&
	    memcmp(&plain.ip, &range.to, sizeof peer) <= 0;

	must(ip_equal(&outside.ip, &peer) && !outside.claimed, "an untrusted peer is itself");
	/* What an attacker writes in front is believed only if all that follows is trusted. */
	if (ip_equal(&longer.ip, &mark) && !ip_equal(&plain.ip, &mark))
		must(all_trusted || plain.ip.family == IP_V6, "a forged beginning does not count");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size, FIELD_X_FORWARDED_FOR, "198.51.100.66, ");
	check(data, size, FIELD_FORWARDED, "for=198.51.100.66, ");
	return 0;
}
