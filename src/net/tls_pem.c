/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_pem.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

void
tls_pem_error(struct error *e, const char *doing, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	error_set(e, "%s %s: %s", doing, what, reason != NULL ? reason : "unknown TLS error");
	ERR_clear_error();
}

static BIO *
reader(const struct conf_file *file)
{
	return file->len > INT_MAX ? NULL : BIO_new_mem_buf(file->bytes, (int)file->len);
}

/* Did the last read stop because nothing more was there? Empties the queue then. */
static bool
at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();
	return true;
}

static bool
use_chain(SSL_CTX *ctx, BIO *bio)
{
	X509 *x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	bool good = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	if (!good || SSL_CTX_clear_chain_certs(ctx) != 1)
		return false;
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			return false;
		}
	}
	return at_end();
}

/* A key with a passphrase would ask for it on the terminal, from inside a worker. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static bool
use_key(SSL_CTX *ctx, BIO *bio)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	return good;
}

bool
tls_pem_use(
    SSL_CTX *ctx, const struct conf_file *chain, const struct conf_file *key, struct error *e)
{
	BIO *chain_bio = reader(chain), *key_bio = reader(key);
	bool good = false;

	ERR_clear_error();
	if (chain_bio == NULL || !use_chain(ctx, chain_bio))
		tls_pem_error(e, "cannot use certificate", chain->path);
	else if (key_bio == NULL || !use_key(ctx, key_bio))
		tls_pem_error(e, "cannot use key", key->path);
	else
		good = true;
	BIO_free(key_bio);
	BIO_free(chain_bio);
	return good;
}

bool
tls_pem_trust(X509_STORE *store, const struct conf_file *bundle, struct error *e)
{
	BIO *bio = reader(bundle);
	bool good = bio != NULL;
	unsigned count = 0;
	X509 *x;

	ERR_clear_error();
	while (good && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		good = X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
		count++;
	}
	BIO_free(bio);
	if (good && at_end() && count > 0)
		return true;
	tls_pem_error(e, "cannot use CA certificates", bundle->path);
	return false;
}

STACK_OF(X509_NAME) * tls_pem_subjects(const X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

	for (int i = 0; names != NULL && i < sk_X509_OBJECT_num(objects); i++) {
		const X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		X509_NAME *name = x != NULL ? X509_NAME_dup(X509_get_subject_name(x)) : NULL;

		if (x != NULL && (name == NULL || sk_X509_NAME_push(names, name) <= 0)) {
			X509_NAME_free(name);
			sk_X509_NAME_pop_free(names, X509_NAME_free);
			names = NULL;
		}
	}
	return names;
}
