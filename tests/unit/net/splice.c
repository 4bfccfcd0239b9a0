/* SPDX-License-Identifier: Apache-2.0 */
#include "net/splice.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/stream.h"

/* Two streams and the far ends of their sockets. */
struct bench {
	struct loop *loop;
	struct splice_pool *pool;
	struct stream from, to;
	int source, sink;
	unsigned to_events;
};

static void
on_from(struct stream *s, unsigned events, void *arg)
{
}

static void
on_to(struct stream *s, unsigned events, void *arg)
{
	struct bench *b = arg;

	b->to_events |= events;
	loop_stop(b->loop);
}

static void
pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void
bench_open(struct bench *b)
{
	int fds[2];

	memset(b, 0, sizeof *b);
	b->loop = loop_new();
	b->pool = splice_pool_new();
	pair(fds);
	b->source = fds[0];
	stream_accept(&b->from, b->loop, fds[1], NULL, on_from, b);
	pair(fds);
	b->sink = fds[0];
	stream_accept(&b->to, b->loop, fds[1], NULL, on_to, b);
}

static void
bench_close(struct bench *b)
{
	stream_close(&b->from);
	stream_close(&b->to);
	close(b->source);
	close(b->sink);
	splice_pool_free(b->pool);
	loop_free(b->loop);
}

START_TEST(bytes_go_through_a_pipe_as_they_are)
{
	struct splice_pipe *p;
	struct bench b;
	char got[16];

	bench_open(&b);
	ck_assert(splice_may(&b.from, &b.to));
	p = splice_take(b.pool);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(write(b.source, "hello", 5), 5);
	ck_assert_int_eq(splice_in(p, &b.from), 5);
	ck_assert(splice_out(p, &b.to));
	ck_assert_int_eq(read(b.sink, got, sizeof got), 5);
	ck_assert_mem_eq(got, "hello", 5);
	ck_assert_uint_eq(b.from.bytes_in, 5);
	ck_assert_uint_eq(b.to.bytes_out, 5);
	ck_assert_int_eq(splice_in(p, &b.from), STREAM_WAIT);
	splice_give(b.pool, p);
	ck_assert_ptr_eq(splice_take(b.pool), p); /* it was kept */
	splice_give(b.pool, p);
	bench_close(&b);
}
END_TEST

START_TEST(an_end_is_an_end)
{
	struct splice_pipe *p;
	struct bench b;

	bench_open(&b);
	p = splice_take(b.pool);
	ck_assert_int_eq(shutdown(b.source, SHUT_WR), 0);
	ck_assert_int_eq(splice_in(p, &b.from), STREAM_END);
	ck_assert(!splice_may(&b.from, &b.to));
	splice_give(b.pool, p);
	bench_close(&b);
}
END_TEST

/* Until the other side is full; then its owner is told when it is not any more. */
START_TEST(who_takes_no_more_says_when_it_does)
{
	static char block[65536];
	struct splice_pipe *p;
	struct bench b;
	uint64_t sent = 0, got = 0;
	bool emptied = true;
	ssize_t n;

	bench_open(&b);
	p = splice_take(b.pool);
	while (emptied) {
		ck_assert_int_gt(write(b.source, block, sizeof block), 0);
		n = splice_in(p, &b.from);
		ck_assert_int_gt(n, 0);
		sent += (uint64_t)n;
		ck_assert_uint_lt(sent, 64u << 20);
		emptied = splice_out(p, &b.to);
	}
	ck_assert(!stream_is_drained(&b.to));
	ck_assert(!splice_may(&b.from, &b.to));
	while ((n = read(b.sink, block, sizeof block)) > 0)
		got += (uint64_t)n;
	loop_run(b.loop, NULL);
	ck_assert(b.to_events & STREAM_DRAINED);
	ck_assert(stream_is_drained(&b.to));
	ck_assert(splice_out(p, &b.to));
	while ((n = read(b.sink, block, sizeof block)) > 0)
		got += (uint64_t)n;
	ck_assert_uint_eq(got, sent);
	splice_give(b.pool, p);
	bench_close(&b);
}
END_TEST

START_TEST(a_broken_target_fails_and_its_owner_hears_of_it)
{
	struct splice_pipe *p;
	struct bench b;

	bench_open(&b);
	p = splice_take(b.pool);
	ck_assert_int_eq(write(b.source, "x", 1), 1);
	ck_assert_int_eq(splice_in(p, &b.from), 1);
	close(b.sink);
	b.sink = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert(!splice_out(p, &b.to));
	loop_run(b.loop, NULL);
	ck_assert(b.to_events & STREAM_FAILED);
	splice_give(b.pool, p); /* with what is in it */
	bench_close(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("splice");
	TCase *tc = tcase_create("splice");
	SRunner *runner;
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as main() does */
	tcase_add_test(tc, bytes_go_through_a_pipe_as_they_are);
	tcase_add_test(tc, an_end_is_an_end);
	tcase_add_test(tc, who_takes_no_more_says_when_it_does);
	tcase_add_test(tc, a_broken_target_fails_and_its_owner_hears_of_it);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
