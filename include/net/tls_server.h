/*
 * TLS towards clients: certificates by SNI, ALPN, stateless tickets with rotating keys.
 *
 * A struct tls_server belongs to one worker and one tls block of a topology; its SSL_CTXs are
 * built at first use, one per certificate, so 10,000 certificates cost nothing until they are
 * asked for. Nothing in it is shared between threads.
 */
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/topology.h"

struct tls_server;

/*
 * Ticket keys: each worker derives the same ones from the process's seed by a one-way ratchet
 * every rotation period, so they rotate in step with nothing shared; the previous period's key
 * still opens tickets. seed is 32 bytes made at process start.
 */
struct tls_server *tls_server_new(const struct conf_tls *, const unsigned char seed[32]);
/*
 * Connections made from it may live on. Those that have not sent their ClientHello yet still
 * need the block: with tls_server_pin() it is kept for them, without it they are refused.
 */
void tls_server_free(struct tls_server *);
/*
 * Holds a reference on the topology the block is part of until the server is freed and no
 * connection is left that could ask for a certificate. Once, right after tls_server_new().
 */
void tls_server_pin(struct tls_server *, struct topology *);

/* An SSL for one accepted connection. NULL only if OpenSSL is out of memory. */
SSL *tls_server_ssl(struct tls_server *);
/* HTTP/2 is offered on it, before HTTP/1.1. Before its handshake. */
void tls_server_offer_h2(SSL *);

/* What an established connection agreed on. */
const char *tls_version_name(const SSL *); /* "TLSv1.3" */
bool tls_speaks_h2(const SSL *);
/* Lower-case SNI, or "" when none was sent; valid as long as the SSL. */
const char *tls_sni(const SSL *);
bool tls_has_client_certificate(const SSL *);
/*
 * The index of the certificate context that serves name in the block (as SNI would pick; the
 * earlier one of an ECDSA and RSA pair). The first looks at every name; the second at one or two.
 */
unsigned tls_server_certificate_for(const struct conf_tls *, const char *name);
unsigned tls_server_certificate(const struct tls_server *, const char *name);

#endif
