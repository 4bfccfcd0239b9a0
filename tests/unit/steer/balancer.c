/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/balance.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stat.h"
#include "world.h"

enum { MOST = 64, SHORT = 12 };

static const enum conf_balance all[] = { BALANCE_LEAST_REQUEST, BALANCE_ROUND_ROBIN, BALANCE_RANDOM,
	BALANCE_MAGLEV };

/* One region of one balancer, and who was picked how often. */
struct bench {
	struct world world;
	struct rng rng;
	struct pick pick;
	struct balancer *balancer;
	unsigned count[MOST];
};

static void
bench_open(struct bench *b, enum conf_balance balance, unsigned endpoints, const uint32_t *weights)
{
	struct world_region region = { 0, 1, endpoints, weights };

	memset(b, 0, sizeof *b);
	world_open(&b->world, balance, &region, 1, 2);
	rng_seed(&b->rng, 42);
	b->pick = (struct pick){ .rng = &b->rng, .worker = 1 };
	b->balancer = balancer_new(balance, &b->world.service->regions[0], 1, &b->rng);
}

static void
bench_close(struct bench *b)
{
	balancer_free(b->balancer);
	world_close(&b->world);
}

static struct endpoint *
endpoint_at(const struct bench *b, unsigned index)
{
	return b->world.service->regions[0].endpoints[index];
}

/* The endpoint's index (it is its id here), or -1. */
static int
pick_one(struct bench *b)
{
	struct endpoint *e;

	b->pick.hash = rng_next(&b->rng);
	e = balancer_pick(b->balancer, &b->pick);
	return e != NULL ? (int)e->id : -1;
}

static void
pick_many(struct bench *b, unsigned times)
{
	memset(b->count, 0, sizeof b->count);
	for (unsigned i = 0; i < times; i++) {
		int index = pick_one(b);

		if (index < 0) /* an assertion that holds costs a write to a file */
			ck_abort_msg("nobody is picked the %uth time", i + 1);
		b->count[index]++;
	}
}

/* Each got its part of times, give or take within. */
static void
expect_weights(
    const struct bench *b, unsigned times, const uint32_t *weights, unsigned count, double within)
{
	double sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += weights[i];
	for (unsigned i = 0; i < count; i++) {
		double due = times * weights[i] / sum;

		ck_assert_msg(b->count[i] >= due - within && b->count[i] <= due + within,
		    "endpoint %u of weight %u: %u picks, due are %.0f", i, weights[i], b->count[i],
		    due);
	}
}

START_TEST(weights_are_kept_by_every_balancer)
{
	static const uint32_t equal[] = { 1, 1, 1, 1, 1 };
	static const uint32_t mixed[] = { 1, 2, 3, 4, 10 };
	static const uint32_t far[] = { 1000, 1, 1, 1000, 1 };
	static const uint32_t *const weights[] = { equal, mixed, far };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(weights); j++) {
			struct bench b;

			bench_open(&b, all[i], 5, weights[j]);
			world_set_all(&b.world, 0, ENDPOINT_UP);
			pick_many(&b, 100000);
			expect_weights(&b, 100000, weights[j], 5, 1000);
			bench_close(&b);
		}
}
END_TEST

START_TEST(round_robin_keeps_weights_within_one_at_any_moment)
{
	static const uint32_t weights[] = { 5, 1, 1, 3 };
	struct bench b;

	bench_open(&b, BALANCE_ROUND_ROBIN, 4, weights);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	for (unsigned round = 0; round < 100; round++) {
		pick_many(&b, 10);
		expect_weights(&b, 10, weights, 4, 1.01);
	}
	pick_many(&b, 100000); /* drift would show */
	expect_weights(&b, 100000, weights, 4, 1.01);
	bench_close(&b);
}
END_TEST

START_TEST(round_robin_of_equals_takes_turns)
{
	struct bench b;
	int last;

	bench_open(&b, BALANCE_ROUND_ROBIN, 5, NULL);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	last = pick_one(&b);
	for (unsigned i = 0; i < 50; i++) {
		int next = pick_one(&b);

		ck_assert_int_eq(next, (last + 1) % 5);
		last = next;
	}
	bench_close(&b);
}
END_TEST

START_TEST(an_endpoint_that_starts_slowly_gets_its_fraction)
{
	static const uint32_t expected[] = { 10, 1, 10 };
	static const enum conf_balance affected[] = { BALANCE_LEAST_REQUEST, BALANCE_ROUND_ROBIN,
		BALANCE_RANDOM };

	for (unsigned i = 0; i < ARRAY_SIZE(affected); i++) {
		struct bench b;

		bench_open(&b, affected[i], 3, NULL);
		world_set_all(&b.world, 0, ENDPOINT_UP);
		world_set_weight(&b.world, 0, 1, ENDPOINT_WEIGHT_FULL / 10);
		pick_many(&b, 100000);
		expect_weights(&b, 100000, expected, 3, 1000);
		bench_close(&b);
	}
}
END_TEST

START_TEST(a_change_of_state_is_followed_at_the_next_pick)
{
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct bench b;

		bench_open(&b, all[i], 4, NULL);
		world_set_all(&b.world, 0, ENDPOINT_UP);
		for (unsigned out = 0; out < 4; out++) {
			world_set(&b.world, 0, out, out % 2 ? ENDPOINT_DOWN : ENDPOINT_DRAINING);
			for (unsigned n = 0; n < 200; n++)
				ck_assert_int_ne(pick_one(&b), (int)out);
			world_set(&b.world, 0, out, ENDPOINT_UP);
		}
		pick_many(&b, 4000);
		for (unsigned n = 0; n < 4; n++)
			ck_assert_uint_gt(b.count[n], 800);
		bench_close(&b);
	}
}
END_TEST

START_TEST(states_are_preferred_in_order)
{
	/* U up, ? unknown, D down, X draining; x: may be picked, while none was tried. */
	static const struct {
		const char *states, *picked;
		unsigned blind;
	} t[] = {
		{ "UUUU", "xxxx", 0 },
		{ "U?DX", "x...", 0 },
		{ "DUXU", ".x.x", 0 },
		{ "??DX", "xx..", 0 }, /* not probed yet before found dead */
		{ "DDDX", "xxx.", 0 }, /* fail open */
		{ "XXXX", "....", 0 },
		{ "XXX?", "...x", 0 },
		{ "UDD?", "xxxx", .blind = 500 }, /* too few are up for that to be believed */
		{ "UDDX", "xxx.", .blind = 500 },
	};
	static const enum endpoint_state state_of[] = { ['U'] = ENDPOINT_UP,
		['?'] = ENDPOINT_UNKNOWN,
		['D'] = ENDPOINT_DOWN,
		['X'] = ENDPOINT_DRAINING };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(t); j++) {
			unsigned count[4] = { 0 };
			struct bench b;

			bench_open(&b, all[i], 4, NULL);
			for (unsigned n = 0; n < 4; n++)
				world_set(&b.world, 0, n, state_of[(unsigned char)t[j].states[n]]);
			atomic_store(&b.world.service->regions[0].steering->blind, t[j].blind);
			for (unsigned n = 0; n < 400; n++) {
				int picked = pick_one(&b);

				if (picked >= 0)
					count[picked]++;
			}
			for (unsigned n = 0; n < 4; n++)
				ck_assert_msg((count[n] > 0) == (t[j].picked[n] == 'x'),
				    "balancer %u, \"%s\": endpoint %u has %u", i, t[j].states, n,
				    count[n]);
			bench_close(&b);
		}
}
END_TEST

/* Two of five are up; of 1000 picks the others get 440, and none of them more than another. */
START_TEST(what_is_not_up_gets_the_part_that_it_is_to_get)
{
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned count[5] = { 0 }, total = 20000;
		struct bench b;

		bench_open(&b, all[i], 5, NULL);
		for (unsigned n = 0; n < 5; n++)
			world_set(&b.world, 0, n, n < 2 ? ENDPOINT_UP : ENDPOINT_DOWN);
		atomic_store(&b.world.service->regions[0].steering->blind, 440);
		for (unsigned n = 0; n < total; n++)
			count[pick_one(&b)]++;
		for (unsigned n = 0; n < 5; n++) {
			double part = (double)count[n] / total;
			double due = n < 2 ? .28 : .44 / 3;
			/* whose keys go on to which other one depends on their neighbours */
			double margin = all[i] == BALANCE_MAGLEV ? .1 : .03;

			ck_assert_msg(fabs(part - due) < margin,
			    "balancer %u: endpoint %u has %.3f", i, n, part);
		}
		bench_close(&b);
	}
}
END_TEST

START_TEST(an_endpoint_that_hangs_leaves_room_for_the_others)
{
	static const struct {
		uint32_t weights[4];
		unsigned count, part; /* of 100 in flight, the first one's */
	} t[] = {
		{ { 1 }, 1, 1000 },
		{ { 1, 1 }, 2, 75 },
		{ { 3, 1 }, 2, 94 },
		{ { 1, 3 }, 2, 44 },
		{ { 1, 1, 1, 1 }, 4, 44 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		struct endpoint_shard *shards[2];
		struct bench b;
		unsigned n = 0;

		bench_open(&b, BALANCE_ROUND_ROBIN, t[i].count, t[i].weights);
		for (unsigned k = 0; k < t[i].count; k++)
			world_set(&b.world, 0, k, ENDPOINT_UP);
		ck_assert_int_ge(pick_one(&b), 0);
		for (unsigned w = 0; w < 2; w++)
			shards[w] = endpoint_shard(endpoint_at(&b, 0), w);
		for (; n < 1000 && balancer_has_part(b.balancer, endpoint_at(&b, 0), 100, 0); n++)
			stat_step(&shards[n % 2]->waiting, 1);
		ck_assert_msg(n == t[i].part, "%u: %u", i, n);
		for (unsigned w = 0; w < 2; w++)
			endpoint_shard_release(shards[w]);
		bench_close(&b);
	}
}
END_TEST

/* Takes picks as tried until none is left; each must come once. */
static void
exhaust(struct bench *b, unsigned expected, unsigned balancer)
{
	uint64_t seen = 0;
	int picked;

	b->pick.tried_count = 0;
	while ((picked = pick_one(b)) >= 0) {
		ck_assert_msg((seen >> picked & 1) == 0, "balancer %u: %d twice", balancer, picked);
		seen |= (uint64_t)1 << picked;
		b->pick.tried[b->pick.tried_count++] = (uint32_t)picked;
	}
	ck_assert_msg(b->pick.tried_count == expected, "balancer %u: %u of %u", balancer,
	    b->pick.tried_count, expected);
}

START_TEST(no_endpoint_is_tried_twice_and_none_is_missed)
{
	static const uint32_t skewed[SHORT] = { 1000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		for (unsigned round = 0; round < 200; round++) {
			struct bench b;

			bench_open(&b, all[i], SHORT, round % 2 ? skewed : NULL);
			rng_seed(&b.rng, round);
			world_set_all(&b.world, 0, ENDPOINT_UP);
			exhaust(&b, SHORT, i);
			/* One up: only that one, since the region does not fail open. */
			world_set_all(&b.world, 0, ENDPOINT_DOWN);
			world_set(&b.world, 0, 7, ENDPOINT_UP);
			exhaust(&b, 1, i);
			/* None up: the unknown one, then the rest. */
			world_set(&b.world, 0, 7, ENDPOINT_UNKNOWN);
			world_set(&b.world, 0, 8, ENDPOINT_DRAINING);
			exhaust(&b, SHORT - 1, i);
			ck_assert_uint_eq(b.pick.tried[0], 7);
			bench_close(&b);
		}
}
END_TEST

START_TEST(one_that_is_wanted_again_may_be_picked_while_it_is_up_and_untried)
{
	struct bench b, other;
	struct endpoint *e;

	bench_open(&b, BALANCE_RANDOM, 3, NULL);
	bench_open(&other, BALANCE_RANDOM, 5, NULL);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	world_set_all(&other.world, 0, ENDPOINT_UP);
	e = endpoint_at(&b, 1);
	ck_assert(balancer_may_pick(b.balancer, &b.pick, e));
	b.pick.tried[b.pick.tried_count++] = 1;
	ck_assert(!balancer_may_pick(b.balancer, &b.pick, e));
	b.pick.tried_count = 0;
	world_set(&b.world, 0, 1, ENDPOINT_DRAINING);
	ck_assert(!balancer_may_pick(b.balancer, &b.pick, e));
	world_set(&b.world, 0, 1, ENDPOINT_DOWN);
	ck_assert(!balancer_may_pick(b.balancer, &b.pick, e));
	/* a reload has taken it out */
	ck_assert(!balancer_may_pick(b.balancer, &b.pick, endpoint_at(&other, 4)));
	bench_close(&other);
	bench_close(&b);
}
END_TEST

START_TEST(one_endpoint_is_picked_and_none_is_not)
{
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct bench b;

		bench_open(&b, all[i], 1, NULL);
		world_set_all(&b.world, 0, ENDPOINT_UP);
		ck_assert_int_eq(pick_one(&b), 0);
		ck_assert_int_eq(pick_one(&b), 0);
		bench_close(&b);
		bench_open(&b, all[i], 0, NULL);
		ck_assert_int_eq(pick_one(&b), -1);
		bench_close(&b);
	}
}
END_TEST

START_TEST(least_request_avoids_the_busier_of_two)
{
	struct bench b;

	bench_open(&b, BALANCE_LEAST_REQUEST, 2, NULL);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	endpoint_shard(endpoint_at(&b, 0), 1)->in_flight = 1; /* the other has no shard at all */
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(pick_one(&b), 1);
	endpoint_shard(endpoint_at(&b, 1), 1)->in_flight = 5;
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(pick_one(&b), 0);
	/* Another worker's load is not known here. */
	endpoint_shard(endpoint_at(&b, 0), 0)->in_flight = 100;
	ck_assert_int_eq(pick_one(&b), 0);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned w = 0; w < 2; w++) {
			struct endpoint_shard *s = endpoint_shard(endpoint_at(&b, i), w);

			s->in_flight = 0;
			endpoint_shard_release(s);
		}
	bench_close(&b);
}
END_TEST

/* Tries that never end: what is in flight then is what was picked. */
START_TEST(least_request_fills_endpoints_by_weight)
{
	static const uint32_t weights[] = { 1, 2, 4, 8 };
	struct bench b;

	bench_open(&b, BALANCE_LEAST_REQUEST, 4, weights);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	for (unsigned i = 0; i < 1500; i++) {
		int index = pick_one(&b);

		endpoint_shard(endpoint_at(&b, (unsigned)index), 1)->in_flight++;
		b.count[index]++;
	}
	expect_weights(&b, 1500, weights, 4, 15);
	for (unsigned i = 0; i < 4; i++) {
		struct endpoint_shard *s = endpoint_shard(endpoint_at(&b, i), 1);

		s->in_flight = 0;
		endpoint_shard_release(s);
	}
	bench_close(&b);
}
END_TEST

START_TEST(a_maglev_key_keeps_its_endpoint_through_others_failures)
{
	enum { KEYS = 5000, LOST = 13 };
	struct endpoint *owner[KEYS];
	unsigned lost = 0;
	struct bench b;

	bench_open(&b, BALANCE_MAGLEV, 50, NULL);
	world_set_all(&b.world, 0, ENDPOINT_UP);
	for (unsigned i = 0; i < KEYS; i++) {
		b.pick.hash = hash_bytes(&i, sizeof i, 0);
		owner[i] = balancer_pick(b.balancer, &b.pick);
		ck_assert_ptr_eq(balancer_pick(b.balancer, &b.pick), owner[i]);
	}
	world_set(&b.world, 0, LOST, ENDPOINT_DOWN);
	memset(b.count, 0, sizeof b.count);
	for (unsigned i = 0; i < KEYS; i++) {
		struct endpoint *e;

		b.pick.hash = hash_bytes(&i, sizeof i, 0);
		e = balancer_pick(b.balancer, &b.pick);
		if (owner[i]->id != LOST)
			ck_assert_ptr_eq(e, owner[i]);
		else {
			ck_assert_uint_ne(e->id, LOST);
			b.count[e->id]++;
			lost++;
		}
	}
	/* The lost one's keys spread; no other gets a quarter of them. */
	ck_assert_uint_gt(lost, 50);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_uint_lt(b.count[i], lost / 4);
	world_set(&b.world, 0, LOST, ENDPOINT_UP);
	for (unsigned i = 0; i < KEYS; i++) {
		b.pick.hash = hash_bytes(&i, sizeof i, 0);
		ck_assert_ptr_eq(balancer_pick(b.balancer, &b.pick), owner[i]);
	}
	bench_close(&b);
}
END_TEST

START_TEST(a_maglev_key_keeps_its_endpoint_when_nearly_all_are_down)
{
	struct bench b;

	bench_open(&b, BALANCE_MAGLEV, MOST, NULL);
	world_set_all(&b.world, 0, ENDPOINT_DOWN);
	world_set(&b.world, 0, 5, ENDPOINT_UP);
	world_set(&b.world, 0, 50, ENDPOINT_UP);
	for (unsigned i = 0; i < 2000; i++) {
		struct endpoint *e;

		b.pick.hash = hash_bytes(&i, sizeof i, 0);
		e = balancer_pick(b.balancer, &b.pick);
		ck_assert_ptr_eq(balancer_pick(b.balancer, &b.pick), e);
		ck_assert(e->id == 5 || e->id == 50);
		b.count[e->id]++;
	}
	ck_assert_uint_gt(b.count[5], 500);
	ck_assert_uint_gt(b.count[50], 500);
	bench_close(&b);
}
END_TEST

START_TEST(picks_allocate_nothing)
{
	static const uint32_t weights[] = { 1, 2, 3, 4, 5 };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		atomic_ullong allocations = 0;
		struct bench b;

		bench_open(&b, all[i], 5, weights);
		mem_count_into(&allocations);
		for (unsigned n = 0; n < 100; n++) {
			world_set(&b.world, 0, n % 5, n % 3 ? ENDPOINT_UP : ENDPOINT_DOWN);
			pick_one(&b);
		}
		mem_count_into(NULL);
		ck_assert_uint_eq(atomic_load(&allocations), 0);
		bench_close(&b);
	}
}
END_TEST

START_TEST(a_balancer_may_outlive_its_table)
{
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct bench b;

		bench_open(&b, all[i], 5, NULL);
		pick_one(&b);
		world_close(&b.world);
		balancer_free(b.balancer);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/balancer");
	TCase *tests = tcase_create("balancer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, weights_are_kept_by_every_balancer);
	tcase_add_test(tests, round_robin_keeps_weights_within_one_at_any_moment);
	tcase_add_test(tests, round_robin_of_equals_takes_turns);
	tcase_add_test(tests, an_endpoint_that_starts_slowly_gets_its_fraction);
	tcase_add_test(tests, a_change_of_state_is_followed_at_the_next_pick);
	tcase_add_test(tests, states_are_preferred_in_order);
	tcase_add_test(tests, what_is_not_up_gets_the_part_that_it_is_to_get);
	tcase_add_test(tests, what_is_not_up_gets_the_part_that_it_is_to_get);
	tcase_add_test(tests, an_endpoint_that_hangs_leaves_room_for_the_others);
	tcase_add_test(tests, no_endpoint_is_tried_twice_and_none_is_missed);
	tcase_add_test(tests, one_that_is_wanted_again_may_be_picked_while_it_is_up_and_untried);
	tcase_add_test(tests, one_endpoint_is_picked_and_none_is_not);
	tcase_add_test(tests, least_request_avoids_the_busier_of_two);
	tcase_add_test(tests, least_request_fills_endpoints_by_weight);
	tcase_add_test(tests, a_maglev_key_keeps_its_endpoint_through_others_failures);
	tcase_add_test(tests, a_maglev_key_keeps_its_endpoint_when_nearly_all_are_down);
	tcase_add_test(tests, picks_allocate_nothing);
	tcase_add_test(tests, a_balancer_may_outlive_its_table);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
