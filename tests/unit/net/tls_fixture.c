/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_fixture.h"

#include <assert.h>
#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static struct issued *all_issued;
static int last_alert = -1;
static SSL_SESSION *last_session;

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(ext != NULL);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static struct conf_file
pem_of(BIO *bio, const char *path)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *copy = malloc((size_t)len + 1);

	memcpy(copy, data, (size_t)len);
	copy[len] = '\0';
	BIO_free(bio);
	return (struct conf_file){ path, copy, (size_t)len };
}

struct issued *
issue(struct issuing how)
{
	static long serial;
	struct issued *made = calloc(1, sizeof *made);
	X509 *x = X509_new();
	X509 *issuer = how.issuer != NULL ? how.issuer->x509 : x;
	BIO *bio;

	made->next = all_issued;
	all_issued = made;
	made->key = how.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	made->x509 = x;
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), how.not_before != 0 ? how.not_before : -60);
	X509_gmtime_adj(X509_getm_notAfter(x), how.not_after != 0 ? how.not_after : DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
	    (const unsigned char *)how.subject, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, made->key);
	add_extension(x, issuer, NID_basic_constraints, how.ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (how.sans != NULL)
		add_extension(x, issuer, NID_subject_alt_name, how.sans);
	if (X509_sign(x, how.issuer != NULL ? how.issuer->key : made->key, EVP_sha256()) <= 0)
		abort();

	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, x);
	made->chain = pem_of(bio, how.subject);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, made->key, NULL, NULL, 0, NULL, NULL);
	made->key_file = pem_of(bio, how.subject);
	return made;
}

struct conf_certificate
certificate_of(const struct issued *i, const char **names)
{
	struct conf_certificate c = { .chain = i->chain, .key = i->key_file, .names = names };

	while (names[c.name_count] != NULL)
		c.name_count++;
	c.ecdsa = EVP_PKEY_get_base_id(i->key) == EVP_PKEY_EC;
	return c;
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(last_session);
	last_session = session;
	return 1;
}

static void
on_info(const SSL *ssl, int where, int ret)
{
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		last_alert = ret & 0xff;
}

SSL_CTX *
plain_client(void)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
	return ctx;
}

SSL *
client_for(SSL_CTX *ctx, const char *sni, SSL_SESSION *session)
{
	SSL *ssl = SSL_new(ctx);

	if (sni != NULL)
		SSL_set_tlsext_host_name(ssl, sni);
	if (session != NULL)
		SSL_set_session(ssl, session);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* One side's turn; false: it failed. */
static bool
turn(SSL *ssl)
{
	int ret = SSL_do_handshake(ssl);
	int err = SSL_get_error(ssl, ret);

	return ret == 1 || err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE;
}

bool
shake(SSL *client, SSL *server)
{
	BIO *a, *b;
	bool good = true;
	char byte;

	last_alert = -1;
	SSL_SESSION_free(last_session);
	last_session = NULL;
	ERR_clear_error();
	ck_assert_int_eq(BIO_new_bio_pair(&a, 64 * 1024, &b, 64 * 1024), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_info_callback(client, on_info);
	for (int i = 0; i < 20 && good; i++) {
		good = turn(client);
		good = turn(server) && good;
	}
	good = good && SSL_is_init_finished(client) && SSL_is_init_finished(server);
	/* Moves what came after the handshake: tickets, or the alert about a client certificate. */
	SSL_read(client, &byte, 1);
	ERR_clear_error();
	return good;
}

int
client_alert(void)
{
	return last_alert;
}

SSL_SESSION *
client_session(void)
{
	if (last_session != NULL)
		SSL_SESSION_up_ref(last_session);
	return last_session;
}
