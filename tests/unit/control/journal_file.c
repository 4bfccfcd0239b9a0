/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal_file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

static char dir[48], path[80];
static char seen[64 * 1024];

static void
set_up(void)
{
	snprintf(dir, sizeof dir, "/tmp/detour-lines-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/j", dir);
	seen[0] = '\0';
}

static void
tear_down(void)
{
	char command[160];

	snprintf(command, sizeof command, "chmod 700 %s; rm -rf %s", dir, dir);
	ck_assert_int_eq(system(command), 0);
}

static void
note(void *arg, const char *line, size_t len)
{
	strncat(seen, line, len);
	strcat(seen, "|");
}

static bool
append(struct journal_file *f, const char *line)
{
	return journal_file_append(f, line, strlen(line));
}

static void
write_file(const char *name, const char *text)
{
	char full[100];
	FILE *to;

	snprintf(full, sizeof full, "%s%s", path, name);
	to = fopen(full, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
}

static off_t
size_of(const char *name)
{
	char full[100];
	struct stat st;

	snprintf(full, sizeof full, "%s%s", path, name);
	return stat(full, &st) == 0 ? st.st_size : -1;
}

START_TEST(lines_come_back_in_order)
{
	struct journal_file *f = journal_file_new(path, 1000, 4);

	ck_assert(append(f, "a\n") && append(f, "bb\n") && append(f, "c\n"));
	journal_file_free(f);
	f = journal_file_new(path, 1000, 4);
	ck_assert(append(f, "d\n"));
	ck_assert(journal_file_read(f, 1000, note, NULL));
	ck_assert_str_eq(seen, "a|bb|c|d|");
	journal_file_free(f);
}
END_TEST

START_TEST(files_and_their_sizes_are_bounded)
{
	struct journal_file *f = journal_file_new(path, 100, 3);
	char line[32];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof line, "line %04u\n", i);
		ck_assert(append(f, line));
	}
	ck_assert_int_le(size_of(""), 100);
	ck_assert_int_eq(size_of(".1"), 100);
	ck_assert_int_eq(size_of(".2"), 100);
	ck_assert_int_eq(size_of(".3"), -1);
	ck_assert(journal_file_read(f, 150, note, NULL));
	ck_assert_ptr_nonnull(strstr(seen, "line 0080|"));
	ck_assert_ptr_nonnull(strstr(seen, "line 0099|"));
	journal_file_free(f);
}
END_TEST

START_TEST(one_file_alone_is_begun_anew)
{
	struct journal_file *f = journal_file_new(path, 10, 1);

	ck_assert(append(f, "aaaaaa\n") && append(f, "bbbbbb\n"));
	ck_assert_int_eq(size_of(""), 7);
	ck_assert_int_eq(size_of(".1"), -1);
	journal_file_free(f);
}
END_TEST

START_TEST(a_line_longer_than_a_file_is_still_written_whole)
{
	struct journal_file *f = journal_file_new(path, 4, 2);

	ck_assert(append(f, "aaaaaaaa\n") && append(f, "b\n"));
	ck_assert(journal_file_read(f, 100, note, NULL));
	ck_assert_str_eq(seen, "aaaaaaaa|b|");
	journal_file_free(f);
}
END_TEST

static const struct {
	const char *before;
	size_t max;
	const char *seen;
} tails[] = {
	{ "", 100, "" },
	{ "a\nb\n", 100, "a|b|" },
	{ "a\nb", 100, "a|" },
	{ "aaaa\nb\nc\n", 4, "c|" }, /* the first of what is read is not known to be whole */
	{ "aaaa\nb\nc\n", 1, "" },
	{ "\n\na\n\n", 100, "a|" },
	{ "no newline at all", 100, "" },
};

START_TEST(only_whole_lines_are_read_back)
{
	struct journal_file *f = journal_file_new(path, 1000, 2);

	write_file("", tails[_i].before);
	ck_assert(journal_file_read(f, tails[_i].max, note, NULL));
	ck_assert_str_eq(seen, tails[_i].seen);
	journal_file_free(f);
}
END_TEST

START_TEST(a_torn_line_does_not_swallow_the_next)
{
	struct journal_file *f = journal_file_new(path, 1000, 2);

	write_file("", "a\nhal");
	ck_assert(append(f, "b\n"));
	ck_assert(journal_file_read(f, 1000, note, NULL));
	ck_assert_str_eq(seen, "a|hal|b|");
	journal_file_free(f);
}
END_TEST

START_TEST(a_full_disk_loses_the_line_and_says_so)
{
	struct journal_file *f = journal_file_new("/dev/full", 1000, 2);

	ck_assert(!append(f, "a\n"));
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert(!append(f, "b\n"));
	journal_file_free(f);
}
END_TEST

START_TEST(a_directory_that_comes_back_is_written_to_again)
{
	char late[80], file[100];
	struct journal_file *f;

	snprintf(late, sizeof late, "%s/late", dir);
	snprintf(file, sizeof file, "%s/j", late);
	f = journal_file_new(file, 1000, 2);
	ck_assert(!append(f, "a\n"));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert(journal_file_read(f, 100, note, NULL)); /* nothing there is no error */
	ck_assert_int_eq(mkdir(late, 0700), 0);
	ck_assert(append(f, "b\n"));
	ck_assert(journal_file_read(f, 100, note, NULL));
	ck_assert_str_eq(seen, "b|");
	journal_file_free(f);
}
END_TEST

START_TEST(a_link_in_its_place_is_not_followed)
{
	struct journal_file *f = journal_file_new(path, 1000, 2);

	ck_assert_int_eq(symlink("/tmp/detour-nobody", path), 0);
	ck_assert(!append(f, "a\n"));
	ck_assert_int_eq(errno, ELOOP);
	ck_assert(!journal_file_read(f, 100, note, NULL));
	ck_assert_int_ne(access("/tmp/detour-nobody", F_OK), 0);
	journal_file_free(f);
}
END_TEST

START_TEST(a_file_that_cannot_be_moved_away_does_not_grow)
{
	struct journal_file *f = journal_file_new(path, 10, 2);
	char in_the_way[100];

	snprintf(in_the_way, sizeof in_the_way, "%s.1", path);
	ck_assert_int_eq(mkdir(in_the_way, 0700), 0);
	ck_assert(append(f, "aaaaaa\n"));
	ck_assert(!append(f, "bbbbbb\n"));
	ck_assert_int_eq(size_of(""), 7);
	ck_assert_int_eq(rmdir(in_the_way), 0);
	ck_assert(append(f, "cccccc\n"));
	ck_assert_int_eq(size_of(".1"), 7);
	journal_file_free(f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/journal_file");
	TCase *tests = tcase_create("journal_file");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, lines_come_back_in_order);
	tcase_add_test(tests, files_and_their_sizes_are_bounded);
	tcase_add_test(tests, one_file_alone_is_begun_anew);
	tcase_add_test(tests, a_line_longer_than_a_file_is_still_written_whole);
	tcase_add_loop_test(tests, only_whole_lines_are_read_back, 0, ARRAY_SIZE(tails));
	tcase_add_test(tests, a_torn_line_does_not_swallow_the_next);
	tcase_add_test(tests, a_full_disk_loses_the_line_and_says_so);
	tcase_add_test(tests, a_directory_that_comes_back_is_written_to_again);
	tcase_add_test(tests, a_link_in_its_place_is_not_followed);
	tcase_add_test(tests, a_file_that_cannot_be_moved_away_does_not_grow);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
