// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum {
	V1_MAX = 107, /* with CRLF, section 2.1 */
	V2_FIXED = 16,
	V2_IPV4 = 12,
	V2_IPV6 = 36,
	V2_UNIX = 216,
	TLV_HEAD = 3,
	TLV_CRC32C = 0x03,
	TLV_SSL = 0x20,
	TLV_SSL_LEAST = 5, /* client flags and the result of verification */
	SSL_CLIENT = 0x01,
};

static const char v1_start[] = "PROXY ";
static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_header_result
bad(struct proxy_header *h, const char *why)
{
	*h = (struct proxy_header){ .why = why };
	return PROXY_HEADER_BAD;
}

/* ---- version 1: a line of text ---- */

/* Takes the next word, up to one space or the line's end; false if there is none. */
static bool
next_word(struct slice *line, struct slice *word)
{
	const char *space;

	if (line->at == NULL || line->len == 0)
		return false;
	space = memchr(line->at, ' ', line->len);
	*word = *line;
	if (space == NULL) {
		line->at = NULL;
		return true;
	}
	word->len = (size_t)(space - line->at);
	line->at = space + 1;
	line->len -= word->len + 1;
	return true;
}

static bool
parse_port(struct slice word, uint16_t *port)
{
	unsigned value = 0;

	if (word.len == 0 || word.len > 5 || (word.len > 1 && word.at[0] == '0'))
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
		value = value * 10 + (unsigned)(word.at[i] - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

/* An address as its family writes it: an IPv4-mapped one is still an IPv6 address. */
static bool
parse_address(struct slice word, bool v6, struct ip *ip)
{
	return (memchr(word.at, ':', word.len) != NULL) == v6 && ip_parse(word.at, word.len, ip);
}

static bool
parse_addresses(struct slice line, bool v6, struct proxy_header *h)
{
	struct slice source, destination, source_port, destination_port;

	return next_word(&line, &source) && next_word(&line, &destination) &&
	    next_word(&line, &source_port) && next_word(&line, &destination_port) &&
	    line.at == NULL && parse_address(source, v6, &h->source) &&
	    parse_address(destination, v6, &h->destination) &&
	    parse_port(source_port, &h->source_port) &&
	    parse_port(destination_port, &h->destination_port);
}

static enum proxy_header_result
parse_v1(const char *data, size_t len, struct proxy_header *h)
{
	size_t most = len < V1_MAX ? len : V1_MAX;
	const char *end = memchr(data, '\n', most);
	struct slice line, family;

	if (end == NULL)
		return len >= V1_MAX ? bad(h, "no end of the line within 107 bytes")
				     : PROXY_HEADER_MORE;
	if (end[-1] != '\r')
		return bad(h, "the line does not end with CRLF");
	h->len = (size_t)(end - data) + 1;
	line.at = data + sizeof v1_start - 1;
	line.len = (size_t)(end - 1 - line.at);
	if (memchr(line.at, '\r', line.len) != NULL || memchr(line.at, '\0', line.len) != NULL)
		return bad(h, "a control byte in the line");
	if (!next_word(&line, &family))
		return bad(h, "no protocol family");
	if (slice_eq(family, SLICE("UNKNOWN")))
		return PROXY_HEADER_DONE;
	h->named = true;
	if (slice_eq(family, SLICE("TCP4")))
		return parse_addresses(line, false, h) ? PROXY_HEADER_DONE
						       : bad(h, "no two IPv4 addresses and ports");
	if (slice_eq(family, SLICE("TCP6")))
		return parse_addresses(line, true, h) ? PROXY_HEADER_DONE
						      : bad(h, "no two IPv6 addresses and ports");
	return bad(h, "an unknown protocol family");
}

/* ---- version 2: binary ---- */

static unsigned
number16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Castagnoli's polynomial (RFC 3720 appendix B.4), four bits at a time. */
static uint32_t
crc32c(uint32_t crc, const unsigned char *at, size_t len)
{
	static const uint32_t steps[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return crc;
}

/* The sum is made with zeros in its own place, at sum. */
static bool
sum_is_right(const unsigned char *header, size_t len, const unsigned char *sum)
{
	static const unsigned char zeros[4];
	size_t before = (size_t)(sum - header);
	uint32_t crc = crc32c(UINT32_MAX, header, before);

	crc = crc32c(crc, zeros, sizeof zeros);
	crc = ~crc32c(crc, sum + 4, len - before - 4);
	return crc == ((uint32_t)number16(sum) << 16 | number16(sum + 2));
}

/* The extras from at to the header's end. NULL, or what is wrong with them. */
static const char *
parse_extras(const unsigned char *header, size_t at, struct proxy_header *h)
{
	const unsigned char *sum = NULL;

	while (at < h->len) {
		const unsigned char *value = header + at + TLV_HEAD;
		size_t len;

		if (h->len - at < TLV_HEAD)
			return "an extra without a length";
		len = number16(header + at + 1);
		if (len > h->len - at - TLV_HEAD)
			return "an extra is longer than the header";
		if (header[at] == TLV_CRC32C) {
			if (len != 4 || sum != NULL)
				return "not one checksum of four bytes";
			sum = value;
		} else if (header[at] == TLV_SSL) {
			if (len < TLV_SSL_LEAST)
				return "too few bytes about TLS";
			h->tls = (value[0] & SSL_CLIENT) != 0;
		}
		at += TLV_HEAD + len;
	}
	return sum == NULL || sum_is_right(header, h->len, sum) ? NULL : "the checksum is wrong";
}

static struct ip
ip_from(int family, const unsigned char *bytes)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (family == AF_INET) {
		memcpy(&in.sin_addr, bytes, sizeof in.sin_addr);
		return ip_of((const struct sockaddr *)&in);
	}
	memcpy(&in6.sin6_addr, bytes, sizeof in6.sin6_addr);
	return ip_of((const struct sockaddr *)&in6);
}

static enum proxy_header_result
take_addresses(const unsigned char *header, int family, struct proxy_header *h)
{
	size_t size = family == AF_INET ? 4 : 16;
	const unsigned char *at = header + V2_FIXED;
	const char *wrong;

	if (h->len < V2_FIXED + 2 * size + 4)
		return bad(h, "too short for its addresses");
	h->named = true;
	h->source = ip_from(family, at);
	h->destination = ip_from(family, at + size);
	h->source_port = (uint16_t)number16(at + 2 * size);
	h->destination_port = (uint16_t)number16(at + 2 * size + 2);
	wrong = parse_extras(header, V2_FIXED + 2 * size + 4, h);
	return wrong == NULL ? PROXY_HEADER_DONE : bad(h, wrong);
}

/* Family and transport in one byte, section 2.2; a family that tells us nothing is still valid. */
static enum proxy_header_result
parse_proxied(const unsigned char *header, struct proxy_header *h)
{
	switch (header[13]) {
	case 0x11: /* IPv4, stream */
		return take_addresses(header, AF_INET, h);
	case 0x21: /* IPv6, stream */
		return take_addresses(header, AF_INET6, h);
	case 0x31: /* unix, stream and datagram */
	case 0x32:
		return h->len < V2_FIXED + V2_UNIX ? bad(h, "too short for its addresses")
						   : PROXY_HEADER_DONE;
	case 0x12: /* datagrams: not what came here */
		return h->len < V2_FIXED + V2_IPV4 ? bad(h, "too short for its addresses")
						   : PROXY_HEADER_DONE;
	case 0x22:
		return h->len < V2_FIXED + V2_IPV6 ? bad(h, "too short for its addresses")
						   : PROXY_HEADER_DONE;
	case 0x00: /* unspecified */
		return PROXY_HEADER_DONE;
	default:
		return bad(h, "a reserved family or transport");
	}
}

static enum proxy_header_result
parse_v2(const char *data, size_t len, struct proxy_header *h)
{
	const unsigned char *header = (const unsigned char *)data;

	if (len < V2_FIXED)
		return PROXY_HEADER_MORE;
	if (header[12] != 0x20 && header[12] != 0x21)
		return bad(h, "not version 2, or an unknown command");
	h->len = V2_FIXED + number16(header + 14);
	if (h->len > PROXY_HEADER_MAX)
		return bad(h, "longer than 4096 bytes");
	if (len < h->len)
		return PROXY_HEADER_MORE;
	return header[12] == 0x20 ? PROXY_HEADER_DONE : parse_proxied(header, h);
}

static bool
begins(const char *data, size_t len, const char *with, size_t with_len)
{
	return memcmp(data, with, len < with_len ? len : with_len) == 0;
}

enum proxy_header_result
proxy_header_parse(const char *data, size_t len, struct proxy_header *h)
{
	*h = (struct proxy_header){ 0 };
	if (len == 0)
		return PROXY_HEADER_MORE;
	if (begins(data, len, v1_start, sizeof v1_start - 1))
		return len < sizeof v1_start ? PROXY_HEADER_MORE : parse_v1(data, len, h);
	if (begins(data, len, v2_signature, sizeof v2_signature))
		return parse_v2(data, len, h);
	return bad(h, "no PROXY header");
}

/* ---- writing ---- */

/* The address in 16 bytes, IPv4 as IPv4-mapped. */
static void
widen(const struct ip *ip, unsigned char out[16])
{
	memset(out, 0, 16);
	if (ip->family == IP_V4) {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, ip->bytes, 4);
	} else {
		memcpy(out, ip->bytes, 16);
	}
}

static size_t
write_v1(const struct proxy_header *h, bool v6, char *out)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	unsigned char wide[16];
	int n;

	if (!h->named) {
		n = snprintf(out, PROXY_HEADER_WRITTEN_MAX, "PROXY UNKNOWN\r\n");
		return (size_t)n;
	}
	if (v6) {
		widen(&h->source, wide);
		inet_ntop(AF_INET6, wide, source, sizeof source);
		widen(&h->destination, wide);
		inet_ntop(AF_INET6, wide, destination, sizeof destination);
	} else {
		inet_ntop(AF_INET, h->source.bytes, source, sizeof source);
		inet_ntop(AF_INET, h->destination.bytes, destination, sizeof destination);
	}
	n = snprintf(out, PROXY_HEADER_WRITTEN_MAX, "PROXY %s %s %s %u %u\r\n",
	    v6 ? "TCP6" : "TCP4", source, destination, h->source_port, h->destination_port);
	return (size_t)n;
}

static void
put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static size_t
write_v2(const struct proxy_header *h, bool v6, char *out)
{
	unsigned char *header = (unsigned char *)out, *at = header + V2_FIXED;
	size_t size = v6 ? 16 : 4;
	size_t len = h->named ? 2 * size + 4 : 0;

	memcpy(header, v2_signature, sizeof v2_signature);
	header[12] = h->named ? 0x21 : 0x20;
	header[13] = !h->named ? 0 : v6 ? 0x21 : 0x11;
	put16(header + 14, (unsigned)len);
	if (!h->named)
		return V2_FIXED;
	if (v6) {
		widen(&h->source, at);
		widen(&h->destination, at + size);
	} else {
		memcpy(at, h->source.bytes, size);
		memcpy(at + size, h->destination.bytes, size);
	}
	put16(at + 2 * size, h->source_port);
	put16(at + 2 * size + 2, h->destination_port);
	return V2_FIXED + len;
}

size_t
proxy_header_write(
    const struct proxy_header *h, enum conf_send_proxy version, char out[PROXY_HEADER_WRITTEN_MAX])
{
	bool v6 = h->source.family == IP_V6 || h->destination.family == IP_V6;

	switch (version) {
	case SEND_PROXY_OFF:
		return 0;
	case SEND_PROXY_V1:
		return write_v1(h, v6, out);
	case SEND_PROXY_V2:
		return write_v2(h, v6, out);
	}
	return 0;
}
