/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/stream.h"

enum { PAIRS = STREAM_LOOK_MAX };

static struct loop *loop;
static struct stream streams[PAIRS];
static const struct stream *all[PAIRS];
static int far[PAIRS];
static bool quiet[PAIRS];

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
}

static void
open_all(void)
{
	loop = loop_new();
	for (unsigned i = 0; i < PAIRS; i++) {
		int fds[2];

		ck_assert_int_eq(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
		far[i] = fds[0];
		stream_accept(&streams[i], loop, fds[1], NULL, on_stream, NULL);
		all[i] = &streams[i];
	}
}

static void
close_all(void)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		stream_close(&streams[i]);
		close(far[i]);
	}
	loop_free(loop);
}

START_TEST(only_those_on_which_nothing_has_come_are_quiet)
{
	ck_assert_int_eq(write(far[1], "x", 1), 1);
	shutdown(far[PAIRS - 1], SHUT_WR);
	stream_look(all, PAIRS, quiet);
	for (unsigned i = 0; i < PAIRS; i++)
		ck_assert_int_eq(quiet[i], i != 1 && i != PAIRS - 1);
}
END_TEST

START_TEST(looking_takes_nothing_away)
{
	char byte;

	ck_assert_int_eq(write(far[0], "x", 1), 1);
	stream_look(all, 1, quiet);
	ck_assert(!quiet[0]);
	ck_assert_int_eq(read(streams[0].fd, &byte, 1), 1);
	stream_look(all, 1, quiet);
	ck_assert(quiet[0]);
}
END_TEST

START_TEST(looking_and_peeking_agree)
{
	ck_assert_int_eq(write(far[2], "x", 1), 1);
	shutdown(far[3], SHUT_WR);
	stream_shutdown(&streams[4]);
	stream_look(all, 6, quiet);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(quiet[i], stream_is_quiet(&streams[i]));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("net/stream_look");
	TCase *t = tcase_create("stream_look");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, open_all, close_all);
	tcase_add_test(t, only_those_on_which_nothing_has_come_are_quiet);
	tcase_add_test(t, looking_takes_nothing_away);
	tcase_add_test(t, looking_and_peeking_agree);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
