/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/password.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/bytes.h"
#include "helper.h"

/* As "openssl passwd -apr1" and "htpasswd -s" write them. */
static const struct {
	const char *hash, *password;
} known[] = {
	{ "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password" },
	{ "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "" },
};

static void
agrees(const char *hash, const char *password)
{
	char other[300];

	snprintf(other, sizeof other, "%sx", password);
	ck_assert_msg(password_is_known(hash), "%s", hash);
	ck_assert_msg(password_matches(hash, password), "%s", hash);
	ck_assert_msg(!password_matches(hash, other), "%s", hash);
}

START_TEST(known_hashes_match_their_password_only)
{
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		agrees(known[i].hash, known[i].password);
}
END_TEST

/* The tool is the oracle. */
START_TEST(apr1_is_what_openssl_writes)
{
	static const char *const passwords[] = { "a", "password", "a long one that is over 16 bytes",
		"exactly 16 bytes" };

	for (unsigned i = 0; i < ARRAY_SIZE(passwords); i++) {
		char command[256], hash[128] = "";
		FILE *tool;

		snprintf(command, sizeof command, "openssl passwd -apr1 -salt s%ult '%s'", i,
		    passwords[i]);
		tool = popen(command, "r");
		ck_assert_ptr_nonnull(tool);
		ck_assert_ptr_nonnull(fgets(hash, sizeof hash, tool));
		ck_assert_int_eq(pclose(tool), 0);
		hash[strcspn(hash, "\n")] = '\0';
		agrees(hash, passwords[i]);
	}
}
END_TEST

START_TEST(what_crypt_knows_matches)
{
	static const char *const settings[] = { "$2y$", "$5$", "$6$", "$1$" };

	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		char salt[CRYPT_GENSALT_OUTPUT_SIZE];
		struct crypt_data data = { 0 };

		ck_assert_ptr_nonnull(crypt_gensalt_rn(settings[i], i == 0 ? 4 : 0, NULL, 0, salt,
		    (int)sizeof salt));
		agrees(crypt_rn("geheim", salt, &data, (int)sizeof data), "geheim");
	}
}
END_TEST

START_TEST(what_is_no_hash_matches_nothing)
{
	ck_assert(!password_is_known("password"));
	ck_assert(!password_is_known(""));
	ck_assert(!password_matches("password", "password"));
	ck_assert(!password_matches("$apr1$nodollar", "x"));
	ck_assert(!password_matches("$2y$", ""));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("password");
	TCase *tc = tcase_create("password");

	tcase_add_test(tc, known_hashes_match_their_password_only);
	tcase_add_test(tc, apr1_is_what_openssl_writes);
	tcase_add_test(tc, what_crypt_knows_matches);
	tcase_add_test(tc, what_is_no_hash_matches_nothing);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
