/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* OpenSSL's own, as the oracle. */
static uint64_t
expected(const unsigned char key[16], const unsigned char *bytes, size_t len)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t size = 8;
	OSSL_PARAM params[] = { OSSL_PARAM_size_t("size", &size), OSSL_PARAM_END };
	unsigned char out[16];
	uint64_t hash = 0;

	ck_assert_int_eq(EVP_MAC_init(ctx, key, 16, params), 1);
	ck_assert_int_eq(EVP_MAC_update(ctx, bytes, len), 1);
	ck_assert_int_eq(EVP_MAC_final(ctx, out, &size, sizeof out), 1);
	for (int i = 7; i >= 0; i--)
		hash = hash << 8 | out[i];
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return hash;
}

START_TEST(it_is_what_others_compute)
{
	unsigned char key[16], bytes[64];
	struct siphash_key k = { 0, 0 };

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (unsigned char)i;
	for (int i = 7; i >= 0; i--) {
		k.k0 = k.k0 << 8 | key[i];
		k.k1 = k.k1 << 8 | key[8 + i];
	}
	/* The paper's own example. */
	ck_assert_uint_eq(siphash(&k, bytes, 15), 0xa129ca6149be45e5);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		struct siphash s;

		ck_assert_uint_eq(siphash(&k, bytes, len), expected(key, bytes, len));
		siphash_begin(&s, &k);
		siphash_add(&s, bytes, len / 3);
		siphash_add(&s, bytes + len / 3, len - len / 3);
		ck_assert_uint_eq(siphash_end(&s), siphash(&k, bytes, len));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("siphash");
	TCase *tc = tcase_create("siphash");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, it_is_what_others_compute);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
