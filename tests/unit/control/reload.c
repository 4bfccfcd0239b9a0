/* SPDX-License-Identifier: Apache-2.0 */
#include "control/controller.h"

#include <check.h>

#include "origin.h"
#include "rig.h"
#include "world.h"

static const struct origin_answer hang = { .then = ORIGIN_HANG };

/* What is known after the reload is what was known before it. */
START_TEST(health_is_carried_over_reloads)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);
	const struct endpoint *e;
	uint64_t since_ms;

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	e = world_endpoint(t, 0, 0);
	since_ms = atomic_load(&e->since_ms);
	for (int i = 0; i < 5; i++) {
		w.check.fall = 3 + (unsigned)i;
		w.check.path = i % 2 == 0 ? "/healthz" : "/other";
		t = rig_apply_and_wait(&r, &w);
		ck_assert_ptr_eq(world_endpoint(t, 0, 0), e);
		ck_assert_int_eq(world_state(e), ENDPOINT_UP);
		ck_assert_uint_eq(atomic_load(&e->since_ms), since_ms);
		ck_assert_int_eq(world_state(world_endpoint(t, 1, 0)), ENDPOINT_DOWN);
		ck_assert_uint_eq(world_share(t, 0), 100);
	}
	UNTIL(origin_requests(east) > 10);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_probe_under_way_survives_a_reload_that_does_not_concern_it)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	/* Reloads far quicker than the timeout must not keep the hanging from being seen. */
	w.check.timeout_ms = 300;
	t = rig_apply_and_wait(&r, &w);
	origin_script(east, &hang, 1);
	for (int i = 0; i < 200 && world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP; i++) {
		w.check.rise = 1 + (unsigned)i % 5;
		t = rig_apply_and_wait(&r, &w);
		for (int pause = 0; pause < 20; pause++)
			world_pause();
	}
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_DOWN);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_shorter_interval_takes_effect_at_once)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;

	w.check.interval_ms = 3600 * 1000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	ck_assert_uint_eq(origin_requests(east), 1);
	w.check.interval_ms = 50;
	rig_apply_and_wait(&r, &w);
	UNTIL(origin_requests(east) >= 3);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_check_that_comes_or_goes_leaves_the_endpoint_in_use)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_no_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);

	w.check = world_check;
	t = rig_apply_and_wait(&r, &w);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	UNTIL(world_reason(world_endpoint(t, 0, 0)) == REASON_CHECK_PASSED);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	w.check = world_no_check;
	t = rig_apply_and_wait(&r, &w);
	ck_assert_int_eq(world_state(world_endpoint(t, 1, 0)), ENDPOINT_UP);
	ck_assert_int_eq(world_reason(world_endpoint(t, 1, 0)), REASON_NOT_CHECKED);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(an_endpoint_that_leaves_drains)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *old, *t;
	struct endpoint *gone;

	rig_apply_and_wait(&r, &w);
	UNTIL(world_worker_table(r.worker) != NULL);
	old = world_worker_table(r.worker); /* as a worker that has not looked since: keeps it alive */
	gone = world_endpoint(old, 0, 0);
	w.regions[0].ports[0] = 3;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(gone) == ENDPOINT_DRAINING);
	ck_assert_int_eq(world_reason(gone), REASON_REMOVED);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	/* And comes back as one that was never away. */
	w.regions[0].ports[0] = 1;
	t = rig_apply_and_wait(&r, &w);
	ck_assert_ptr_eq(world_endpoint(t, 0, 0), gone);
	ck_assert_int_eq(world_state(gone), ENDPOINT_UP);
	rig_stop(&r);
}
END_TEST

START_TEST(many_reloads_under_checks_leave_nothing_behind)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();

	w.check.interval_ms = 5;
	w.check.fast_interval_ms = 5;
	for (int i = 0; i < 300; i++) {
		w.check.path = i % 3 == 0 ? "/a" : "/b";
		w.check.reuse = i % 4 != 0;
		w.check.type = i % 7 == 0 ? CHECK_NONE : i % 5 == 0 ? CHECK_TCP : CHECK_HTTP;
		w.regions[i % 2].ports[1] = i % 3 == 0 ? origin_port(east) : 0;
		rig_apply(&r, &w);
		if (i % 10 == 0)
			rig_apply_and_wait(&r, &w);
		world_pause();
	}
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/reload");
	TCase *c = tcase_create("reload");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, health_is_carried_over_reloads);
	tcase_add_test(c, a_probe_under_way_survives_a_reload_that_does_not_concern_it);
	tcase_add_test(c, a_shorter_interval_takes_effect_at_once);
	tcase_add_test(c, a_check_that_comes_or_goes_leaves_the_endpoint_in_use);
	tcase_add_test(c, an_endpoint_that_leaves_drains);
	tcase_add_test(c, many_reloads_under_checks_leave_nothing_behind);
	suite_add_tcase(s, c);
	return rig_main(s);
}
