/*
 * PEM bytes of a validated configuration into OpenSSL's objects.
 *
 * Everything was checked when the file was loaded; what fails here still fails politely, with
 * OpenSSL's own words. Any thread.
 */
#ifndef NET_TLS_PEM_H
#define NET_TLS_PEM_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/error.h"
#include "conf/topology.h"

/* Adds a certificate with its chain and key to ctx; one of each key type may be there. */
bool tls_pem_use(SSL_CTX *, const struct conf_file *chain, const struct conf_file *key,
    struct error *) __attribute__((warn_unused_result));
/* Adds each certificate of a bundle to store as a trust anchor. */
bool tls_pem_trust(X509_STORE *, const struct conf_file *bundle, struct error *)
    __attribute__((warn_unused_result));
/* The subjects of all certificates in store, for the client CA list; owned by the caller. */
STACK_OF(X509_NAME) * tls_pem_subjects(const X509_STORE *);
/* "doing WHAT: OpenSSL's reason"; empties the thread's error queue. */
void tls_pem_error(struct error *, const char *doing, const char *what);

#endif
