/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/pattern.h"

#include <check.h>

#include "base/bytes.h"

static const struct {
	const char *pattern;
	unsigned group;
	bool is_path;
} patterns[] = {
	{ "^/old(/.*)$", 1, true },
	{ "^/old(/.*)?$", 1, true },
	{ "^/old(\\/.*)$", 1, true },
	{ "^/old(|/.*)$", 1, true },
	{ "^/old($|/.*)", 1, true },
	{ "^/old(/a|/b)", 1, true },
	{ "^/(?:x|y)/([^()]*)(/.*)$", 2, true },
	{ "^/(?<host>[a-z]+)(?<path>/.*)$", 2, true },
	{ "^/(?<=a)(/.*)$", 1, true },
	{ "^/a\\((/.*)$", 1, true },
	{ "^/a[(](/.*)$", 1, true },
	{ "^/a[]()](/.*)$", 1, true },
	{ "^/old(/a(b|c))", 1, true },
	{ "^/.*", 0, true },
	{ "^/old/(.*)$", 1, false },
	{ "^/old(/?.*)$", 1, false },
	{ "^/old(/*.*)$", 1, false },
	{ "^/old(/{0,1}.*)$", 1, false },
	{ "^/old(/a|b)$", 1, false },
	{ "^/old(a|/b)$", 1, false },
	{ "^/old((a|/b))$", 1, false },
	{ "^/old([/a].*)$", 1, false },
	{ "^/old(.*)$", 1, false },
	{ "old/.*", 0, false },
	{ "^/a|b", 0, false },
	{ "^/old(/.*)$", 2, false },
	{ "(?|(a)|(/b))", 1, false },
	{ "(?x)^/old( /.*)$", 1, false },
	{ "^/a\\K.*", 0, false },
	{ "(?i)^/old(/.*)$", 1, true },
	{ "(?ix)^/old(/ ?a.*)$", 1, false },
	{ "^(/a)?/(?(1)b|c)(/.*)$", 2, false },
	{ "^/a(?#()(/.*)$", 1, false },
	{ "", 1, false },
	{ "(", 1, true }, /* no pattern, and no end to run over */
	{ "[", 1, false },
	{ "(?<", 1, false },
};

START_TEST(a_group_is_a_path_if_whatever_it_takes_begins_with_a_slash)
{
	ck_assert_msg(
	    pattern_group_is_path(patterns[_i].pattern, patterns[_i].group) == patterns[_i].is_path,
	    "$%u of %s", patterns[_i].group, patterns[_i].pattern);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/pattern");
	TCase *tests = tcase_create("pattern");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, a_group_is_a_path_if_whatever_it_takes_begins_with_a_slash, 0,
	    ARRAY_SIZE(patterns));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
