/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <check.h>
#include <signal.h>

enum { COUNT = 4 };

static struct list head, nodes[COUNT];

static void
fill(void)
{
	list_init(&head);
	for (unsigned i = 0; i < COUNT; i++) {
		nodes[i] = (struct list){ NULL, NULL };
		list_append(&head, &nodes[i]);
	}
}

/* What the list holds, by digits from the front. */
static unsigned
contents(void)
{
	unsigned digits = 0;

	list_for (node, &head)
		digits = digits * 10 + (unsigned)(node - nodes) + 1;
	return digits;
}

START_TEST(nodes_stand_where_they_were_put)
{
	fill();
	ck_assert_uint_eq(contents(), 1234);
	list_unlink(&nodes[1]);
	list_unlink(&nodes[1]);
	ck_assert_uint_eq(contents(), 134);
	ck_assert(!list_linked(&nodes[1]) && list_linked(&nodes[0]));
	list_prepend(&head, &nodes[1]);
	ck_assert_uint_eq(contents(), 2134);
}
END_TEST

START_TEST(a_sweep_may_unlink_whom_it_visits)
{
	fill();
	list_for_safe (node, &head)
		if (node == &nodes[0] || node == &nodes[COUNT - 1])
			list_unlink(node);
	ck_assert_uint_eq(contents(), 23);
	list_for_safe (node, &head)
		list_unlink(node);
	ck_assert(list_empty(&head));
}
END_TEST

/* aborts */
START_TEST(a_sweep_that_unlinks_the_next_one_as_well_aborts)
{
	fill();
	list_for_safe (node, &head)
		if (node == &nodes[1]) {
			list_unlink(&nodes[1]);
			list_unlink(&nodes[2]);
		}
}
END_TEST

/* aborts */
START_TEST(a_look_that_unlinks_whom_it_visits_aborts)
{
	fill();
	list_for (node, &head)
		list_unlink(node);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/list");
	TCase *tests = tcase_create("list");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, nodes_stand_where_they_were_put);
	tcase_add_test(tests, a_sweep_may_unlink_whom_it_visits);
	tcase_add_test_raise_signal(
	    tests, a_sweep_that_unlinks_the_next_one_as_well_aborts, SIGABRT);
	tcase_add_test_raise_signal(tests, a_look_that_unlinks_whom_it_visits_aborts, SIGABRT);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
