/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/stat.h"
#include "control/fact_log.h"
#include "control/failovers.h"
#include "control/journal_file.h"
#include "steer/wish.h"

#define FILE_NAME "journal.jsonl"

enum {
	/* 10,000 endpoints that go down in one tick fit */
	RING_BYTES = 4 * 1024 * 1024,
	READ_BACK_BYTES = 2 * 1024 * 1024,
	COMPLAIN_EVERY_MS = 60 * 1000,
	TEXT_BYTES = 512,
};

/* The texts of a record, in this order, each with its NUL, behind it. */
enum {
	T_SERVICE,
	T_REGION,
	T_ENDPOINT,
	T_INTO,
	T_RULE,
	T_OWNER,
	T_REASON,
	T_WISH,
	T_REPLACES,
	TEXTS
};

static const char *const text_keys[TEXTS] = {
	[T_SERVICE] = "service",
	[T_REGION] = "region",
	[T_ENDPOINT] = "endpoint",
	[T_INTO] = "into",
	[T_RULE] = "rule",
	[T_OWNER] = "actor",
	[T_REASON] = "reason",
	[T_WISH] = "wish",
	[T_REPLACES] = "replaces",
};

/* A fact on its way to main. */
struct record {
	uint64_t wall_us;
	enum fact_kind kind;
	enum fact_signal signal;
	double numbers[3];
	char texts[];
};

struct kept {
	uint64_t id;
	json_t *json; /* owned */
};

struct journal {
	struct ring *ring; /* control to main */
	int wake_fd;

	/* main's */
	struct event *wake;             /* NULL until it is open */
	struct journal_file *file;      /* NULL: in memory only */
	struct kept kept[JOURNAL_KEPT]; /* a ring by id */
	uint64_t next_id;
	uint64_t complained_ms; /* 0: the disk takes all */
	uint64_t unwritten;     /* since the last complaint */
	struct journal_stats stats;
	struct failovers *failovers;
};

struct journal *
journal_new(void)
{
	struct journal *j = mem_new(sizeof *j);

	j->ring = ring_new(RING_BYTES);
	j->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (j->wake_fd < 0) {
		log_error("cannot make an eventfd: %m");
		abort();
	}
	j->next_id = 1;
	j->failovers = failovers_new();
	return j;
}

/* ---- control ---- */

static const struct wish *
wish_behind(const struct fact *f, const struct wishes *w)
{
	if (w == NULL)
		return NULL;
	if (f->kind == FACT_REGION_EVACUATED)
		return wishes_evacuation(w, f->region);
	if (f->kind == FACT_FROZEN)
		return wishes_freeze(w, f->service);
	if (f->kind == FACT_PINNED)
		return wishes_pin(w, f->service, f->region);
	return NULL;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static size_t
size_of(const char *const texts[TEXTS])
{
	size_t size = sizeof(struct record);

	for (unsigned i = 0; i < TEXTS; i++)
		size += strlen(texts[i]) + 1;
	return size;
}

static void
fill(struct record *r, const struct fact *f, const char *const texts[TEXTS])
{
	uint64_t now_ms = clock_now_ms();
	uint64_t ago_ms = now_ms > f->at_ms ? now_ms - f->at_ms : 0;
	char *at = r->texts;

	*r = (struct record){ .wall_us = clock_wall_us() - ago_ms * 1000,
		.kind = f->kind,
		.signal = f->signal,
		.numbers = { f->a, f->b, f->c } };
	for (unsigned i = 0; i < TEXTS; i++) {
		size_t size = strlen(texts[i]) + 1;

		memcpy(at, texts[i], size);
		at += size;
	}
}

void
journal_put(
    struct journal *j, const struct fact *f, const struct endpoint *e, const struct wishes *wishes)
{
	const struct wish *wish = wish_behind(f, wishes);
	char why[ENDPOINT_REASON_BYTES] = "";
	const char *const texts[TEXTS] = {
		[T_SERVICE] = or_empty(f->service),
		[T_REGION] = or_empty(f->region),
		[T_ENDPOINT] = e != NULL ? e->url : "",
		[T_INTO] = or_empty(f->into),
		[T_RULE] = or_empty(f->rule),
		[T_OWNER] = wish != NULL ? wish->owner : "",
		[T_REASON] = wish != NULL ? wish->reason : why,
		[T_WISH] = wish != NULL ? wish_word(wish->kind) : "",
		[T_REPLACES] = "",
	};
	struct record *r;

	fact_log_cause(f, e, why, sizeof why);
	r = ring_reserve(j->ring, size_of(texts));
	if (r == NULL)
		return;
	fill(r, f, texts);
	ring_commit(j->ring);
	/* full: it is readable, and that is all we want */
	(void)eventfd_write(j->wake_fd, 1);
}

/* ---- main ---- */

static void
set_text(json_t *into, const char *key, const char *text)
{
	json_t *json;

	if (text[0] == '\0')
		return;
	json = json_string(text);
	/* names come from the configuration, which may hold any bytes */
	json_object_set_new(into, key, json != NULL ? json : json_string("(not UTF-8)"));
}

static json_t *
numbers_json(const struct record *r)
{
	json_t *json = json_object();

	for (unsigned i = 0; i < ARRAY_SIZE(r->numbers); i++) {
		const char *name = fact_number_name(r->kind, i);

		/* NaN: it does not apply */
		if (name[0] != '\0' && isfinite(r->numbers[i]))
			json_object_set_new(json, name, json_real(r->numbers[i]));
	}
	return json;
}

/* The sentence alone: whom it is about stands beside it. */
static void
set_sentence(json_t *into, const struct record *r, const char *region, const char *rule)
{
	struct fact f = { .kind = r->kind,
		.signal = r->signal,
		.service = "",
		.region = "",
		.endpoint_id = UINT32_MAX,
		.a = r->numbers[0],
		.b = r->numbers[1],
		.c = r->numbers[2],
		.rule = rule,
		.into = region };
	char text[TEXT_BYTES];

	fact_format(&f, NULL, text, sizeof text);
	set_text(into, "text", text);
}

static void
texts_of(const struct record *r, const char *texts[TEXTS])
{
	const char *at = r->texts;

	for (unsigned i = 0; i < TEXTS; i++) {
		texts[i] = at;
		at += strlen(at) + 1;
	}
}

static json_t *
record_json(const struct record *r, uint64_t id)
{
	json_t *json = json_object();
	const char *texts[TEXTS];
	char time[32];

	texts_of(r, texts);
	/* what nobody is named for Detour does itself, if only because somebody wished something */
	if (texts[T_OWNER][0] == '\0')
		texts[T_OWNER] = "detour";
	json_object_set_new(json, "id", json_integer((json_int_t)id));
	set_text(json, "time", clock_format_wall(r->wall_us, time, sizeof time));
	set_text(json, "kind", fact_word(r->kind));
	for (unsigned i = 0; i < TEXTS; i++)
		set_text(json, text_keys[i], texts[i]);
	if (r->signal != SIGNAL_NONE)
		set_text(json, "signal", fact_signal_word(r->signal));
	json_object_set_new(json, "numbers", numbers_json(r));
	set_sentence(json, r, texts[T_INTO], texts[T_RULE]);
	return json;
}

/* Takes the reference. */
static void
keep(struct journal *j, uint64_t id, json_t *json)
{
	struct kept *k = &j->kept[id % JOURNAL_KEPT];

	json_decref(k->json);
	*k = (struct kept){ id, json };
}

/* Said at once, then once a minute, until a line is taken again. */
static void
complain(struct journal *j, int err)
{
	uint64_t now_ms = clock_now_ms();

	j->unwritten++;
	stat_add(&j->stats.unwritten, 1);
	if (j->complained_ms != 0 && now_ms - j->complained_ms < COMPLAIN_EVERY_MS)
		return;
	log_warn("the journal is kept in memory only: %s; %" PRIu64 " facts not written",
	    strerror(err), j->unwritten);
	j->complained_ms = now_ms;
	j->unwritten = 0;
}

static void
write_line(struct journal *j, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
	size_t len;
	bool written;

	if (text == NULL) {
		complain(j, EILSEQ);
		return;
	}
	len = strlen(text);
	text[len] = '\n'; /* instead of the NUL */
	written = journal_file_append(j->file, text, len + 1);
	if (!written) {
		complain(j, errno);
	} else if (j->complained_ms != 0) {
		log_info("the journal is written again");
		j->complained_ms = 0;
		j->unwritten = 0;
	}
	free(text);
}

static void
count_failover(struct journal *j, const struct record *r)
{
	const char *texts[TEXTS];

	texts_of(r, texts);
	failovers_count(j->failovers, texts[T_SERVICE], texts[T_REGION], texts[T_INTO],
	    fact_signal_word(r->signal));
}

static void
take(struct journal *j, const struct record *r)
{
	uint64_t id = j->next_id++;
	json_t *json = record_json(r, id);

	stat_add(&j->stats.facts, 1);
	if (r->kind == FACT_FAILED_OVER)
		count_failover(j, r);
	if (j->file != NULL)
		write_line(j, json);
	keep(j, id, json);
}

static void
drain(struct journal *j)
{
	uint64_t dropped = ring_dropped(j->ring), known;
	const struct record *r;
	eventfd_t count;
	size_t len;

	/* before the ring is read: what comes later wakes us again */
	(void)eventfd_read(j->wake_fd, &count);
	while ((r = ring_peek(j->ring, &len)) != NULL) {
		take(j, r);
		ring_release(j->ring);
	}
	known = atomic_load_explicit(&j->stats.dropped, memory_order_relaxed);
	if (dropped == known)
		return;
	log_warn("the journal has lost %" PRIu64 " facts: too many at once", dropped - known);
	atomic_store_explicit(&j->stats.dropped, dropped, memory_order_relaxed);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	drain(arg);
}

static void
on_old_line(void *arg, const char *line, size_t len)
{
	struct journal *j = arg;
	json_t *json = json_loadb(line, len, 0, NULL);
	json_int_t id = json_integer_value(json_object_get(json, "id"));

	/* a damaged line, or numbers that begin anew: those before are history for the file only */
	if (id <= 0 || id >= INT64_MAX - 1) {
		json_decref(json);
		return;
	}
	keep(j, (uint64_t)id, json);
	j->next_id = (uint64_t)id + 1;
}

void
journal_set_dir(struct journal *j, const char *state_dir)
{
	char *path = mem_printf("%s/" FILE_NAME, state_dir);

	journal_file_free(j->file);
	j->file = NULL;
	if (state_dir[0] != '\0') {
		/* what is wrong with the directory is said with the first line it does not take */
		(void)mkdir(state_dir, 0750);
		j->file = journal_file_new(path, JOURNAL_FILE_BYTES, JOURNAL_FILES);
	}
	mem_free(path);
}

void
journal_open(struct journal *j, struct event_base *base, const char *state_dir)
{
	journal_set_dir(j, state_dir);
	if (j->file != NULL && !journal_file_read(j->file, READ_BACK_BYTES, on_old_line, j))
		log_warn("cannot read the journal in %s: %m; it begins anew", state_dir);
	j->wake = event_new(base, j->wake_fd, EV_READ | EV_PERSIST, on_wake, j);
	if (j->wake == NULL || event_add(j->wake, NULL) != 0) {
		log_error("cannot watch the journal's eventfd");
		abort();
	}
}

void
journal_close(struct journal *j)
{
	if (j->wake == NULL)
		return;
	drain(j);
	event_free(j->wake);
	j->wake = NULL;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->wake != NULL)
		event_free(j->wake);
	drain(j);
	for (unsigned i = 0; i < JOURNAL_KEPT; i++)
		json_decref(j->kept[i].json);
	journal_file_free(j->file);
	failovers_free(j->failovers);
	close(j->wake_fd);
	ring_free(j->ring);
	mem_free(j);
}

void
journal_add(struct journal *j, const struct fact *f, const struct journal_person *person)
{
	const char *const texts[TEXTS] = {
		[T_SERVICE] = or_empty(f->service),
		[T_REGION] = or_empty(f->region),
		[T_ENDPOINT] = "",
		[T_INTO] = or_empty(f->into),
		[T_RULE] = or_empty(f->rule),
		[T_OWNER] = or_empty(person->owner),
		[T_REASON] = or_empty(person->reason),
		[T_WISH] = or_empty(person->wish),
		[T_REPLACES] = or_empty(person->replaces),
	};
	struct record *r = mem_new(size_of(texts));

	fill(r, f, texts);
	take(j, r);
	mem_free(r);
}

/* The number of the first fact to tell. */
static uint64_t
first_after(const struct journal *j, uint64_t since, unsigned limit)
{
	uint64_t oldest = j->next_id > JOURNAL_KEPT ? j->next_id - JOURNAL_KEPT : 1;

	if (since == UINT64_MAX)
		return j->next_id - oldest > limit ? j->next_id - limit : oldest;
	/* a number we have not given yet is of a former life: what is new to it is all we have */
	if (since >= j->next_id || since < oldest)
		return oldest;
	return since + 1;
}

json_t *
journal_json(const struct journal *j, uint64_t since, unsigned limit)
{
	json_t *json = json_object(), *facts = json_array();
	unsigned left = limit == 0 || limit > JOURNAL_KEPT ? JOURNAL_KEPT : limit;
	uint64_t id = first_after(j, since, left);

	for (; id < j->next_id && left > 0; id++) {
		const struct kept *k = &j->kept[id % JOURNAL_KEPT];

		/* lines the disk has lost leave gaps when they are read back */
		if (k->id != id)
			continue;
		json_array_append(facts, k->json);
		left--;
	}
	json_object_set_new(json, "facts", facts);
	json_object_set_new(json, "next", json_integer((json_int_t)id - 1));
	return json;
}

const struct failovers *
journal_failovers(const struct journal *j)
{
	return j->failovers;
}

const struct journal_stats *
journal_stats(const struct journal *j)
{
	return &j->stats;
}
