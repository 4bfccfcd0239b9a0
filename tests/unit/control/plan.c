/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plan.h"

#include <check.h>

#include "conf/conf.h"
#include "conf/topology.h"
#include "rig.h"

static const char text[] =
    "listeners = ( { name = \"l\"; bind = \"127.0.0.1:1\"; } );\n"
    "regions = ( { name = \"a\"; }, { name = \"b\"; }, { name = \"c\"; } );\n"
    "services = ( { name = \"s\"; regions = (\n"
    "  { region = \"a\"; endpoints = ( \"http://127.0.0.1:2\" ); } );\n"
    "  failover = { spill = \"all_down\"; all_down = \"fail_closed\"; failback = \"manual\";\n"
    "    overprovisioning = 2; panic_threshold = 0.3; max_utilization = 0.7; min_healthy = 0.4;\n"
    "    standby_share = 0.02; sensor_share = 0.03; hold_down = \"7s\"; ramp = \"8s\";\n"
    "    warm_up = \"9s\"; };\n"
    "  outlier = { consecutive = 5; failure_share = 0.6; base = \"3s\"; max = \"4s\";\n"
    "    max_ejected = 0.1; slow_start = \"2s\"; }; } );\n"
    "safety = ( { name = \"two\"; at_least = 2; regions = ( \"a\", \"c\" ); },\n"
    "  { never_together = ( \"b\", \"c\" ); }, { at_least = 1; }, { capacity = true; },\n"
    "  { wait = \"5s\"; } );\n";

static struct topology *
load(void)
{
	struct conf_problems problems;
	struct topology *t = conf_load_text(text, "t.conf", "", &problems);

	if (t == NULL)
		conf_problems_print(&problems, stderr);
	ck_assert_ptr_nonnull(t);
	conf_problems_free(&problems);
	return t;
}

START_TEST(every_key_reaches_the_policy)
{
	struct topology *t = load();
	struct rules *rules = rules_new(t);
	struct steer_policy p = plan_policy(&t->services[0], rules);

	ck_assert_int_eq(p.share.spill, SPILL_ALL_DOWN);
	ck_assert(!p.share.fail_open);
	ck_assert_double_eq(p.share.overprovisioning, 2);
	ck_assert_double_eq(p.share.panic_threshold, 0.3);
	ck_assert_double_eq(p.share.max_utilization, 0.7);
	ck_assert_double_eq(p.share.standby_share, 0.02);
	ck_assert(p.region.manual_failback);
	ck_assert_double_eq(p.region.min_healthy, 0.4);
	ck_assert_double_eq(p.region.sensor_share, 0.03);
	ck_assert_uint_eq(p.region.hold_down_ms, 7000);
	ck_assert_uint_eq(p.region.ramp_ms, 8000);
	ck_assert_uint_eq(p.warm_up_ms, 9000);
	ck_assert_uint_eq(p.outlier.consecutive, 5);
	ck_assert_double_eq(p.outlier.failure_share, 0.6);
	ck_assert_uint_eq(p.outlier.min_tries, 20);
	ck_assert_uint_eq(p.outlier.base_ms, 3000);
	ck_assert_uint_eq(p.outlier.max_ms, 4000);
	ck_assert_double_eq(p.outlier.max_ejected, 0.1);
	ck_assert_uint_eq(p.outlier.slow_start_ms, 2000);
	ck_assert_double_eq(p.move_per_s, 0.1);
	ck_assert_uint_eq(p.rule_count, 5);
	rules_free(rules);
	topology_unref(t);
}
END_TEST

START_TEST(rules_keep_their_kind_set_and_name)
{
	struct topology *t = load();
	struct rules *rules = rules_new(t);
	const struct safety_rule *list;
	unsigned count;

	list = rules_list(rules, &count);
	ck_assert_uint_eq(count, 5);
	ck_assert_int_eq(list[0].kind, SAFETY_AT_LEAST);
	ck_assert_str_eq(list[0].name, "two");
	ck_assert_uint_eq(list[0].number, 2);
	ck_assert_uint_eq(list[0].region_count, 2);
	ck_assert_str_eq(list[0].regions[1], "c");
	ck_assert_int_eq(list[1].kind, SAFETY_NEVER_TOGETHER);
	ck_assert_uint_eq(list[1].region_count, 2);
	ck_assert_str_eq(list[1].regions[0], "b");
	ck_assert_int_eq(list[2].kind, SAFETY_AT_LEAST);
	ck_assert_ptr_null(list[2].regions); /* all */
	ck_assert_int_eq(list[3].kind, SAFETY_CAPACITY);
	ck_assert_int_eq(list[4].kind, SAFETY_WAIT);
	ck_assert_uint_eq(list[4].number, 5000);
	ck_assert_str_eq(list[4].name, "wait");
	rules_free(rules);
	topology_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/plan");
	TCase *c = tcase_create("plan");

	tcase_add_test(c, every_key_reaches_the_policy);
	tcase_add_test(c, rules_keep_their_kind_set_and_name);
	suite_add_tcase(s, c);
	return rig_main(s);
}
