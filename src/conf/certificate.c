/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/certificate.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

/* Why OpenSSL's last call failed, in its words; empties its queue. */
static const char *
ssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason == NULL ? "no reason given" : reason;
}

/* A passphrase is never asked for: nobody sits at a server's terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	bool *asked = arg;

	*asked = true;
	return -1;
}

static BIO *
open_bytes(const struct conf_file *file)
{
	return BIO_new_mem_buf(file->bytes, (int)file->len);
}

/* The certificates of a PEM file in order, at least one, or NULL with an error. */
static STACK_OF(X509) *
read_certificates(const struct conf_file *file, struct error *e)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = open_bytes(file);
	X509 *x509;
	unsigned long why;

	while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		sk_X509_push(all, x509);
	BIO_free(bio);
	why = ERR_peek_last_error();
	if (ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		if (sk_X509_num(all) > 0)
			return all;
		error_set(e, "%s holds no certificate; name a PEM file with BEGIN CERTIFICATE",
		    file->path);
	} else {
		error_set(e, "certificate %d of %s cannot be read (%s); name a PEM file",
		    sk_X509_num(all) + 1, file->path, ssl_reason());
	}
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

static EVP_PKEY *
read_key(const struct conf_file *file, struct error *e)
{
	BIO *bio = open_bytes(file);
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);

	BIO_free(bio);
	if (key != NULL) {
		ERR_clear_error();
		return key;
	}
	if (asked)
		error_set(e, "the key in %s is encrypted; store it without a passphrase",
		    file->path);
	else
		error_set(e, "%s holds no private key that can be read (%s); name a PEM file with "
			     "BEGIN PRIVATE KEY",
		    file->path, ssl_reason());
	ERR_clear_error();
	return NULL;
}

/*
 * Gives both to a context, as a worker will: what OpenSSL's security level refuses (short keys,
 * weak digests) is refused here and not at the first handshake.
 */
static bool
try_pair(STACK_OF(X509) *chain, EVP_PKEY *key, const char *chain_path, const char *key_path,
    struct error *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	bool good = false;

	if (ctx == NULL) {
		error_set(e, "cannot create a TLS context (%s)", ssl_reason());
		return false;
	}
	if (X509_check_private_key(sk_X509_value(chain, 0), key) != 1) {
		error_set(e, "the key in %s does not belong to the first certificate in %s; name "
			     "the key it was issued for, and put the site's certificate first",
		    key_path, chain_path);
		ERR_clear_error();
	} else if (SSL_CTX_use_certificate(ctx, sk_X509_value(chain, 0)) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1) {
		error_set(e, "%s cannot be used (%s); get one with ECDSA P-256, or RSA of 2048 "
			     "bits and SHA-256",
		    chain_path, ssl_reason());
	} else {
		good = true;
	}
	for (int i = 1; good && i < sk_X509_num(chain); i++) {
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) == 1)
			continue;
		error_set(e, "certificate %d of %s cannot be used (%s); get a chain with ECDSA "
			     "P-256, or RSA of 2048 bits and SHA-256",
		    i + 1, chain_path, ssl_reason());
		good = false;
	}
	SSL_CTX_free(ctx);
	return good;
}

/* Certificates and key of a pair that fits; both owned by the caller. NULL with an error. */
static STACK_OF(X509) *
read_pair(const struct conf_file *chain_file, const struct conf_file *key_file, EVP_PKEY **key,
    struct error *e)
{
	STACK_OF(X509) *chain = read_certificates(chain_file, e);

	if (chain == NULL)
		return NULL;
	*key = read_key(key_file, e);
	if (*key != NULL) {
		if (try_pair(chain, *key, chain_file->path, key_file->path, e))
			return chain;
		EVP_PKEY_free(*key);
	}
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

/* A name of len bytes in lower case; NULL for one that could be mistaken for another. */
static const char *
keep_name(struct arena *arena, const unsigned char *name, int len)
{
	char *lower;

	if (len <= 0 || memchr(name, '\0', (size_t)len) != NULL)
		return NULL;
	lower = arena_strndup(arena, (const char *)name, (size_t)len);
	for (char *at = lower; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return lower;
}

static void
add_name(struct conf_certificate *c, struct arena *arena, const ASN1_STRING *name)
{
	const char *text =
	    keep_name(arena, ASN1_STRING_get0_data(name), ASN1_STRING_length(name));

	if (text != NULL)
		c->names[c->name_count++] = text;
}

/* RFC 6125, 6.4.4: the common name counts only where there is no dNSName at all. */
static void
fill_names(struct conf_certificate *c, X509 *leaf, struct arena *arena)
{
	GENERAL_NAMES *alternatives = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int count = alternatives == NULL ? 0 : sk_GENERAL_NAME_num(alternatives);
	X509_NAME *subject = X509_get_subject_name(leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	c->names = arena_array(arena, (size_t)count + 1, sizeof *c->names);
	c->name_count = 0;
	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);

		if (name->type == GEN_DNS)
			add_name(c, arena, name->d.dNSName);
	}
	if (c->name_count == 0 && at >= 0)
		add_name(c, arena, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	GENERAL_NAMES_free(alternatives);
	ERR_clear_error();
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

bool
conf_certificate_inspect(struct conf_certificate *c, struct arena *arena, struct error *e)
{
	EVP_PKEY *key;
	STACK_OF(X509) *chain = read_pair(&c->chain, &c->key, &key, e);
	int kind;

	if (chain == NULL)
		return false;
	kind = EVP_PKEY_get_base_id(key);
	EVP_PKEY_free(key);
	c->ecdsa = kind == EVP_PKEY_EC;
	c->not_after = seconds_of(X509_get0_notAfter(sk_X509_value(chain, 0)));
	fill_names(c, sk_X509_value(chain, 0), arena);
	sk_X509_pop_free(chain, X509_free);
	if (kind == EVP_PKEY_EC || kind == EVP_PKEY_RSA)
		return true;
	error_set(e, "the key in %s is neither ECDSA nor RSA; browsers need one of them",
	    c->key.path);
	return false;
}

bool
conf_ca_inspect(const struct conf_file *file, struct error *e)
{
	STACK_OF(X509) *all = read_certificates(file, e);

	if (all == NULL)
		return false;
	sk_X509_pop_free(all, X509_free);
	return true;
}

bool
conf_key_pair_inspect(const struct conf_file *chain_file, const struct conf_file *key_file,
    struct error *e)
{
	EVP_PKEY *key;
	STACK_OF(X509) *chain = read_pair(chain_file, key_file, &key, e);

	if (chain == NULL)
		return false;
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	return true;
}
