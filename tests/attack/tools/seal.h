/*
 * Records of a TLS 1.2 connection (RFC 5246, 6.2.3; RFC 5288) that OpenSSL would not write: what it
 * has agreed on with the server, in hands of our own. AES-128-GCM with SHA-256 only.
 */
#ifndef ATTACK_SEAL_H
#define ATTACK_SEAL_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAL_MAX = 512, SEAL_ROOM = 5 + 8 + SEAL_MAX + 16 };

struct seal {
	unsigned char key[16], salt[4];
	uint64_t sequence; /* of the next record */
};

/* After the handshake; the connection has written nothing since, and writes nothing from now on. */
void seal_take(struct seal *, SSL *);
/* One record with at most SEAL_MAX bytes; returns the length of what is in out. */
size_t seal_record(
    struct seal *, unsigned char type, const void *data, size_t len, unsigned char out[SEAL_ROOM]);

#endif
