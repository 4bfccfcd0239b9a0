/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <time.h>

#include "base/bytes.h"
#include "helper.h"

/* One tls entry with this pair; text as whole() makes it. */
static const char *
with_pair(const char *chain, const char *key, const char *more)
{
	static char tls[512];

	snprintf(tls, sizeof tls, "certificates = ( { chain = \"%s\"; key = \"%s\"; } ); %s", chain,
	    key, more);
	return whole(&(struct parts){ .listener = "tls = \"site\";", .tls = tls });
}

static void
expect_refused(const char *chain, const char *key, const char *reason)
{
	struct conf_problems problems;

	ck_assert_ptr_null(
	    conf_load_text(with_pair(chain, key, ""), "t.conf", scratch_path("."), &problems));
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_msg(strncmp(problems.list[0].text, "t.conf:3: ", 10) == 0 &&
		strstr(problems.list[0].text, reason) != NULL,
	    "%s", problems.list[0].text);
	conf_problems_free(&problems);
}

static void
expect_warning(const char *text, const char *reason)
{
	struct conf_problems problems;
	struct topology *t = conf_load_text(text, "t.conf", scratch_path("."), &problems);

	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(problems.count, 1);
	ck_assert(problems.list[0].warning);
	ck_assert_msg(strstr(problems.list[0].text, reason) != NULL, "%s", problems.list[0].text);
	conf_problems_free(&problems);
	topology_unref(t);
}

START_TEST(names_come_from_the_alternatives_in_lower_case)
{
	const struct conf_certificate *c;
	struct topology *t;

	make_pair(&(struct pair_spec){ "a", "common.example.com",
	    "DNS:Shop.Example.com,IP:127.0.0.1,DNS:*.shop.example.com", 0, 10, NULL });
	t = load_good(with_pair("a.crt", "a.key", ""));
	c = &t->tls[0].certificates[0];
	ck_assert_uint_eq(c->name_count, 2);
	ck_assert_str_eq(c->names[0], "shop.example.com");
	ck_assert_str_eq(c->names[1], "*.shop.example.com");
	ck_assert(c->ecdsa);
	ck_assert_int_ge(c->not_after, time(NULL) + 86400 * 10 - 60);
	ck_assert_int_le(c->not_after, time(NULL) + 86400 * 10 + 60);
	ck_assert_ptr_nonnull(strstr(c->key.bytes, "PRIVATE KEY"));
	ck_assert_uint_eq(c->chain.len, strlen(c->chain.bytes));
	ck_assert_ptr_eq(t->listeners[0].tls, &t->tls[0]);
	topology_unref(t);
}
END_TEST

START_TEST(without_alternatives_the_common_name_counts)
{
	struct topology *t;

	make_pair(&(struct pair_spec){ "a", "Common.Example.com", NULL, 2048, 10, NULL });
	t = load_good(with_pair("a.crt", "a.key", ""));
	ck_assert_uint_eq(t->tls[0].certificates[0].name_count, 1);
	ck_assert_str_eq(t->tls[0].certificates[0].names[0], "common.example.com");
	ck_assert(!t->tls[0].certificates[0].ecdsa);
	topology_unref(t);
}
END_TEST

START_TEST(a_pair_that_no_worker_could_use_is_refused)
{
	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	make_pair(&(struct pair_spec){ "b", "b", NULL, 0, 10, NULL });
	make_pair(&(struct pair_spec){ "locked", "c", NULL, 0, 10, "secret" });
	make_pair(&(struct pair_spec){ "short", "d", NULL, 1024, 10, NULL });
	make_pair(&(struct pair_spec){ "ed", "e", NULL, -1, 10, NULL });
	scratch_write("empty.crt", "", 0600);
	scratch_write(
	    "broken.crt", "-----BEGIN CERTIFICATE-----\nMIIB!!\n-----END CERTIFICATE-----\n", 0600);
	expect_refused("missing.crt", "a.key",
	    "No such file or directory; paths are relative to the file that names them");
	expect_refused("a.crt", "b.key", "does not belong to the first certificate");
	ck_assert_int_eq(chmod(scratch_path("a.crt"), 0600), 0);
	expect_refused("a.crt", "a.crt", "holds no private key that can be read");
	expect_refused("a.key", "a.key", "holds no certificate; name a PEM file");
	expect_refused("empty.crt", "a.key", "holds no certificate");
	expect_refused("broken.crt", "a.key", "certificate 1 of");
	expect_refused("locked.crt", "locked.key", "is encrypted; store it without a passphrase");
	expect_refused("short.crt", "short.key", "cannot be used (ee key too small)");
	expect_refused("ed.crt", "ed.key", "neither ECDSA nor RSA");
	expect_refused(".", "a.key", "is a directory");
}
END_TEST

START_TEST(a_chain_is_read_to_its_end)
{
	char text[8192] = "";
	FILE *in;
	size_t len;

	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	make_pair(&(struct pair_spec){ "b", "b", NULL, 0, 10, NULL });
	in = fopen(scratch_path("a.crt"), "re");
	len = fread(text, 1, sizeof text / 2, in);
	fclose(in);
	in = fopen(scratch_path("b.crt"), "re");
	len += fread(text + len, 1, sizeof text / 2, in);
	fclose(in);
	scratch_write("chain.crt", text, 0600);
	topology_unref(load_good(with_pair("chain.crt", "a.key", "")));
	expect_refused("chain.crt", "b.key", "put the site's certificate first");
	strcpy(text + len - 60, "-----END CERTIFICATE-----\n");
	scratch_write("chain.crt", text, 0600);
	expect_refused("chain.crt", "a.key", "certificate 2 of");
}
END_TEST

START_TEST(what_works_but_should_not_stay_so_is_a_warning)
{
	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	make_pair(&(struct pair_spec){ "old", "old", NULL, 0, -10, NULL });
	expect_warning(with_pair("old.crt", "old.key", ""), "clients will refuse it, renew it");
	expect_warning(with_pair("a.crt", "a.key", "client_ca = \"a.crt\";"),
	    "client_ca has no effect while client_auth is \"off\"");
	ck_assert_int_eq(chmod(scratch_path("a.key"), 0644), 0);
	expect_warning(with_pair("a.crt", "a.key", ""), "everyone on this machine can read");
	ck_assert_int_eq(chmod(scratch_path("a.key"), 0640), 0);
	topology_unref(load_good(with_pair("a.crt", "a.key", "")));
}
END_TEST

START_TEST(a_listener_is_clear_text_or_has_tls)
{
	struct parts parts = { .listener = "tls = \"site\"; h2c = true;",
		.tls = "certificates = ( { chain = \"a.crt\"; key = \"a.key\"; } );" };

	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	expect_problem(whole(&parts),
	    "t.conf:2: h2c is HTTP/2 without TLS; with tls clients ask for HTTP/2 by themselves, "
	    "remove h2c or tls");
}
END_TEST

START_TEST(two_of_a_kind_for_one_name_are_told)
{
	static const char format[] = "certificates = ( { chain = \"%s.crt\"; key = \"%s.key\"; }, "
				     "{ chain = \"%s.crt\"; key = \"%s.key\"; } );";
	struct parts parts = { .listener = "tls = \"site\";" };
	char tls[512];

	make_pair(&(struct pair_spec){ "a", "x", "DNS:a.com,DNS:a.com", 0, 10, NULL });
	make_pair(&(struct pair_spec){ "b", "x", "DNS:A.com", 0, 10, NULL });
	make_pair(&(struct pair_spec){ "rsa", "x", "DNS:a.com", 2048, 10, NULL });
	snprintf(tls, sizeof tls, format, "a", "a", "b", "b");
	parts.tls = tls;
	expect_warning(
	    whole(&parts), "there is an ECDSA certificate for \"a.com\" already (t.conf:3)");
	snprintf(tls, sizeof tls, format, "a", "a", "rsa", "rsa");
	topology_unref(load_good(whole(&parts)));
}
END_TEST

START_TEST(client_certificates_need_a_ca)
{
	char problem[512];

	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	expect_problem(with_pair("a.crt", "a.key", "client_auth = \"require\";"),
	    "t.conf:3: client_auth asks for certificates, but no CA is named to verify them; add "
	    "client_ca = \"...\";");
	scratch_write("ca.crt", "nothing", 0600);
	snprintf(problem, sizeof problem,
	    "t.conf:3: client_ca: %s holds no certificate; name a PEM file with BEGIN CERTIFICATE",
	    scratch_path("ca.crt"));
	expect_problem(
	    with_pair("a.crt", "a.key", "client_auth = \"request\"; client_ca = \"ca.crt\";"),
	    problem);
	topology_unref(load_good(
	    with_pair("a.crt", "a.key", "client_auth = \"require\"; client_ca = \"a.crt\";")));
}
END_TEST

START_TEST(upstream_tls_is_checked_as_strictly)
{
	static const struct {
		const char *tls;
		const char *reason; /* NULL: good */
	} cases[] = {
		{ "ca = \"a.crt\";", NULL },
		{ "ca = \"a.key\";", "ca: " },
		{ "certificate = \"a.crt\"; key = \"a.key\";", NULL },
		{ "certificate = \"a.crt\";", "tls has a certificate but no key" },
		{ "key = \"a.key\";", "tls has a key but no certificate" },
		{ "certificate = \"a.crt\"; key = \"b.key\";", "does not belong" },
		{ "ca = \"${DETOUR_TEST_UNSET:-}\";", NULL },
	};

	make_pair(&(struct pair_spec){ "a", "a", NULL, 0, 10, NULL });
	make_pair(&(struct pair_spec){ "b", "b", NULL, 0, 10, NULL });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_problems problems;
		struct topology *t;
		char region[256];

		snprintf(region, sizeof region, "tls = { %s };", cases[i].tls);
		t = conf_load_text(
		    whole(&(struct parts){ .endpoints = "( \"https://a\" )", .region = region }),
		    "t.conf", scratch_path("."), &problems);
		ck_assert_msg((t != NULL) == (cases[i].reason == NULL), "%s", cases[i].tls);
		if (t == NULL)
			ck_assert_msg(strstr(problems.list[0].text, cases[i].reason) != NULL, "%s",
			    problems.list[0].text);
		conf_problems_free(&problems);
		topology_unref(t);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("certificate");
	TCase *tc = tcase_create("certificate");

	tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, names_come_from_the_alternatives_in_lower_case);
	tcase_add_test(tc, without_alternatives_the_common_name_counts);
	tcase_add_test(tc, a_pair_that_no_worker_could_use_is_refused);
	tcase_add_test(tc, a_chain_is_read_to_its_end);
	tcase_add_test(tc, what_works_but_should_not_stay_so_is_a_warning);
	tcase_add_test(tc, a_listener_is_clear_text_or_has_tls);
	tcase_add_test(tc, two_of_a_kind_for_one_name_are_told);
	tcase_add_test(tc, client_certificates_need_a_ca);
	tcase_add_test(tc, upstream_tls_is_checked_as_strictly);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
