/* SPDX-License-Identifier: Apache-2.0 */
/* What holds when nothing is said, and what limits may not say together. */
#include <string.h>

#include "helper.h"

START_TEST(without_a_word_every_limit_is_safe)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));
	const struct conf_client_limits *c = &t->client;

	ck_assert_uint_eq(c->max_connections, 50000);
	ck_assert_uint_eq(c->max_connections_per_client, 1000);
	ck_assert_uint_eq(t->listeners[0].max_connections, 10000);
	ck_assert_uint_eq(c->request_line_bytes, 8 << 10);
	ck_assert_uint_eq(c->header_bytes, 32 << 10);
	ck_assert_uint_eq(c->header_line_bytes, 16 << 10);
	ck_assert_uint_eq(c->header_fields, 100);
	ck_assert_uint_eq(c->max_body_bytes, 0);
	ck_assert_uint_eq(c->tls_handshake_ms, 5000);
	ck_assert_uint_eq(c->request_head_ms, 10000);
	ck_assert_uint_eq(c->body_idle_ms, 30000);
	ck_assert_uint_eq(c->send_stall_ms, 30000);
	ck_assert_uint_eq(c->min_rate_bytes, 500);
	ck_assert_uint_eq(c->min_rate_grace_ms, 10000);
	ck_assert_uint_eq(c->keep_alive_ms, 60000);
	ck_assert_uint_eq(c->max_age_ms, 3600000);
	ck_assert_uint_eq(c->replay_memory_bytes, 64 << 20);
	ck_assert_uint_eq(t->drain_timeout_ms, 60000);
	ck_assert_uint_eq(t->drain_hard_stop_ms, 120000);
	ck_assert_uint_eq(t->resolver.timeout_ms, 2000);
	topology_unref(t);
}
END_TEST

START_TEST(without_a_word_every_limit_of_http2_is_safe)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));
	const struct conf_client_limits *c = &t->client;

	ck_assert_uint_eq(c->h2_max_streams, 100);
	ck_assert_uint_eq(c->h2_max_requests, 10000);
	ck_assert_uint_eq(c->h2_requests_per_turn, 8);
	ck_assert_uint_eq(c->h2_stream_window_bytes, 64 << 10);
	ck_assert_uint_eq(c->h2_connection_window_bytes, 1 << 20);
	ck_assert_uint_eq(c->h2_max_frame_bytes, 16 << 10);
	ck_assert_uint_eq(c->h2_header_table_bytes, 4 << 10);
	ck_assert_uint_eq(c->h2_continuations, 8);
	ck_assert_uint_eq(c->h2_max_resets, 200);
	ck_assert_double_eq(c->h2_reset_share, 0.5);
	ck_assert_uint_eq(c->h2_reset_requests, 500);
	ck_assert_uint_eq(c->h2_reset_window_ms, 10000);
	ck_assert_uint_eq(c->h2_max_errors, 10);
	ck_assert_uint_eq(c->h2_max_queued, 1000);
	ck_assert_uint_eq(c->h2_memory_bytes, 256 << 10);
	topology_unref(t);
}
END_TEST

START_TEST(without_a_word_every_limit_of_a_service_is_safe)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));
	const struct conf_service *s = &t->services[0];

	ck_assert_uint_eq(s->timeouts.connect, 1000);
	ck_assert_uint_eq(s->timeouts.try_, 10000);
	ck_assert_uint_eq(s->timeouts.request, 15000);
	ck_assert_uint_eq(s->timeouts.unacknowledged, 2000);
	ck_assert_uint_eq(s->timeouts.idle, 60000);
	ck_assert_uint_eq(s->timeouts.tunnel, 3600000);
	ck_assert_uint_eq(s->retry.attempts, 2);
	ck_assert_double_eq(s->retry.budget, 0.2);
	ck_assert_uint_eq(s->retry.budget_floor, 10);
	ck_assert_uint_eq(s->retry.backoff_ms, 25);
	ck_assert_uint_eq(s->retry.backoff_max_ms, 250);
	ck_assert_uint_eq(s->retry.replay_buffer_bytes, 64 << 10);
	ck_assert_uint_eq(s->limits.keep_alive_ms, 30000);
	ck_assert_uint_eq(s->limits.tcp_keepalive_ms, 10000);
	ck_assert_uint_eq(s->limits.tcp_keepalive_interval_ms, 3000);
	ck_assert_uint_eq(s->limits.tcp_keepalive_probes, 3);
	topology_unref(t);
}
END_TEST

START_TEST(memory_is_what_there_is_unless_said)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));

	ck_assert_uint_gt(t->memory.limit_bytes, 1 << 20);
	ck_assert_double_eq(t->memory.shed, 0.85);
	ck_assert_double_eq(t->memory.shrink, 0.9);
	ck_assert_double_eq(t->memory.stop, 0.95);
	topology_unref(t);
	t = load_good(
	    whole(&(struct parts){ .top = "memory = { limit = \"3GiB\"; shed = 0.5; };" }));
	ck_assert_uint_eq(t->memory.limit_bytes, 3ull << 30);
	ck_assert_double_eq(t->memory.shed, 0.5);
	topology_unref(t);
}
END_TEST

START_TEST(the_hard_stop_is_never_before_the_timeout)
{
	struct topology *t =
	    load_good(whole(&(struct parts){ .top = "drain = { timeout = \"5m\"; };" }));

	ck_assert_uint_eq(t->drain_hard_stop_ms, 300000);
	topology_unref(t);
	t = load_good(whole(&(struct parts){ .top = "drain = { timeout = \"0s\"; };" }));
	ck_assert_uint_eq(t->drain_hard_stop_ms, 0); /* for ever is for ever */
	topology_unref(t);
}
END_TEST

START_TEST(limits_that_undo_each_other_are_refused)
{
	expect_problem(
	    whole(&(struct parts){ .top = "limits = { h2_header_table = \"64KiB\"; };" }),
	    "t.conf:1: h2_header_table is more than a sixteenth of h2_memory, which could end an "
	    "honest connection; write a smaller one, or h2_memory = \"1024KiB\"");
	expect_problem(
	    whole(&(struct parts){ .top = "limits = { h2_stream_window = \"2MiB\"; };" }),
	    "t.conf:1: h2_stream_window is larger than h2_connection_window, which bounds all "
	    "streams together; write a smaller one");
	expect_problem(whole(&(struct parts){ .top = "memory = { shed = 0.97; };" }),
	    "t.conf:1: shed, shrink and stop follow each other as memory runs out; write them in "
	    "that order, such as 0.85, 0.9 and 0.95");
	expect_among(whole(&(struct parts){ .service = "retry = { backoff = \"1s\"; };" }),
	    "t.conf:6: retry.backoff is longer than retry.backoff_max; write a shorter one");
}
END_TEST

START_TEST(a_value_out_of_its_range_is_refused)
{
	static const char *const wrong[] = { "h2_continuations = 0;", "h2_max_queued = 9;",
		"h2_max_frame = \"8KiB\";", "h2_max_frame = \"2MiB\";",
		"h2_connection_window = \"32KiB\";", "h2_memory = \"1KiB\";",
		"h2_requests_per_turn = 0;", "h2_reset_share = 1.5;",
		"h2_reset_window = \"1ms\";" };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct conf_problems problems = { .count = 0 };
		char top[128];

		snprintf(top, sizeof top, "limits = { %s };", wrong[i]);
		scratch_make();
		scratch_write("t.conf", whole(&(struct parts){ .top = top }), 0600);
		ck_assert_msg(
		    conf_load(scratch_path("t.conf"), &problems) == NULL, "%s is taken", wrong[i]);
		ck_assert_uint_eq(problems.count, 1);
		ck_assert_ptr_nonnull(strstr(problems.list[0].text, "t.conf:1: "));
		conf_problems_free(&problems);
		scratch_remove();
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/limits");
	TCase *tc = tcase_create("limits");

	tcase_add_test(tc, without_a_word_every_limit_is_safe);
	tcase_add_test(tc, without_a_word_every_limit_of_http2_is_safe);
	tcase_add_test(tc, without_a_word_every_limit_of_a_service_is_safe);
	tcase_add_test(tc, memory_is_what_there_is_unless_said);
	tcase_add_test(tc, the_hard_stop_is_never_before_the_timeout);
	tcase_add_test(tc, limits_that_undo_each_other_are_refused);
	tcase_add_test(tc, a_value_out_of_its_range_is_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
