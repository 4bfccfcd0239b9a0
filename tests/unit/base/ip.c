/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static struct ip
ip(const char *text)
{
	struct ip parsed;

	ck_assert_msg(ip_parse(text, strlen(text), &parsed), "%s", text);
	return parsed;
}

START_TEST(an_address_has_one_form)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
	} c[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::", "::" },
		{ "", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.1 ", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1:80", NULL },
		{ "0x7f.1", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "unix", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL },
	};
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct ip parsed;
		bool good = ip_parse(c[i].text, strlen(c[i].text), &parsed);

		ck_assert_msg(good == (c[i].shown != NULL), "%s", c[i].text);
		if (!good)
			continue;
		ck_assert_uint_eq(ip_format(&parsed, text), strlen(c[i].shown));
		ck_assert_str_eq(text, c[i].shown);
	}
	ck_assert(!ip_parse("1\0002", 3, &(struct ip){ 0 }));
}
END_TEST

START_TEST(a_socket_address_gives_the_same_key)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct sockaddr_storage un = { .ss_family = AF_UNIX };
	struct ip a, b, none;
	char text[IP_TEXT_MAX];

	in.sin_addr.s_addr = htonl(0xc0000201);
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&in6.sin6_addr.s6_addr[12], &in.sin_addr, 4);
	a = ip_of((const struct sockaddr *)&in);
	b = ip_of((const struct sockaddr *)&in6);
	none = ip_of((const struct sockaddr *)&un);
	ck_assert(ip_equal(&a, &b));
	ck_assert_int_eq(a.family, IP_V4);
	ck_assert_int_eq(none.family, IP_NONE);
	ip_format(&none, text);
	ck_assert_str_eq(text, "unix");
}
END_TEST

START_TEST(a_network_is_read_or_refused_with_a_remedy)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: good */
	} c[] = {
		{ "10.0.0.0/8", NULL },
		{ "10.0.0.1", NULL },
		{ "0.0.0.0/0", NULL },
		{ "::/0", NULL },
		{ "2001:db8::/33", NULL },
		{ "::ffff:10.0.0.0/104", NULL },
		{ "unix", NULL },
		{ "10.0.0.1/8", "write \"10.0.0.0/8\"" },
		{ "2001:db8::1/32", "write \"2001:db8::/32\"" },
		{ "10.0.0.0/33", "from 0 to 32" },
		{ "::/129", "from 0 to 128" },
		{ "10.0.0.0/", "from 0 to 32" },
		{ "10.0.0.0/8x", "from 0 to 32" },
		{ "10.0.0.0/-1", "from 0 to 32" },
		{ "10.0.0.0/255.0.0.0", "from 0 to 32" },
		{ "10.0.0/8", "no address or network" },
		{ "localhost", "no address or network" },
		{ "", "no address or network" },
		{ "/8", "no address or network" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct ip_range range;
		struct error e = { "" };
		bool good = ip_range_parse(c[i].text, &range, &e);

		ck_assert_msg(good == (c[i].says == NULL), "%s: %s", c[i].text, e.text);
		if (!good)
			ck_assert_msg(strstr(e.text, c[i].says) != NULL, "%s", e.text);
	}
}
END_TEST

static struct ip_set
set_of(const char *const *texts, unsigned count, struct ip_range *ranges)
{
	struct ip_set set;
	struct error e;

	for (unsigned i = 0; i < count; i++)
		ck_assert_msg(ip_range_parse(texts[i], &ranges[i], &e), "%s", e.text);
	ip_set_make(&set, ranges, count);
	return set;
}

START_TEST(a_network_is_shown_as_it_is_written)
{
	static const char *const texts[] = { "192.0.2.1", "192.0.2.0/24", "192.0.2.128/25",
		"0.0.0.0/0", "255.255.255.255", "2001:db8::/32", "2001:db8::1", "::/0", "unix" };
	char text[IP_RANGE_TEXT_MAX];
	struct ip_range range;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_msg(ip_range_parse(texts[i], &range, &e), "%s", texts[i]);
		ck_assert_str_eq(ip_range_format(&range, text), texts[i]);
	}
	ck_assert(ip_range_parse("::ffff:192.0.2.0/120", &range, &e));
	ck_assert_str_eq(ip_range_format(&range, text), "192.0.2.0/24");
}
END_TEST

START_TEST(a_set_has_its_networks_and_no_others)
{
	static const char *const texts[] = { "10.0.0.0/8", "192.0.2.0/25", "192.0.2.128/25",
		"10.1.0.0/16", "2001:db8::/32", "198.51.100.7", "10.0.0.0/8" };
	static const struct {
		const char *text;
		bool in;
	} c[] = {
		{ "9.255.255.255", false },
		{ "10.0.0.0", true },
		{ "10.1.2.3", true },
		{ "10.255.255.255", true },
		{ "11.0.0.0", false },
		{ "192.0.1.255", false },
		{ "192.0.2.127", true },
		{ "192.0.2.128", true },
		{ "192.0.3.0", false },
		{ "198.51.100.6", false },
		{ "198.51.100.7", true },
		{ "198.51.100.8", false },
		{ "::ffff:10.0.0.1", true },
		{ "::a00:1", false },
		{ "2001:db7:ffff::", false },
		{ "2001:db8::", true },
		{ "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db9::", false },
	};
	struct ip_range ranges[ARRAY_SIZE(texts)];
	struct ip_set set = set_of(texts, ARRAY_SIZE(texts), ranges);
	struct ip none = { .family = IP_NONE };

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct ip asked = ip(c[i].text);

		ck_assert_msg(ip_set_has(&set, &asked) == c[i].in, "%s", c[i].text);
	}
	ck_assert(!ip_set_has(&set, &none));
	ck_assert_uint_lt(set.count, ARRAY_SIZE(texts));
}
END_TEST

START_TEST(everything_of_a_family_is_of_that_family_only)
{
	static const char *const four[] = { "0.0.0.0/0" }, *const six[] = { "::/0" },
				 *const unix_only[] = { "unix" };
	struct ip_range r4, r6, ru;
	struct ip_set s4 = set_of(four, 1, &r4), s6 = set_of(six, 1, &r6),
		      su = set_of(unix_only, 1, &ru), empty;
	struct ip a = ip("192.0.2.1"), b = ip("2001:db8::1"), none = { .family = IP_NONE };

	ip_set_make(&empty, NULL, 0);
	ck_assert(ip_set_has(&s4, &a) && !ip_set_has(&s4, &b) && !ip_set_has(&s4, &none));
	ck_assert(!ip_set_has(&s6, &a) && ip_set_has(&s6, &b) && !ip_set_has(&s6, &none));
	ck_assert(!ip_set_has(&su, &a) && !ip_set_has(&su, &b) && ip_set_has(&su, &none));
	ck_assert(!ip_set_has(&empty, &a) && !ip_set_has(&empty, &none));
}
END_TEST

/* Against a reading that looks at every network. */
START_TEST(thousands_of_networks_agree_with_the_plain_reading)
{
	enum { COUNT = 4000 };
	struct ip_range *ranges = calloc(COUNT, sizeof *ranges),
			*plain = calloc(COUNT, sizeof *plain);
	struct ip_set set;
	struct error e;

	srandom(7);
	for (unsigned i = 0; i < COUNT; i++) {
		char text[64];
		struct ip first = { .family = IP_V4,
			.bytes = { (uint8_t)(random() % 4), (uint8_t)random(), (uint8_t)random(),
			    (uint8_t)random() } };
		unsigned prefix = 14 + (unsigned)random() % 19;

		first = ip_network(&first, prefix, 128);
		ip_format(&first, text);
		snprintf(text + strlen(text), 8, "/%u", prefix);
		ck_assert_msg(ip_range_parse(text, &ranges[i], &e), "%s", e.text);
		plain[i] = ranges[i];
	}
	ip_set_make(&set, ranges, COUNT);
	for (unsigned i = 1; i < set.count; i++)
		ck_assert_int_gt(
		    memcmp(&set.ranges[i].from, &set.ranges[i - 1].to, sizeof(struct ip)), 0);
	for (unsigned n = 0; n < 20000; n++) {
		struct ip asked = { .family = IP_V4,
			.bytes = { (uint8_t)(random() % 4), (uint8_t)random(), (uint8_t)random(),
			    (uint8_t)random() } };
		bool in = false;

		for (unsigned i = 0; i < COUNT && !in; i++)
			in = memcmp(&plain[i].from, &asked, sizeof asked) <= 0 &&
			    memcmp(&asked, &plain[i].to, sizeof asked) <= 0;
		ck_assert(ip_set_has(&set, &asked) == in);
	}
	free(ranges);
	free(plain);
}
END_TEST

START_TEST(clients_of_one_network_share_its_key)
{
	struct ip a = ip("192.0.2.77"), b = ip("2001:db8:1:2:3:4:5:6"),
		  none = { .family = IP_NONE };
	struct ip a24 = ip_network(&a, 24, 64), b64 = ip_network(&b, 24, 64);
	struct ip want_a = ip("192.0.2.0"), want_b = ip("2001:db8:1:2::");
	struct ip same = ip_network(&none, 24, 64), one = ip("127.1.2.3"), six = ip("::1");

	ck_assert(ip_equal(&a24, &want_a));
	ck_assert(ip_equal(&b64, &want_b));
	ck_assert(ip_equal(&same, &none));
	ck_assert(ip_is_loopback(&one) && ip_is_loopback(&six) && !ip_is_loopback(&a));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base/ip");
	TCase *t = tcase_create("ip");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, an_address_has_one_form);
	tcase_add_test(t, a_socket_address_gives_the_same_key);
	tcase_add_test(t, a_network_is_read_or_refused_with_a_remedy);
	tcase_add_test(t, a_network_is_shown_as_it_is_written);
	tcase_add_test(t, a_set_has_its_networks_and_no_others);
	tcase_add_test(t, everything_of_a_family_is_of_that_family_only);
	tcase_add_test(t, thousands_of_networks_agree_with_the_plain_reading);
	tcase_add_test(t, clients_of_one_network_share_its_key);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
