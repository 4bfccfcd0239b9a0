/*
 * TLS towards endpoints: verification on by default, own CA, SNI, client certificate, resumption.
 *
 * A struct tls_client belongs to one thread and one region of a service.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fault.h"
#include "conf/topology.h"

struct tls_client;

/*
 * A place for the last session of one endpoint, so that the next connection resumes it. Embedded
 * in its owner, zero-initialised, same thread.
 */
struct tls_session_slot {
	struct ssl_session_st *session;
};
void tls_session_slot_clear(struct tls_session_slot *);

struct tls_client *tls_client_new(const struct conf_upstream_tls *, struct error *);
void tls_client_free(struct tls_client *);
/*
 * An SSL for one connection: SNI and the name to verify are conf's sni, else host (a literal
 * address is verified as an IP and sends no SNI). slot may be NULL and must outlive the SSL
 * (or be cut off with tls_client_forget_slot()). NULL when OpenSSL is out of memory or no
 * certificate could hold the name: do not connect then, for a stream without an SSL is clear.
 */
SSL *tls_client_ssl(struct tls_client *, const char *host, struct tls_session_slot *slot);
/* Offers HTTP/2 alone, by ALPN, in place of HTTP/1.1. */
bool tls_client_offer_h2(SSL *);
/* After the handshake: did the peer agree to HTTP/2? */
bool tls_client_agreed_to_h2(const SSL *);
void tls_client_forget_slot(SSL *);
/* Was the failed handshake a matter of trust (certificate), or of the connection? */
enum fault tls_client_fault(const SSL *);
/* What was wrong with the certificate of a handshake that was a matter of trust. */
enum tls_distrust { TLS_EXPIRED, TLS_TOO_EARLY, TLS_WRONG_NAME, TLS_UNTRUSTED };
enum tls_distrust tls_client_distrust(const SSL *);
/* Seconds since 1970 at which the peer's leaf certificate expires; 0 when there is none. */
int64_t tls_client_not_after(const SSL *);

#endif
