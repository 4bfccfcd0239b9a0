/*
 * The seam between OpenSSL and a stream: a BIO that reads and writes the loop's buffers, and
 * OpenSSL's allocations through ours. Only net/stream*.c and net/openssl_bio.c use it.
 */
#ifndef NET_OPENSSL_BIO_H
#define NET_OPENSSL_BIO_H

#include <openssl/types.h>
#include <stdbool.h>

struct stream;

/* Gives the SSL a BIO over the stream; the SSL owns it. */
void openssl_bio_attach(SSL *, struct stream *);
struct stream *openssl_bio_stream(const SSL *); /* whose it is */

/* Implemented by net/stream_tls.c. */
int stream_bio_read(struct stream *, char *buf, int size, bool *retry);
int stream_bio_write(struct stream *, const char *data, int len);
bool stream_bio_eof(const struct stream *);

#endif
