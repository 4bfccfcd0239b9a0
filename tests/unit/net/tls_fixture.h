/*
 * Certificates made on the spot, and a client and a server joined by memory.
 */
#ifndef TEST_NET_TLS_FIXTURE_H
#define TEST_NET_TLS_FIXTURE_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "conf/topology.h"

enum { DAY = 24 * 3600 };

/* Lives until the test process ends. */
struct issued {
	X509 *x509;
	EVP_PKEY *key;
	struct conf_file chain; /* PEM */
	struct conf_file key_file;
	struct issued *next; /* keeps it reachable, for the leak checker */
};

struct issuing {
	const char *subject;         /* CN */
	const char *sans;            /* "DNS:a,IP:127.0.0.1", or NULL */
	const struct issued *issuer; /* NULL: self-signed */
	bool rsa;                    /* else P-256 */
	bool ca;
	long not_before; /* seconds from now */
	long not_after;  /* seconds from now; 0: a day */
};

struct issued *issue(struct issuing);
/* names: up to 4, NULL-terminated; must outlive it. */
struct conf_certificate certificate_of(const struct issued *, const char **names);

/* A client's context for tests of the server: verifies nothing, offers http/1.1. */
SSL_CTX *plain_client(void);
/* A client SSL that asks for sni (or NULL), resuming session (or NULL). */
SSL *client_for(SSL_CTX *, const char *sni, SSL_SESSION *session);

/*
 * Joins both and drives them until both are done or one failed; then moves the tickets. False:
 * the handshake failed.
 */
bool shake(SSL *client, SSL *server);
/* The alert that the client got last, or -1. Reset by shake(). */
int client_alert(void);
/* The newest session the client got, counted for the caller; NULL: none. Reset by shake(). */
SSL_SESSION *client_session(void);

#endif
