/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/share.h"

#include <check.h>

#include "steer/rng.h"

enum { MOST = 8 };

#define UP(tier, weight) { tier, weight, 2, 2, 0 }
#define HALF(tier, weight) { tier, weight, 2, 1, 0 }
#define DOWN(tier, weight) { tier, weight, 2, 0, 0 }
#define UNKNOWN(tier, weight) { tier, weight, 2, 0, 2 }
#define EMPTY(tier, weight) { tier, weight, 0, 0, 0 }

START_TEST(shares_follow_tiers_weights_and_health)
{
	static const struct {
		const char *what;
		unsigned count;
		struct share_region regions[MOST];
		enum share_mode mode;
		uint32_t shares[MOST];
	} t[] = {
		{ "one region", 1, { UP(0, 100) }, SHARE_NORMAL, { 65536 } },
		{ "one region in a high tier", 1, { UP(9, 1) }, SHARE_NORMAL, { 65536 } },
		{ "70 to 30", 2, { UP(0, 70), UP(0, 30) }, SHARE_NORMAL, { 45875, 19661 } },
		{ "thirds", 3, { UP(0, 1), UP(0, 1), UP(0, 1) }, SHARE_NORMAL,
		    { 21846, 21845, 21845 } },
		{ "sevenths", 7, { UP(0, 1), UP(0, 1), UP(0, 1), UP(0, 1), UP(0, 1), UP(0, 1),
		                     UP(0, 1) },
		    SHARE_NORMAL, { 9363, 9363, 9362, 9362, 9362, 9362, 9362 } },
		{ "one endpoint up is enough", 2, { HALF(0, 1), UP(0, 1) }, SHARE_NORMAL,
		    { 32768, 32768 } },
		{ "a standby waits", 2, { UP(0, 1), UP(1, 1) }, SHARE_NORMAL, { 65536, 0 } },
		{ "order does not matter", 2, { UP(1, 1), UP(0, 1) }, SHARE_NORMAL, { 0, 65536 } },
		{ "the tier's other region takes over", 3, { DOWN(0, 9), UP(0, 1), UP(1, 5) },
		    SHARE_NORMAL, { 0, 65536, 0 } },
		{ "the next tier takes over", 4, { DOWN(0, 9), DOWN(0, 1), UP(1, 3), UP(1, 1) },
		    SHARE_NORMAL, { 0, 0, 49152, 16384 } },
		{ "a gap in tiers", 2, { DOWN(0, 1), UP(7, 1) }, SHARE_NORMAL, { 0, 65536 } },
		{ "unknown is not up", 2, { UNKNOWN(0, 1), UP(1, 1) }, SHARE_NORMAL, { 0, 65536 } },
		{ "weight 0 takes nothing", 2, { UP(0, 0), UP(0, 1) }, SHARE_NORMAL, { 0, 65536 } },
		{ "not even alone in its tier", 2, { UP(0, 0), UP(1, 1) }, SHARE_NORMAL,
		    { 0, 65536 } },
		{ "not even when all else is down", 2, { UP(0, 0), DOWN(0, 1) }, SHARE_FAIL_OPEN,
		    { 0, 65536 } },
		{ "at the start", 2, { UNKNOWN(0, 1), UNKNOWN(1, 1) }, SHARE_UNPROVEN,
		    { 65536, 0 } },
		{ "unknown before down", 2, { DOWN(0, 1), UNKNOWN(1, 1) }, SHARE_UNPROVEN,
		    { 0, 65536 } },
		{ "all down: as configured", 3, { DOWN(0, 3), DOWN(0, 1), DOWN(1, 7) },
		    SHARE_FAIL_OPEN, { 49152, 16384, 0 } },
		{ "all down, the first tier empty", 2, { EMPTY(0, 1), DOWN(1, 1) },
		    SHARE_FAIL_OPEN, { 0, 65536 } },
		{ "no endpoints", 2, { EMPTY(0, 1), EMPTY(1, 1) }, SHARE_NOTHING, { 0, 0 } },
		{ "only weight 0", 1, { UP(0, 0) }, SHARE_NOTHING, { 0 } },
		{ "no regions", 0, { { 0 } }, SHARE_NOTHING, { 0 } },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		uint32_t shares[MOST] = { 0 };
		enum share_mode mode;

		for (unsigned j = 0; j < t[i].count; j++)
			shares[j] = 4711; /* what was there before must not stay */
		mode = share_compute(t[i].regions, t[i].count, shares);
		ck_assert_msg(mode == t[i].mode, "%s: mode %d, expected %d", t[i].what, mode,
		    t[i].mode);
		for (unsigned j = 0; j < MOST; j++)
			ck_assert_msg(shares[j] == t[i].shares[j], "%s: share %u is %u, expected %u",
			    t[i].what, j, shares[j], t[i].shares[j]);
	}
}
END_TEST

START_TEST(shares_always_sum_to_the_whole_and_are_off_by_less_than_one_unit)
{
	struct rng rng;

	rng_seed(&rng, 2);
	for (unsigned round = 0; round < 50000; round++) {
		struct share_region regions[MOST];
		uint32_t shares[MOST];
		unsigned count = 1 + rng_below(&rng, MOST);
		uint64_t weights = 0;
		uint64_t sum = 0;

		for (unsigned i = 0; i < count; i++) {
			regions[i] = (struct share_region)UP(0, 1 + rng_below(&rng, 10000));
			weights += regions[i].weight;
		}
		ck_assert_int_eq(share_compute(regions, count, shares), SHARE_NORMAL);
		for (unsigned i = 0; i < count; i++) {
			double due = (double)regions[i].weight * SHARE_WHOLE / (double)weights;

			ck_assert_msg(shares[i] > due - 1 && shares[i] < due + 1,
			    "weight %u of %lu has %u", regions[i].weight, (unsigned long)weights,
			    shares[i]);
			sum += shares[i];
		}
		ck_assert_uint_eq(sum, SHARE_WHOLE);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/share");
	TCase *tests = tcase_create("share");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, shares_follow_tiers_weights_and_health);
	tcase_add_test(tests, shares_always_sum_to_the_whole_and_are_off_by_less_than_one_unit);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
