/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <check.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ring.h"
#include "net/stream.h"
#include "proxy/worker.h"

const struct origin_answer rig_fine = {
	.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
};

struct rig
rig_start(void)
{
	struct rig r = { .worker = world_worker(), .ring = ring_new(65536) };
	struct error error;

	r.urgent_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r.controller = controller_new(&(struct controller_setup){
	    .workers = &r.worker, .worker_count = 1, .urgent = &r.ring, .urgent_fd = r.urgent_fd });
	ck_assert(controller_start(r.controller, &error));
	return r;
}

void
rig_stop(struct rig *r)
{
	controller_stop(r->controller);
	world_worker_free(r->worker);
	controller_free(r->controller);
	ring_free(r->ring);
	close(r->urgent_fd);
}

void
rig_apply(struct rig *r, const struct world *w)
{
	struct topology *t = world_topology(w);

	controller_apply(r->controller, t, NULL);
	topology_unref(t);
}

const struct table *
rig_apply_and_wait(struct rig *r, const struct world *w)
{
	const struct table *before = controller_table(r->controller);
	uint64_t generation = before != NULL ? before->generation : 0;
	bool any = before != NULL;

	rig_apply(r, w);
	UNTIL(controller_table(r->controller) != NULL &&
	    (!any || controller_table(r->controller)->generation > generation));
	return controller_table(r->controller);
}

void
rig_report(struct rig *r, struct endpoint *e, enum fault why)
{
	struct urgent *u = ring_reserve(r->ring, sizeof *u);

	ck_assert_ptr_nonnull(u);
	world_count(e, why);
	*u = (struct urgent){ e->id, why, 1, why == FAULT_CONNECT_REFUSED, false };
	ring_commit(r->ring);
	eventfd_write(r->urgent_fd, 1);
}

void
rig_wait_for_reports(struct rig *r)
{
	UNTIL(ring_waiting(r->ring) == 0);
}

unsigned long long
rig_checks(const struct rig *r)
{
	return atomic_load_explicit(&controller_stats(r->controller)->checks, memory_order_relaxed);
}

struct world
rig_two_regions(const struct conf_health_check *check, uint16_t east, uint16_t west)
{
	return (struct world){
		.check = *check,
		.regions = { { .name = "us-east-1", .ports = { east } },
		    { .name = "us-west-2", .tier = 1, .ports = { west } } },
	};
}

int
rig_main(Suite *s)
{
	SRunner *runner = srunner_create(s);
	int failed;

	stream_init_openssl();
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
