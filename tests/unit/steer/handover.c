/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables change hands between one publisher and several readers as fast as they can. What is
 * proven here is proven by the sanitizers: no race, nothing freed too early, nothing kept.
 */
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mailbox.h"
#include "steer/balance.h"
#include "world.h"

enum { READERS = 3, TABLES = 2000, ENDPOINTS = 12 };

static const struct world_region regions[] = { { 0, 2, ENDPOINTS, NULL }, { 0, 1, ENDPOINTS, NULL } };

struct reader {
	unsigned index;
	struct mailbox *mailbox;
	pthread_t thread;
	uint64_t last_generation;
	uint64_t picks;
};

/* Posted last; never a table. */
static char end_of_work;

static struct table_addresses
resolve_nothing(void *arg, const struct conf_service *s, const struct conf_service_region *r,
    unsigned endpoint)
{
	return (struct table_addresses){ .count = 0 };
}

/* A worker's turns with one table: route, pick, count, and keep a shard for a while. */
static void
use(struct reader *r, struct table *t, struct rng *rng, struct endpoint_shard **kept)
{
	const struct table_service *s = &t->services[0];
	struct balancer *balancers[2];
	struct pick pick = { .rng = rng, .worker = r->index };

	ck_assert_uint_gt(t->generation, r->last_generation);
	r->last_generation = t->generation;
	for (unsigned i = 0; i < 2; i++)
		balancers[i] = balancer_new(s->conf->balance, &s->regions[i], r->index, rng);
	for (unsigned i = 0; i < 20; i++) {
		int region = balance_region(s, &pick);
		struct endpoint_shard *shard;
		struct endpoint *e;

		ck_assert_ptr_eq(table_route(t, SLICE("h"), SLICE("/x"), NULL, NULL), t->topology->routes);
		if (region < 0)
			continue;
		pick.hash = rng_next(rng);
		e = balancer_pick(balancers[region], &pick);
		if (e == NULL)
			continue;
		shard = endpoint_shard(e, r->index);
		atomic_fetch_add_explicit(&shard->tries, 1, memory_order_relaxed);
		shard->in_flight++;
		r->picks++;
		shard->in_flight--;
		/* One exchange outlives its table; all others end at once. */
		if (*kept == NULL)
			*kept = shard;
		else if (shard != *kept)
			endpoint_shard_release(shard);
	}
	for (unsigned i = 0; i < 2; i++)
		balancer_free(balancers[i]);
}

static void *
read_tables(void *arg)
{
	struct reader *r = arg;
	struct endpoint_shard *kept = NULL;
	struct table *current = NULL;
	struct rng rng;
	void *letter;

	rng_seed(&rng, r->index);
	for (;;) {
		struct pollfd in = { .fd = mailbox_fd(r->mailbox), .events = POLLIN };

		poll(&in, 1, -1);
		letter = mailbox_take(r->mailbox);
		if (letter == NULL)
			continue;
		if (letter == &end_of_work)
			break;
		if (current != NULL)
			table_release(current);
		if (kept != NULL && rng_below(&rng, 2) == 0) {
			endpoint_shard_release(kept);
			kept = NULL;
		}
		current = letter;
		use(r, current, &rng, &kept);
	}
	if (kept != NULL)
		endpoint_shard_release(kept);
	if (current != NULL)
		table_release(current);
	return NULL;
}

static void
post(struct reader *r, void *letter)
{
	void *displaced = mailbox_post(r->mailbox, letter);

	if (displaced != NULL)
		table_release(displaced);
}

/* Some endpoints come, some go, and health flips in place. */
static struct topology *
next_topology(unsigned round)
{
	struct topology *t = world_topology(round % 2 ? BALANCE_MAGLEV : BALANCE_LEAST_REQUEST,
	    regions, 2);

	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < ENDPOINTS; j++) {
			struct conf_endpoint *e = &t->services[0].regions[i].endpoints[j];
			struct sockaddr_in *in = (void *)&e->addr.addr;

			in->sin_port = htons((uint16_t)(1000 + (round / 4 + j) % (2 * ENDPOINTS)));
		}
	return t;
}

static void
flip(const struct table *t, unsigned round)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct table_region *r = &t->services[0].regions[i];
		unsigned up = 0;

		for (unsigned j = 0; j < r->endpoint_count; j++) {
			bool is_up = (round + i + j) % 3 != 0;

			atomic_store_explicit(&r->endpoints[j]->word,
			    endpoint_word(is_up ? ENDPOINT_UP : ENDPOINT_DOWN,
			        ENDPOINT_WEIGHT_FULL - round % 7),
			    memory_order_relaxed);
			up += is_up;
		}
		steering_changed(r->steering, up);
	}
	steering_set_shares(
	    (struct steering *const[]){ t->services[0].regions[0].steering,
	        t->services[0].regions[1].steering },
	    (const uint32_t[]){ round % 3 * 32768, 65536 - round % 3 * 32768 }, 2);
}

static void
publish_all(struct reader *readers, struct endpoint_registry *endpoints,
    struct steering_registry *steerings)
{
	struct topology *topology = NULL;
	struct table *current = NULL;

	for (unsigned round = 0; round < TABLES; round++) {
		struct table *next;

		/* Every other table is of the same topology, and so shares its routes. */
		if (round % 2 == 0) {
			topology_unref(topology);
			topology = next_topology(round / 2);
		}
		next = table_build(topology, current, endpoints, steerings, resolve_nothing, NULL,
		    READERS + 1);
		flip(next, round);
		for (unsigned i = 0; i < READERS; i++)
			post(&readers[i], next);
		if (current != NULL)
			table_release(current);
		current = next;
		for (unsigned i = 0; i < 5; i++)
			flip(current, round + i);
		endpoint_registry_sweep(endpoints);
	}
	topology_unref(topology);
	table_release(current);
}

static void
finish(struct reader *r)
{
	void *displaced = mailbox_post(r->mailbox, &end_of_work);

	if (displaced != NULL)
		table_release(displaced);
	pthread_join(r->thread, NULL);
}

START_TEST(tables_change_hands_without_race_or_leak)
{
	struct endpoint_registry *endpoints = endpoint_registry_new(READERS);
	struct steering_registry *steerings = steering_registry_new(READERS);
	struct reader readers[READERS] = { 0 };
	uint64_t picks = 0;

	for (unsigned i = 0; i < READERS; i++) {
		readers[i].index = i;
		readers[i].mailbox = mailbox_new();
		ck_assert_int_eq(
		    pthread_create(&readers[i].thread, NULL, read_tables, &readers[i]), 0);
	}
	publish_all(readers, endpoints, steerings);
	for (unsigned i = 0; i < READERS; i++) {
		finish(&readers[i]);
		mailbox_free(readers[i].mailbox);
		picks += readers[i].picks;
	}
	ck_assert_uint_gt(picks, 0);
	/* Every reference was given back, or these would say so. */
	endpoint_registry_sweep(endpoints);
	ck_assert_uint_eq(endpoint_registry_count(endpoints), 0);
	endpoint_registry_free(endpoints);
	steering_registry_free(steerings);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/handover");
	TCase *tests = tcase_create("handover");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, tables_change_hands_without_race_or_leak);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
