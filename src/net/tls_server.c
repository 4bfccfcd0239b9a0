/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/tls_names.h"
#include "net/tls_pem.h"
#include "net/tls_ticket.h"

/* Mozilla's intermediate profile without DHE; TLS 1.3 suites are OpenSSL's default. */
static const char default_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char groups[] = "X25519:P-256:P-384";

/* What ALPN offers, in our order, in wire format. */
static const unsigned char http1_only[] = "\x08http/1.1";
static const unsigned char http2_first[] = "\x02h2\x08http/1.1";

enum { DIGEST = 32, MIN_ROTATION_MS = 1000, MAX_TICKET_S = 7 * 24 * 3600 };

struct context {
	struct context *next; /* of the same first certificate */
	struct tls_pair pair;
	SSL_CTX *ctx; /* counted */
};

/*
 * Lives as long as its front context, and so, because every SSL holds the context it was made
 * from, as long as any connection: callbacks may always use it. conf and names are NULL after
 * tls_server_free() unless the topology is pinned for connections that have yet to choose.
 */
struct tls_server {
	SSL_CTX *front; /* without a certificate; each SSL starts there. Not counted: it owns us */
	const struct conf_tls *conf;
	struct topology *pinned; /* counted */
	unsigned choosing;       /* SSLs whose ClientHello has not come */
	bool freed;
	struct tls_names *names;   /* borrows from conf */
	struct context **contexts; /* by first certificate of the pair */
	unsigned certificate_count;
	X509_STORE *store;              /* counted; client CAs, or NULL */
	STACK_OF(X509_NAME) * ca_names; /* owned */
	EVP_CIPHER *cipher; /* fetched once: looking an algorithm up costs more than using it */
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	struct tls_tickets tickets;
	unsigned char policy[DIGEST]; /* of what a resumed session must have agreed to */
};

static int owner_index;    /* SSL_CTX: the server that dies with it */
static int server_index;   /* SSL_CTX: the server it belongs to */
static int choosing_index; /* SSL: its server, until the ClientHello is in */
static int h2_index;       /* SSL: not NULL when HTTP/2 is offered */
static int sni_index;      /* SSL: the SNI in our form, when it was sent in another */

static void server_destroy(struct tls_server *);

static void
free_owner(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	if (ptr != NULL)
		server_destroy(ptr);
}

static void
forget_conf(struct tls_server *s)
{
	tls_names_free(s->names);
	s->names = NULL;
	s->conf = NULL;
	if (s->pinned != NULL)
		topology_unref(s->pinned);
	s->pinned = NULL;
}

static void
has_chosen(struct tls_server *s)
{
	s->choosing--;
	if (s->freed && s->choosing == 0)
		forget_conf(s);
}

static void
free_choosing(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	if (ptr != NULL)
		has_chosen(ptr);
}

static void
free_sni(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	mem_free(ptr);
}

static void
make_indexes(void)
{
	owner_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_owner);
	server_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	choosing_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_choosing);
	sni_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_sni);
	h2_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (h2_index < 0 || owner_index < 0 || server_index < 0 || choosing_index < 0 || sni_index < 0)
		abort();
}

static void
digest(const struct tls_server *s, unsigned char out[DIGEST], const struct slice *parts,
    unsigned count)
{
	EVP_MD_CTX *md = s->digest;
	bool good = EVP_DigestInit_ex2(md, s->sha256, NULL) == 1;

	/* Each part behind its length, so that no two lists of parts read the same. */
	for (unsigned i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(md, &parts[i].len, sizeof parts[i].len) == 1 &&
		    (parts[i].len == 0 || EVP_DigestUpdate(md, parts[i].at, parts[i].len) == 1);
	if (!good || EVP_DigestFinal_ex(md, out, NULL) != 1)
		abort();
}

static int
on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int sealing)
{
	struct tls_server *s = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), server_index);
	char sha256[] = "SHA256";
	const struct tls_ticket_key *key;
	OSSL_PARAM params[3];
	bool renew = false;

	if (sealing) {
		key = tls_tickets_seal(&s->tickets, clock_now_ms());
		memcpy(name, key->name, sizeof key->name);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(s->cipher)) != 1)
			return -1;
	} else {
		key = tls_tickets_open(&s->tickets, name, clock_now_ms(), &renew);
		if (key == NULL)
			return 0; /* not ours, or too old: a full handshake */
	}
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, sizeof key->mac);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
	    EVP_CipherInit_ex2(cipher, s->cipher, key->cipher, iv, sealing, NULL) != 1)
		return -1;
	return renew ? 2 : 1;
}

/*
 * Our order among what the client offers. Nothing in common ends the handshake (RFC 7301, 3.2):
 * a client that speaks another protocol to us by mistake, or by design, must not be answered.
 */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
    unsigned in_len, void *arg)
{
	bool h2 = SSL_get_ex_data(ssl, h2_index) != NULL;
	const unsigned char *protocols = h2 ? http2_first : http1_only;
	size_t protocols_len = h2 ? sizeof http2_first - 1 : sizeof http1_only - 1;

	for (size_t ours = 0; ours < protocols_len; ours += 1u + protocols[ours]) {
		unsigned len = protocols[ours];

		for (unsigned at = 0; at < in_len && in[at] < in_len - at; at += 1u + in[at]) {
			if (in[at] != len || memcmp(in + at + 1, protocols + ours + 1, len) != 0)
				continue;
			*out = in + at + 1;
			*out_len = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* on_client_hello() has done the work; without this OpenSSL would forget the name on TLS 1.2. */
static int
on_servername(SSL *ssl, int *alert, void *arg)
{
	return SSL_TLSEXT_ERR_OK;
}

/* The one host_name in a server_name extension (RFC 6066, 3); false: malformed. */
static bool
parse_sni(const unsigned char *ext, size_t len, const unsigned char **name, size_t *name_len)
{
	if (len < 5 || ((size_t)ext[0] << 8 | ext[1]) != len - 2 ||
	    ext[2] != TLSEXT_NAMETYPE_host_name)
		return false;
	*name = ext + 5;
	*name_len = (size_t)ext[3] << 8 | ext[4];
	return *name_len == len - 5;
}

static SSL_CTX *context_for(struct tls_server *, struct tls_pair);

/*
 * A session is resumed only under the name, certificates and client-certificate policy it was
 * made with: a ticket got where no client certificate is asked for must not open the door where
 * one is (CVE-2025-23419). The name goes in as sent, since the session keeps it so.
 */
static bool
bind_session(
    SSL *ssl, const struct tls_server *s, struct tls_pair pair, const void *raw, size_t raw_len)
{
	unsigned char id[DIGEST];
	const struct slice parts[] = {
		{ (const char *)s->policy, sizeof s->policy },
		{ (const char *)&pair, sizeof pair },
		{ raw, raw_len },
	};

	digest(s, id, parts, ARRAY_SIZE(parts));
	return SSL_set_session_id_context(ssl, id, sizeof id) == 1;
}

static bool
keep_sni(SSL *ssl, const char *name, const void *raw, size_t raw_len)
{
	char *old = SSL_get_ex_data(ssl, sni_index);
	bool same = strlen(name) == raw_len && memcmp(name, raw, raw_len) == 0;

	if (same && old == NULL)
		return true;
	mem_free(old);
	return SSL_set_ex_data(ssl, sni_index, same ? NULL : mem_strdup(name)) == 1;
}

static bool
choose(SSL *ssl, struct tls_server *s, const char *name, const void *raw, size_t raw_len)
{
	struct tls_pair pair;
	SSL_CTX *ctx;

	if (!keep_sni(ssl, name, raw, raw_len))
		return false;
	if (s->conf == NULL) /* gone since; a second ClientHello stays with what the first chose */
		return SSL_get_SSL_CTX(ssl) != s->front;
	pair = tls_names_find(s->names, name);
	ctx = context_for(s, pair);
	return ctx != NULL && (ctx == SSL_get_SSL_CTX(ssl) || SSL_set_SSL_CTX(ssl, ctx) != NULL) &&
	    bind_session(ssl, s, pair, raw, raw_len);
}

/*
 * Picks the certificates before anything else happens, above all before a session is looked at:
 * a servername callback comes after that. The contexts of a block differ in nothing but their
 * certificates, so what SSL_set_SSL_CTX() does not carry over is right already.
 */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_server *s = arg;
	const unsigned char *ext, *raw = (const unsigned char *)"";
	char name[TLS_NAME_MAX + 1] = "";
	size_t ext_len, raw_len = 0;
	bool good;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &ext_len) == 1 &&
	    (!parse_sni(ext, ext_len, &raw, &raw_len) || !tls_name_normalize(raw, raw_len, name))) {
		*alert = SSL_AD_ILLEGAL_PARAMETER;
		return SSL_CLIENT_HELLO_ERROR;
	}
	good = choose(ssl, s, name, raw, raw_len);
	/* A second ClientHello after a HelloRetryRequest comes here too. */
	if (SSL_get_ex_data(ssl, choosing_index) != NULL) {
		SSL_set_ex_data(ssl, choosing_index, NULL);
		has_chosen(s);
	}
	if (good)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

static bool
set_client_auth(SSL_CTX *ctx, const struct tls_server *s)
{
	int mode = SSL_VERIFY_NONE;
	STACK_OF(X509_NAME) * names;

	switch (s->conf->client_auth) {
	case CLIENT_AUTH_OFF:
		break;
	case CLIENT_AUTH_REQUEST:
		mode = SSL_VERIFY_PEER;
		break;
	case CLIENT_AUTH_REQUIRE:
		mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
		break;
	}
	SSL_CTX_set_verify(ctx, mode, NULL);
	if (mode == SSL_VERIFY_NONE || s->store == NULL)
		return true;
	SSL_CTX_set1_cert_store(ctx, s->store);
	names = sk_X509_NAME_deep_copy(s->ca_names, X509_NAME_dup, X509_NAME_free);
	if (names == NULL)
		return false;
	SSL_CTX_set_client_CA_list(ctx, names);
	return true;
}

static void
set_callbacks(SSL_CTX *ctx, struct tls_server *s)
{
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_servername);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key);
}

static bool
configure(SSL_CTX *ctx, struct tls_server *s)
{
	const struct conf_tls *conf = s->conf;
	uint64_t ticket_s = (uint64_t)s->tickets.rotation_ms * 2 / 1000;

	/* Our order of ciphers is not preferred: all are good, and clients know what is fast there.
	 */
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
		SSL_OP_SINGLE_ECDH_USE);
	/* NO_AUTO_CHAIN: the client CAs in the store are no place to look for our own chain. */
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, (long)(ticket_s > MAX_TICKET_S ? MAX_TICKET_S : ticket_s));
	set_callbacks(ctx, s);
	return SSL_CTX_set_min_proto_version(ctx, conf->min_version) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, conf->ciphers != NULL ? conf->ciphers : default_ciphers) ==
	    1 &&
	    SSL_CTX_set1_groups_list(ctx, groups) == 1 && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
	    SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
	    SSL_CTX_set_ex_data(ctx, server_index, s) == 1 && set_client_auth(ctx, s);
}

/* A context of the block, without a certificate. */
static SSL_CTX *
context_new(struct tls_server *s, struct error *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx != NULL && configure(ctx, s))
		return ctx;
	tls_pem_error(e, "cannot set up TLS for", s->conf->name);
	SSL_CTX_free(ctx);
	return NULL;
}

static bool
use_pair(SSL_CTX *ctx, const struct conf_tls *conf, struct tls_pair pair, struct error *e)
{
	for (int kind = 0; kind < TLS_KEY_KINDS; kind++) {
		int i = pair.certificate[kind];

		if (i >= 0 &&
		    !tls_pem_use(ctx, &conf->certificates[i].chain, &conf->certificates[i].key, e))
			return false;
	}
	return true;
}

/* Built at first use. NULL, logged, when a validated certificate is refused after all. */
static SSL_CTX *
context_for(struct tls_server *s, struct tls_pair pair)
{
	static struct log_limit limit;
	struct context **list = &s->contexts[tls_pair_first(pair)];
	struct context *c;
	struct error e;
	SSL_CTX *ctx;

	for (c = *list; c != NULL; c = c->next)
		if (memcmp(&c->pair, &pair, sizeof pair) == 0)
			return c->ctx;
	ctx = context_new(s, &e);
	if (ctx == NULL || !use_pair(ctx, s->conf, pair, &e)) {
		log_limited(&limit, LOG_LEVEL_ERROR, "%s", e.text);
		SSL_CTX_free(ctx);
		return NULL;
	}
	c = mem_new(sizeof *c);
	c->pair = pair;
	c->ctx = ctx;
	c->next = *list;
	*list = c;
	return ctx;
}

static void
load_client_ca(struct tls_server *s)
{
	struct error e;

	if (s->conf->client_ca.bytes == NULL || s->conf->client_auth == CLIENT_AUTH_OFF)
		return;
	s->store = X509_STORE_new();
	if (s->store == NULL)
		abort();
	/* An empty store refuses every client certificate: safe, and the log says why. */
	if (!tls_pem_trust(s->store, &s->conf->client_ca, &e))
		log_error("%s", e.text);
	s->ca_names = tls_pem_subjects(s->store);
	if (s->ca_names == NULL)
		abort();
}

static void
digest_policy(struct tls_server *s)
{
	const struct conf_tls *conf = s->conf;
	const struct slice parts[] = {
		slice_of(conf->name),
		{ (const char *)&conf->client_auth, sizeof conf->client_auth },
		{ (const char *)&conf->min_version, sizeof conf->min_version },
		{ conf->client_ca.bytes, conf->client_ca.bytes != NULL ? conf->client_ca.len : 0 },
	};

	digest(s, s->policy, parts, ARRAY_SIZE(parts));
}

struct tls_server *
tls_server_new(const struct conf_tls *conf, const unsigned char seed[32])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls_server *s = mem_new(sizeof *s);
	uint32_t rotation_ms = conf->ticket_rotation_ms;
	struct error e;

	pthread_once(&once, make_indexes);
	s->conf = conf;
	s->names = tls_names_new(conf);
	s->certificate_count = conf->certificate_count;
	s->contexts = mem_array(conf->certificate_count, sizeof(struct context *));
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->digest = EVP_MD_CTX_new();
	if (s->cipher == NULL || s->sha256 == NULL || s->digest == NULL)
		abort();
	digest_policy(s);
	tls_tickets_start(&s->tickets, seed, s->policy, sizeof s->policy,
	    rotation_ms < MIN_ROTATION_MS ? MIN_ROTATION_MS : rotation_ms, clock_now_ms());
	load_client_ca(s);
	s->front = context_new(s, &e);
	if (s->front == NULL) {
		log_error("%s", e.text);
		abort();
	}
	if (SSL_CTX_set_ex_data(s->front, owner_index, s) != 1)
		abort();
	return s;
}

/* With the last SSL: nothing can call back any more. */
static void
server_destroy(struct tls_server *s)
{
	for (unsigned i = 0; i < s->certificate_count; i++) {
		struct context *next;

		for (struct context *c = s->contexts[i]; c != NULL; c = next) {
			next = c->next;
			SSL_CTX_free(c->ctx);
			mem_free(c);
		}
	}
	mem_free(s->contexts);
	forget_conf(s);
	sk_X509_NAME_pop_free(s->ca_names, X509_NAME_free);
	X509_STORE_free(s->store);
	EVP_CIPHER_free(s->cipher);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	tls_tickets_stop(&s->tickets);
	mem_free(s);
}

void
tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	s->freed = true;
	if (s->choosing == 0 || s->pinned == NULL)
		forget_conf(s);
	SSL_CTX_free(s->front);
}

void
tls_server_pin(struct tls_server *s, struct topology *t)
{
	topology_ref(t);
	s->pinned = t;
}

SSL *
tls_server_ssl(struct tls_server *s)
{
	SSL *ssl = SSL_new(s->front);

	if (ssl == NULL || SSL_set_ex_data(ssl, choosing_index, s) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	s->choosing++;
	SSL_set_accept_state(ssl);
	return ssl;
}

void
tls_server_offer_h2(SSL *ssl)
{
	if (SSL_set_ex_data(ssl, h2_index, &h2_index) != 1)
		abort();
}

bool
tls_speaks_h2(const SSL *ssl)
{
	const unsigned char *protocol;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &protocol, &len);
	return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

const char *
tls_version_name(const SSL *ssl)
{
	return SSL_get_version(ssl);
}

const char *
tls_sni(const SSL *ssl)
{
	const char *name = SSL_get_ex_data(ssl, sni_index);

	if (name == NULL)
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	return name != NULL ? name : "";
}

bool
tls_has_client_certificate(const SSL *ssl)
{
	return SSL_get0_peer_certificate(ssl) != NULL && SSL_get_verify_result(ssl) == X509_V_OK;
}

unsigned
tls_server_certificate_for(const struct conf_tls *conf, const char *name)
{
	return tls_pair_first(tls_names_scan(conf, name));
}

unsigned
tls_server_certificate(const struct tls_server *s, const char *name)
{
	return tls_pair_first(tls_names_find(s->names, name));
}
