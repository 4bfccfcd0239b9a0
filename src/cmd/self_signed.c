/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/self_signed.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VALID_SECONDS = 30 * 24 * 3600, AGO_SECONDS = 3600 };

static bool
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (extension == NULL)
		return false;
	added = X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool
fill(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
		return false;
	/* positive, as RFC 5280 4.1.2.2 wants it */
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -AGO_SECONDS) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), VALID_SECONDS) != NULL &&
	    X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, NID_ext_key_usage, "serverAuth") &&
	    add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
	    X509_sign(cert, key, EVP_sha256()) > 0;
}

static FILE *
create(const char *path, mode_t mode, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL) {
		error_errno(error, "cannot write", path);
		if (fd >= 0)
			close(fd);
	}
	return file;
}

static bool
finish(FILE *file, bool written, const char *path, struct error *error)
{
	/* what was buffered is written by fclose(): it can fail too */
	if (fclose(file) == 0 && written)
		return true;
	error_errno(error, "cannot write", path);
	return false;
}

static bool
write_pair(
    const char *chain_path, const char *key_path, X509 *cert, EVP_PKEY *key, struct error *error)
{
	FILE *file = create(chain_path, 0644, error);

	if (file == NULL || !finish(file, PEM_write_X509(file, cert) == 1, chain_path, error))
		return false;
	file = create(key_path, 0600, error);
	return file != NULL &&
	    finish(file, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, key_path,
		error);
}

bool
self_signed_write(const char *chain_path, const char *key_path, struct error *error)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool done = false;

	if (key == NULL || cert == NULL || !fill(cert, key))
		error_set(error, "cannot make a certificate: %s",
		    ERR_reason_error_string(ERR_peek_last_error()));
	else
		done = write_pair(chain_path, key_path, cert, key, error);
	X509_free(cert);
	EVP_PKEY_free(key);
	return done;
}
