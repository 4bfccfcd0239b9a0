/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_limits.h"

#include <check.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/tls_pem.h"
#include "tls_fixture.h"

/* The monotonic clock, which the linker lets us replace: a minute without waiting for it. */
static uint64_t now_ms = 1000000;
uint64_t __wrap_clock_now_ms(void);

uint64_t
__wrap_clock_now_ms(void)
{
	return now_ms;
}

struct pair {
	SSL_CTX *server_ctx, *client_ctx;
	SSL *server, *client;
};

static struct pair
meet(void)
{
	struct issued *site = issue((struct issuing){ .subject = "site" });
	struct pair p = { SSL_CTX_new(TLS_server_method()), plain_client(), NULL, NULL };
	struct error error;

	ck_assert(tls_pem_use(p.server_ctx, &site->chain, &site->key_file, &error));
	tls_limit_key_updates(p.server_ctx);
	p.server = SSL_new(p.server_ctx);
	SSL_set_accept_state(p.server);
	p.client = client_for(p.client_ctx, "site", NULL);
	ck_assert(shake(p.client, p.server));
	return p;
}

static void
part(struct pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
	SSL_CTX_free(p->client_ctx);
	SSL_CTX_free(p->server_ctx);
}

/* The client asks for new keys and speaks; is it heard? */
static bool
is_heard_with_new_keys(struct pair *p, unsigned times)
{
	char byte = 'x';

	for (unsigned i = 0; i < times; i++) {
		ck_assert_int_eq(SSL_key_update(p->client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		ck_assert_int_eq(SSL_do_handshake(p->client), 1);
	}
	ck_assert_int_eq(SSL_write(p->client, &byte, 1), 1);
	return SSL_read(p->server, &byte, 1) == 1;
}

START_TEST(a_client_that_asks_for_new_keys_now_and_then_is_served)
{
	struct pair p = meet();

	for (int minute = 0; minute < 10; minute++) {
		ck_assert(is_heard_with_new_keys(&p, TLS_KEY_UPDATES_MAX));
		now_ms += 60 * 1000;
	}
	part(&p);
}
END_TEST

START_TEST(one_that_does_nothing_else_is_not_read_to_the_end)
{
	struct pair p = meet();

	ck_assert(is_heard_with_new_keys(&p, TLS_KEY_UPDATES_MAX));
	ck_assert(!is_heard_with_new_keys(&p, 1));
	ck_assert_int_ne(SSL_get_shutdown(p.server) & SSL_RECEIVED_SHUTDOWN, 0);
	ck_assert(!is_heard_with_new_keys(&p, 100));
	part(&p);
}
END_TEST

START_TEST(what_one_does_is_not_another_ones_fault)
{
	struct pair loud = meet(), quiet = meet();

	ck_assert(!is_heard_with_new_keys(&loud, TLS_KEY_UPDATES_MAX + 1));
	ck_assert(is_heard_with_new_keys(&quiet, 1));
	part(&loud);
	part(&quiet);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("net/tls_limits");
	TCase *tests = tcase_create("limits");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_client_that_asks_for_new_keys_now_and_then_is_served);
	tcase_add_test(tests, one_that_does_nothing_else_is_not_read_to_the_end);
	tcase_add_test(tests, what_one_does_is_not_another_ones_fault);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
