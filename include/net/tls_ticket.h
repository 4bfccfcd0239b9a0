/*
 * The keys that seal session tickets: a one-way ratchet over rotation periods, so that every
 * worker has the same keys without sharing anything, and a key that is gone cannot be had again.
 *
 * Pure: time is an argument (monotonic ms). Owned by one thread.
 */
#ifndef NET_TLS_TICKET_H
#define NET_TLS_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TLS_TICKET_SEED = 32,
	TLS_TICKET_DIGITS = 10, /* a period's number in base 16: 2^40 periods */
};

struct tls_ticket_key {
	unsigned char name[16];   /* public, in the ticket */
	unsigned char cipher[32]; /* AES-256-CBC */
	unsigned char mac[32];    /* HMAC-SHA256 */
};

struct tls_tickets {
	struct tls_ticket_key current;
	struct tls_ticket_key previous;
	uint64_t period;
	uint32_t rotation_ms;
	/* private: by digit, the secret of the periods behind this one; none leads back */
	unsigned char ahead[TLS_TICKET_DIGITS][TLS_TICKET_SEED];
};

/*
 * label keeps apart what must not open each other's tickets. Costs at most some 150 hashes
 * however large now_ms is.
 */
void tls_tickets_start(struct tls_tickets *, const unsigned char seed[TLS_TICKET_SEED],
    const void *label, size_t label_len, uint32_t rotation_ms, uint64_t now_ms);
void tls_tickets_stop(struct tls_tickets *); /* overwrites all secrets */

/* The key to seal with now. */
const struct tls_ticket_key *tls_tickets_seal(struct tls_tickets *, uint64_t now_ms);
/* The key that opens a ticket of this name, or NULL; *renew: it is the previous period's. */
const struct tls_ticket_key *tls_tickets_open(
    struct tls_tickets *, const unsigned char name[16], uint64_t now_ms, bool *renew);

#endif
