// SPDX-License-Identifier: Apache-2.0
#include "base/fifo.h"

#include <check.h>

#include "base/slab.h"

enum { BLOCK = 64 }; /* small, so that few bytes need several */

START_TEST(bytes_come_out_in_the_order_they_went_in_whatever_the_pieces)
{
	struct slab *blocks = slab_new(BLOCK, 4);
	struct fifo f = { 0 };
	char out[400];
	size_t in_len = 0, out_len = 0;

	for (size_t n = 1; n <= 24; n++) {
		char piece[24];

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)(in_len++);
		fifo_append(&f, blocks, piece, n);
		out_len += fifo_read(&f, blocks, out + out_len, n / 2);
		ck_assert_uint_eq(f.len, in_len - out_len);
	}
	out_len += fifo_read(&f, blocks, out + out_len, sizeof out - out_len);
	ck_assert_uint_eq(out_len, in_len);
	for (size_t i = 0; i < out_len; i++)
		ck_assert_int_eq(out[i], (char)i);
	ck_assert_uint_eq(f.len, 0);
	ck_assert_uint_eq(slab_in_use(blocks), 0);
	slab_free(blocks);
}
END_TEST

START_TEST(what_is_dropped_gives_its_blocks_back)
{
	struct slab *blocks = slab_new(BLOCK, 4);
	struct fifo f = { 0 };
	char bytes[3 * BLOCK] = { 0 };

	fifo_append(&f, blocks, bytes, sizeof bytes);
	fifo_take(&f, blocks, 7);
	ck_assert_uint_gt(slab_in_use(blocks), 1);
	fifo_drop(&f, blocks);
	ck_assert_uint_eq(slab_in_use(blocks), 0);
	ck_assert_uint_eq(fifo_front(&f).len, 0);
	fifo_append(&f, blocks, "x", 1);
	ck_assert_uint_eq(fifo_front(&f).len, 1);
	fifo_drop(&f, blocks);
	slab_free(blocks);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/fifo");
	TCase *tests = tcase_create("fifo");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, bytes_come_out_in_the_order_they_went_in_whatever_the_pieces);
	tcase_add_test(tests, what_is_dropped_gives_its_blocks_back);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
