/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_limits.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

/* A count and the minute it is of, in one word; nothing to free. */
enum { COUNT_BITS = 8, COUNT_MASK = (1 << COUNT_BITS) - 1, MINUTE_MS = 60 * 1000 };

static int count_index;

static void
make_index(void)
{
	count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (count_index < 0)
		abort();
}

/* How many there were in this minute, with one more. */
static unsigned
count_one(SSL *ssl)
{
	uintptr_t minute = (uintptr_t)(clock_now_ms() / MINUTE_MS);
	uintptr_t word = (uintptr_t)SSL_get_ex_data(ssl, count_index);
	uintptr_t count = word >> COUNT_BITS == minute ? word & COUNT_MASK : 0;

	count += count < COUNT_MASK;
	if (SSL_set_ex_data(ssl, count_index, (void *)(minute << COUNT_BITS | count)) != 1)
		return COUNT_MASK;
	return (unsigned)count;
}

static void
on_state(const SSL *unchanged, int where, int value)
{
	static struct log_limit limit;
	SSL *ssl = (SSL *)(uintptr_t)unchanged; /* OpenSSL's own, which shows it read-only */

	if (where != SSL_CB_ACCEPT_LOOP || SSL_get_state(ssl) != TLS_ST_SR_KEY_UPDATE ||
	    count_one(ssl) <= TLS_KEY_UPDATES_MAX)
		return;
	log_limited(&limit, LOG_LEVEL_WARN,
	    "a client asked for new keys more than %d times in a minute: closed",
	    TLS_KEY_UPDATES_MAX);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void
tls_limit_key_updates(SSL_CTX *ctx)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_index);
	SSL_CTX_set_info_callback(ctx, on_state);
}
