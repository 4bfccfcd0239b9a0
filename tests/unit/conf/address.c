/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "helper.h"

static const struct {
	const char *text;
	const char *normal; /* NULL: refused */
	int family;
	unsigned port;
} addresses[] = {
	{ "127.0.0.1:80", "127.0.0.1:80", AF_INET, 80 },
	{ "0.0.0.0:8443", "0.0.0.0:8443", AF_INET, 8443 },
	{ "127.0.0.1:0", "127.0.0.1:0", AF_INET, 0 },
	{ "127.0.0.1:65535", "127.0.0.1:65535", AF_INET, 65535 },
	{ "[::1]:80", "[::1]:80", AF_INET6, 80 },
	{ "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443", AF_INET6, 443 },
	{ ":80", "[::]:80", AF_INET6, 80 },
	{ "unix:/run/x.sock", "unix:/run/x.sock", AF_UNIX, 0 },
	{ "127.0.0.1:65536", NULL, 0, 0 },
	{ "127.0.0.1:080000", NULL, 0, 0 },
	{ "127.0.0.1:-1", NULL, 0, 0 },
	{ "127.0.0.1:+1", NULL, 0, 0 },
	{ "127.0.0.1: 1", NULL, 0, 0 },
	{ "127.0.0.1:", NULL, 0, 0 },
	{ "127.0.0.1", NULL, 0, 0 },
	{ "127.1:80", NULL, 0, 0 },
	{ "1.2.3.4.5:80", NULL, 0, 0 },
	{ "256.0.0.1:80", NULL, 0, 0 },
	{ "localhost:80", NULL, 0, 0 },
	{ "::1:80", NULL, 0, 0 },
	{ "[::1]80", NULL, 0, 0 },
	{ "[::1", NULL, 0, 0 },
	{ "[]:80", NULL, 0, 0 },
	{ "[127.0.0.1]:80", NULL, 0, 0 },
	{ "[fe80::1%eth0]:80", NULL, 0, 0 },
	{ "[12345678901234567890123456789012345678901234567890]:1", NULL, 0, 0 },
	{ "unix:", NULL, 0, 0 },
	{ "unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
	  "0123456789012345678901234567890123456789",
	    NULL, 0, 0 },
	{ "", NULL, 0, 0 },
	{ ":", NULL, 0, 0 },
};

START_TEST(an_address_is_read_in_its_normal_form_or_refused)
{
	struct arena *arena = arena_new();
	struct conf_address a;
	struct error e = { "" };
	const char *text = addresses[_i].text;
	bool good = conf_address_parse(text, &a, arena, &e);

	ck_assert_msg(good == (addresses[_i].normal != NULL), "%s: %s", text, e.text);
	if (good) {
		ck_assert_str_eq(a.text, addresses[_i].normal);
		ck_assert_int_eq(a.addr.ss_family, addresses[_i].family);
		if (a.addr.ss_family == AF_INET) {
			ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in));
			ck_assert_uint_eq(
			    ntohs(((struct sockaddr_in *)&a.addr)->sin_port), addresses[_i].port);
		} else if (a.addr.ss_family == AF_INET6) {
			ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in6));
			ck_assert_uint_eq(
			    ntohs(((struct sockaddr_in6 *)&a.addr)->sin6_port), addresses[_i].port);
		} else {
			ck_assert_str_eq(((struct sockaddr_un *)&a.addr)->sun_path, text + 5);
		}
	} else {
		ck_assert_msg(strstr(e.text, "; write ") != NULL, "no remedy: %s", e.text);
	}
	arena_free(arena);
}
END_TEST

static const struct {
	const char *text;
	const char *url; /* NULL: refused */
	const char *host;
	unsigned port;
	bool tls;
	const char *literal; /* its address; NULL: a name */
} urls[] = {
	{ "http://a", "http://a", "a", 80, false, NULL },
	{ "https://a", "https://a", "a", 443, true, NULL },
	{ "http://a/", "http://a", "a", 80, false, NULL },
	{ "HTTP://Shop.Example.COM.:8080/", "http://shop.example.com:8080", "shop.example.com",
	    8080, false, NULL },
	{ "http://10.1.0.10:8080", "http://10.1.0.10:8080", "10.1.0.10", 8080, false,
	    "10.1.0.10:8080" },
	{ "https://[::1]", "https://[::1]", "::1", 443, true, "[::1]:443" },
	{ "https://[2001:DB8::0:1]:9", "https://[2001:db8::1]:9", "2001:db8::1", 9, true,
	    "[2001:db8::1]:9" },
	{ "http://a_b.c-d", "http://a_b.c-d", "a_b.c-d", 80, false, NULL },
	{ "http://1a.2b", "http://1a.2b", "1a.2b", 80, false, NULL },
	{ "a:80", NULL, NULL, 0, false, NULL },
	{ "ftp://a", NULL, NULL, 0, false, NULL },
	{ "http:/a", NULL, NULL, 0, false, NULL },
	{ "http://", NULL, NULL, 0, false, NULL },
	{ "http:///", NULL, NULL, 0, false, NULL },
	{ "http://a:0", NULL, NULL, 0, false, NULL },
	{ "http://a:", NULL, NULL, 0, false, NULL },
	{ "http://a:65536", NULL, NULL, 0, false, NULL },
	{ "http://a/b", NULL, NULL, 0, false, NULL },
	{ "http://a//", NULL, NULL, 0, false, NULL },
	{ "http://a?b", NULL, NULL, 0, false, NULL },
	{ "http://a#b", NULL, NULL, 0, false, NULL },
	{ "http://u@a", NULL, NULL, 0, false, NULL },
	{ "http://u:p@a:80", NULL, NULL, 0, false, NULL },
	{ "http://a b", NULL, NULL, 0, false, NULL },
	{ "http://-a", NULL, NULL, 0, false, NULL },
	{ "http://a-", NULL, NULL, 0, false, NULL },
	{ "http://a..b", NULL, NULL, 0, false, NULL },
	{ "http://.a", NULL, NULL, 0, false, NULL },
	{ "http://1.2.3", NULL, NULL, 0, false, NULL },
	{ "http://1.2.3.400", NULL, NULL, 0, false, NULL },
	{ "http://127.0.0.01", NULL, NULL, 0, false, NULL },
	{ "http://123", NULL, NULL, 0, false, NULL },
	{ "http://::1", NULL, NULL, 0, false, NULL },
	{ "http://[::1", NULL, NULL, 0, false, NULL },
	{ "http://[::g]", NULL, NULL, 0, false, NULL },
	{ "http://sh\xc3\xb6p", NULL, NULL, 0, false, NULL },
};

START_TEST(an_endpoint_url_is_scheme_host_and_port_or_refused)
{
	struct arena *arena = arena_new();
	struct conf_endpoint one = { 0 };
	struct error e = { "" };
	bool good = conf_url_parse(urls[_i].text, &one, arena, &e);

	ck_assert_msg(good == (urls[_i].url != NULL), "%s: %s", urls[_i].text, e.text);
	if (good) {
		ck_assert_str_eq(one.url, urls[_i].url);
		ck_assert_str_eq(one.host, urls[_i].host);
		ck_assert_uint_eq(one.port, urls[_i].port);
		ck_assert(one.tls == urls[_i].tls);
		ck_assert(one.literal == (urls[_i].literal != NULL));
		if (one.literal)
			ck_assert_str_eq(one.addr.text, urls[_i].literal);
	} else {
		ck_assert_msg(strstr(e.text, "; write ") != NULL, "no remedy: %s", e.text);
	}
	arena_free(arena);
}
END_TEST

START_TEST(a_name_may_be_as_long_as_dns_allows)
{
	struct arena *arena = arena_new();
	struct error e;
	char name[256];

	memset(name, 'a', sizeof name);
	name[63] = name[127] = name[191] = '.';
	ck_assert_ptr_nonnull(conf_host_parse(name, 253, arena, &e));
	ck_assert_ptr_null(conf_host_parse(name, 254, arena, &e));
	ck_assert_ptr_nonnull(conf_host_parse(name, 63, arena, &e));
	name[63] = 'a';
	ck_assert_ptr_null(conf_host_parse(name, 64, arena, &e));
	arena_free(arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("address");
	TCase *tc = tcase_create("address");

	tcase_add_loop_test(
	    tc, an_address_is_read_in_its_normal_form_or_refused, 0, ARRAY_SIZE(addresses));
	tcase_add_loop_test(
	    tc, an_endpoint_url_is_scheme_host_and_port_or_refused, 0, ARRAY_SIZE(urls));
	tcase_add_test(tc, a_name_may_be_as_long_as_dns_allows);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
