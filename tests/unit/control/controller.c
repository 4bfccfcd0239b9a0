/* SPDX-License-Identifier: Apache-2.0 */
#include "control/controller.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/ring.h"
#include "dns.h"
#include "net/listener.h"
#include "net/stream.h"
#include "origin.h"
#include "proxy/worker.h"
#include "world.h"

static const struct origin_answer fine = { .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
static const struct origin_answer busy = { .bytes = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" };
static const struct origin_answer hang = { .then = ORIGIN_HANG };

/* A running controller with one worker that is none. */
struct rig {
	struct controller *controller;
	struct worker *worker;
	struct ring *ring;
	int urgent_fd;
};

static struct rig
rig_start(void)
{
	struct rig r = { .worker = world_worker(), .ring = ring_new(65536) };
	struct error error;

	r.urgent_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r.controller = controller_new(&(struct controller_setup){ .workers = &r.worker,
	    .worker_count = 1,
	    .urgent = &r.ring,
	    .urgent_fd = r.urgent_fd });
	ck_assert(controller_start(r.controller, &error));
	return r;
}

static void
rig_stop(struct rig *r)
{
	controller_stop(r->controller);
	world_worker_free(r->worker);
	controller_free(r->controller);
	ring_free(r->ring);
	close(r->urgent_fd);
}

static void
apply(struct rig *r, const struct world *w)
{
	struct topology *t = world_topology(w);

	controller_apply(r->controller, t, NULL);
	topology_unref(t);
}

/* Applies, and waits for the table that comes of it. */
static const struct table *
apply_and_wait(struct rig *r, const struct world *w)
{
	const struct table *before = controller_table(r->controller);
	uint64_t generation = before != NULL ? before->generation : 0;
	bool any = before != NULL;

	apply(r, w);
	UNTIL(controller_table(r->controller) != NULL &&
	    (!any || controller_table(r->controller)->generation > generation));
	return controller_table(r->controller);
}

static void
report_failure(struct rig *r, const struct endpoint *e, enum fault why)
{
	struct urgent *u = ring_reserve(r->ring, sizeof *u);

	ck_assert_ptr_nonnull(u);
	*u = (struct urgent){ .endpoint_id = e->id, .fault = (uint32_t)why };
	ring_commit(r->ring);
	eventfd_write(r->urgent_fd, 1);
}

/* Until control has seen all that was reported so far. */
static void
wait_for_reports(struct rig *r)
{
	UNTIL(ring_waiting(r->ring) == 0);
}

static unsigned long long
checks(const struct rig *r)
{
	return atomic_load_explicit(
	    &controller_stats(r->controller)->checks, memory_order_relaxed);
}

static struct world
two_regions(const struct conf_health_check *check, uint16_t east, uint16_t west)
{
	return (struct world){
		.check = *check,
		.regions = { { .name = "us-east-1", .ports = { east } },
		    { .name = "us-west-2", .tier = 1, .ports = { west } } },
	};
}

START_TEST(a_controller_may_stop_before_anything_has_happened)
{
	struct controller_setup none = { .urgent_fd = -1 };
	struct world w = two_regions(&world_check, 1, 2);
	struct topology *t = world_topology(&w);
	struct controller *c;
	struct error error;

	controller_free(NULL);
	controller_free(controller_new(&none));
	c = controller_new(&none);
	controller_apply(c, t, NULL);
	controller_free(c);
	c = controller_new(&none);
	ck_assert(controller_start(c, &error));
	controller_apply(c, t, NULL);
	controller_apply(c, t, NULL);
	controller_stop(c);
	controller_stop(c);
	controller_free(c);
	ck_assert_uint_eq(atomic_load(&t->refs), 1);
	topology_unref(t);
}
END_TEST

START_TEST(endpoints_without_a_check_are_up_at_once)
{
	struct rig r = rig_start();
	struct world w = two_regions(&world_no_check, 1, 2);
	const struct table *t;

	w.regions[0].weight = 3;
	w.regions[1] = (struct world_region){ .name = "us-west-2", .weight = 1, .ports = { 3, 4 } };
	ck_assert(!controller_ready(r.controller));
	ck_assert_ptr_null(controller_table(r.controller));
	t = apply_and_wait(&r, &w);
	ck_assert(controller_ready(r.controller));
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), REASON_NOT_CHECKED);
	ck_assert_uint_eq(world_share(t, 0), 75);
	ck_assert_uint_eq(world_share(t, 1), 25);
	ck_assert_uint_eq(atomic_load(&t->services[0].regions[1].steering->usable), 2);
	ck_assert_uint_eq(checks(&r), 0);
	rig_stop(&r);
}
END_TEST

START_TEST(shares_follow_health)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct origin *west = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_port(west));
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);
	unsigned generation;

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 0) == 100 && world_share(t, 1) == 0);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	ck_assert(atomic_load(&world_endpoint(t, 0, 0)->last_check_us) > 0);
	generation = atomic_load(&t->services[0].regions[0].steering->generation);

	origin_go_away(east);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), REASON_CHECK_REFUSED);
	UNTIL(world_share(t, 0) == 0 && world_share(t, 1) == 100);
	ck_assert_uint_eq(atomic_load(&t->services[0].regions[0].steering->usable), 0);
	ck_assert_uint_gt(atomic_load(&t->services[0].regions[0].steering->generation), generation);

	origin_come_back(east);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 0) == 100 && world_share(t, 1) == 0);
	ck_assert_uint_ge(atomic_load(&controller_stats(r.controller)->verdict_changes), 4);
	ck_assert_uint_ge(atomic_load(&controller_stats(r.controller)->share_changes), 3);
	ck_assert_uint_eq(atomic_load(&controller_stats(r.controller)->tables_built), 1);
	rig_stop(&r);
	origin_stop(east);
	origin_stop(west);
}
END_TEST

START_TEST(when_all_are_down_traffic_goes_by_the_configured_weights)
{
	struct world w = two_regions(&world_check, origin_free_port(), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);

	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UNKNOWN);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), REASON_FIRST_CHECK_PENDING);
	ck_assert_uint_eq(world_share(t, 0), 100);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	UNTIL(world_share(t, 0) == 100);
	ck_assert_uint_eq(world_share(t, 1), 0);
	rig_stop(&r);
}
END_TEST

struct reason_case {
	struct origin_answer answer;
	enum endpoint_reason reason;
	uint32_t detail;
};

static const struct reason_case reasons[] = {
	{ { .bytes = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" }, REASON_CHECK_STATUS, 503 },
	{ { .then = ORIGIN_RESET }, REASON_CHECK_RESET, 3 },
	{ { .then = ORIGIN_HANG }, REASON_CHECK_TIMEOUT, 0 },
	{ { .bytes = "nonsense\r\n\r\n" }, REASON_CHECK_MALFORMED, 3 },
};

START_TEST(an_endpoint_that_is_down_says_why)
{
	const struct reason_case *c = &reasons[_i];
	struct origin *east = origin_start(&c->answer, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;

	w.check.timeout_ms = c->reason == REASON_CHECK_TIMEOUT ? 50 : 2000;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), c->reason);
	if (c->detail != 0)
		ck_assert_uint_ge(atomic_load(&world_endpoint(t, 0, 0)->reason_detail), c->detail);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

/* Long intervals: what is known after the reload is what was known before it. */
START_TEST(health_is_carried_over_reloads)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);
	const struct endpoint *e;
	uint64_t since_ms;

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	e = world_endpoint(t, 0, 0);
	since_ms = atomic_load(&e->since_ms);
	for (int i = 0; i < 5; i++) {
		w.check.fall = 3 + (unsigned)i;
		w.check.path = i % 2 == 0 ? "/healthz" : "/other";
		t = apply_and_wait(&r, &w);
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
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);

	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	/* Reloads far quicker than the timeout must not keep the hanging from being seen. */
	w.check.timeout_ms = 300;
	t = apply_and_wait(&r, &w);
	origin_script(east, &hang, 1);
	for (int i = 0; i < 200 && world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP; i++) {
		w.check.rise = 1 + (unsigned)i % 5;
		t = apply_and_wait(&r, &w);
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
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;

	w.check.interval_ms = 3600 * 1000;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	ck_assert_uint_eq(origin_requests(east), 1);
	w.check.interval_ms = 50;
	apply_and_wait(&r, &w);
	UNTIL(origin_requests(east) >= 3);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_check_that_comes_or_goes_leaves_the_endpoint_in_use)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_no_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);

	w.check = world_check;
	t = apply_and_wait(&r, &w);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	UNTIL(world_reason(world_endpoint(t, 0, 0)) == REASON_CHECK_PASSED);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_DOWN);
	w.check = world_no_check;
	t = apply_and_wait(&r, &w);
	ck_assert_int_eq(world_state(world_endpoint(t, 1, 0)), ENDPOINT_UP);
	ck_assert_int_eq(world_reason(world_endpoint(t, 1, 0)), REASON_NOT_CHECKED);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(an_endpoint_that_leaves_drains)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *old, *t;
	struct endpoint *gone;

	apply_and_wait(&r, &w);
	UNTIL(world_worker_table(r.worker) != NULL);
	old = world_worker_table(r.worker); /* as a worker that has not looked since: keeps it alive */
	gone = world_endpoint(old, 0, 0);
	w.regions[0].ports[0] = 3;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(gone) == ENDPOINT_DRAINING);
	ck_assert_int_eq(world_reason(gone), REASON_REMOVED);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	/* And comes back as one that was never away. */
	w.regions[0].ports[0] = 1;
	t = apply_and_wait(&r, &w);
	ck_assert_ptr_eq(world_endpoint(t, 0, 0), gone);
	ck_assert_int_eq(world_state(gone), ENDPOINT_UP);
	rig_stop(&r);
}
END_TEST

START_TEST(a_failed_try_is_probed_within_100_ms)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t reported_ms;

	w.check.interval_ms = 3600 * 1000;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(checks(&r) >= 4); /* west is known to be down */
	ck_assert_uint_eq(origin_requests(east), 1);
	for (int pause = 0; pause < 60; pause++) /* past the gap after the first probe */
		world_pause();

	reported_ms = clock_now_ms();
	report_failure(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_TIMEOUT);
	UNTIL(origin_requests(east) == 2);
	ck_assert_uint_le(clock_now_ms() - reported_ms, 100);
	/* It stays under closer watch for a while, then comes to rest. */
	UNTIL(origin_requests(east) == 4);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_failing_endpoint_is_out_long_before_its_next_interval)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct origin *west = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_port(west));
	struct rig r = rig_start();
	const struct table *t;
	uint64_t reported_ms;

	w.check.interval_ms = 3600 * 1000;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	origin_script(east, &busy, 1);
	reported_ms = clock_now_ms();
	report_failure(&r, world_endpoint(t, 0, 0), FAULT_RESET);
	UNTIL(world_share(t, 1) == 100);
	ck_assert_uint_le(clock_now_ms() - reported_ms, 1000);
	rig_stop(&r);
	origin_stop(east);
	origin_stop(west);
}
END_TEST

START_TEST(a_storm_of_reports_is_no_storm_of_probes)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t began_ms, spent_ms;
	unsigned before;

	w.check.interval_ms = 3600 * 1000;
	t = apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	before = origin_requests(east);
	began_ms = clock_now_ms();
	do {
		report_failure(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
		world_pause();
		spent_ms = clock_now_ms() - began_ms;
	} while (spent_ms < 500);
	wait_for_reports(&r);
	ck_assert_uint_ge(origin_requests(east), before + 2);
	/* Timers may fire a thirty-second part early. */
	ck_assert_uint_le(origin_requests(east), before + 2 + (unsigned)(spent_ms / 48));
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(reports_that_say_nothing_about_the_endpoint_are_ignored)
{
	static const enum fault others[] = { FAULT_CLIENT_LEFT, FAULT_BAD_RESPONSE, FAULT_STATUS,
		FAULT_QUEUE_FULL, FAULT_NONE };
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);
	struct endpoint stranger = { .id = 4711 };

	for (int i = 0; i < 5; i++) {
		for (size_t f = 0; f < ARRAY_SIZE(others); f++)
			report_failure(&r, world_endpoint(t, 0, 0), others[f]);
		report_failure(&r, &stranger, FAULT_CONNECT_REFUSED);
	}
	wait_for_reports(&r);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	rig_stop(&r);
}
END_TEST

START_TEST(an_unchecked_endpoint_is_out_after_three_failed_tries_in_a_row)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);
	struct endpoint *e = world_endpoint(t, 0, 0);
	struct endpoint_shard *shard = endpoint_shard(e, 0);

	for (int i = 0; i < 2; i++)
		report_failure(&r, e, FAULT_CONNECT_REFUSED);
	wait_for_reports(&r);
	atomic_fetch_add(&shard->answered, 1); /* a success between: it begins anew */
	for (int i = 0; i < 2; i++)
		report_failure(&r, e, FAULT_CONNECT_REFUSED);
	wait_for_reports(&r);
	ck_assert_int_eq(world_state(e), ENDPOINT_UP);
	report_failure(&r, e, FAULT_CONNECT_REFUSED);
	UNTIL(world_state(e) == ENDPOINT_DOWN);
	ck_assert_int_eq(world_reason(e), REASON_TRAFFIC_FAILED);
	ck_assert_uint_eq(atomic_load(&e->reason_detail), 3);
	UNTIL(world_share(t, 0) == 0 && world_share(t, 1) == 100);
	/* A reload does not forget it. */
	t = apply_and_wait(&r, &w);
	ck_assert_int_eq(world_state(e), ENDPOINT_DOWN);
	endpoint_shard_release(shard);
	rig_stop(&r);
}
END_TEST

START_TEST(the_last_usable_endpoint_stays_in_use_whatever_traffic_says)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = apply_and_wait(&r, &w);

	for (int i = 0; i < 5; i++)
		report_failure(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN);
	for (int i = 0; i < 20; i++)
		report_failure(&r, world_endpoint(t, 1, 0), FAULT_CONNECT_REFUSED);
	wait_for_reports(&r);
	ck_assert_int_eq(world_state(world_endpoint(t, 1, 0)), ENDPOINT_UP);
	ck_assert_uint_eq(world_share(t, 1), 100);
	rig_stop(&r);
}
END_TEST

/* The only service's first region is a name, for which this server answers. */
static const struct table *
apply_named(struct rig *r, const struct dns *d, const struct world *like)
{
	struct world w = *like;
	struct topology *t;

	w.regions[0].dns = "shop.example.com";
	t = world_topology(&w);
	t->resolver.servers = dns_server(d);
	controller_apply(r->controller, t, NULL);
	topology_unref(t);
	UNTIL(controller_table(r->controller) != NULL);
	return controller_table(r->controller);
}

static const struct table_region *
first_region(struct rig *r)
{
	return &controller_table(r->controller)->services[0].regions[0];
}

static bool
has_url(const struct table_region *region, const char *start)
{
	for (unsigned i = 0; i < region->endpoint_count; i++) {
		if (strncmp(region->endpoints[i]->url, start, strlen(start)) == 0)
			return true;
	}
	return false;
}

START_TEST(a_name_is_resolved_before_the_first_table)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	struct dns *d = dns_start();
	const struct table *t;
	char request[1024];

	dns_answer(d, (const unsigned char[]){ 1, 0 });
	t = apply_named(&r, d, &w);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 1);
	ck_assert_str_eq(world_endpoint(t, 0, 0)->host, "shop.example.com");
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	origin_last_request(east, request, sizeof request);
	ck_assert_ptr_nonnull(strstr(request, "Host: shop.example.com:"));
	rig_stop(&r);
	dns_stop(d);
	origin_stop(east);
}
END_TEST

START_TEST(a_dns_answer_brings_endpoints_and_takes_them_and_keeps_the_health_of_the_others)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	struct dns *d = dns_start();
	struct endpoint *kept;
	uint64_t since_ms;

	dns_answer(d, (const unsigned char[]){ 1, 2, 0 });
	apply_named(&r, d, &w);
	ck_assert_uint_eq(first_region(&r)->endpoint_count, 2);
	kept = first_region(&r)->endpoints[0];
	UNTIL(world_state(kept) == ENDPOINT_UP);
	since_ms = atomic_load(&kept->since_ms);

	dns_answer(d, (const unsigned char[]){ 1, 3, 4, 0 });
	UNTIL(first_region(&r)->endpoint_count == 3);
	ck_assert(has_url(first_region(&r), "http://127.0.0.3:"));
	ck_assert(!has_url(first_region(&r), "http://127.0.0.2:"));
	ck_assert_ptr_eq(first_region(&r)->endpoints[0], kept);
	ck_assert_int_eq(world_state(kept), ENDPOINT_UP);
	ck_assert_uint_eq(atomic_load(&kept->since_ms), since_ms);
	rig_stop(&r);
	dns_stop(d);
	origin_stop(east);
}
END_TEST

START_TEST(dns_that_fails_changes_no_routing_and_is_counted)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct dns *d = dns_start();
	const struct table *t;

	dns_answer(d, (const unsigned char[]){ 1, 2, 0 });
	apply_named(&r, d, &w);
	dns_answer(d, NULL);
	UNTIL(atomic_load(&controller_stats(r.controller)->dns_failing) == 1);
	t = controller_table(r.controller);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 2);
	ck_assert_uint_eq(atomic_load(&controller_stats(r.controller)->tables_built), 1);
	dns_answer(d, (const unsigned char[]){ 2, 0 });
	UNTIL(first_region(&r)->endpoint_count == 1);
	UNTIL(atomic_load(&controller_stats(r.controller)->dns_failing) == 0);
	rig_stop(&r);
	dns_stop(d);
}
END_TEST

START_TEST(a_reload_that_keeps_its_names_is_published_without_waiting_for_dns)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct dns *d = dns_start();
	uint64_t began_ms;

	dns_answer(d, (const unsigned char[]){ 1, 0 });
	apply_named(&r, d, &w);
	dns_answer(d, NULL);
	began_ms = clock_now_ms();
	w.regions[0].tier = 5;
	apply_named(&r, d, &w);
	UNTIL(first_region(&r)->conf->tier == 5);
	ck_assert_uint_le(clock_now_ms() - began_ms, 500);
	ck_assert_uint_eq(first_region(&r)->endpoint_count, 1);
	rig_stop(&r);
	dns_stop(d);
}
END_TEST

START_TEST(a_name_that_cannot_be_resolved_delays_the_first_table_by_2_s_at_most)
{
	struct origin *west = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, 80, origin_port(west));
	struct rig r = rig_start();
	struct topology *topology;
	const struct table *t;
	uint64_t began_ms = clock_now_ms();

	w.regions[0].dns = "no-such-host.invalid";
	topology = world_topology(&w);
	topology->resolver.servers = "127.0.0.1:1";
	topology->resolver.timeout_ms = 60000;
	controller_apply(r.controller, topology, NULL);
	topology_unref(topology);
	UNTIL(controller_table(r.controller) != NULL);
	ck_assert_uint_le(clock_now_ms() - began_ms, 2500);
	t = controller_table(r.controller);
	ck_assert_uint_eq(t->services[0].regions[0].endpoint_count, 0);
	ck_assert_uint_eq(world_share(t, 0), 0);
	UNTIL(world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	UNTIL(world_share(t, 1) == 100);
	rig_stop(&r);
	origin_stop(west);
}
END_TEST

START_TEST(a_table_brings_its_listeners_and_gives_them_back)
{
	struct world w = two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	struct topology *t = world_topology(&w);
	struct error error;
	struct listener_set *set = listener_set_open(t, NULL, 1, &error);

	ck_assert_ptr_nonnull(set);
	controller_apply(r.controller, t, set);
	UNTIL(world_worker_table(r.worker) != NULL);
	ck_assert_ptr_eq(world_worker_table(r.worker)->listeners, set);
	ck_assert_ptr_eq(world_worker_table(r.worker)->topology, t);
	rig_stop(&r);
	ck_assert_uint_eq(atomic_load(&set->refs), 1);
	ck_assert_uint_eq(atomic_load(&t->refs), 1);
	listener_set_unref(set);
	topology_unref(t);
}
END_TEST

START_TEST(many_reloads_under_checks_leave_nothing_behind)
{
	struct origin *east = origin_start(&fine, 1, NULL);
	struct world w = two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();

	w.check.interval_ms = 5;
	w.check.fast_interval_ms = 5;
	for (int i = 0; i < 300; i++) {
		w.check.path = i % 3 == 0 ? "/a" : "/b";
		w.check.reuse = i % 4 != 0;
		w.check.type = i % 7 == 0 ? CHECK_NONE : i % 5 == 0 ? CHECK_TCP : CHECK_HTTP;
		w.regions[i % 2].ports[1] = i % 3 == 0 ? origin_port(east) : 0;
		apply(&r, &w);
		if (i % 10 == 0)
			apply_and_wait(&r, &w);
		world_pause();
	}
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

static TCase *
cases(void)
{
	TCase *c = tcase_create("controller");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_controller_may_stop_before_anything_has_happened);
	tcase_add_test(c, endpoints_without_a_check_are_up_at_once);
	tcase_add_test(c, shares_follow_health);
	tcase_add_test(c, when_all_are_down_traffic_goes_by_the_configured_weights);
	tcase_add_loop_test(c, an_endpoint_that_is_down_says_why, 0, ARRAY_SIZE(reasons));
	tcase_add_test(c, health_is_carried_over_reloads);
	tcase_add_test(c, a_probe_under_way_survives_a_reload_that_does_not_concern_it);
	tcase_add_test(c, a_shorter_interval_takes_effect_at_once);
	tcase_add_test(c, a_check_that_comes_or_goes_leaves_the_endpoint_in_use);
	tcase_add_test(c, an_endpoint_that_leaves_drains);
	tcase_add_test(c, a_failed_try_is_probed_within_100_ms);
	tcase_add_test(c, a_failing_endpoint_is_out_long_before_its_next_interval);
	tcase_add_test(c, a_storm_of_reports_is_no_storm_of_probes);
	tcase_add_test(c, reports_that_say_nothing_about_the_endpoint_are_ignored);
	tcase_add_test(c, an_unchecked_endpoint_is_out_after_three_failed_tries_in_a_row);
	tcase_add_test(c, the_last_usable_endpoint_stays_in_use_whatever_traffic_says);
	tcase_add_test(c, a_name_is_resolved_before_the_first_table);
	tcase_add_test(c,
	    a_dns_answer_brings_endpoints_and_takes_them_and_keeps_the_health_of_the_others);
	tcase_add_test(c, dns_that_fails_changes_no_routing_and_is_counted);
	tcase_add_test(c, a_reload_that_keeps_its_names_is_published_without_waiting_for_dns);
	tcase_add_test(c, a_name_that_cannot_be_resolved_delays_the_first_table_by_2_s_at_most);
	tcase_add_test(c, a_table_brings_its_listeners_and_gives_them_back);
	tcase_add_test(c, many_reloads_under_checks_leave_nothing_behind);
	return c;
}

int
main(void)
{
	Suite *s = suite_create("control/controller");
	SRunner *runner;
	int failed;

	stream_init_openssl();
	suite_add_tcase(s, cases());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
