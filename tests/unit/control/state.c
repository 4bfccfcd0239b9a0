/* SPDX-License-Identifier: Apache-2.0 */
#include "control/state.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "control/state_file.h"
#include "rig.h"

enum { HOUR_MS = 3600 * 1000 };

static char dir[] = "/tmp/detour-state-XXXXXX";
static char file[sizeof dir + 16];

static void
open_dir(void)
{
	strcpy(dir + sizeof dir - sizeof "XXXXXX", "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/state.json", dir);
}

static void
close_dir(void)
{
	char command[sizeof dir + 16];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct state *
sample(uint64_t saved_wall_ms)
{
	struct state *s = state_new(saved_wall_ms);
	struct steer_saved_region *r = state_add_region(s, "shop");
	const char *addresses[] = { "10.0.0.1", "2001:db8::1" };

	memset(r->name, 'r', CONF_NAME_MAX);
	r->p50_us = 12345;
	r->p95_us = 678901;
	r->mean_us = 23456;
	r->state = REGION_HOLD;
	r->age_ms = 1234;
	r->relapses = 1.5;
	r->hold_left_ms = 45678;
	r->factor = 0.46;
	for (unsigned i = 0; i < 40; i++) {
		char url[32];

		snprintf(url, sizeof url, "http://10.0.0.%u:80", (i * 7) % 40);
		state_add_endpoint(s,
		    &(struct state_endpoint){ "shop", "us-east-1", "a.example", url, i % 2 == 0 });
	}
	state_add_name(s, "a.example", addresses, 2);
	state_add_name(s, "b.example", addresses, 1);
	return s;
}

START_TEST(what_was_written_is_read)
{
	uint64_t now_ms = clock_wall_us() / 1000;
	struct state *written = sample(now_ms);
	struct endpoint e = { .service = "shop", .region = "us-east-1", .host = "a.example" };
	const struct state_endpoint *found;
	const struct state_name *name;
	struct state *read;
	struct error error;

	open_dir();
	ck_assert_msg(state_file_write(dir, written, &error), "%s", error.text);
	ck_assert_int_eq(access(strcat(file, ".new"), F_OK), -1);
	read = state_file_read(dir, now_ms + 10, &error);
	ck_assert_msg(read != NULL, "%s", error.text);
	ck_assert_uint_eq(read->saved_wall_ms, now_ms);
	ck_assert_uint_eq(read->region_count, 1);
	ck_assert_str_eq(read->regions[0].service, "shop");
	ck_assert_mem_eq(
	    &read->regions[0].saved, &written->regions[0].saved, sizeof(struct steer_saved_region));
	ck_assert_uint_eq(read->endpoint_count, 40);
	e.url = "http://10.0.0.7:80";
	found = state_find_endpoint(read, &e);
	ck_assert_ptr_nonnull(found);
	ck_assert(!found->up);
	e.host = "b.example";
	ck_assert_ptr_null(state_find_endpoint(read, &e));
	name = state_find_name(read, "a.example");
	ck_assert_uint_eq(name->address_count, 2);
	ck_assert_str_eq(name->addresses[1], "2001:db8::1");
	ck_assert_ptr_null(state_find_name(read, "c.example"));
	state_free(read);
	state_free(written);
	close_dir();
}
END_TEST

static const struct {
	const char *text; /* NULL: the sample's */
	int64_t age_ms;
	const char *complaint; /* a part of it; "": none */
} bad[] = {
	{ NULL, 23 * HOUR_MS, "" },
	{ NULL, -HOUR_MS, "" }, /* the clock went back */
	{ NULL, 25 * HOUR_MS, "older than a day" },
	{ "", 0, "cannot read" },
	{ "{", 0, "cannot read" },
	{ "[]", 0, "another version" },
	{ "{}", 0, "another version" },
	{ "{\"version\": 2, \"saved_wall_ms\": 1}", 0, "another version" },
	{ "{\"version\": 1, \"saved_wall_ms\": -1}", 0, "another version" },
	{ "{\"version\": 1, \"version\": 1}", 0, "cannot read" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000}", 0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [], \"endpoints\": [], "
	  "\"names\": {}}",
	    0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [1], \"endpoints\": [], "
	  "\"names\": []}",
	    0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [{\"service\": \"s\", "
	  "\"region\": \"r\", \"state\": \"purple\", \"age_ms\": 1, \"relapses\": 0, "
	  "\"hold_left_ms\": 0}], \"endpoints\": [], \"names\": []}",
	    0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [{\"service\": \"s\", "
	  "\"region\": \"r\", \"state\": \"down\", \"age_ms\": -1, \"relapses\": 0, "
	  "\"hold_left_ms\": 0}], \"endpoints\": [], \"names\": []}",
	    0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [], \"endpoints\": [], "
	  "\"names\": [{\"name\": \"a\", \"addresses\": [1]}]}",
	    0, "not what" },
	{ "{\"version\": 1, \"saved_wall_ms\": 9000000000000, \"regions\": [], \"endpoints\": [], "
	  "\"names\": []}",
	    0, "" },
};

START_TEST(a_file_that_is_old_or_broken_says_so_and_tells_nothing)
{
	uint64_t now_ms = clock_wall_us() / 1000;
	struct state *written = sample(now_ms - (uint64_t)bad[_i].age_ms);
	struct state *read;
	struct error error;

	open_dir();
	ck_assert(state_file_write(dir, written, &error));
	if (bad[_i].text != NULL) {
		FILE *f = fopen(file, "w");

		fputs(bad[_i].text, f);
		fclose(f);
	}
	read = state_file_read(dir, now_ms, &error);
	ck_assert_msg((read != NULL) == (bad[_i].complaint[0] == '\0'), "%s", error.text);
	if (read == NULL)
		ck_assert_ptr_nonnull(strstr(error.text, bad[_i].complaint));
	state_free(read);
	state_free(written);
	close_dir();
}
END_TEST

START_TEST(a_missing_file_is_no_error)
{
	struct error error;

	ck_assert_ptr_null(state_file_read("/nowhere", 1, &error));
	ck_assert_str_eq(error.text, "");
}
END_TEST

START_TEST(what_cannot_be_written_leaves_what_was_there)
{
	uint64_t now_ms = clock_wall_us() / 1000;
	struct state *first = sample(now_ms - 5), *second = sample(now_ms);
	struct state *read;
	struct error error;
	char blocker[sizeof file + 8];

	open_dir();
	ck_assert(state_file_write(dir, first, &error));
	/* A directory where the fresh file should be: not even root can write there. */
	snprintf(blocker, sizeof blocker, "%s.new", file);
	ck_assert_int_eq(mkdir(blocker, 0700), 0);
	ck_assert(!state_file_write(dir, second, &error));
	read = state_file_read(dir, now_ms, &error);
	ck_assert_uint_eq(read->saved_wall_ms, now_ms - 5);
	ck_assert(!state_file_write("/proc/nowhere", second, &error));
	state_free(read);
	state_free(first);
	state_free(second);
	close_dir();
}
END_TEST

START_TEST(the_keeper_writes_what_is_posted_and_at_the_end)
{
	uint64_t now_ms = clock_wall_us() / 1000;
	struct event_base *base = event_base_new();
	struct mailbox *box = mailbox_new();
	struct state_keeper *k;
	struct state *read;
	struct error error;

	open_dir();
	k = state_keeper_new(base, box, dir);
	ck_assert_ptr_null(mailbox_post(box, sample(now_ms - 7)));
	event_base_loop(base, EVLOOP_ONCE);
	read = state_file_read(dir, now_ms, &error);
	ck_assert_uint_eq(read->saved_wall_ms, now_ms - 7);
	state_free(read);
	ck_assert_ptr_null(mailbox_post(box, sample(now_ms)));
	state_keeper_free(k);
	read = state_file_read(dir, now_ms, &error);
	ck_assert_uint_eq(read->saved_wall_ms, now_ms);
	state_free(read);
	k = state_keeper_new(base, box, "");
	ck_assert_ptr_null(mailbox_post(box, sample(now_ms)));
	state_keeper_free(k);
	mailbox_free(box);
	event_base_free(base);
	close_dir();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/state");
	TCase *c = tcase_create("state");

	tcase_add_test(c, what_was_written_is_read);
	tcase_add_loop_test(c, a_file_that_is_old_or_broken_says_so_and_tells_nothing, 0,
	    sizeof bad / sizeof bad[0]);
	tcase_add_test(c, a_missing_file_is_no_error);
	tcase_add_test(c, what_cannot_be_written_leaves_what_was_there);
	tcase_add_test(c, the_keeper_writes_what_is_posted_and_at_the_end);
	suite_add_tcase(s, c);
	return rig_main(s);
}
