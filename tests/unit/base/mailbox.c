/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static bool
readable(const struct mailbox *m, int timeout_ms)
{
	struct pollfd in = { .fd = mailbox_fd(m), .events = POLLIN };

	return poll(&in, 1, timeout_ms) == 1;
}

START_TEST(what_is_posted_is_taken_once)
{
	struct mailbox *m = mailbox_new();
	int letter;

	ck_assert_ptr_null(mailbox_take(m));
	ck_assert(!readable(m, 0));
	ck_assert_ptr_null(mailbox_post(m, &letter));
	ck_assert(readable(m, 0));
	ck_assert_ptr_eq(mailbox_take(m), &letter);
	ck_assert(!readable(m, 0));
	ck_assert_ptr_null(mailbox_take(m));
	mailbox_free(m);
	mailbox_free(NULL);
}
END_TEST

START_TEST(a_later_letter_gives_the_earlier_one_back)
{
	struct mailbox *m = mailbox_new();
	int first, second;

	ck_assert_ptr_null(mailbox_post(m, &first));
	ck_assert_ptr_eq(mailbox_post(m, &second), &first);
	ck_assert_ptr_eq(mailbox_take(m), &second);
	ck_assert(!readable(m, 0));
	mailbox_free(m);
}
END_TEST

START_TEST(its_descriptor_blocks_nobody_and_is_not_inherited)
{
	struct mailbox *m = mailbox_new();

	ck_assert(fcntl(mailbox_fd(m), F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(mailbox_fd(m), F_GETFD) & FD_CLOEXEC);
	mailbox_free(m);
}
END_TEST

/* aborts */
START_TEST(freeing_a_mailbox_with_a_letter_in_it_aborts)
{
	struct mailbox *m = mailbox_new();
	int letter;

	ck_assert_ptr_null(mailbox_post(m, &letter));
	mailbox_free(m);
}
END_TEST

enum { POSTERS = 3, LETTERS = 50000 };

/* Each letter is owned by exactly one side; ThreadSanitizer and the allocator see the rest. */
struct letter {
	unsigned number;
	unsigned again; /* the same */
};

static void *
post_many(void *mailbox)
{
	uintptr_t returned = 0;

	for (unsigned i = 1; i <= LETTERS; i++) {
		struct letter *l = mem_new(sizeof *l), *back;

		l->number = l->again = i;
		back = mailbox_post(mailbox, l);
		if (back == NULL)
			continue;
		returned++;
		if (back->number != back->again)
			abort();
		mem_free(back);
	}
	return (void *)returned;
}

START_TEST(no_letter_is_lost_or_doubled_among_threads)
{
	struct mailbox *m = mailbox_new();
	pthread_t posters[POSTERS];
	uintptr_t taken = 0, returned = 0;
	unsigned joined = 0;
	struct letter *l;

	for (int i = 0; i < POSTERS; i++)
		pthread_create(&posters[i], NULL, post_many, m);
	while (joined < POSTERS) {
		void *result;

		/* A wake-up that got lost shows as a post that is never taken. */
		if (readable(m, 1) && (l = mailbox_take(m)) != NULL) {
			ck_assert_uint_eq(l->number, l->again);
			taken++;
			mem_free(l);
		}
		if (pthread_tryjoin_np(posters[joined], &result) == 0) {
			returned += (uintptr_t)result;
			joined++;
		}
	}
	if (readable(m, 0) && (l = mailbox_take(m)) != NULL) {
		taken++;
		mem_free(l);
	}
	ck_assert_uint_eq(taken + returned, POSTERS * LETTERS);
	mailbox_free(m);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/mailbox");
	TCase *tests = tcase_create("mailbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_posted_is_taken_once);
	tcase_add_test(tests, a_later_letter_gives_the_earlier_one_back);
	tcase_add_test(tests, its_descriptor_blocks_nobody_and_is_not_inherited);
	tcase_add_test_raise_signal(tests, freeing_a_mailbox_with_a_letter_in_it_aborts, SIGABRT);
	tcase_add_test(tests, no_letter_is_lost_or_doubled_among_threads);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
