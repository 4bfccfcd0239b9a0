/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *__lsan_default_suppressions(void);

/* What libconfig loses of a string before a syntax error is not ours to free: see conf_fuzz.c. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static char scratch[64];

void
scratch_make(void)
{
	strcpy(scratch, "/tmp/detour-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

void
scratch_remove(void)
{
	ck_assert_int_eq(nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *
scratch_path(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
	return path;
}

void
scratch_write(const char *name, const char *text, int mode)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, (mode_t)mode), 0);
	close(fd);
}

static EVP_PKEY *
make_key(int rsa_bits)
{
	if (rsa_bits < 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (rsa_bits > 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits);
	return EVP_EC_gen("P-256");
}

static X509 *
make_certificate(const struct pair_spec *spec, EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	X509_EXTENSION *alternatives;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -86400L * 1000);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400L * spec->days);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)spec->common_name, -1, -1, 0);
	X509_set_issuer_name(x509, name);
	X509_set_pubkey(x509, key);
	if (spec->alternatives != NULL) {
		alternatives =
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, spec->alternatives);
		ck_assert_ptr_nonnull(alternatives);
		X509_add_ext(x509, alternatives, -1);
		X509_EXTENSION_free(alternatives);
	}
	ck_assert_int_gt(X509_sign(x509, key, spec->rsa_bits < 0 ? NULL : EVP_sha256()), 0);
	return x509;
}

void
make_pair(const struct pair_spec *spec)
{
	EVP_PKEY *key = make_key(spec->rsa_bits);
	X509 *x509 = make_certificate(spec, key);
	char name[64];
	FILE *out;

	snprintf(name, sizeof name, "%s.crt", spec->name);
	out = fopen(scratch_path(name), "we");
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(PEM_write_X509(out, x509), 1);
	fclose(out);
	snprintf(name, sizeof name, "%s.key", spec->name);
	out = fopen(scratch_path(name), "we");
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(fchmod(fileno(out), 0600), 0);
	ck_assert_int_eq(
	    PEM_write_PrivateKey(out, key, spec->passphrase == NULL ? NULL : EVP_aes_128_cbc(),
		(const unsigned char *)spec->passphrase,
		spec->passphrase == NULL ? 0 : (int)strlen(spec->passphrase), NULL, NULL),
	    1);
	fclose(out);
	X509_free(x509);
	EVP_PKEY_free(key);
}

static const char *
or_else(const char *text, const char *fallback)
{
	return text == NULL ? fallback : text;
}

const char *
whole(const struct parts *p)
{
	static char text[65536];

	snprintf(text, sizeof text,
	    "%s\n"
	    "listeners = ( { name = \"web\"; bind = \"127.0.0.1:0\"; %s } );\n"
	    "%s%s%s\n"
	    "regions = ( { name = \"east\"; } );\n"
	    "services = ( { name = \"shop\"; regions = ( { region = \"east\"; endpoints = %s; %s } "
	    ");\n"
	    "%s } );\n"
	    "routes = ( { %s } );\n",
	    or_else(p->top, ""), or_else(p->listener, ""),
	    p->tls == NULL ? "" : "tls = ( { name = \"site\"; ", or_else(p->tls, ""),
	    p->tls == NULL ? "" : " } );", or_else(p->endpoints, "( \"http://127.0.0.1:9001\" )"),
	    or_else(p->region, ""), or_else(p->service, ""),
	    or_else(p->route, "service = \"shop\";"));
	return text;
}

static void
die_of(const struct conf_problems *problems, const char *wanted)
{
	char *all = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&all, &len);

	conf_problems_print(problems, out);
	fclose(out);
	ck_abort_msg("expected %s, found %u problems:\n%s", wanted, problems->count, all);
}

struct topology *
load_good(const char *text)
{
	struct conf_problems problems;
	struct topology *t = conf_load_text(text, "t.conf", scratch, &problems);

	if (t == NULL || problems.count > 0)
		die_of(&problems, "no problem");
	conf_problems_free(&problems);
	return t;
}

static void
expect(const char *text, const char *problem, bool alone)
{
	struct conf_problems problems;
	struct topology *t = conf_load_text(text, "t.conf", scratch, &problems);
	bool found = false;

	for (unsigned i = 0; i < problems.count; i++)
		found = found || strcmp(problems.list[i].text, problem) == 0;
	if (!found || (alone && problems.count > 1))
		die_of(&problems, problem);
	ck_assert_msg((t == NULL) == (problems.errors > 0), "errors, and yet a topology");
	topology_unref(t);
	conf_problems_free(&problems);
}

void
expect_problem(const char *text, const char *problem)
{
	expect(text, problem, true);
}

void
expect_among(const char *text, const char *problem)
{
	expect(text, problem, false);
}

int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
