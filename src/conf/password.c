/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

enum { MD5_BYTES = 16, SHA1_BYTES = 20, APR1_ROUNDS = 1000, APR1_SALT = 8 };

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool
password_is_known(const char *hash)
{
	static const char *const forms[] = { "$2y$", "$2a$", "$2b$", "$5$", "$6$", "$1$", "$y$",
		"$apr1$", "{SHA}" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (begins(hash, forms[i]))
			return true;
	return false;
}

static bool
is_same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

static bool
matches_sha(const char *hash, const char *password)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[4 * ((SHA1_BYTES + 2) / 3) + 1];

	if (EVP_Digest(password, strlen(password), digest, NULL, EVP_sha1(), NULL) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)text, digest, SHA1_BYTES);
	return is_same(hash + strlen("{SHA}"), text);
}

/* One of the many small digests that apr1 is made of. */
struct md5 {
	EVP_MD_CTX *ctx;
	unsigned char digest[MD5_BYTES];
};

static void
md5_begin(struct md5 *m)
{
	EVP_DigestInit_ex(m->ctx, EVP_md5(), NULL);
}

static void
md5_add(struct md5 *m, const void *bytes, size_t len)
{
	EVP_DigestUpdate(m->ctx, bytes, len);
}

static void
md5_end(struct md5 *m)
{
	EVP_DigestFinal_ex(m->ctx, m->digest, NULL);
}

static void
apr1_first(struct md5 *m, struct slice password, struct slice salt)
{
	unsigned char inner[MD5_BYTES];

	md5_begin(m);
	md5_add(m, password.at, password.len);
	md5_add(m, salt.at, salt.len);
	md5_add(m, password.at, password.len);
	md5_end(m);
	memcpy(inner, m->digest, sizeof inner);
	md5_begin(m);
	md5_add(m, password.at, password.len);
	md5_add(m, "$apr1$", 6);
	md5_add(m, salt.at, salt.len);
	for (size_t left = password.len; left > 0; left -= left < MD5_BYTES ? left : MD5_BYTES)
		md5_add(m, inner, left < MD5_BYTES ? left : MD5_BYTES);
	for (size_t bits = password.len; bits > 0; bits >>= 1)
		md5_add(m, bits & 1 ? "" : password.at, 1);
	md5_end(m);
}

static void
apr1_rounds(struct md5 *m, struct slice password, struct slice salt)
{
	for (int i = 0; i < APR1_ROUNDS; i++) {
		unsigned char last[MD5_BYTES];

		memcpy(last, m->digest, sizeof last);
		md5_begin(m);
		md5_add(m, i & 1 ? password.at : (const char *)last,
		    i & 1 ? password.len : sizeof last);
		if (i % 3 != 0)
			md5_add(m, salt.at, salt.len);
		if (i % 7 != 0)
			md5_add(m, password.at, password.len);
		md5_add(m, i & 1 ? (const char *)last : password.at,
		    i & 1 ? sizeof last : password.len);
		md5_end(m);
	}
}

/* The digest in the order and the alphabet that md5-crypt writes it in: 22 characters. */
static void
apr1_text(const unsigned char d[MD5_BYTES], char out[23])
{
	static const char alphabet[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static const unsigned char order[6][3] = { { 0, 6, 12 }, { 1, 7, 13 }, { 2, 8, 14 },
		{ 3, 9, 15 }, { 4, 10, 5 }, { 11, 11, 11 } };
	size_t at = 0;

	for (int i = 0; i < 6; i++) {
		unsigned v = i < 5 ? (unsigned)d[order[i][0]] << 16 |
			(unsigned)d[order[i][1]] << 8 | d[order[i][2]]
				   : d[11];

		for (int digits = i < 5 ? 4 : 2; digits > 0; digits--, v >>= 6)
			out[at++] = alphabet[v & 63];
	}
	out[at] = '\0';
}

static bool
matches_apr1(const char *hash, const char *password)
{
	const char *salt = hash + strlen("$apr1$");
	size_t salt_len = strcspn(salt, "$");
	struct slice p = slice_of(password);
	struct slice s = { salt, salt_len < APR1_SALT ? salt_len : APR1_SALT };
	struct md5 m = { .ctx = EVP_MD_CTX_new() };
	char text[23];

	if (m.ctx == NULL || salt[salt_len] != '$') {
		EVP_MD_CTX_free(m.ctx);
		return false;
	}
	apr1_first(&m, p, s);
	apr1_rounds(&m, p, s);
	EVP_MD_CTX_free(m.ctx);
	apr1_text(m.digest, text);
	return is_same(salt + salt_len + 1, text);
}

/* Its working memory is too large for a stack. */
static bool
matches_crypt(const char *hash, const char *password)
{
	struct crypt_data *data = mem_new(sizeof *data);
	/* Not crypt_r(): the sanitizers put themselves in its place, and the library is not linked. */
	const char *text = crypt_rn(password, hash, data, (int)sizeof *data);
	bool same = text != NULL && is_same(hash, text);

	OPENSSL_cleanse(data, sizeof *data);
	mem_free(data);
	return same;
}

bool
password_matches(const char *hash, const char *password)
{
	if (begins(hash, "{SHA}"))
		return matches_sha(hash, password);
	if (begins(hash, "$apr1$"))
		return matches_apr1(hash, password);
	return password_is_known(hash) && matches_crypt(hash, password);
}
