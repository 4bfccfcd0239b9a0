/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/tls_pem.h"

enum { DIGEST = 32, NAME_SIZE = 256, SYSTEM_STORE_MS = 10 * 1000 };

static const unsigned char http1_only[] = "\x08http/1.1";
static const unsigned char h2_only[] = "\x02h2";

/* SSLs made from it may outlive it: what they need is in the context, which they hold. */
struct tls_client {
	SSL_CTX *ctx;                 /* counted */
	char *sni;                    /* or NULL */
	unsigned char policy[DIGEST]; /* sessions made under another one are not resumed */
};

static int slot_index; /* SSL: struct tls_session_slot, or NULL */

static void
make_index(void)
{
	slot_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (slot_index < 0)
		abort();
}

/* The bundles of the usual systems, for OpenSSL's own default may be a file that is not there. */
static const char *
system_bundle(void)
{
	const char *candidates[] = {
		getenv(X509_get_default_cert_file_env()),
		X509_get_default_cert_file(),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/cert.pem",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(candidates); i++)
		if (candidates[i] != NULL && access(candidates[i], R_OK) == 0)
			return candidates[i];
	return NULL;
}

/*
 * Read whole now: a directory of hashed names would be read by the worker in the middle of a
 * handshake, maybe without the privileges for it.
 */
static X509_STORE *
read_system_store(struct error *e)
{
	X509_STORE *store = X509_STORE_new();
	const char *bundle = system_bundle();

	if (store == NULL)
		abort();
	ERR_clear_error();
	if (bundle != NULL ? X509_STORE_load_file(store, bundle) == 1
			   : X509_STORE_set_default_paths(store) == 1) {
		ERR_clear_error();
		return store;
	}
	tls_pem_error(e, "cannot read the system's CA certificates",
	    bundle != NULL ? bundle : X509_get_default_cert_dir());
	X509_STORE_free(store);
	return NULL;
}

/*
 * One store for all clients made around the same time, so that a hundred regions on all workers
 * read and hold the system's CAs once, yet a reload sees them afresh. Counted for the caller.
 */
static X509_STORE *
system_store(struct error *e)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static X509_STORE *store;
	static uint64_t read_ms;
	uint64_t now_ms = clock_now_ms();
	X509_STORE *result;

	pthread_mutex_lock(&mutex);
	if (store != NULL && now_ms - read_ms > SYSTEM_STORE_MS) {
		X509_STORE_free(store);
		store = NULL;
	}
	if (store == NULL) {
		store = read_system_store(e);
		read_ms = now_ms;
	}
	if (store != NULL)
		X509_STORE_up_ref(store);
	result = store;
	pthread_mutex_unlock(&mutex);
	return result;
}

static X509_STORE *
own_store(const struct conf_file *ca, struct error *e)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		abort();
	/* Whoever names a CA here trusts it, be it an intermediate or the endpoint's own. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (tls_pem_trust(store, ca, e))
		return store;
	X509_STORE_free(store);
	return NULL;
}

static bool
set_trust(SSL_CTX *ctx, const struct conf_upstream_tls *conf, struct error *e)
{
	X509_STORE *store;

	if (!conf->verify) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return true;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	store = conf->ca.bytes != NULL ? own_store(&conf->ca, e) : system_store(e);
	if (store == NULL)
		return false;
	SSL_CTX_set_cert_store(ctx, store); /* takes our reference */
	return true;
}

/* Keeps the newest: a server sends one or more after the handshake. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_session_slot *slot = SSL_get_ex_data(ssl, slot_index);

	if (slot == NULL || !SSL_SESSION_is_resumable(session))
		return 0;
	tls_session_slot_clear(slot);
	slot->session = session;
	return 1;
}

static bool
configure(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_alpn_protos(ctx, http1_only, sizeof http1_only - 1) == 0;
}

static void
add_part(EVP_MD_CTX *md, const void *at, size_t len)
{
	if (EVP_DigestUpdate(md, &len, sizeof len) != 1 || EVP_DigestUpdate(md, at, len) != 1)
		abort();
}

static void
add_file(EVP_MD_CTX *md, const struct conf_file *file)
{
	add_part(md, file->bytes != NULL ? file->bytes : "", file->bytes != NULL ? file->len : 0);
}

/*
 * A slot outlives reloads, and a resumed session is not verified again: one made without
 * verification, or under another CA or name, must not pass for one made under this policy.
 */
static void
digest_policy(unsigned char policy[DIGEST], const struct conf_upstream_tls *conf)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	add_part(md, &conf->verify, sizeof conf->verify);
	add_part(md, conf->sni != NULL ? conf->sni : "", conf->sni != NULL ? strlen(conf->sni) : 0);
	add_file(md, &conf->ca);
	add_file(md, &conf->certificate);
	add_file(md, &conf->key);
	if (EVP_DigestFinal_ex(md, policy, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

struct tls_client *
tls_client_new(const struct conf_upstream_tls *conf, struct error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_client *c;

	pthread_once(&once, make_index);
	if (ctx == NULL || !configure(ctx)) {
		tls_pem_error(e, "cannot set up TLS", "to endpoints");
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (!set_trust(ctx, conf, e) ||
	    (conf->certificate.bytes != NULL &&
		!tls_pem_use(ctx, &conf->certificate, &conf->key, e))) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	c = mem_new(sizeof *c);
	c->ctx = ctx;
	c->sni = conf->sni != NULL ? mem_strdup(conf->sni) : NULL;
	digest_policy(c->policy, conf);
	return c;
}

void
tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	mem_free(c->sni);
	mem_free(c);
}

void
tls_session_slot_clear(struct tls_session_slot *slot)
{
	SSL_SESSION_free(slot->session);
	slot->session = NULL;
}

/* Whom we expect: the name to verify and, unless it is an address, to send as SNI. */
static bool
expect_peer(SSL *ssl, const char *name, bool literal)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
	    SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* What a session is bound to. Its own host name is lost when the server does not echo it. */
static void
digest_peer(unsigned char id[DIGEST], const struct tls_client *c, const char *name)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	add_part(md, c->policy, sizeof c->policy);
	add_part(md, name, strlen(name));
	if (EVP_DigestFinal_ex(md, id, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

/* Was the session made under this policy, for this name, and is its certificate still good? */
static bool
may_resume(SSL_SESSION *session, const unsigned char id[DIGEST])
{
	const X509 *peer = SSL_SESSION_get0_peer(session);
	const unsigned char *made_for;
	unsigned len;

	made_for = SSL_SESSION_get0_id_context(session, &len);
	return SSL_SESSION_is_resumable(session) && len == DIGEST &&
	    memcmp(made_for, id, DIGEST) == 0 && peer != NULL &&
	    X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

/*
 * A TLS 1.3 session is used once (RFC 8446, C.4), so it leaves the slot; the server sends the
 * next one. A TLS 1.2 session stays until a newer one comes.
 */
static bool
resume(const struct tls_client *c, SSL *ssl, struct tls_session_slot *slot, const char *name)
{
	SSL_SESSION *session = slot->session;
	unsigned char id[DIGEST];
	bool good;

	digest_peer(id, c, name);
	if (SSL_set_session_id_context(ssl, id, sizeof id) != 1)
		return false;
	if (session == NULL)
		return true;
	if (!may_resume(session, id)) {
		tls_session_slot_clear(slot);
		return true;
	}
	good = SSL_set_session(ssl, session) == 1;
	if (!good || SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
		tls_session_slot_clear(slot);
	return good;
}

static bool
is_literal(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

SSL *
tls_client_ssl(struct tls_client *c, const char *host, struct tls_session_slot *slot)
{
	char name[NAME_SIZE];
	bool literal;
	SSL *ssl;
	int len;

	/* A name that no certificate can hold would be cut to one that some do. */
	len = snprintf(name, sizeof name, "%s", c->sni != NULL ? c->sni : host);
	if (len < 1 || (size_t)len >= sizeof name)
		return NULL;
	if (name[len - 1] == '.')
		name[len - 1] = '\0';
	literal = is_literal(name);
	ssl = SSL_new(c->ctx);
	if (ssl == NULL)
		return NULL;
	if (!expect_peer(ssl, name, literal) || SSL_set_ex_data(ssl, slot_index, slot) != 1 ||
	    (slot != NULL && !resume(c, ssl, slot, name))) {
		ERR_clear_error();
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

bool
tls_client_offer_h2(SSL *ssl)
{
	return SSL_set_alpn_protos(ssl, h2_only, sizeof h2_only - 1) == 0;
}

bool
tls_client_agreed_to_h2(const SSL *ssl)
{
	const unsigned char *agreed;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &agreed, &len);
	return len == 2 && memcmp(agreed, "h2", 2) == 0;
}

void
tls_client_forget_slot(SSL *ssl)
{
	SSL_set_ex_data(ssl, slot_index, NULL);
}

enum fault
tls_client_fault(const SSL *ssl)
{
	if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 &&
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return FAULT_TLS_UNTRUSTED;
	return FAULT_TLS_FAILED;
}

enum tls_distrust
tls_client_distrust(const SSL *ssl)
{
	switch (SSL_get_verify_result(ssl)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_TOO_EARLY;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_WRONG_NAME;
	default:
		return TLS_UNTRUSTED;
	}
}

int64_t
tls_client_not_after(const SSL *ssl)
{
	const X509 *peer = SSL_get0_peer_certificate(ssl);
	struct tm tm;

	if (peer == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(peer), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}
