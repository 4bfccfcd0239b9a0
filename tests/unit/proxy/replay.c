// SPDX-License-Identifier: Apache-2.0
#include "proxy/replay.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/slab.h"

enum { BLOCK = 4096, TOTAL = 4 * 1024 * 1024 };

static char
byte_at(size_t i)
{
	return (char)(i * 31 % 251);
}

START_TEST(what_was_kept_comes_back_from_any_offset)
{
	static const size_t pieces[] = { 1, 4000, 80, 16, 4096, 0, 12000, 3 };
	struct slab *blocks = slab_new(BLOCK, 8);
	struct replay r = { 0 };
	size_t len = 0;
	char in[12000], out[32000];

	for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
		for (size_t i = 0; i < pieces[p]; i++)
			in[i] = byte_at(len + i);
		replay_append(&r, blocks, in, pieces[p]);
		len += pieces[p];
	}
	ck_assert_uint_eq(r.len, len);
	for (size_t offset = 0; offset <= len; offset += 977) {
		size_t n = replay_copy(&r, offset, out, sizeof out);

		ck_assert_uint_eq(n, len - offset);
		for (size_t i = 0; i < n; i++)
			ck_assert_msg(out[i] == byte_at(offset + i), "byte %zu of %zu", i, offset);
	}
	ck_assert_uint_eq(replay_copy(&r, 5, out, 7), 7);
	ck_assert_uint_eq(replay_copy(&r, len, out, 7), 0);
	replay_drop(&r, blocks);
	ck_assert(r.lost);
	ck_assert_uint_eq(r.len, 0);
	ck_assert_uint_eq(slab_in_use(blocks), 0);
	slab_free(blocks);
}
END_TEST

START_TEST(a_clone_has_the_same_bytes_and_blocks_of_its_own)
{
	struct slab *blocks = slab_new(BLOCK, 8);
	struct replay from = { 0 }, to = { 0 };
	char in[9000], out[9000];

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = byte_at(i);
	replay_append(&from, blocks, in, sizeof in);
	replay_clone(&to, &from, blocks);
	replay_drop(&from, blocks);
	ck_assert_uint_eq(to.len, sizeof in);
	ck_assert(!to.lost);
	ck_assert_uint_eq(replay_copy(&to, 0, out, sizeof out), sizeof in);
	ck_assert_mem_eq(out, in, sizeof in);
	replay_drop(&to, blocks);
	ck_assert_uint_eq(slab_in_use(blocks), 0);
	slab_free(blocks);
}
END_TEST

START_TEST(dropping_nothing_loses_nothing)
{
	struct slab *blocks = slab_new(BLOCK, 8);
	struct replay r = { 0 };

	replay_drop(&r, blocks);
	ck_assert(!r.lost);
	ck_assert(replay_fits(&r, 10, 10, TOTAL));
	ck_assert(!replay_fits(&r, 11, 10, TOTAL));
	replay_append(&r, blocks, "12345", 5);
	ck_assert(replay_fits(&r, 5, 10, TOTAL));
	ck_assert(!replay_fits(&r, 6, 10, TOTAL));
	replay_drop(&r, blocks);
	ck_assert(!replay_fits(&r, 1, 10, TOTAL));
	slab_free(blocks);
}
END_TEST

START_TEST(the_process_keeps_so_much_at_most)
{
	enum { EACH = 64 * 1024, COUNT = TOTAL / EACH };
	struct slab *blocks = slab_new(BLOCK, 8);
	struct replay *all = mem_array(COUNT, sizeof *all);
	struct replay late = { 0 };
	char *body = mem_array(1, EACH);
	unsigned kept = 0;

	while (kept < COUNT && replay_fits(&all[kept], EACH, EACH, TOTAL))
		replay_append(&all[kept++], blocks, body, EACH);
	ck_assert_uint_ge(kept, COUNT * 9 / 10);
	ck_assert_uint_lt(kept, COUNT); /* blocks cost a little more than what is in them */
	ck_assert(!replay_fits(&late, EACH, EACH, TOTAL));
	/* What was read and not sent is kept all the same. */
	replay_append(&late, blocks, body, EACH);
	ck_assert_uint_eq(late.len, EACH);
	replay_drop(&late, blocks);
	replay_drop(&all[0], blocks);
	replay_drop(&all[1], blocks);
	late = (struct replay){ 0 };
	ck_assert(replay_fits(&late, EACH, EACH, TOTAL));
	for (unsigned i = 2; i < kept; i++)
		replay_drop(&all[i], blocks);
	ck_assert_uint_eq(slab_in_use(blocks), 0);
	mem_free(body);
	mem_free(all);
	slab_free(blocks);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/replay");
	TCase *tc = tcase_create("replay");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, what_was_kept_comes_back_from_any_offset);
	tcase_add_test(tc, a_clone_has_the_same_bytes_and_blocks_of_its_own);
	tcase_add_test(tc, dropping_nothing_loses_nothing);
	tcase_add_test(tc, the_process_keeps_so_much_at_most);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
