/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of wishes on disk that are not as they should be, and of those that are not there.
 */
#include "control/wish_file.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "people_world.h"

static struct wish_reply reply;

static void
on_reply(void *arg, const struct wish_reply *r)
{
	reply = *r;
}

static const struct wish east = {
	.kind = WISH_EVACUATE, .region = "east", .owner = "alice", .reason = "upgrade"
};

static void
make_the_disk_refuse(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s; touch %s", people_dir, people_dir);
	ck_assert_int_eq(system(command), 0);
}

static void
set_up(void)
{
	people_make("");
}

static void
tear_down(void)
{
	people_free();
}

/* One that another version made, or that a disk has damaged, must not bring an evacuated region
 * back. */
START_TEST(wishes_that_make_sense_hold_beside_one_that_makes_none)
{
	uint64_t now_ms = clock_wall_us() / 1000, until_ms = now_ms + 3600000;
	char path[80];
	FILE *to;

	snprintf(path, sizeof path, "%s/wishes.json", people_dir);
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fprintf(to, "{\"version\": 9, \"wishes\": [");
	for (unsigned i = 0; i < 3; i++)
		fprintf(to,
		    "%s{\"wish\": \"%s\", \"region\": \"%s\", \"owner\": \"a\", \"reason\": \"r\", "
		    "\"made_ms\": %" PRIu64 ", \"until_ms\": %" PRIu64 "}",
		    i > 0 ? ", " : "", i == 1 ? "quarantine" : "evacuate", i == 0 ? "east" : "far",
		    now_ms, until_ms);
	fprintf(to, "]}");
	fclose(to);
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		people_restart();
		people_turn(1);
		ck_assert_uint_eq(desk_wishes(people_desk)->count, 2);
		ck_assert_ptr_nonnull(wishes_evacuation(desk_wishes(people_desk), "east"));
		ck_assert_ptr_nonnull(wishes_evacuation(desk_wishes(people_desk), "far"));
	}
	snprintf(path, sizeof path, "%s/wishes.json.bad", people_dir);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(who_makes_or_ends_what_cannot_be_written_is_told_so)
{
	wish_store_make(people_store, &east, 0, "", on_reply, NULL);
	people_turn(1);
	ck_assert_ptr_null(strstr(reply.text, "restart"));
	make_the_disk_refuse();
	wish_store_make(people_store, &east, 0, "", on_reply, NULL);
	people_turn(1);
	ck_assert_ptr_nonnull(strstr(reply.text, "a restart would forget it"));
	wish_store_end(people_store, &east, on_reply, NULL);
	ck_assert_int_eq(reply.result, WISH_DONE);
	ck_assert_ptr_nonnull(strstr(reply.text, "a restart would bring it back"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/wish_file");
	TCase *tests = tcase_create("wish_file");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, wishes_that_make_sense_hold_beside_one_that_makes_none);
	tcase_add_test(tests, who_makes_or_ends_what_cannot_be_written_is_told_so);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
