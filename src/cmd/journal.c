/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "cmd/asking.h"
#include "cmd/moves.h"
#include "cmd/printable.h"

enum { FOLLOW_EVERY_MS = 500, SHOWN = 100, MOST_SHOWN = 4096 };

static const struct usage usage = {
	"journal [--follow] [--limit N] [--socket PATH | -c FILE] [--json]",
	"Shows the newest facts of a running Detour: what changed in routing, and on what\n"
	"evidence. A ramp is told once, unless it is followed or --json asks for each step.\n"
	"\n"
	"  -f, --follow        goes on with what comes, until interrupted\n"
	"  -n, --limit N       so many to begin with (100)\n" ASKING_HELP
	"  -j, --json          as JSON, one object a line\n"
	"  -h, --help          this text\n"
	"\n"
	"Everything is in state_dir/journal.jsonl too, if a state_dir is configured.\n",
};

struct options {
	struct asking asking;
	unsigned limit;
	bool follow;
};

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Two texts, one behind the other. */
static void
put(const char *first, const char *second)
{
	printable_text(stdout, first, SIZE_MAX);
	printable_text(stdout, second, SIZE_MAX);
}

/* "2026-11-22T08:27:00.123Z  shop, us-east-1: region is down (...); alice: upgrade" */
static void
print_fact(const json_t *fact)
{
	static const char *const subjects[] = { "service", "region", "endpoint" };
	const char *actor = text_of(fact, "actor"), *reason = text_of(fact, "reason");
	const char *replaces = text_of(fact, "replaces");
	const char *wish = text_of(fact, "wish"), *comma = "  ";
	bool named = actor[0] != '\0' && strcmp(actor, "detour") != 0;

	put(text_of(fact, "time"), "");
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		const char *subject = text_of(fact, subjects[i]);

		if (subject[0] != '\0') {
			put(comma, subject);
			comma = ", ";
		}
	}
	put(comma[0] == ',' ? ": " : "  ", wish);
	put(wish[0] != '\0' ? ": " : "", text_of(fact, "text"));
	if (named || reason[0] != '\0')
		put("; ", named ? actor : "");
	put(named && reason[0] != '\0' ? ": " : "", reason);
	if (replaces[0] != '\0')
		put("; replaces that ", replaces);
	putchar('\n');
}

static void
print_json(const json_t *facts)
{
	for (size_t i = 0; i < json_array_size(facts); i++) {
		printable_dump(stdout, json_array_get(facts, i), JSON_COMPACT);
		putchar('\n');
	}
}

/* The newest of them, so many lines. */
static void
print_lines(const json_t *facts, unsigned limit)
{
	json_t *folded = moves_fold(facts);
	size_t count = json_array_size(folded);

	for (size_t i = count > limit ? count - limit : 0; i < count; i++)
		print_fact(json_array_get(folded, i));
	json_decref(folded);
}

/* Prints what came after *since and moves it. */
static bool
show(const char *socket, const struct options *o, const char *query, json_int_t *since)
{
	struct error error;
	size_t len;
	char *text = admin_get(socket, query, &len, &error);
	const json_t *facts;
	json_t *json;

	if (text == NULL) {
		fprintf(stderr, "detour: %s\n", error.text);
		return false;
	}
	json = json_loadb(text, len, 0, NULL);
	mem_free(text);
	facts = json_object_get(json, "facts");
	if (!json_is_array(facts)) {
		fputs("detour: the answer is no journal\n", stderr);
		json_decref(json);
		return false;
	}
	if (o->asking.json)
		print_json(facts);
	else
		print_lines(facts, *since == 0 ? o->limit : MOST_SHOWN);
	*since = json_integer_value(json_object_get(json, "next"));
	json_decref(json);
	return fflush(stdout) == 0;
}

static int
show_all(const char *socket, const struct options *o)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_EVERY_MS * 1000000L };
	json_int_t since = 0;
	char query[80];

	/* Lines are what is counted, and each may stand for many facts. */
	snprintf(query, sizeof query, "/v1/journal?limit=%u",
	    o->asking.json ? o->limit : (unsigned)MOST_SHOWN);
	while (show(socket, o, query, &since)) {
		if (!o->follow)
			return EXIT_GOOD;
		nanosleep(&pause, NULL);
		snprintf(query, sizeof query, "/v1/journal?limit=0&since=%lld", (long long)since);
	}
	return EXIT_FAILED;
}

/* Returns -1, or the exit code to end with at once. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "limit", required_argument, NULL, 'n' },
		ASKING_LONG,
		{ NULL, 0, NULL, 0 },
	};
	char *end;
	int got, code;

	while ((got = getopt_long(argc, argv, ":fn:" ASKING_SHORT, options, NULL)) != -1) {
		if (got == 'f') {
			o->follow = true;
		} else if (got == 'n') {
			o->limit = (unsigned)strtoul(optarg, &end, 10);
			if (*end != '\0' || o->limit < 1 || o->limit > MOST_SHOWN)
				return usage_wrong(
				    &usage, "--limit is a number from 1 to %d", MOST_SHOWN);
		} else {
			code = asking_option(&o->asking, &usage, got, argv);
			if (code >= 0)
				return code;
		}
	}
	return -1;
}

int
command_journal(int argc, char **argv)
{
	struct options o = { .limit = SHOWN };
	int code = read_options(argc, argv, &o);
	char *socket;

	if (code >= 0)
		return code;
	socket = asking_socket(&o.asking, &usage, argc, argv, &code);
	if (socket == NULL)
		return code;
	code = show_all(socket, &o);
	mem_free(socket);
	return code;
}
