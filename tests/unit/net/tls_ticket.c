/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_ticket.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { ROTATION = 1000 };

static const unsigned char seed[TLS_TICKET_SEED] = "0123456789abcdef0123456789abcde";

static void
start(struct tls_tickets *t, const char *label, uint64_t now_ms)
{
	tls_tickets_start(t, seed, label, strlen(label), ROTATION, now_ms);
}

START_TEST(workers_started_at_any_moment_have_the_same_keys)
{
	static const uint64_t periods[] = { 0, 1, 2, 15, 16, 17, 255, 256, 4095, 4096, 4097,
		31536000, 1ULL << 32, (1ULL << 36) + 12345 };
	struct tls_tickets old, fresh;

	start(&old, "site", 0);
	for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
		uint64_t now_ms = periods[i] * ROTATION + 7;
		struct tls_ticket_key key = *tls_tickets_seal(&old, now_ms);

		start(&fresh, "site", now_ms);
		ck_assert_mem_eq(tls_tickets_seal(&fresh, now_ms), &key, sizeof key);
		ck_assert_mem_eq(&fresh.previous, &old.previous, sizeof key);
		ck_assert_mem_eq(fresh.ahead, old.ahead, sizeof old.ahead);
	}
}
END_TEST

START_TEST(stepping_and_jumping_lead_to_the_same_key)
{
	struct tls_tickets step, jump;

	start(&step, "site", 0);
	for (uint64_t p = 1; p <= 600; p++) {
		tls_tickets_seal(&step, p * ROTATION);
		start(&jump, "site", 0);
		tls_tickets_seal(&jump, p * ROTATION);
		ck_assert_mem_eq(&step.current, &jump.current, sizeof step.current);
		ck_assert_mem_eq(&step.previous, &jump.previous, sizeof step.previous);
	}
}
END_TEST

START_TEST(a_ticket_survives_one_rotation_and_is_renewed_but_not_two)
{
	struct tls_tickets t;
	struct tls_ticket_key key;
	bool renew;

	start(&t, "site", 5 * ROTATION);
	key = *tls_tickets_seal(&t, 5 * ROTATION + 999);
	ck_assert_ptr_nonnull(tls_tickets_open(&t, key.name, 5 * ROTATION + 999, &renew));
	ck_assert(!renew);
	ck_assert_mem_eq(tls_tickets_open(&t, key.name, 6 * ROTATION, &renew), &key, sizeof key);
	ck_assert(renew);
	ck_assert_ptr_nonnull(tls_tickets_open(&t, key.name, 7 * ROTATION - 1, &renew));
	ck_assert_ptr_null(tls_tickets_open(&t, key.name, 7 * ROTATION, &renew));
	ck_assert(!renew);
}
END_TEST

START_TEST(keys_of_different_labels_seeds_and_periods_differ)
{
	unsigned char other_seed[TLS_TICKET_SEED];
	struct tls_tickets a, b;
	bool renew;

	start(&a, "site", 0);
	start(&b, "shop", 0);
	ck_assert_mem_ne(&a.current, &b.current, sizeof a.current);
	ck_assert_ptr_null(tls_tickets_open(&b, a.current.name, 0, &renew));
	memcpy(other_seed, seed, sizeof seed);
	other_seed[31] ^= 1;
	tls_tickets_start(&b, other_seed, "site", 4, ROTATION, 0);
	ck_assert_mem_ne(a.current.name, b.current.name, sizeof a.current.name);
	for (uint64_t p = 1; p < 300; p++) {
		tls_tickets_seal(&a, p * ROTATION);
		ck_assert_mem_ne(a.current.name, a.previous.name, 16);
		ck_assert_mem_ne(a.current.cipher, a.previous.cipher, 32);
		ck_assert_mem_ne(a.current.mac, a.previous.mac, 32);
		ck_assert_mem_ne(a.current.mac, a.current.cipher, 32);
	}
}
END_TEST

/* Whether any of what is kept equals a secret that has been used, or the seed. */
static bool
holds(const struct tls_tickets *t, const unsigned char secret[TLS_TICKET_SEED])
{
	const unsigned char *at = (const void *)t;

	for (size_t i = 0; i + TLS_TICKET_SEED <= sizeof *t; i++)
		if (memcmp(at + i, secret, TLS_TICKET_SEED) == 0)
			return true;
	return false;
}

START_TEST(nothing_of_two_periods_ago_is_kept)
{
	struct tls_tickets t;
	unsigned char cipher[32], ahead[TLS_TICKET_DIGITS][TLS_TICKET_SEED];

	start(&t, "site", 0);
	for (uint64_t p = 0; p < 40; p++) {
		memcpy(cipher, tls_tickets_seal(&t, p * ROTATION)->cipher, sizeof cipher);
		memcpy(ahead, t.ahead, sizeof ahead);
		tls_tickets_seal(&t, (p + 2) * ROTATION);
		ck_assert(!holds(&t, cipher));
		ck_assert(!holds(&t, seed));
		/* The lowest digit's secret made the next period's key: used, so gone. */
		ck_assert(!holds(&t, ahead[TLS_TICKET_DIGITS - 1]));
		start(&t, "site", (p + 1) * ROTATION);
	}
}
END_TEST

START_TEST(a_clock_that_stands_or_goes_back_changes_nothing)
{
	struct tls_tickets t;
	struct tls_ticket_key key;

	start(&t, "site", 9 * ROTATION);
	key = *tls_tickets_seal(&t, 9 * ROTATION);
	ck_assert_mem_eq(tls_tickets_seal(&t, 3 * ROTATION), &key, sizeof key);
	ck_assert_mem_eq(tls_tickets_seal(&t, 9 * ROTATION + 1), &key, sizeof key);
}
END_TEST

START_TEST(stopping_overwrites_every_secret)
{
	static const struct tls_tickets zero;
	struct tls_tickets t;

	start(&t, "site", 123456789);
	tls_tickets_stop(&t);
	ck_assert_mem_eq(&t, &zero, sizeof t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_ticket");
	TCase *tc = tcase_create("ratchet");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, workers_started_at_any_moment_have_the_same_keys);
	tcase_add_test(tc, stepping_and_jumping_lead_to_the_same_key);
	tcase_add_test(tc, a_ticket_survives_one_rotation_and_is_renewed_but_not_two);
	tcase_add_test(tc, keys_of_different_labels_seeds_and_periods_differ);
	tcase_add_test(tc, nothing_of_two_periods_ago_is_kept);
	tcase_add_test(tc, a_clock_that_stands_or_goes_back_changes_nothing);
	tcase_add_test(tc, stopping_overwrites_every_secret);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
