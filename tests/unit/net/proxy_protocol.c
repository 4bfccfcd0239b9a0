// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_protocol.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\x0a\x00\x00\x05\xd4\x31\x01\xbb" /* 192.0.2.1:54321 10.0.0.5:443 */
#define V6                                                                                         \
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"                         \
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xd4\x31\x01\xbb"

struct header_case {
	const char *title;
	const char *bytes;
	size_t len;
	enum proxy_header_result result;
	const char *source; /* "" if no client is named */
	const char *destination;
	bool tls;
};

#define BYTES(s) s, sizeof(s) - 1
#define DONE PROXY_HEADER_DONE
#define MORE PROXY_HEADER_MORE
#define BAD PROXY_HEADER_BAD
#define NOBODY "", ""

static const struct header_case cases[] = {
	/* version 1 */
	{ "IPv4", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 54321 443\r\n"), DONE, "192.0.2.1:54321",
	    "10.0.0.5:443", false },
	{ "IPv6", BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 54321 443\r\n"), DONE,
	    "2001:db8::1:54321", "2001:db8::2:443", false },
	{ "the longest",
	    BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    DONE, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:65535", false },
	{ "IPv4 in IPv6", BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.5 1 0\r\n"), DONE,
	    "192.0.2.1:1", "10.0.0.5:0", false },
	{ "unknown", BYTES("PROXY UNKNOWN\r\n"), DONE, NOBODY, false },
	{ "unknown, with addresses that do not matter",
	    BYTES("PROXY UNKNOWN ffff::1 junk 65536 x\r\n"), DONE, NOBODY, false },
	{ "unknown, as long as may be",
	    BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    DONE, NOBODY, false },
	{ "a byte longer",
	    BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
	    BAD, NOBODY, false },
	{ "no end",
	    BYTES("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567"
		  "890123456789012345678901234567890123456789"),
	    BAD, NOBODY, false },
	{ "no CR", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 54321 443\n"), BAD, NOBODY, false },
	{ "CR in the middle", BYTES("PROXY UNKNOWN\r \r\n"), BAD, NOBODY, false },
	{ "CRLF at once", BYTES("PROXY \r\n"), BAD, NOBODY, false },
	{ "no family", BYTES("PROXY  192.0.2.1 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "another family", BYTES("PROXY TCP5 192.0.2.1 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "lower case", BYTES("PROXY tcp4 192.0.2.1 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "lower case at the start", BYTES("proxy TCP4 192.0.2.1 10.0.0.5 1 2\r\n"), BAD, NOBODY,
	    false },
	{ "two spaces", BYTES("PROXY TCP4 192.0.2.1  10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "a space at the end", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 1 2 \r\n"), BAD, NOBODY,
	    false },
	{ "five words", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 1 2 3\r\n"), BAD, NOBODY, false },
	{ "three words", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 1\r\n"), BAD, NOBODY, false },
	{ "IPv6 as IPv4", BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), BAD, NOBODY, false },
	{ "IPv4 as IPv6", BYTES("PROXY TCP6 192.0.2.1 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "a name", BYTES("PROXY TCP4 localhost 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "a leading zero", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 01 2\r\n"), BAD, NOBODY, false },
	{ "a port too high", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 65536 2\r\n"), BAD, NOBODY,
	    false },
	{ "a negative port", BYTES("PROXY TCP4 192.0.2.1 10.0.0.5 -1 2\r\n"), BAD, NOBODY, false },
	{ "a NUL", BYTES("PROXY TCP4 192.0.2.1\0 10.0.0.5 1 2\r\n"), BAD, NOBODY, false },
	{ "an HTTP request", BYTES("GET / HTTP/1.1\r\n"), BAD, NOBODY, false },
	{ "another word with P", BYTES("POST / HTTP/1.1\r\n"), BAD, NOBODY, false },
	{ "the start of TLS", BYTES("\x16\x03\x01"), BAD, NOBODY, false },
	{ "a line of space", BYTES("\r\n\r\nGET"), BAD, NOBODY, false },
	/* version 2 */
	{ "v2 IPv4", BYTES(SIGNATURE "\x21\x11\x00\x0c" V4), DONE, "192.0.2.1:54321",
	    "10.0.0.5:443", false },
	{ "v2 IPv6", BYTES(SIGNATURE "\x21\x21\x00\x24" V6), DONE, "2001:db8::1:54321",
	    "2001:db8::2:443", false },
	{ "v2 local", BYTES(SIGNATURE "\x20\x00\x00\x00"), DONE, NOBODY, false },
	{ "v2 local, with what does not matter", BYTES(SIGNATURE "\x20\xff\x00\x03\x01\x02\x03"),
	    DONE, NOBODY, false },
	{ "v2 unspecified", BYTES(SIGNATURE "\x21\x00\x00\x00"), DONE, NOBODY, false },
	{ "v2 unspecified, with junk", BYTES(SIGNATURE "\x21\x00\x00\x02zz"), DONE, NOBODY, false },
	{ "v2 IPv4 datagrams", BYTES(SIGNATURE "\x21\x12\x00\x0c" V4), DONE, NOBODY, false },
	{ "v2 IPv4 datagrams, too short", BYTES(SIGNATURE "\x21\x12\x00\x01z"), BAD, NOBODY,
	    false },
	{ "v2 too short for IPv4", BYTES(SIGNATURE "\x21\x11\x00\x0b" V4), BAD, NOBODY, false },
	{ "v2 too short for IPv6", BYTES(SIGNATURE "\x21\x21\x00\x23" V6), BAD, NOBODY, false },
	{ "v2 too short for unix", BYTES(SIGNATURE "\x21\x31\x00\x01z"), BAD, NOBODY, false },
	{ "v2 reserved family", BYTES(SIGNATURE "\x21\x41\x00\x0c" V4), BAD, NOBODY, false },
	{ "v2 reserved transport", BYTES(SIGNATURE "\x21\x13\x00\x0c" V4), BAD, NOBODY, false },
	{ "v2 reserved command", BYTES(SIGNATURE "\x22\x11\x00\x0c" V4), BAD, NOBODY, false },
	{ "version 1 in version 2", BYTES(SIGNATURE "\x11\x11\x00\x0c" V4), BAD, NOBODY, false },
	{ "v2 beyond what is read", BYTES(SIGNATURE "\x21\x11\x0f\xf1"), BAD, NOBODY, false },
	{ "v2 as long as is read", BYTES(SIGNATURE "\x21\x11\x0f\xf0"), MORE, NOBODY, false },
	{ "v2 extras", BYTES(SIGNATURE "\x21\x11\x00\x16" V4 "\x04\x00\x01z\xee\x00\x03xyz"), DONE,
	    "192.0.2.1:54321", "10.0.0.5:443", false },
	{ "v2 an empty extra", BYTES(SIGNATURE "\x21\x11\x00\x0f" V4 "\x02\x00\x00"), DONE,
	    "192.0.2.1:54321", "10.0.0.5:443", false },
	{ "v2 an extra without a length", BYTES(SIGNATURE "\x21\x11\x00\x0e" V4 "\x04\x00"), BAD,
	    NOBODY, false },
	{ "v2 an extra that is too long", BYTES(SIGNATURE "\x21\x11\x00\x10" V4 "\x04\x00\x02z"),
	    BAD, NOBODY, false },
	{ "v2 an extra of all the length there is",
	    BYTES(SIGNATURE "\x21\x11\x00\x10" V4 "\x04\xff\xffz"), BAD, NOBODY, false },
	{ "v2 TLS", BYTES(SIGNATURE "\x21\x11\x00\x14" V4 "\x20\x00\x05\x01\x00\x00\x00\x00"), DONE,
	    "192.0.2.1:54321", "10.0.0.5:443", true },
	{ "v2 no TLS", BYTES(SIGNATURE "\x21\x11\x00\x14" V4 "\x20\x00\x05\x06\x00\x00\x00\x00"),
	    DONE, "192.0.2.1:54321", "10.0.0.5:443", false },
	{ "v2 too little about TLS",
	    BYTES(SIGNATURE "\x21\x11\x00\x13" V4 "\x20\x00\x04\x01\x00\x00\x00"), BAD, NOBODY,
	    false },
	{ "v2 a wrong sum", BYTES(SIGNATURE "\x21\x11\x00\x13" V4 "\x03\x00\x04\x00\x00\x00\x00"),
	    BAD, NOBODY, false },
	{ "v2 a sum of three bytes",
	    BYTES(SIGNATURE "\x21\x11\x00\x12" V4 "\x03\x00\x03\x00\x00\x00"), BAD, NOBODY, false },
};

static enum proxy_header_result
parse_exactly(const char *bytes, size_t len, struct proxy_header *h)
{
	char *copy = malloc(len > 0 ? len : 1); /* so that a sanitizer sees a byte too many */
	enum proxy_header_result r;

	memcpy(copy, bytes, len);
	r = proxy_header_parse(copy, len, h);
	free(copy);
	return r;
}

static const char *
shown(const struct ip *ip, uint16_t port)
{
	static char buf[2][64];
	static unsigned next;
	char *text = buf[next++ % 2];
	size_t len = ip_format(ip, text);

	snprintf(text + len, 64 - len, ":%u", port);
	return text;
}

static void
check_done(const struct header_case *c, const struct proxy_header *h)
{
	ck_assert_msg(h->named == (c->source[0] != '\0'), "%s", c->title);
	ck_assert_msg(h->tls == c->tls, "%s: tls", c->title);
	ck_assert_msg(h->len == c->len, "%s: %zu of %zu", c->title, h->len, c->len);
	if (!h->named)
		return;
	ck_assert_str_eq(shown(&h->source, h->source_port), c->source);
	ck_assert_str_eq(shown(&h->destination, h->destination_port), c->destination);
}

/* Whole, with more behind it, and every beginning of it, which is never done. */
START_TEST(a_header_is_read_to_the_byte)
{
	const struct header_case *c = &cases[_i];
	struct proxy_header h;
	char longer[256];
	bool was_bad = false;

	ck_assert_msg(parse_exactly(c->bytes, c->len, &h) == c->result, "%s: %s", c->title,
	    h.why != NULL ? h.why : "good");
	if (c->result == BAD)
		ck_assert_ptr_nonnull(h.why);
	if (c->result == DONE)
		check_done(c, &h);
	memcpy(longer, c->bytes, c->len);
	memcpy(longer + c->len, "GET / HTTP/1.1\r\n\r\n", 18);
	if (c->result == DONE) {
		ck_assert_int_eq(parse_exactly(longer, c->len + 18, &h), DONE);
		check_done(c, &h);
	}
	for (size_t len = 0; len < c->len; len++) {
		enum proxy_header_result r = parse_exactly(c->bytes, len, &h);

		ck_assert_msg(r != DONE, "%s: done after %zu", c->title, len);
		ck_assert_msg(r == BAD || !was_bad, "%s: good again after %zu", c->title, len);
		ck_assert_msg(r == MORE || c->result == BAD, "%s: bad after %zu", c->title, len);
		was_bad = r == BAD;
	}
}
END_TEST

/* Against the sum made bit by bit, and any byte of the rest changed. */
START_TEST(a_checksum_is_verified)
{
	static const char start[] = SIGNATURE "\x21\x11\x00\x13" V4 "\x03\x00\x04";
	char header[sizeof start - 1 + 4];
	struct proxy_header h;
	uint32_t crc = UINT32_MAX;

	memcpy(header, start, sizeof start - 1);
	memset(header + sizeof start - 1, 0, 4);
	for (size_t i = 0; i < sizeof header; i++) { /* bit by bit, as RFC 3720 has it */
		crc ^= (unsigned char)header[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	for (unsigned i = 0; i < 4; i++)
		header[sizeof start - 1 + i] = (char)(crc >> (24 - 8 * i));
	ck_assert_int_eq(parse_exactly(header, sizeof header, &h), DONE);
	for (size_t i = 16; i < sizeof header; i++) {
		if (i >= 28 && i < 31)
			continue; /* type and length of the sum itself */
		header[i] ^= 0x10;
		ck_assert_msg(parse_exactly(header, sizeof header, &h) == BAD, "byte %zu", i);
		header[i] ^= 0x10;
	}
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.1", "10.0.0.5" },
		{ "2001:db8::1", "2001:db8::2" },
		{ "192.0.2.1", "2001:db8::2" },
		{ "2001:db8::1", "10.0.0.5" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char out[PROXY_HEADER_WRITTEN_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++)
		for (int version = SEND_PROXY_V1; version <= SEND_PROXY_V2; version++) {
			struct proxy_header h = { .named = true,
				.source_port = 65535,
				.destination_port = 65534 },
					    back;
			size_t len;

			ck_assert(ip_parse(pairs[i][0], strlen(pairs[i][0]), &h.source));
			ck_assert(ip_parse(pairs[i][1], strlen(pairs[i][1]), &h.destination));
			len = proxy_header_write(&h, (enum conf_send_proxy)version, out);
			ck_assert_int_eq(parse_exactly(out, len, &back), DONE);
			ck_assert(back.named && back.len == len);
			ck_assert(ip_equal(&back.source, &h.source));
			ck_assert(ip_equal(&back.destination, &h.destination));
			ck_assert_uint_eq(back.source_port, 65535);
			ck_assert_uint_eq(back.destination_port, 65534);
		}
}
END_TEST

START_TEST(who_speaks_for_itself_names_nobody)
{
	struct proxy_header h = { .named = false }, back;
	char out[PROXY_HEADER_WRITTEN_MAX];
	size_t len = proxy_header_write(&h, SEND_PROXY_V1, out);

	ck_assert(slice_eq((struct slice){ out, len }, SLICE("PROXY UNKNOWN\r\n")));
	len = proxy_header_write(&h, SEND_PROXY_V2, out);
	ck_assert(slice_eq((struct slice){ out, len }, SLICE(SIGNATURE "\x20\x00\x00\x00")));
	ck_assert_int_eq(parse_exactly(out, len, &back), DONE);
	ck_assert(!back.named);
	ck_assert_uint_eq(proxy_header_write(&h, SEND_PROXY_OFF, out), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net/proxy_protocol");
	TCase *t = tcase_create("proxy_protocol");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, a_header_is_read_to_the_byte, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, a_checksum_is_verified);
	tcase_add_test(t, what_is_written_is_read_back);
	tcase_add_test(t, who_speaks_for_itself_names_nobody);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
