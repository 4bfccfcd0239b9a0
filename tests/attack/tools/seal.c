/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM = 32, MASTER = 48, CLIENT_KEY = 0, CLIENT_SALT = 32, KEY_BLOCK = 40 };

static void
must(int good)
{
	if (good != 1)
		abort();
}

/* RFC 5246, 6.3: both keys, then both salts. */
static void
derive(unsigned char block[KEY_BLOCK], const unsigned char *master, const unsigned char *seed,
    size_t seed_len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256", label[] = "key expansion";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master, MASTER),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof label - 1),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed, seed_len),
		OSSL_PARAM_construct_end(),
	};

	must(EVP_KDF_derive(ctx, block, KEY_BLOCK, params));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void
seal_take(struct seal *s, SSL *ssl)
{
	unsigned char master[MASTER], seed[2 * RANDOM], block[KEY_BLOCK];

	must(SSL_SESSION_get_master_key(SSL_get_session(ssl), master, MASTER) == MASTER);
	must(SSL_get_server_random(ssl, seed, RANDOM) == RANDOM);
	must(SSL_get_client_random(ssl, seed + RANDOM, RANDOM) == RANDOM);
	derive(block, master, seed, sizeof seed);
	memcpy(s->key, block + CLIENT_KEY, sizeof s->key);
	memcpy(s->salt, block + CLIENT_SALT, sizeof s->salt);
	s->sequence = 1; /* Finished was the first */
}

static void
put(unsigned char *at, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0) {
		at[bytes] = (unsigned char)value;
		value >>= 8;
	}
}

size_t
seal_record(
    struct seal *s, unsigned char type, const void *data, size_t len, unsigned char out[SEAL_ROOM])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char nonce[12], about[13];
	int n;

	if (len > SEAL_MAX)
		abort();
	memcpy(nonce, s->salt, sizeof s->salt);
	put(nonce + 4, s->sequence, 8);
	put(about, s->sequence++, 8);
	about[8] = out[0] = type;
	put(about + 9, 0x0303, 2);
	put(about + 11, len, 2);
	put(out + 1, 0x0303, 2);
	put(out + 3, 8 + len + 16, 2);
	memcpy(out + 5, nonce + 4, 8);
	must(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, s->key, nonce));
	must(EVP_EncryptUpdate(ctx, NULL, &n, about, sizeof about));
	must(EVP_EncryptUpdate(ctx, out + 13, &n, data, (int)len));
	must(EVP_EncryptFinal_ex(ctx, out + 13 + n, &n));
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 13 + len));
	EVP_CIPHER_CTX_free(ctx);
	return 13 + len + 16;
}
