/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/tls_names.h"
#include "tls_fixture.h"
#include "tls_site.h"

enum { ROTATION_MS = 3600 * 1000 };

static const unsigned char seed[32] = "one seed for the whole process..";
static const unsigned char other_seed[32] = "a seed of some other process....";

static struct conf_tls site;
static SSL_CTX *client_ctx;

/* The monotonic clock, which the linker lets us replace: a rotation without waiting for it. */
static uint64_t now_ms;
uint64_t __wrap_clock_now_ms(void);

uint64_t
__wrap_clock_now_ms(void)
{
	return now_ms;
}

static void
set_up(void)
{
	now_ms = 10ULL * ROTATION_MS;
	site = (struct conf_tls){
		.name = "site",
		.certificates = certificates,
		.certificate_count = ARRAY_SIZE(certificates),
		.min_version = TLS1_2_VERSION,
		.ticket_rotation_ms = ROTATION_MS,
	};
	client_ctx = plain_client();
}

static void
tear_down(void)
{
	SSL_CTX_free(client_ctx);
}

/* What a handshake came to. */
struct result {
	bool good;
	bool resumed;
	int alert;
	const struct issued *served; /* NULL: none of ours */
	char sni[256];
	SSL_SESSION *session; /* counted; NULL: no ticket came */
	bool client_certificate;
};

static struct result
meet_ssl(SSL *server, const char *sni, SSL_SESSION *session)
{
	SSL *client = client_for(client_ctx, sni, session);
	struct result r = { .good = shake(client, server) };

	r.resumed = SSL_session_reused(server);
	r.alert = client_alert();
	r.served = site_identify(SSL_get0_peer_certificate(client));
	snprintf(r.sni, sizeof r.sni, "%s", tls_sni(server));
	r.client_certificate = tls_has_client_certificate(server);
	r.session = client_session();
	/* A renewed TLS 1.2 ticket is announced to nobody; it is in the connection's session. */
	if (r.session == NULL && r.good && SSL_SESSION_has_ticket(SSL_get0_session(client)))
		r.session = SSL_get1_session(client);
	/* A client that says goodbye: OpenSSL forgets sessions of connections that were cut. */
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	return r;
}

static struct result
meet(struct tls_server *s, const char *sni, SSL_SESSION *session)
{
	return meet_ssl(tls_server_ssl(s), sni, session);
}

static const struct {
	const char *sni;
	const char *sigalgs; /* the client's */
	int version;
	struct issued **served;
	const char *seen;
} choices[] = {
	{ "shop.test", NULL, TLS1_3_VERSION, &shop_ec, "shop.test" },
	{ "shop.test", NULL, TLS1_2_VERSION, &shop_ec, "shop.test" },
	{ "shop.test", "RSA-PSS+SHA256:RSA+SHA256", TLS1_3_VERSION, &shop_rsa, "shop.test" },
	{ "shop.test", "RSA-PSS+SHA256:RSA+SHA256", TLS1_2_VERSION, &shop_rsa, "shop.test" },
	{ "SHOP.Test", NULL, TLS1_3_VERSION, &shop_ec, "shop.test" },
	{ "SHOP.Test.", NULL, TLS1_2_VERSION, &shop_ec, "shop.test" },
	{ "a.wild.test", NULL, TLS1_3_VERSION, &wild, "a.wild.test" },
	{ "a.b.wild.test", NULL, TLS1_3_VERSION, &shop_ec, "a.b.wild.test" },
	{ "wild.test", NULL, TLS1_3_VERSION, &shop_ec, "wild.test" },
	{ "other.test", NULL, TLS1_3_VERSION, &other, "other.test" },
	{ "other.test", NULL, TLS1_2_VERSION, &other, "other.test" },
	{ "nobody.test", NULL, TLS1_3_VERSION, &shop_ec, "nobody.test" },
	{ NULL, NULL, TLS1_3_VERSION, &shop_ec, "" },
	{ NULL, "RSA-PSS+SHA256", TLS1_3_VERSION, &shop_rsa, "" },
};

START_TEST(the_certificate_follows_the_name_and_the_clients_signatures)
{
	struct tls_server *s = tls_server_new(&site, seed);
	struct result r;

	SSL_CTX_set_max_proto_version(client_ctx, choices[_i].version);
	if (choices[_i].sigalgs != NULL)
		SSL_CTX_set1_sigalgs_list(client_ctx, choices[_i].sigalgs);
	r = meet(s, choices[_i].sni, NULL);
	ck_assert(r.good);
	ck_assert_ptr_eq(r.served, *choices[_i].served);
	ck_assert_str_eq(r.sni, choices[_i].seen);
	SSL_SESSION_free(r.session);
	tls_server_free(s);
}
END_TEST

START_TEST(a_name_that_is_no_host_name_ends_the_handshake)
{
	static const char *bad[] = { "a b.test", "*.wild.test", "..", "a..test", "under/score" };
	struct tls_server *s = tls_server_new(&site, seed);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct result r = meet(s, bad[i], NULL);

		ck_assert_msg(!r.good, "%s was taken", bad[i]);
		ck_assert_int_eq(r.alert, SSL_AD_ILLEGAL_PARAMETER);
	}
	tls_server_free(s);
}
END_TEST

static const struct {
	const char *offer;
	size_t len;
	bool good;
} alpn[] = {
	{ "\x08http/1.1", 9, true },
	{ "\x02h2\x08http/1.1", 12, true },
	{ "", 0, true }, /* no ALPN at all: HTTP/1.1 it is */
	{ "\x02h2", 3, false },
	{ "\x0a"
	  "acme-tls/1",
	    11, false },
	{ "\x08http/1.0", 9, false },
};

START_TEST(alpn_agrees_on_http1_or_on_nothing)
{
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *server = tls_server_ssl(s);
	struct result r;

	SSL_CTX_set_alpn_protos(
	    client_ctx, (const unsigned char *)alpn[_i].offer, (unsigned)alpn[_i].len);
	r = meet_ssl(server, "shop.test", NULL);
	ck_assert(r.good == alpn[_i].good);
	if (!r.good)
		ck_assert_int_eq(r.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
	SSL_SESSION_free(r.session);
	tls_server_free(s);
}
END_TEST

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(another_worker_resumes_with_the_same_seed_only)
{
	struct tls_server *one = tls_server_new(&site, seed);
	struct tls_server *two = tls_server_new(&site, seed);
	struct tls_server *stranger = tls_server_new(&site, other_seed);
	struct result first, r;

	SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
	first = meet(one, "shop.test", NULL);
	ck_assert_ptr_nonnull(first.session);
	ck_assert(!first.resumed);
	r = meet(stranger, "shop.test", first.session);
	ck_assert(r.good && !r.resumed);
	SSL_SESSION_free(r.session);
	r = meet(two, "shop.test", first.session);
	ck_assert(r.good && r.resumed);
	ck_assert_str_eq(r.sni, "shop.test");
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(first.session);
	tls_server_free(one);
	tls_server_free(two);
	tls_server_free(stranger);
}
END_TEST

START_TEST(a_session_survives_one_rotation_but_not_two)
{
	struct tls_server *s = tls_server_new(&site, seed);
	struct result first, r;

	SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
	first = meet(s, "shop.test", NULL);
	now_ms += ROTATION_MS;
	r = meet(s, "shop.test", first.session);
	ck_assert(r.good && r.resumed);
	ck_assert_ptr_nonnull(r.session); /* renewed under the new key */
	SSL_SESSION_free(first.session);
	first = r;
	now_ms += ROTATION_MS;
	r = meet(s, "shop.test", first.session);
	ck_assert(r.good && r.resumed);
	SSL_SESSION_free(r.session);
	now_ms += ROTATION_MS;
	r = meet(s, "shop.test", first.session);
	ck_assert(r.good && !r.resumed);
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(first.session);
	tls_server_free(s);
}
END_TEST

static const struct {
	const char *from, *to;
	bool resumed;
} crossings[] = {
	{ "shop.test", "shop.test", true },
	{ "a.wild.test", "a.wild.test", true },
	{ NULL, NULL, true },
	{ "shop.test", "other.test", false },
	{ "shop.test", NULL, false },
	{ NULL, "shop.test", false },
	{ "a.wild.test", "b.wild.test", false },
	{ "nobody.test", "shop.test", false },
	{ "shop.test", "SHOP.TEST", false },
};

START_TEST(a_session_is_resumed_under_its_own_name_only)
{
	struct tls_server *s = tls_server_new(&site, seed);
	int version = versions[_i % 2];
	struct result first, r;

	SSL_CTX_set_max_proto_version(client_ctx, version);
	first = meet(s, crossings[_i / 2].from, NULL);
	ck_assert_ptr_nonnull(first.session);
	r = meet(s, crossings[_i / 2].to, first.session);
	/* The client may not even offer it under another name; the server must not take it. */
	ck_assert(r.good);
	ck_assert(r.resumed == crossings[_i / 2].resumed);
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(first.session);
	tls_server_free(s);
}
END_TEST

static void
use_client_ca(struct conf_tls *conf, enum conf_client_auth auth)
{
	conf->client_ca = ca->chain;
	conf->client_auth = auth;
}

static void
client_presents(const struct issued *i)
{
	if (i == NULL)
		return;
	ck_assert_int_eq(SSL_CTX_use_certificate(client_ctx, i->x509), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(client_ctx, i->key), 1);
}

static const struct {
	enum conf_client_auth auth;
	struct issued **presents;
	bool good;
	bool seen;
} auths[] = {
	{ CLIENT_AUTH_OFF, NULL, true, false },
	{ CLIENT_AUTH_OFF, &good_client, true, false },
	{ CLIENT_AUTH_REQUEST, NULL, true, false },
	{ CLIENT_AUTH_REQUEST, &good_client, true, true },
	{ CLIENT_AUTH_REQUEST, &foreign_client, false, false },
	{ CLIENT_AUTH_REQUIRE, NULL, false, false },
	{ CLIENT_AUTH_REQUIRE, &good_client, true, true },
	{ CLIENT_AUTH_REQUIRE, &foreign_client, false, false },
	{ CLIENT_AUTH_REQUIRE, &expired_client, false, false },
};

START_TEST(client_certificates_are_judged_as_configured)
{
	int version = versions[_i % 2], at = _i / 2;
	struct tls_server *s;
	struct result r;

	use_client_ca(&site, auths[at].auth);
	s = tls_server_new(&site, seed);
	SSL_CTX_set_max_proto_version(client_ctx, version);
	client_presents(auths[at].presents != NULL ? *auths[at].presents : NULL);
	r = meet(s, "other.test", NULL);
	ck_assert_msg(r.good == auths[at].good, "case %d", at);
	if (r.good)
		ck_assert(r.client_certificate == auths[at].seen);
	SSL_SESSION_free(r.session);
	tls_server_free(s);
}
END_TEST

START_TEST(a_resumed_session_keeps_its_client_certificate)
{
	struct tls_server *s;
	struct result first, r;

	use_client_ca(&site, CLIENT_AUTH_REQUIRE);
	s = tls_server_new(&site, seed);
	SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
	client_presents(good_client);
	first = meet(s, "shop.test", NULL);
	r = meet(s, "shop.test", first.session);
	ck_assert(r.good && r.resumed && r.client_certificate);
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(first.session);
	tls_server_free(s);
}
END_TEST

/* CVE-2025-23419: a ticket got where no certificate is asked for opened the door where one is. */
START_TEST(resumption_never_bypasses_client_certificates)
{
	static struct conf_tls open, asking, strict;
	struct conf_tls *sources[] = { &open, &asking };
	struct tls_server *target;

	open = asking = strict = site;
	use_client_ca(&asking, CLIENT_AUTH_REQUEST);
	use_client_ca(&strict, CLIENT_AUTH_REQUIRE);
	target = tls_server_new(&strict, seed);
	SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct tls_server *source = tls_server_new(sources[i], seed);
		struct result first = meet(source, "shop.test", NULL), r;

		ck_assert_ptr_nonnull(first.session);
		r = meet(target, "shop.test", first.session);
		ck_assert(!r.good && !r.resumed);
		SSL_SESSION_free(r.session);
		SSL_SESSION_free(first.session);
		tls_server_free(source);
	}
	tls_server_free(target);
}
END_TEST

START_TEST(blocks_do_not_resume_each_others_sessions)
{
	struct conf_tls second = site;
	struct tls_server *one, *two;
	struct result first, r;

	second.name = "second";
	one = tls_server_new(&site, seed);
	two = tls_server_new(&second, seed);
	first = meet(one, "shop.test", NULL);
	r = meet(two, "shop.test", first.session);
	ck_assert(r.good && !r.resumed);
	SSL_SESSION_free(r.session);
	SSL_SESSION_free(first.session);
	tls_server_free(one);
	tls_server_free(two);
}
END_TEST

START_TEST(versions_below_the_minimum_are_refused)
{
	struct tls_server *s;
	struct result r;

	site.min_version = TLS1_3_VERSION;
	s = tls_server_new(&site, seed);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	r = meet(s, "shop.test", NULL);
	ck_assert(!r.good);
	ck_assert_int_eq(r.alert, SSL_AD_PROTOCOL_VERSION);
	tls_server_free(s);
	site.min_version = TLS1_2_VERSION;
	s = tls_server_new(&site, seed);
	SSL_CTX_set_security_level(client_ctx, 0);
	SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
	r = meet(s, "shop.test", NULL);
	ck_assert(!r.good);
	tls_server_free(s);
}
END_TEST

START_TEST(weak_tls12_ciphers_are_not_offered)
{
	struct tls_server *s = tls_server_new(&site, seed);
	struct result r;

	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(client_ctx,
	    "AES128-SHA:AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:"
	    "DHE-RSA-AES128-GCM-SHA256");
	r = meet(s, "shop.test", NULL);
	ck_assert(!r.good);
	tls_server_free(s);
}
END_TEST

START_TEST(one_ticket_comes_with_each_tls13_handshake)
{
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *server = tls_server_ssl(s);

	ck_assert_uint_eq(SSL_get_num_tickets(server), 1);
	ck_assert_uint_eq(SSL_get_max_early_data(server), 0);
	SSL_free(server);
	tls_server_free(s);
}
END_TEST

START_TEST(connections_outlive_their_server)
{
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *done = tls_server_ssl(s);
	SSL *client = client_for(client_ctx, "Shop.test", NULL);

	ck_assert(shake(client, done));
	tls_server_free(s);
	ck_assert_str_eq(tls_sni(done), "shop.test");
	ck_assert_str_eq(tls_version_name(done), "TLSv1.3");
	ck_assert_int_eq(SSL_write(done, "x", 1), 1);
	SSL_free(client);
	SSL_free(done);
}
END_TEST

START_TEST(a_pinned_topology_serves_those_who_have_yet_to_speak_and_is_let_go_then)
{
	struct topology t = { 0 };
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *speaks, *leaves, *silent;
	struct result r;

	atomic_init(&t.refs, 1);
	tls_server_pin(s, &t);
	ck_assert_uint_eq(atomic_load(&t.refs), 2);
	speaks = tls_server_ssl(s);
	leaves = tls_server_ssl(s);
	silent = tls_server_ssl(s);
	tls_server_free(s);
	ck_assert_uint_eq(atomic_load(&t.refs), 2);
	r = meet_ssl(speaks, "other.test", NULL);
	ck_assert(r.good);
	ck_assert_ptr_eq(r.served, other);
	SSL_SESSION_free(r.session);
	SSL_free(leaves);
	ck_assert_uint_eq(atomic_load(&t.refs), 2);
	SSL_free(silent);
	ck_assert_uint_eq(atomic_load(&t.refs), 1);
}
END_TEST

START_TEST(without_a_pin_those_who_come_too_late_are_refused)
{
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *late = tls_server_ssl(s);

	tls_server_free(s);
	ck_assert(!meet_ssl(late, "other.test", NULL).good);
}
END_TEST

START_TEST(a_key_that_does_not_load_fails_its_own_name_only)
{
	struct conf_certificate broken[2] = { certificates[0], certificates[3] };
	struct conf_tls conf = site;
	struct tls_server *s;
	struct result r;

	broken[0].key = other->key_file;
	conf.certificates = broken;
	conf.certificate_count = 2;
	s = tls_server_new(&conf, seed);
	r = meet(s, "shop.test", NULL);
	ck_assert(!r.good);
	ck_assert_int_eq(r.alert, SSL_AD_INTERNAL_ERROR);
	r = meet(s, "other.test", NULL);
	ck_assert(r.good);
	SSL_SESSION_free(r.session);
	tls_server_free(s);
}
END_TEST

START_TEST(which_certificate_serves_a_name_can_be_asked)
{
	static const struct {
		const char *name;
		unsigned index;
	} asked[] = { { "shop.test", 0 }, { "x.wild.test", 2 }, { "other.test", 3 },
		{ "no.test", 0 } };
	struct tls_server *s = tls_server_new(&site, seed);

	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		ck_assert_uint_eq(tls_server_certificate(s, asked[i].name), asked[i].index);
		ck_assert_uint_eq(tls_server_certificate_for(&site, asked[i].name), asked[i].index);
	}
	tls_server_free(s);
}
END_TEST

/* Whatever arrives instead of a ClientHello, or in its place cut or bent, is refused in order. */
START_TEST(bent_client_hellos_are_refused_without_harm)
{
	struct tls_server *s = tls_server_new(&site, seed);
	SSL *client = client_for(client_ctx, "shop.test", NULL);
	BIO *out = BIO_new(BIO_s_mem());
	unsigned char *hello;
	long len;

	SSL_set_bio(client, BIO_new(BIO_s_mem()), out);
	SSL_do_handshake(client);
	len = BIO_get_mem_data(out, (char **)&hello);
	ck_assert_int_gt(len, 50);
	for (long i = 5; i < len; i++) {
		SSL *server = tls_server_ssl(s);
		BIO *in = BIO_new(BIO_s_mem());

		hello[i] ^= 0xff;
		BIO_write(in, hello, (int)len);
		SSL_set_bio(server, in, BIO_new(BIO_s_mem()));
		ck_assert_int_ne(SSL_do_handshake(server), 1);
		hello[i] ^= 0xff;
		SSL_free(server);
		ERR_clear_error();
	}
	SSL_free(client);
	tls_server_free(s);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, the_certificate_follows_the_name_and_the_clients_signatures, 0,
	    ARRAY_SIZE(choices));
	tcase_add_test(tc, a_name_that_is_no_host_name_ends_the_handshake);
	tcase_add_loop_test(tc, alpn_agrees_on_http1_or_on_nothing, 0, ARRAY_SIZE(alpn));
	tcase_add_loop_test(tc, another_worker_resumes_with_the_same_seed_only, 0, 2);
	tcase_add_loop_test(tc, a_session_survives_one_rotation_but_not_two, 0, 2);
	tcase_add_loop_test(
	    tc, a_session_is_resumed_under_its_own_name_only, 0, 2 * ARRAY_SIZE(crossings));
	tcase_add_loop_test(
	    tc, client_certificates_are_judged_as_configured, 0, 2 * ARRAY_SIZE(auths));
	tcase_add_loop_test(tc, a_resumed_session_keeps_its_client_certificate, 0, 2);
	tcase_add_loop_test(tc, resumption_never_bypasses_client_certificates, 0, 2);
	tcase_add_test(tc, blocks_do_not_resume_each_others_sessions);
	tcase_add_test(tc, versions_below_the_minimum_are_refused);
	tcase_add_test(tc, weak_tls12_ciphers_are_not_offered);
	tcase_add_test(tc, one_ticket_comes_with_each_tls13_handshake);
	tcase_add_test(tc, connections_outlive_their_server);
	tcase_add_test(tc, a_pinned_topology_serves_those_who_have_yet_to_speak_and_is_let_go_then);
	tcase_add_test(tc, without_a_pin_those_who_come_too_late_are_refused);
	tcase_add_test(tc, a_key_that_does_not_load_fails_its_own_name_only);
	tcase_add_test(tc, which_certificate_serves_a_name_can_be_asked);
	tcase_add_test(tc, bent_client_hellos_are_refused_without_harm);
}

int
main(void)
{
	Suite *suite = suite_create("tls_server");
	TCase *tc = tcase_create("server");
	SRunner *runner = srunner_create(suite);
	int failed;

	site_make();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
