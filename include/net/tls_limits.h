/*
 * What OpenSSL lets a peer do without end and Detour does not.
 *
 * OpenSSL itself bounds empty records (32 in a row), warning alerts (5) and the size of handshake
 * messages; renegotiation is off. KeyUpdate (RFC 8446, 4.6.3) it does not count: 27 bytes make us
 * derive keys for 17 to 33 us, so a few Mbit/s would keep a core busy.
 */
#ifndef NET_TLS_LIMITS_H
#define NET_TLS_LIMITS_H

#include <openssl/ssl.h>

/* In a minute, of one connection; a peer that follows RFC 8446, 5.5 needs one in hours. */
enum { TLS_KEY_UPDATES_MAX = 32 };

/*
 * For all SSLs of a server's context: beyond the limit the connection reads as if the client had
 * said goodbye. Not for a client's: an answer that its endpoint cut off must not look complete.
 * Costs nothing but where there are handshake messages.
 */
void tls_limit_key_updates(SSL_CTX *);

#endif
