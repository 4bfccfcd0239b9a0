/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes in the files of state_dir: the snapshot, the wishes, the journal. What is understood of
 * them, written and read again is the same.
 *
 * The input's first byte says which file it is.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "control/journal.h"
#include "control/state.h"
#include "control/state_file.h"
#include "control/wish_file.h"
#include "oracle.h"

static char directory[64];

int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char *const files[] = { "state.json", "wishes.json", "journal.jsonl" };

static const char *
path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void
remove_all(void)
{
	static const char *const names[] = { "state.json", "wishes.json", "journal.jsonl",
		"wishes.json.bad", "state.json.new", "wishes.json.new", "journal.jsonl.1" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
}

static void
at_end(void)
{
	remove_all();
	rmdir(directory);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	strcpy(directory, "/dev/shm/detour-fuzz-XXXXXX");
	must(mkdtemp(directory) != NULL, "a directory");
	log_set_level(LOG_LEVEL_ERROR);
	atexit(at_end);
	return 0;
}

/* As main does with what control posts. */
static void
keep(struct state *s)
{
	struct event_base *base = event_base_new();
	struct mailbox *box = mailbox_new();
	struct state_keeper *keeper = state_keeper_new(base, box, "");

	state_keeper_set_dir(keeper, directory);
	must(mailbox_post(box, s) == NULL, "the box is empty");
	event_base_loop(base, EVLOOP_NONBLOCK);
	state_keeper_free(keeper);
	mailbox_free(box);
	event_base_free(base);
}

static void
read_snapshot(void)
{
	const uint64_t now_ms = 1795336020123;
	struct error e = { { 0 } };
	struct state *s = state_file_read(directory, now_ms, &e), *again;
	unsigned regions, endpoints, names;
	uint64_t saved;

	if (s == NULL) {
		must(e.text[0] != '\0', "a reason is given");
		return;
	}
	saved = s->saved_wall_ms;
	regions = s->region_count;
	endpoints = s->endpoint_count;
	names = s->name_count;
	keep(s);
	again = state_file_read(directory, now_ms, &e);
	must(again != NULL, "and read again");
	must(saved == again->saved_wall_ms && regions == again->region_count &&
		endpoints == again->endpoint_count && names == again->name_count,
	    "it is the same");
	state_free(again);
}

static void
read_wishes(void)
{
	static struct wishes one, again;
	struct error e;

	memset(&one, 0, sizeof one);
	memset(&again, 0, sizeof again);
	wish_file_read(directory, &one);
	must(one.count <= WISHES_MAX, "no more than there is room for");
	must(wish_file_write(directory, &one, &e), "they can be written");
	wish_file_read(directory, &again);
	must(again.count == one.count, "and read again");
	for (unsigned i = 0; i < one.count; i++)
		must(one.list[i].kind == again.list[i].kind &&
			strcmp(one.list[i].region, again.list[i].region) == 0 &&
			strcmp(one.list[i].owner, again.list[i].owner) == 0 &&
			one.list[i].until_wall_ms == again.list[i].until_wall_ms,
		    "they are the same");
}

static void
read_journal(void)
{
	struct event_base *base = event_base_new();
	struct journal *j = journal_new();
	json_t *json;

	journal_open(j, base, directory);
	json = journal_json(j, 0, 0);
	must(json_is_array(json_object_get(json, "facts")), "there are facts");
	json_decref(json);
	journal_close(j);
	journal_free(j);
	event_base_free(base);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned which = size > 0 ? data[0] % 3 : 0;
	int fd;

	if (size < 1)
		return 0;
	fd = open(path_of(files[which]), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1, "a file");
	close(fd);
	if (which == 0)
		read_snapshot();
	else if (which == 1)
		read_wishes();
	else
		read_journal();
	remove_all();
	return 0;
}
