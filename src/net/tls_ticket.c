/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_ticket.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 4, BASE = 1 << BITS };

/* secret := HMAC(secret, label); out may be secret. */
static void
derive(unsigned char out[TLS_TICKET_SEED], const unsigned char secret[TLS_TICKET_SEED],
    const char *label)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (HMAC(EVP_sha256(), secret, TLS_TICKET_SEED, (const unsigned char *)label, strlen(label),
		digest, &len) == NULL)
		abort();
	memcpy(out, digest, TLS_TICKET_SEED);
	OPENSSL_cleanse(digest, sizeof digest);
}

static void
make_key(struct tls_ticket_key *key, const unsigned char secret[TLS_TICKET_SEED])
{
	unsigned char name[TLS_TICKET_SEED];

	derive(name, secret, "name");
	memcpy(key->name, name, sizeof key->name);
	derive(key->cipher, secret, "cipher");
	derive(key->mac, secret, "mac");
}

static unsigned
digit(uint64_t period, unsigned at)
{
	return (period >> (BITS * (TLS_TICKET_DIGITS - 1 - at))) & (BASE - 1);
}

/*
 * Makes period's key. secret stands at the digit at with value from (lower digits 0) and is used
 * up. A plain chain over periods would cost a hash for each period since boot; one chain for
 * each digit costs a few however far we jump, and is as one-way: what is kept of each digit is
 * the secret behind the current one.
 */
static void
descend(struct tls_tickets *t, uint64_t period, unsigned at, unsigned from,
    unsigned char secret[TLS_TICKET_SEED])
{
	for (;; at++) {
		for (; from < digit(period, at); from++)
			derive(secret, secret, "next");
		derive(t->ahead[at], secret, "next");
		if (at + 1 == TLS_TICKET_DIGITS)
			break;
		derive(secret, secret, "down");
		from = 0;
	}
	t->period = period;
	make_key(&t->current, secret);
	OPENSSL_cleanse(secret, TLS_TICKET_SEED);
}

static void
step_to(struct tls_tickets *t, uint64_t period)
{
	unsigned char secret[TLS_TICKET_SEED];
	unsigned at = 0;

	while (digit(period, at) == digit(t->period, at))
		at++;
	memcpy(secret, t->ahead[at], sizeof secret);
	descend(t, period, at, digit(t->period, at) + 1, secret);
}

static void
advance(struct tls_tickets *t, uint64_t now_ms)
{
	uint64_t period = now_ms / t->rotation_ms;

	if (period <= t->period)
		return;
	if (period - 1 > t->period)
		step_to(t, period - 1);
	t->previous = t->current;
	step_to(t, period);
}

void
tls_tickets_start(struct tls_tickets *t, const unsigned char seed[TLS_TICKET_SEED],
    const void *label, size_t label_len, uint32_t rotation_ms, uint64_t now_ms)
{
	unsigned char secret[EVP_MAX_MD_SIZE];
	uint64_t period = now_ms / rotation_ms;
	unsigned len;

	assert(rotation_ms > 0);
	memset(t, 0, sizeof *t);
	t->rotation_ms = rotation_ms;
	if (HMAC(EVP_sha256(), seed, TLS_TICKET_SEED, label, label_len, secret, &len) == NULL)
		abort();
	descend(t, period > 0 ? period - 1 : 0, 0, 0, secret);
	t->previous = t->current;
	advance(t, now_ms);
}

void
tls_tickets_stop(struct tls_tickets *t)
{
	OPENSSL_cleanse(t, sizeof *t);
}

const struct tls_ticket_key *
tls_tickets_seal(struct tls_tickets *t, uint64_t now_ms)
{
	advance(t, now_ms);
	return &t->current;
}

const struct tls_ticket_key *
tls_tickets_open(struct tls_tickets *t, const unsigned char name[16], uint64_t now_ms, bool *renew)
{
	advance(t, now_ms);
	*renew = false;
	if (memcmp(name, t->current.name, sizeof t->current.name) == 0)
		return &t->current;
	if (memcmp(name, t->previous.name, sizeof t->previous.name) != 0)
		return NULL;
	*renew = true;
	return &t->previous;
}
