/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_names.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *first_names[] = { "example.com", "www.example.com" };
static const char *rsa_names[] = { "example.com" };
static const char *wild_names[] = { "*.example.com", "*.b.example.com" };
static const char *odd_names[] = { "f*.example.org", "*" };

static struct conf_certificate certificates[] = {
	{ .names = first_names, .name_count = 2, .ecdsa = true },
	{ .names = rsa_names, .name_count = 1 }, { .names = wild_names, .name_count = 2 },
	{ .names = odd_names, .name_count = 2, .ecdsa = true },
	{ .names = rsa_names, .name_count = 1 }, /* a second RSA one: the first wins */
};
static const struct conf_tls site = { .certificates = certificates, .certificate_count = 5 };

static const struct {
	const char *name;
	int ecdsa, rsa;
} lookups[] = {
	{ "example.com", 0, 1 },
	{ "www.example.com", 0, -1 },
	{ "a.example.com", -1, 2 },
	{ "x.b.example.com", -1, 2 },
	{ "b.example.com", -1, 2 },
	{ "a.c.example.com", 0, 1 }, /* a wildcard stands for one label (RFC 6125, 6.4.3) */
	{ "foo.example.org", 0, 1 }, /* and for a whole one */
	{ "org", 0, 1 },
	{ "nobody.test", 0, 1 },
	{ ".example.com", 0, 1 },
	{ "", 0, 1 },
};

START_TEST(a_name_finds_exact_then_wildcard_then_the_default)
{
	struct tls_names *n = tls_names_new(&site);
	struct tls_pair found = tls_names_find(n, lookups[_i].name);
	struct tls_pair scanned = tls_names_scan(&site, lookups[_i].name);

	ck_assert_int_eq(found.certificate[TLS_KEY_ECDSA], lookups[_i].ecdsa);
	ck_assert_int_eq(found.certificate[TLS_KEY_RSA], lookups[_i].rsa);
	ck_assert_mem_eq(&found, &scanned, sizeof found);
	tls_names_free(n);
}
END_TEST

START_TEST(a_default_certificate_without_names_serves_what_nobody_else_does)
{
	static struct conf_certificate two[] = { { .ecdsa = false },
		{ .names = rsa_names, .name_count = 1, .ecdsa = true } };
	struct conf_tls conf = { .certificates = two, .certificate_count = 2 };
	struct tls_names *n = tls_names_new(&conf);

	ck_assert_int_eq(tls_pair_first(tls_names_find(n, "other.test")), 0);
	ck_assert_int_eq(tls_names_find(n, "other.test").certificate[TLS_KEY_ECDSA], -1);
	ck_assert_int_eq(tls_pair_first(tls_names_find(n, "example.com")), 1);
	tls_names_free(n);
}
END_TEST

START_TEST(ten_thousand_names_are_all_found)
{
	enum { COUNT = 10000 };
	struct conf_certificate *c = calloc(COUNT, sizeof *c);
	struct conf_tls conf = { .certificates = c, .certificate_count = COUNT };
	struct tls_names *n;
	char name[64];

	for (int i = 0; i < COUNT; i++) {
		const char **one = calloc(1, sizeof *one);
		char *text = malloc(64);

		snprintf(text, 64, "%ssite-%d.example.com", i % 2 == 0 ? "" : "*.", i);
		one[0] = text;
		c[i] = (struct conf_certificate){ .names = one, .name_count = 1, .ecdsa = true };
	}
	n = tls_names_new(&conf);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "%ssite-%d.example.com", i % 2 == 0 ? "" : "www.", i);
		ck_assert_int_eq(tls_names_find(n, name).certificate[TLS_KEY_ECDSA], i);
	}
	tls_names_free(n);
	for (int i = 0; i < COUNT; i++) {
		free((void *)(uintptr_t)c[i].names[0]);
		free(c[i].names);
	}
	free(c);
}
END_TEST

#define LABEL63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
#define NAME255 LABEL63 "." LABEL63 "." LABEL63 "." LABEL63

static const struct {
	const char *raw;
	size_t len;       /* 0: strlen */
	const char *name; /* NULL: refused */
} names[] = {
	{ "example.com", 0, "example.com" },
	{ "EXAMPLE.Com", 0, "example.com" },
	{ "example.com.", 0, "example.com" },
	{ "a", 0, "a" },
	{ "my_app.example.com", 0, "my_app.example.com" },
	{ "xn--bcher-kva.example", 0, "xn--bcher-kva.example" },
	{ "10.0.0.1", 0, "10.0.0.1" },
	{ NAME255, 0, NAME255 },
	{ NAME255 "x", 0, NULL },
	{ "", 0, NULL },
	{ ".", 0, NULL },
	{ "..", 0, NULL },
	{ ".example.com", 0, NULL },
	{ "example..com", 0, NULL },
	{ "example.com..", 0, NULL },
	{ "*.example.com", 0, NULL },
	{ "::1", 0, NULL },
	{ "a b", 0, NULL },
	{ "a/b", 0, NULL },
	{ "b\xc3\xbc"
	  "cher.example",
	    0, NULL },
	{ "example.com\0.evil", 17, NULL },
	{ "\0", 1, NULL },
};

START_TEST(only_host_names_are_taken_and_come_out_lower_case)
{
	size_t len = names[_i].len != 0 ? names[_i].len : strlen(names[_i].raw);
	char out[TLS_NAME_MAX + 1];

	ck_assert(tls_name_normalize(names[_i].raw, len, out) == (names[_i].name != NULL));
	if (names[_i].name != NULL)
		ck_assert_str_eq(out, names[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_names");
	TCase *tc = tcase_create("names");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tc, a_name_finds_exact_then_wildcard_then_the_default, 0, ARRAY_SIZE(lookups));
	tcase_add_test(tc, a_default_certificate_without_names_serves_what_nobody_else_does);
	tcase_add_test(tc, ten_thousand_names_are_all_found);
	tcase_add_loop_test(
	    tc, only_host_names_are_taken_and_come_out_lower_case, 0, ARRAY_SIZE(names));
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
