/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/self_signed.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char dir[48];
static char chain[100];
static char key[100];

static void
set_up(void)
{
	snprintf(dir, sizeof dir, "/tmp/detour-self-signed-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(chain, sizeof chain, "%s/site.crt", dir);
	snprintf(key, sizeof key, "%s/site.key", dir);
}

static void
tear_down(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static X509 *
read_certificate(void)
{
	FILE *file = fopen(chain, "r");
	X509 *cert;

	ck_assert_ptr_nonnull(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	ck_assert_ptr_nonnull(cert);
	return cert;
}

static void
write_pair(void)
{
	struct error error;

	ck_assert_msg(self_signed_write(chain, key, &error), "%s", error.text);
}

START_TEST(it_is_for_localhost_by_every_name)
{
	X509 *cert;

	write_pair();
	cert = read_certificate();
	ck_assert_int_eq(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
	ck_assert_int_eq(X509_check_ip_asc(cert, "::1", 0), 1);
	ck_assert_int_ne(X509_check_host(cert, "example.com", 0, 0, NULL), 1);
	X509_free(cert);
}
END_TEST

START_TEST(it_is_valid_now_signed_by_its_key_and_no_ca)
{
	X509 *cert;
	EVP_PKEY *pair;
	FILE *file;

	write_pair();
	cert = read_certificate();
	file = fopen(key, "r");
	pair = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	ck_assert_int_eq(X509_check_private_key(cert, pair), 1);
	ck_assert_int_eq(X509_verify(cert, pair), 1);
	ck_assert_int_lt(X509_cmp_current_time(X509_get0_notBefore(cert)), 0);
	ck_assert_int_gt(X509_cmp_current_time(X509_get0_notAfter(cert)), 0);
	ck_assert_int_eq(X509_check_ca(cert), 0);
	ck_assert_int_eq(EVP_PKEY_get_base_id(pair), EVP_PKEY_EC);
	EVP_PKEY_free(pair);
	X509_free(cert);
}
END_TEST

START_TEST(nobody_else_reads_the_key)
{
	struct stat st;

	write_pair();
	ck_assert_int_eq(stat(key, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(what_cannot_be_written_is_named)
{
	struct error error;

	ck_assert(!self_signed_write("/nowhere/site.crt", key, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/site.crt"));
	ck_assert(!self_signed_write(chain, "/nowhere/site.key", &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/site.key"));
	ck_assert(!self_signed_write("/dev/full", key, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/dev/full"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/self_signed");
	TCase *tests = tcase_create("self_signed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, it_is_for_localhost_by_every_name);
	tcase_add_test(tests, it_is_valid_now_signed_by_its_key_and_no_ca);
	tcase_add_test(tests, nobody_else_reads_the_key);
	tcase_add_test(tests, what_cannot_be_written_is_named);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
