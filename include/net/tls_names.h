/*
 * Which certificates serve a name: exact first, then a wildcard for its first label, else the
 * block's default.
 *
 * Built once from a tls block and read-only afterwards; one hash lookup or two, however many
 * certificates there are. Borrows the block's names.
 */
#ifndef NET_TLS_NAMES_H
#define NET_TLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/topology.h"

enum { TLS_NAME_MAX = 255 };

/* A name can have an ECDSA and an RSA certificate; the client's offer picks between them. */
enum tls_key_kind { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_KINDS };

struct tls_pair {
	int certificate[TLS_KEY_KINDS]; /* index in the block, -1: none */
};

struct tls_names;

struct tls_names *tls_names_new(const struct conf_tls *);
void tls_names_free(struct tls_names *);
/* name: lower case, or "" for the default. */
struct tls_pair tls_names_find(const struct tls_names *, const char *name);

/* The same without an index, by a look at each name: for a single question. */
struct tls_pair tls_names_scan(const struct conf_tls *, const char *name);
/* The earlier one of the two. */
unsigned tls_pair_first(struct tls_pair);

/*
 * Brings a host name as a client sent it into our form: lower case, no trailing dot. False: it is
 * no host name (empty, too long, a character that is not a letter, digit, '-', '_' or '.', an
 * empty label).
 */
bool tls_name_normalize(const void *raw, size_t len, char name[TLS_NAME_MAX + 1]);

#endif
