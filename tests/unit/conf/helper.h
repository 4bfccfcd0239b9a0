/*
 * What the tests of this layer share: a scratch directory, certificates, and a load that is
 * judged by its problems.
 */
#ifndef TESTS_UNIT_CONF_HELPER_H
#define TESTS_UNIT_CONF_HELPER_H

#include <check.h>
#include <stdbool.h>

#include "conf/conf.h"
#include "conf/topology.h"

/* A fresh directory, removed with all in it by scratch_remove(). */
void scratch_make(void);
void scratch_remove(void);
/* "DIR/name"; valid until the next four calls. */
const char *scratch_path(const char *name);
void scratch_write(const char *name, const char *text, int mode);

struct pair_spec {
	const char *name; /* files NAME.crt and NAME.key in the scratch directory */
	const char *common_name;
	const char *alternatives; /* "DNS:a,DNS:b"; NULL: none */
	int rsa_bits; /* 0: ECDSA P-256; -1: Ed25519 */
	int days; /* until it expires; negative: long ago */
	const char *passphrase; /* NULL: the key is not encrypted */
};
void make_pair(const struct pair_spec *);

/* A whole file around the keys under test; each is put where NULL has a default that works. */
struct parts {
	const char *top;
	const char *listener; /* keys of the one listener, after its name and bind */
	const char *tls; /* keys of a tls entry, after its name */
	const char *service; /* keys of the one service, after its name and regions */
	const char *region; /* keys of its one region, after its region and endpoints */
	const char *endpoints; /* "( ... )" */
	const char *route; /* keys of the one route, instead of its path and service */
};
/* The text of it, as one line after another; valid until the next call. */
const char *whole(const struct parts *);

/*
 * Loads text as the file "t.conf" of the scratch directory. Must be good; ends the test with all
 * problems otherwise.
 */
struct topology *load_good(const char *text);
/* Loads and expects the problem (whole text), and no error beside it. */
void expect_problem(const char *text, const char *problem);
/* The same for one of several. */
void expect_among(const char *text, const char *problem);

/* Runs the suite and ends the program's main. */
int run_suite(Suite *);

#endif
