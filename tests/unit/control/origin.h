/*
 * A small origin in this process, on loopback: each request gets the next scripted answer, the
 * last one again and again.
 */
#ifndef TEST_CONTROL_ORIGIN_H
#define TEST_CONTROL_ORIGIN_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

enum origin_then { ORIGIN_KEEP, ORIGIN_CLOSE, ORIGIN_RESET, ORIGIN_HANG };

struct origin_answer {
	const char *bytes; /* NULL: none */
	size_t len; /* 0: up to the NUL */
	size_t piece; /* written so many at a time, each on its own; 0: at once */
	enum origin_then then;
};

struct origin;

/* ctx (or NULL: clear) is borrowed. */
struct origin *origin_start(const struct origin_answer *, unsigned count, SSL_CTX *ctx);
void origin_stop(struct origin *); /* and frees it */
uint16_t origin_port(const struct origin *);
void origin_script(struct origin *, const struct origin_answer *, unsigned count);

/* Closes everything: new connections are refused. And back again, on the same port. */
void origin_go_away(struct origin *);
void origin_come_back(struct origin *);

unsigned origin_connections(struct origin *); /* accepted so far */
unsigned origin_requests(struct origin *); /* answered, or meant to be, so far */
/* The head of the last request; buf of size. */
const char *origin_last_request(struct origin *, char *buf, size_t size);

/* A server context with a self-signed certificate for name; the PEM of it into pem (or NULL). */
SSL_CTX *origin_tls(const char *name, char *pem, size_t size);

/* A port nobody listens on. */
uint16_t origin_free_port(void);

#endif
