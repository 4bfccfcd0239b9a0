/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_client.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tls_fixture.h"

static struct issued *ca, *intermediate, *strange_ca;
static struct issued *good, *by_ip, *wild, *expired, *early, *strange, *self_signed, *deep;
static struct issued *client_cert;
static struct conf_file empty;

static struct issued *
leaf(const char *sans, const struct issued *issuer)
{
	return issue((struct issuing){ .subject = "shop.test", .sans = sans, .issuer = issuer });
}

static void
make_certificates(void)
{
	ca = issue((struct issuing){ .subject = "test CA", .ca = true });
	strange_ca = issue((struct issuing){ .subject = "strange CA", .ca = true });
	intermediate = issue((struct issuing){ .subject = "between", .issuer = ca, .ca = true });
	good = leaf("DNS:shop.test", ca);
	by_ip = leaf("IP:192.0.2.1,IP:2001:db8::1", ca);
	wild = leaf("DNS:*.wild.test,DNS:f*.part.test", ca);
	strange = leaf("DNS:shop.test", strange_ca);
	self_signed = leaf("DNS:shop.test", NULL);
	deep = leaf("DNS:shop.test", intermediate);
	expired = issue((struct issuing){ .subject = "shop.test",
	    .sans = "DNS:shop.test",
	    .issuer = ca,
	    .not_before = -2 * DAY,
	    .not_after = -DAY });
	early = issue((struct issuing){ .subject = "shop.test",
	    .sans = "DNS:shop.test",
	    .issuer = ca,
	    .not_before = DAY,
	    .not_after = 2 * DAY });
	client_cert = issue((struct issuing){ .subject = "proxy", .issuer = ca });
}

/* An endpoint. */
static SSL_CTX *
endpoint(const struct issued *i, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, i->x509), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, i->key), 1);
	SSL_CTX_set_max_proto_version(ctx, max_version);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"e", 1);
	return ctx;
}

static SSL *
serve(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_accept_state(ssl);
	return ssl;
}

static struct tls_client *
client_new(const struct conf_upstream_tls *conf)
{
	struct error e = { "" };
	struct tls_client *c = tls_client_new(conf, &e);

	ck_assert_msg(c != NULL, "%s", e.text);
	return c;
}

struct result {
	bool good;
	bool resumed;
	enum fault fault;
	char sni[256];
};

static struct result
meet(struct tls_client *c, SSL_CTX *ctx, const char *host, struct tls_session_slot *slot)
{
	SSL *server = serve(ctx), *client = tls_client_ssl(c, host, slot);
	struct result r = { 0 };
	const char *sni;

	ck_assert_ptr_nonnull(client);
	r.good = shake(client, server);
	r.resumed = SSL_session_reused(client);
	r.fault = r.good ? FAULT_NONE : tls_client_fault(client);
	sni = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
	snprintf(r.sni, sizeof r.sni, "%s", sni != NULL ? sni : "");
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	return r;
}

static const struct {
	struct issued **presents;
	struct issued **trusts;
	const char *host;
	const char *sni; /* configured */
	bool verify;
	enum fault fault;
	const char *sent; /* the SNI that went out */
} trusts[] = {
	{ &good, &ca, "shop.test", NULL, true, FAULT_NONE, "shop.test" },
	{ &good, &ca, "SHOP.test", NULL, true, FAULT_NONE, "SHOP.test" },
	{ &good, &ca, "shop.test.", NULL, true, FAULT_NONE, "shop.test" },
	{ &good, &ca, "10.0.0.1", "shop.test", true, FAULT_NONE, "shop.test" },
	{ &good, &ca, "other.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &good, &ca, "shop.test", "other.test", true, FAULT_TLS_UNTRUSTED, NULL },
	{ &good, &ca, "192.0.2.1", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &by_ip, &ca, "192.0.2.1", NULL, true, FAULT_NONE, "" },
	{ &by_ip, &ca, "2001:db8::1", NULL, true, FAULT_NONE, "" },
	{ &by_ip, &ca, "192.0.2.2", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &wild, &ca, "a.wild.test", NULL, true, FAULT_NONE, "a.wild.test" },
	{ &wild, &ca, "a.b.wild.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &wild, &ca, "foo.part.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &expired, &ca, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &early, &ca, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &strange, &ca, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &self_signed, &ca, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL },
	{ &self_signed, &self_signed, "shop.test", NULL, true, FAULT_NONE, "shop.test" },
	{ &deep, &intermediate, "shop.test", NULL, true, FAULT_NONE, "shop.test" },
	{ &deep, &ca, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED,
	    NULL }, /* its chain is missing */
	{ &good, NULL, "shop.test", NULL, true, FAULT_TLS_UNTRUSTED, NULL }, /* the system's CAs */
	{ &strange, NULL, "other.test", NULL, false, FAULT_NONE, "other.test" },
	{ &expired, NULL, "shop.test", NULL, false, FAULT_NONE, "shop.test" },
};

START_TEST(an_endpoint_is_trusted_for_its_name_and_ca_only)
{
	struct conf_upstream_tls conf = { .verify = trusts[_i / 2].verify,
		.sni = trusts[_i / 2].sni,
		.ca = trusts[_i / 2].trusts != NULL ? (*trusts[_i / 2].trusts)->chain : empty };
	SSL_CTX *ctx = endpoint(*trusts[_i / 2].presents, _i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	struct tls_client *c = client_new(&conf);
	struct result r = meet(c, ctx, trusts[_i / 2].host, NULL);

	ck_assert_msg(r.fault == trusts[_i / 2].fault, "case %d: %s", _i / 2, fault_word(r.fault));
	if (r.good)
		ck_assert_str_eq(r.sni, trusts[_i / 2].sent);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_version_below_1_2_fails_without_being_a_matter_of_trust)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, TLS1_1_VERSION);
	struct tls_client *c = client_new(&conf);
	struct result r;
	SSL *ssl;

	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_security_level(ctx, 0);
	ssl = tls_client_ssl(c, "shop.test", NULL);
	ck_assert_int_eq(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
	SSL_free(ssl);
	r = meet(c, ctx, "shop.test", NULL);
	ck_assert(!r.good);
	ck_assert_int_eq(r.fault, FAULT_TLS_FAILED);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_client_certificate_is_shown_when_asked_for)
{
	struct conf_upstream_tls with = { .verify = true,
		.ca = ca->chain,
		.certificate = client_cert->chain,
		.key = client_cert->key_file };
	struct conf_upstream_tls without = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, TLS1_2_VERSION);
	struct tls_client *c = client_new(&with);
	struct result r;

	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca->x509);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	ck_assert(meet(c, ctx, "shop.test", NULL).good);
	tls_client_free(c);
	c = client_new(&without);
	r = meet(c, ctx, "shop.test", NULL);
	ck_assert_int_eq(r.fault, FAULT_TLS_FAILED);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

static int
take_http1(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
    unsigned in_len, void *arg)
{
	ck_assert_uint_eq(in_len, 9);
	ck_assert_mem_eq(in, "\x08http/1.1", 9);
	*out = in + 1;
	*len = 8;
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(http1_is_offered)
{
	struct conf_upstream_tls conf = { .verify = false };
	SSL_CTX *ctx = endpoint(good, TLS1_3_VERSION);
	struct tls_client *c = client_new(&conf);

	SSL_CTX_set_alpn_select_cb(ctx, take_http1, NULL);
	ck_assert(meet(c, ctx, "shop.test", NULL).good);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(the_next_connection_resumes_the_last_session)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, versions[_i]);
	struct tls_client *c = client_new(&conf);
	struct tls_session_slot slot = { NULL };

	ck_assert(!meet(c, ctx, "shop.test", &slot).resumed);
	ck_assert_ptr_nonnull(slot.session);
	for (int i = 0; i < 3; i++) {
		struct result r = meet(c, ctx, "shop.test", &slot);

		ck_assert(r.good && r.resumed);
		ck_assert_ptr_nonnull(slot.session);
	}
	tls_session_slot_clear(&slot);
	ck_assert(!meet(c, ctx, "shop.test", &slot).resumed);
	tls_session_slot_clear(&slot);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_tls13_session_is_offered_once)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, versions[_i]);
	struct tls_client *c = client_new(&conf);
	struct tls_session_slot slot = { NULL };
	SSL *first;

	meet(c, ctx, "shop.test", &slot);
	first = tls_client_ssl(c, "shop.test", &slot);
	ck_assert((slot.session == NULL) == (versions[_i] == TLS1_3_VERSION));
	SSL_free(first);
	tls_session_slot_clear(&slot);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

/* A slot outlives reloads: what was agreed without verification must not count as verified. */
START_TEST(a_session_is_not_resumed_under_another_policy_or_name)
{
	const struct conf_upstream_tls lax = { .verify = false };
	const struct conf_upstream_tls other_ca = { .verify = true, .ca = strange_ca->chain };
	const struct conf_upstream_tls named = { .verify = false, .sni = "other.test" };
	const struct conf_upstream_tls strict = { .verify = true, .ca = ca->chain };
	const struct {
		const struct conf_upstream_tls *then, *now;
		const char *host_now;
		enum fault fault;
	} cases[] = {
		{ &lax, &strict, "shop.test", FAULT_NONE },
		{ &lax, &other_ca, "shop.test", FAULT_TLS_UNTRUSTED },
		{ &strict, &other_ca, "shop.test", FAULT_TLS_UNTRUSTED },
		{ &strict, &strict, "other.test", FAULT_TLS_UNTRUSTED },
		{ &strict, &strict, "192.0.2.1", FAULT_TLS_UNTRUSTED },
		{ &named, &lax, "shop.test", FAULT_NONE },
	};
	SSL_CTX *ctx = endpoint(good, versions[_i]);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tls_client *then = client_new(cases[i].then);
		struct tls_client *now = client_new(cases[i].now);
		struct tls_session_slot slot = { NULL };
		struct result r;

		ck_assert(meet(then, ctx, "shop.test", &slot).good);
		ck_assert_ptr_nonnull(slot.session);
		r = meet(now, ctx, cases[i].host_now, &slot);
		ck_assert_msg(!r.resumed, "case %zu was resumed", i);
		ck_assert_msg(r.fault == cases[i].fault, "case %zu: %s", i, fault_word(r.fault));
		tls_session_slot_clear(&slot);
		tls_client_free(then);
		tls_client_free(now);
	}
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_session_does_not_outlive_its_certificate)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	struct issued *brief = issue((struct issuing){
	    .subject = "shop.test", .sans = "DNS:shop.test", .issuer = ca, .not_after = 2 });
	SSL_CTX *ctx = endpoint(brief, TLS1_3_VERSION);
	struct tls_client *c = client_new(&conf);
	struct tls_session_slot slot = { NULL };
	SSL *ssl;

	ck_assert(meet(c, ctx, "shop.test", &slot).good);
	ck_assert_ptr_nonnull(slot.session);
	/* Only the wall clock can expire a certificate: wait for that very moment. */
	while (X509_cmp_current_time(X509_get0_notAfter(brief->x509)) > 0)
		usleep(10000);
	ssl = tls_client_ssl(c, "shop.test", &slot);
	ck_assert_ptr_null(slot.session);
	ck_assert_ptr_null(SSL_get_session(ssl));
	SSL_free(ssl);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_forgotten_slot_is_not_written)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, versions[_i]);
	struct tls_client *c = client_new(&conf);
	struct tls_session_slot slot = { NULL };
	SSL *client = tls_client_ssl(c, "shop.test", &slot), *server = serve(ctx);

	tls_client_forget_slot(client);
	tls_client_free(c); /* and the SSL lives on */
	ck_assert(shake(client, server));
	ck_assert_ptr_null(slot.session);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(the_peers_expiry_is_known)
{
	struct conf_upstream_tls conf = { .verify = true, .ca = ca->chain };
	SSL_CTX *ctx = endpoint(good, TLS1_3_VERSION);
	struct tls_client *c = client_new(&conf);
	SSL *client = tls_client_ssl(c, "shop.test", NULL), *server = serve(ctx);
	int64_t in_a_day = (int64_t)time(NULL) + DAY;

	ck_assert_int_eq(tls_client_not_after(client), 0);
	ck_assert(shake(client, server));
	ck_assert_int_le(tls_client_not_after(client), in_a_day);
	ck_assert_int_gt(tls_client_not_after(client), in_a_day - 120);
	SSL_free(client);
	SSL_free(server);
	tls_client_free(c);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(what_cannot_be_used_is_said_with_its_file)
{
	struct conf_file junk = { "junk.pem", "not a certificate", 17 };
	struct conf_upstream_tls bad_ca = { .verify = true, .ca = junk };
	struct conf_upstream_tls bad_pair = {
		.verify = false, .certificate = client_cert->chain, .key = good->key_file
	};
	struct error e;

	ck_assert_ptr_null(tls_client_new(&bad_ca, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "junk.pem"));
	ck_assert_ptr_null(tls_client_new(&bad_pair, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "mismatch"));
}
END_TEST

START_TEST(a_host_no_certificate_could_hold_gets_no_ssl)
{
	struct conf_upstream_tls conf = { .verify = false };
	struct tls_client *c = client_new(&conf);
	char longest[300];

	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	ck_assert_ptr_null(tls_client_ssl(c, longest, NULL));
	ck_assert_ptr_null(tls_client_ssl(c, "", NULL));
	tls_client_free(c);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_client");
	TCase *tc = tcase_create("client");
	SRunner *runner = srunner_create(suite);
	int failed;

	make_certificates();
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
	    tc, an_endpoint_is_trusted_for_its_name_and_ca_only, 0, 2 * ARRAY_SIZE(trusts));
	tcase_add_test(tc, a_version_below_1_2_fails_without_being_a_matter_of_trust);
	tcase_add_test(tc, a_client_certificate_is_shown_when_asked_for);
	tcase_add_test(tc, http1_is_offered);
	tcase_add_loop_test(tc, the_next_connection_resumes_the_last_session, 0, 2);
	tcase_add_loop_test(tc, a_tls13_session_is_offered_once, 0, 2);
	tcase_add_loop_test(tc, a_session_is_not_resumed_under_another_policy_or_name, 0, 2);
	tcase_add_test(tc, a_session_does_not_outlive_its_certificate);
	tcase_add_loop_test(tc, a_forgotten_slot_is_not_written, 0, 2);
	tcase_add_test(tc, the_peers_expiry_is_known);
	tcase_add_test(tc, what_cannot_be_used_is_said_with_its_file);
	tcase_add_test(tc, a_host_no_certificate_could_hold_gets_no_ssl);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
