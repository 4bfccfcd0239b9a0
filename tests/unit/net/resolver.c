/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns_server.h"
#include "net/resolver_set.h"
#include "net/socket.h"

static struct dns_server *dns;
static struct loop *loop;
static struct conf_resolver conf;
static struct resolver *resolver;
static unsigned changes;

static void
on_changed(void *arg, struct resolver_name *n)
{
	changes++;
}

static void
set_up(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	dns = dns_server_start();
	loop = loop_new();
	conf = (struct conf_resolver){ .servers = dns->text,
		.timeout_ms = 50,
		.min_ttl_ms = 20,
		.max_ttl_ms = 100,
		.max_addresses = 64 };
	changes = 0;
	resolver = resolver_new(loop, &conf, on_changed, NULL);
}

static void
tear_down(void)
{
	resolver_free(resolver);
	loop_free(loop);
	dns_server_stop(dns);
}

/* Turns the loop until what is true, or fails after 20 s. */
#define UNTIL(what)                                                                                \
	do {                                                                                       \
		uint64_t end_ms = clock_now_ms() + 20000;                                          \
		while (!(what)) {                                                                  \
			ck_assert_msg(clock_now_ms() < end_ms, "never: " #what);                   \
			turn();                                                                    \
		}                                                                                  \
	} while (0)

static void
turn(void)
{
	struct timeval tick = { 0, 10000 };

	event_base_loopexit(loop->base, &tick);
	event_base_loop(loop->base, EVLOOP_ONCE);
}

static unsigned
count(const struct resolver_name *n)
{
	const struct sockaddr_storage *addrs;
	const socklen_t *lens;

	return resolver_addresses(n, &addrs, &lens);
}

static const char *
failure(const struct resolver_name *n)
{
	const char *text;

	resolver_stale_ms(n, &text);
	return text;
}

/* "10.0.0.1 10.0.0.2" */
static const char *
addresses(const struct resolver_name *n)
{
	static char text[4096];
	const struct sockaddr_storage *addrs;
	const socklen_t *lens;
	unsigned total = resolver_addresses(n, &addrs, &lens);
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < total; i++) {
		if (i > 0)
			text[at++] = ' ';
		at += socket_format_ip(
		    (const struct sockaddr *)&addrs[i], text + at, sizeof text - at);
		ck_assert_uint_eq(socket_port((const struct sockaddr *)&addrs[i]), 0);
		ck_assert_uint_eq(lens[i],
		    addrs[i].ss_family == AF_INET ? sizeof(struct sockaddr_in)
						  : sizeof(struct sockaddr_in6));
	}
	return text;
}

START_TEST(all_addresses_of_both_families_are_found)
{
	struct resolver_name *n;

	dns->mood[1] = DNS_GOOD;
	dns->addresses[1] = 2;
	n = resolver_watch(resolver, "shop.test");
	ck_assert(!resolver_settled(n));
	ck_assert_str_eq(resolver_name_text(n), "shop.test");
	UNTIL(count(n) == 4);
	ck_assert_str_eq(addresses(n), "10.0.0.1 10.0.0.2 fd00::a00:1 fd00::a00:2");
	ck_assert(resolver_settled(n));
	ck_assert_ptr_null(failure(n));
}
END_TEST

static const char *locals[] = { "localhost", "LocalHost", "app.localhost" };

START_TEST(localhost_is_loopback_without_asking_but_not_before_watch_returns)
{
	struct resolver_name *n = resolver_watch(resolver, locals[_i]);

	ck_assert_uint_eq(changes, 0);
	UNTIL(resolver_settled(n));
	ck_assert_str_eq(addresses(n), "127.0.0.1 ::1");
	ck_assert_uint_eq(dns->asked, 0);
}
END_TEST

START_TEST(a_change_is_reported_and_no_change_is_not)
{
	struct resolver_name *n = resolver_watch(resolver, "shop.test");
	unsigned asked;

	UNTIL(count(n) == 2);
	asked = dns->asked;
	UNTIL(dns->asked >= asked + 6); /* three rounds more with the same answer */
	ck_assert_uint_eq(changes, 1);
	dns->first = 7;
	UNTIL(changes == 2);
	ck_assert_str_eq(addresses(n), "10.0.0.7 10.0.0.8");
}
END_TEST

static const struct {
	enum dns_mood mood;
	const char *failure; /* part of its text */
} troubles[] = {
	{ DNS_NXDOMAIN, "does not exist" },
	{ DNS_EMPTY, "no address" },
	{ DNS_SERVFAIL, "server" },
	{ DNS_SILENT, "imeout" },
	{ DNS_CNAME_LOOP, "" },
};

START_TEST(the_last_good_answer_survives_every_trouble)
{
	struct resolver_name *n = resolver_watch(resolver, "shop.test");
	const char *text;

	UNTIL(count(n) == 2);
	dns->mood[0] = dns->mood[1] = troubles[_i].mood;
	UNTIL(resolver_failures(n) >= 2);
	ck_assert_str_eq(addresses(n), "10.0.0.1 10.0.0.2");
	ck_assert_uint_gt(resolver_stale_ms(n, &text), 20);
	ck_assert_ptr_nonnull(text);
	ck_assert_msg(strcasestr(text, troubles[_i].failure) != NULL, "%s", text);
	dns->first = 9;
	dns->mood[0] = DNS_GOOD;
	UNTIL(changes == 2);
	ck_assert_str_eq(addresses(n), "10.0.0.9 10.0.0.10");
	UNTIL(failure(n) == NULL);
}
END_TEST

START_TEST(a_name_that_never_resolves_settles_without_an_address)
{
	struct resolver_name *n;

	dns->mood[0] = dns->mood[1] = troubles[_i].mood;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(resolver_settled(n));
	ck_assert_uint_eq(count(n), 0);
	ck_assert_uint_eq(changes, 0);
	ck_assert_ptr_nonnull(failure(n));
}
END_TEST

START_TEST(one_familys_failure_does_not_drop_its_addresses)
{
	struct resolver_name *n;

	dns->mood[1] = DNS_GOOD;
	dns->addresses[1] = 1;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) == 3);
	dns->mood[1] = _i == 0 ? DNS_SERVFAIL : DNS_SILENT;
	dns->first = 20;
	UNTIL(strcmp(addresses(n), "10.0.0.20 10.0.0.21 fd00::a00:1") == 0);
	/* But an authoritative "none" beside a good half is believed. */
	dns->mood[1] = DNS_EMPTY;
	UNTIL(strcmp(addresses(n), "10.0.0.20 10.0.0.21") == 0);
}
END_TEST

static const enum dns_mood noise[] = { DNS_ZERO_BYTES, DNS_GARBAGE, DNS_WRONG_ID };

START_TEST(junk_in_front_of_the_answer_does_no_harm)
{
	struct resolver_name *n;

	dns->mood[0] = noise[_i];
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) > 0);
	ck_assert_str_eq(addresses(n), "10.0.0.1 10.0.0.2");
}
END_TEST

START_TEST(a_cut_answer_is_fetched_over_tcp)
{
	struct resolver_name *n;

	dns->mood[0] = DNS_CUT;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) == 2);
	ck_assert_uint_gt(dns->asked_tcp, 0);
}
END_TEST

START_TEST(a_thousand_addresses_are_capped_to_the_same_first_ones)
{
	struct resolver_name *n;
	const struct sockaddr_storage *addrs;
	const socklen_t *lens;

	dns->addresses[0] = 1000;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) > 0);
	ck_assert_uint_eq(resolver_addresses(n, &addrs, &lens), 64);
	ck_assert_uint_gt(dns->asked_tcp, 0);
	ck_assert_int_eq(strncmp(addresses(n), "10.0.0.1 10.0.0.2 ", 18), 0);
}
END_TEST

START_TEST(a_ttl_of_zero_does_not_make_us_ask_without_end)
{
	struct resolver_name *n;
	uint64_t start_ms;
	unsigned asked;

	conf.min_ttl_ms = 200;
	conf.max_ttl_ms = 1000;
	resolver_configure(resolver, &conf);
	dns->ttl_s = 0;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) == 2);
	start_ms = clock_now_ms();
	asked = dns->asked;
	UNTIL(clock_now_ms() - start_ms >= 500);
	ck_assert_uint_gt(dns->asked, asked);
	ck_assert_uint_le(dns->asked, asked + 2 * 3);
}
END_TEST

START_TEST(a_long_ttl_is_cut_to_the_maximum)
{
	struct resolver_name *n;

	dns->ttl_s = 0x7fffffff;
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) == 2);
	dns->first = 3;
	UNTIL(changes == 2);
}
END_TEST

/* From now on what is logged as a warning goes to a file, which is returned. */
static int
capture_log(void)
{
	int log = memfd_create("log", MFD_CLOEXEC);

	ck_assert_int_ge(log, 0);
	ck_assert_int_eq(dup2(log, STDERR_FILENO), STDERR_FILENO);
	log_set_level(LOG_LEVEL_WARN);
	return log;
}

START_TEST(the_channel_is_renewed_when_no_server_answers_and_works_again)
{
	struct dns_server *second = dns_server_start();
	struct resolver_name *n = resolver_watch(resolver, "shop.test");
	char text[4096];
	int log;

	UNTIL(count(n) == 2);
	log = capture_log();
	dns->mood[0] = dns->mood[1] = DNS_SILENT;
	UNTIL(resolver_failures(n) == 2);
	text[pread(log, text, sizeof text - 1, 0)] = '\0';
	ck_assert_msg(strstr(text, "stay in use") != NULL, "%s", text);
	ck_assert_msg(strstr(text, "starting over") == NULL, "%s", text);
	UNTIL(resolver_failures(n) >= 7); /* past two renewals */
	text[pread(log, text, sizeof text - 1, 0)] = '\0';
	ck_assert_msg(strstr(text, "starting over with new sockets") != NULL, "%s", text);
	close(log);
	dns->mood[0] = DNS_GOOD;
	dns->mood[1] = DNS_EMPTY;
	dns->first = 4;
	UNTIL(changes == 2);
	/* Other servers by configuration, too, while questions are under way. */
	second->first = 99;
	conf.servers = second->text;
	resolver_hurry(n);
	turn();
	resolver_configure(resolver, &conf);
	UNTIL(changes == 3);
	ck_assert_str_eq(addresses(n), "10.0.0.99 10.0.0.100");
	dns_server_stop(second);
}
END_TEST

START_TEST(a_refused_port_counts_as_silence_and_keeps_the_answer)
{
	struct resolver_name *n = resolver_watch(resolver, "shop.test");

	UNTIL(count(n) == 2);
	conf.servers = "127.0.0.1:1";
	resolver_configure(resolver, &conf);
	UNTIL(resolver_failures(n) >= 4);
	ck_assert_uint_eq(count(n), 2);
}
END_TEST

START_TEST(a_name_is_shared_by_its_watchers_whatever_its_case)
{
	struct resolver_name *a = resolver_watch(resolver, "shop.test");
	struct resolver_name *b = resolver_watch(resolver, "SHOP.test");

	ck_assert_ptr_eq(a, b);
	resolver_unwatch(resolver, a);
	UNTIL(count(b) == 2);
	resolver_unwatch(resolver, b);
}
END_TEST

START_TEST(a_name_may_be_left_with_its_question_under_way)
{
	struct resolver_name *n;
	unsigned asked;

	dns->mood[0] = dns->mood[1] = DNS_SILENT;
	n = resolver_watch(resolver, "left.test");
	UNTIL(dns->asked >= 1);
	resolver_unwatch(resolver, n);
	n = resolver_watch(resolver, "left.test"); /* a new life beside the old one */
	asked = dns->asked;
	dns->mood[0] = DNS_GOOD;
	UNTIL(count(n) == 2);
	ck_assert_uint_gt(dns->asked, asked);
	dns->mood[0] = DNS_SILENT;
	resolver_unwatch(resolver, n); /* and freed with the resolver */
}
END_TEST

static void
unwatch_on_change(void *arg, struct resolver_name *n)
{
	changes++;
	resolver_unwatch(*(struct resolver **)arg, n);
}

START_TEST(a_name_may_be_left_from_its_own_change)
{
	struct resolver *mine = NULL;

	mine = resolver_new(loop, &conf, unwatch_on_change, &mine);
	dns->mood[1] = DNS_GOOD;
	dns->addresses[1] = 1;
	resolver_watch(mine, "shop.test");
	resolver_watch(mine, "localhost");
	UNTIL(changes == 2);
	for (int i = 0; i < 20; i++)
		turn();
	ck_assert_uint_eq(changes, 2);
	resolver_free(mine);
}
END_TEST

START_TEST(hurry_asks_at_most_once_a_second)
{
	struct resolver_name *n;
	uint64_t start_ms;
	unsigned asked;

	conf.min_ttl_ms = conf.max_ttl_ms = 60000;
	resolver_configure(resolver, &conf);
	n = resolver_watch(resolver, "shop.test");
	UNTIL(count(n) == 2 && dns->asked >= 2);
	start_ms = clock_now_ms();
	turn();
	asked = dns->asked;
	while (clock_now_ms() - start_ms < 1300) {
		resolver_hurry(n);
		turn();
	}
	ck_assert_uint_ge(dns->asked, asked + 2);
	ck_assert_uint_le(dns->asked, asked + 4);
}
END_TEST

START_TEST(hundreds_of_names_are_all_resolved)
{
	enum { NAMES = 500 };
	struct resolver_name *names[NAMES];
	char text[64];

	conf.timeout_ms = 2000;
	conf.min_ttl_ms = conf.max_ttl_ms = 60000;
	resolver_configure(resolver, &conf);
	for (int i = 0; i < NAMES; i++) {
		snprintf(text, sizeof text, "host-%d.test", i);
		names[i] = resolver_watch(resolver, text);
	}
	for (int i = 0; i < NAMES; i++)
		UNTIL(count(names[i]) == 2);
}
END_TEST

START_TEST(names_that_cannot_be_settle_as_failed)
{
	static const char *bad[] = { "a..b", "", "x.invalid-\x01", "..",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" };

	dns->mood[0] = DNS_NXDOMAIN;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct resolver_name *n = resolver_watch(resolver, bad[i]);

		UNTIL(resolver_settled(n));
		ck_assert_uint_eq(count(n), 0);
	}
}
END_TEST

static void
add4(struct resolver_set *s, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, text, &in.sin_addr);
	resolver_set_add(s, (const struct sockaddr *)&in);
}

START_TEST(a_set_is_sorted_without_duplicates_or_useless_addresses)
{
	struct resolver_set a = { 0 }, b = { 0 };

	add4(&a, "10.0.0.9");
	add4(&a, "0.0.0.0");
	add4(&a, "10.0.0.1");
	add4(&a, "224.0.0.1");
	add4(&a, "255.255.255.255");
	add4(&a, "10.0.0.9");
	resolver_set_finish(&a, 64);
	ck_assert_uint_eq(a.count, 2);
	add4(&b, "10.0.0.1");
	add4(&b, "10.0.0.9");
	resolver_set_finish(&b, 64);
	ck_assert(resolver_set_equal(&a, &b));
	resolver_set_finish(&b, 1);
	ck_assert_uint_eq(b.count, 1);
	ck_assert(!resolver_set_equal(&a, &b));
	resolver_set_clear(&a);
	resolver_set_clear(&b);
	ck_assert(resolver_set_equal(&a, &b));
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, all_addresses_of_both_families_are_found);
	tcase_add_loop_test(tc, localhost_is_loopback_without_asking_but_not_before_watch_returns,
	    0, ARRAY_SIZE(locals));
	tcase_add_test(tc, a_change_is_reported_and_no_change_is_not);
	tcase_add_loop_test(
	    tc, the_last_good_answer_survives_every_trouble, 0, ARRAY_SIZE(troubles));
	tcase_add_loop_test(
	    tc, a_name_that_never_resolves_settles_without_an_address, 0, ARRAY_SIZE(troubles));
	tcase_add_loop_test(tc, one_familys_failure_does_not_drop_its_addresses, 0, 2);
	tcase_add_loop_test(tc, junk_in_front_of_the_answer_does_no_harm, 0, ARRAY_SIZE(noise));
	tcase_add_test(tc, a_cut_answer_is_fetched_over_tcp);
	tcase_add_test(tc, a_thousand_addresses_are_capped_to_the_same_first_ones);
	tcase_add_test(tc, a_ttl_of_zero_does_not_make_us_ask_without_end);
	tcase_add_test(tc, a_long_ttl_is_cut_to_the_maximum);
	tcase_add_test(tc, the_channel_is_renewed_when_no_server_answers_and_works_again);
	tcase_add_test(tc, a_refused_port_counts_as_silence_and_keeps_the_answer);
	tcase_add_test(tc, a_name_is_shared_by_its_watchers_whatever_its_case);
	tcase_add_test(tc, a_name_may_be_left_with_its_question_under_way);
	tcase_add_test(tc, a_name_may_be_left_from_its_own_change);
	tcase_add_test(tc, hurry_asks_at_most_once_a_second);
	tcase_add_test(tc, hundreds_of_names_are_all_resolved);
	tcase_add_test(tc, names_that_cannot_be_settle_as_failed);
	tcase_add_test(tc, a_set_is_sorted_without_duplicates_or_useless_addresses);
}

int
main(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tc = tcase_create("resolver");
	SRunner *runner = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
