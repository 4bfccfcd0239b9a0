/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { RINGS = 2, RING_BYTES = 256 * 1024, DEADLINE_MS = 5000 };

static struct ring *rings[RINGS];
static struct access_log *started;
static char dir[64];
static char path[128];

static void
set_up(void)
{
	snprintf(dir, sizeof dir, "/tmp/detour-access-log-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/access.log", dir);
	for (unsigned i = 0; i < RINGS; i++)
		rings[i] = ring_new(RING_BYTES);
}

static void
tear_down(void)
{
	char command[160];

	for (unsigned i = 0; i < RINGS; i++)
		ring_free(rings[i]);
	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void
start(const char *access, enum conf_log_format format)
{
	struct conf_log conf = { .access = access, .format = format };
	struct error error;

	started = access_log_start(&conf, rings, RINGS, &error);
	ck_assert_msg(started != NULL, "%s", error.text);
}

/* False: the ring was full. */
static bool
say(unsigned ring, const char *request_path)
{
	size_t len = strlen(request_path);
	struct access_record *r = ring_reserve(rings[ring], sizeof *r + len);

	if (r == NULL)
		return false;
	*r = (struct access_record){ .wall_us = 1, .status = 200 };
	r->text_len[ACCESS_PATH] = (uint16_t)len;
	memcpy(r + 1, request_path, len);
	ring_commit(rings[ring]);
	return true;
}

static void
pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static unsigned
lines_with(const char *file, const char *text)
{
	FILE *f = fopen(file, "r");
	char line[ACCESS_LINE_MAX];
	unsigned lines = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL)
		lines += strstr(line, text) != NULL;
	fclose(f);
	return lines;
}

static void
until_line(const char *file, const char *text)
{
	uint64_t by_ms = clock_now_ms() + DEADLINE_MS;

	while (lines_with(file, text) == 0) {
		ck_assert_msg(clock_now_ms() < by_ms, "%s never came into %s", text, file);
		pause_briefly();
	}
}

START_TEST(lines_of_all_workers_reach_the_file)
{
	start(path, LOG_FORMAT_JSON);
	ck_assert(say(0, "/from-0"));
	ck_assert(say(1, "/from-1"));
	until_line(path, "\"path\":\"/from-0\"");
	until_line(path, "\"path\":\"/from-1\"");
	ck_assert_uint_eq(access_log_dropped(started), 0);
	access_log_stop(started);
}
END_TEST

START_TEST(nothing_is_lost_when_it_stops)
{
	enum { LINES = 200 };

	start(path, LOG_FORMAT_JSON);
	for (unsigned i = 0; i < LINES; i++)
		ck_assert(say(i % RINGS, "/counted"));
	access_log_stop(started);
	ck_assert_uint_eq(lines_with(path, "/counted"), LINES);
}
END_TEST

START_TEST(a_rotated_file_gets_no_line_after_it_was_reopened)
{
	char old[160];

	start(path, LOG_FORMAT_TEXT);
	ck_assert(say(0, "/before"));
	until_line(path, "/before");
	snprintf(old, sizeof old, "%s.1", path);
	ck_assert_int_eq(rename(path, old), 0);
	access_log_reopen(started);
	/* the log thread makes the new file when it takes the order */
	for (uint64_t by_ms = clock_now_ms() + DEADLINE_MS; access(path, F_OK) != 0;
	     pause_briefly())
		ck_assert_uint_lt(clock_now_ms(), by_ms);
	ck_assert(say(0, "/after"));
	until_line(path, "/after");
	ck_assert_uint_eq(lines_with(old, "/after"), 0);
	ck_assert_uint_eq(lines_with(path, "/before"), 0);
	access_log_stop(started);
}
END_TEST

START_TEST(another_destination_and_format_are_taken_on)
{
	char other[160];
	struct conf_log conf = { .access = other, .format = LOG_FORMAT_TEXT };
	struct error error;

	snprintf(other, sizeof other, "%s/other.log", dir);
	start(path, LOG_FORMAT_JSON);
	ck_assert(access_log_configure(started, &conf, &error));
	/* twice at once: the one in between must not leak */
	ck_assert(access_log_configure(started, &conf, &error));
	for (uint64_t by_ms = clock_now_ms() + DEADLINE_MS; lines_with(other, "/moved") == 0;
	     pause_briefly()) {
		ck_assert(say(0, "/moved"));
		ck_assert_uint_lt(clock_now_ms(), by_ms);
	}
	ck_assert_uint_gt(lines_with(other, "\"- /moved HTTP/1.0\""), 0);
	access_log_stop(started);
}
END_TEST

START_TEST(a_destination_that_cannot_be_opened_changes_nothing)
{
	struct conf_log conf = { .access = "/nowhere/access.log", .format = LOG_FORMAT_TEXT };
	struct error error;

	ck_assert_ptr_null(access_log_start(&conf, rings, RINGS, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/access.log"));
	start(path, LOG_FORMAT_JSON);
	ck_assert(!access_log_configure(started, &conf, &error));
	ck_assert(say(0, "/still-here"));
	until_line(path, "/still-here");
	access_log_stop(started);
}
END_TEST

START_TEST(a_full_disk_loses_lines_and_counts_them)
{
	start("/dev/full", LOG_FORMAT_JSON);
	ck_assert(say(0, "/lost"));
	ck_assert(say(0, "/lost"));
	for (uint64_t by_ms = clock_now_ms() + DEADLINE_MS; access_log_dropped(started) < 2;
	     pause_briefly())
		ck_assert_uint_lt(clock_now_ms(), by_ms);
	access_log_stop(started);
}
END_TEST

/* Standard output becomes a pipe that is never read. */
START_TEST(a_reader_that_stopped_stops_neither_traffic_nor_the_end)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	uint64_t begun_ms, took_ms;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDOUT_FILENO), 0);
	start("stdout", LOG_FORMAT_JSON);
	/* the ring fills behind the pipe, and then lines are refused at once */
	for (uint64_t by_ms = clock_now_ms() + DEADLINE_MS; ring_dropped(rings[0]) == 0;) {
		say(0, "/nobody-reads-this");
		ck_assert_uint_lt(clock_now_ms(), by_ms);
	}
	begun_ms = clock_now_ms();
	access_log_stop(started);
	took_ms = clock_now_ms() - begun_ms;
	dup2(saved, STDOUT_FILENO);
	close(saved);
	ck_assert_msg(took_ms < 3000, "stopping took %llu ms", (unsigned long long)took_ms);
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(off_takes_lines_and_writes_none)
{
	start("off", LOG_FORMAT_JSON);
	ck_assert(say(0, "/nowhere"));
	for (uint64_t by_ms = clock_now_ms() + DEADLINE_MS; ring_waiting(rings[0]) > 0;
	     pause_briefly())
		ck_assert_uint_lt(clock_now_ms(), by_ms);
	ck_assert_uint_eq(access_log_dropped(started), 0);
	access_log_stop(started);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/access_log");
	TCase *tests = tcase_create("access_log");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, lines_of_all_workers_reach_the_file);
	tcase_add_test(tests, nothing_is_lost_when_it_stops);
	tcase_add_test(tests, a_rotated_file_gets_no_line_after_it_was_reopened);
	tcase_add_test(tests, another_destination_and_format_are_taken_on);
	tcase_add_test(tests, a_destination_that_cannot_be_opened_changes_nothing);
	tcase_add_test(tests, a_full_disk_loses_lines_and_counts_them);
	tcase_add_test(tests, a_reader_that_stopped_stops_neither_traffic_nor_the_end);
	tcase_add_test(tests, off_takes_lines_and_writes_none);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
