/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* This program's own clock takes the place of base/clock.c: time goes on when a test says so. */
static uint64_t now_ms = 1000;

uint64_t
clock_now_us(void)
{
	return now_ms * 1000;
}

uint64_t
clock_now_ms(void)
{
	return now_ms;
}

uint64_t
clock_wall_us(void)
{
	return 0;
}

char *
clock_format_wall(uint64_t wall_us, char *buf, size_t size)
{
	snprintf(buf, size, "%s", wall_us == 0 ? "NOW" : "?");
	return buf;
}

static int reader = -1;

/* From here on standard error is a pipe that the test reads. */
static void
capture(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	reader = ends[0];
	fcntl(reader, F_SETFL, O_NONBLOCK);
}

/* What was written since the last look. */
static const char *
written(void)
{
	static char text[128 * 1024];
	size_t len = 0;
	ssize_t n;

	while ((n = read(reader, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

START_TEST(a_line_has_time_level_and_text)
{
	capture();
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("%s is %d", "port", 80);
	ck_assert_str_eq(written(), "NOW error port is 80\n");
	log_warn("w");
	log_info("i");
	log_debug("d");
	ck_assert_str_eq(written(), "NOW warn w\nNOW info i\nNOW debug d\n");
}
END_TEST

START_TEST(levels_have_names_and_hide_what_is_below)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	capture();
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		enum log_level level = LOG_LEVEL_ERROR;

		ck_assert(log_level_parse(names[i], &level));
		ck_assert_int_eq((int)level, i);
		log_set_level(level);
		log_error("x");
		log_warn("x");
		log_info("x");
		log_debug("x");
		ck_assert_uint_eq(strlen(written()),
		    strlen("NOW error x\nNOW warn x\nNOW info x\nNOW "
			   "debug x\n") -
			(i < 1 ? strlen("NOW warn x\n") : 0) -
			(i < 2 ? strlen("NOW info x\n") : 0) -
			(i < 3 ? strlen("NOW debug x\n") : 0));
		ck_assert(log_wants(level));
		ck_assert(i == LOG_LEVEL_DEBUG || !log_wants((enum log_level)(i + 1)));
	}
}
END_TEST

START_TEST(an_unknown_level_changes_nothing)
{
	enum log_level level = LOG_LEVEL_WARN;

	ck_assert(!log_level_parse("INFO", &level));
	ck_assert(!log_level_parse("", &level));
	ck_assert(!log_level_parse("infos", &level));
	ck_assert_int_eq((int)level, LOG_LEVEL_WARN);
}
END_TEST

START_TEST(a_peers_text_can_not_forge_a_line)
{
	capture();
	log_error("host %s", "a\r\nNOW error b\x1b[2J\x7f\tc");
	ck_assert_str_eq(written(), "NOW error host a? NOW error b?[2J? c\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_stays_one)
{
	const char *text;

	capture();
	log_error("%0*d", 10000, 1);
	text = written();
	ck_assert_uint_le(strlen(text), PIPE_BUF);
	ck_assert_uint_ge(strlen(text), 3900);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(errno_is_shown_and_survives)
{
	capture();
	errno = ENOENT;
	log_error("open: %m");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(written(), "NOW error open: No such file or directory\n");
}
END_TEST

START_TEST(a_call_site_gets_one_line_a_second)
{
	static struct log_limit limit, other;

	capture();
	for (int i = 0; i < 5; i++)
		log_limited(&limit, LOG_LEVEL_WARN, "full %d", i);
	ck_assert_str_eq(written(), "NOW warn full 0\n");
	log_limited(&other, LOG_LEVEL_WARN, "other");
	ck_assert_str_eq(written(), "NOW warn other\n");
	now_ms += 999;
	log_limited(&limit, LOG_LEVEL_WARN, "full");
	ck_assert_str_eq(written(), "");
	now_ms += 1;
	log_limited(&limit, LOG_LEVEL_WARN, "full");
	ck_assert_str_eq(written(), "NOW warn full (5 more like this held back)\n");
	now_ms += 1000;
	log_limited(&limit, LOG_LEVEL_WARN, "full");
	ck_assert_str_eq(written(), "NOW warn full\n");
	log_limited(&limit, LOG_LEVEL_DEBUG, "hidden");
	now_ms += 1000;
	log_limited(&limit, LOG_LEVEL_WARN, "full");
	ck_assert_str_eq(written(), "NOW warn full\n");
}
END_TEST

START_TEST(a_reader_that_is_stuck_stops_nobody)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	const char *text;

	/* Blocking and non-blocking: neither may hold us up, and what is lost is told. */
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		capture();
		fcntl(
		    STDERR_FILENO, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
		for (int i = 0; i < 3000; i++)
			log_error("%0100d", i);
		ck_assert_uint_ge(strlen(written()), 60000);
		log_error("after");
		text = written();
		ck_assert_ptr_nonnull(strstr(text, "NOW error after ("));
		ck_assert_ptr_nonnull(strstr(text, " lines lost before this)\n"));
		log_error("again");
		ck_assert_str_eq(written(), "NOW error again\n");
	}
}
END_TEST

START_TEST(a_closed_standard_error_is_survived)
{
	close(STDERR_FILENO);
	log_error("nobody hears this");
}
END_TEST

enum { WRITERS = 4, LINES = 2000 };

static void *
write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_error("%s %04d %0*d", (const char *)arg, i, 50 + i % 200, 0);
	return NULL;
}

START_TEST(lines_of_many_threads_stay_whole)
{
	static char names[WRITERS][2] = { "a", "b", "c", "d" };
	int next[WRITERS] = { 0 };
	pthread_t writers[WRITERS];
	FILE *file = tmpfile();
	char line[512], name;
	int number;

	fcntl(fileno(file), F_SETFL, O_APPEND);
	dup2(fileno(file), STDERR_FILENO);
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_lines, names[i]);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	rewind(file);
	for (int i = 0; i < WRITERS * LINES; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
		ck_assert_int_eq(sscanf(line, "NOW error %c %d 0", &name, &number), 2);
		ck_assert_int_eq(number, next[name - 'a']++);
		ck_assert_uint_eq(
		    strlen(line), strlen("NOW error a 0000 \n") + 50 + (size_t)number % 200);
	}
	ck_assert_ptr_null(fgets(line, sizeof line, file));
	fclose(file);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/log");
	TCase *tests = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_line_has_time_level_and_text);
	tcase_add_test(tests, levels_have_names_and_hide_what_is_below);
	tcase_add_test(tests, an_unknown_level_changes_nothing);
	tcase_add_test(tests, a_peers_text_can_not_forge_a_line);
	tcase_add_test(tests, a_long_line_is_cut_and_stays_one);
	tcase_add_test(tests, errno_is_shown_and_survives);
	tcase_add_test(tests, a_call_site_gets_one_line_a_second);
	tcase_add_test(tests, a_reader_that_is_stuck_stops_nobody);
	tcase_add_test(tests, a_closed_standard_error_is_survived);
	tcase_add_test(tests, lines_of_many_threads_stay_whole);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
