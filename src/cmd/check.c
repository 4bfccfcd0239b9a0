/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cmd/command.h"
#include "cmd/demands.h"
#include "cmd/losses.h"
#include "cmd/summary.h"
#include "conf/conf.h"
#include "conf/known.h"
#include "conf/topology.h"

enum { OPT_LOSE = 256, OPT_DEMAND };

static const struct usage usage = {
	"check -c FILE [--lose REGION] [--demand [SERVICE=]N] [--quiet] [--json]",
	"Validates a configuration without serving it; says what it would serve, and where\n"
	"traffic would go if each region in turn were lost, with all others up. Each service is\n"
	"looked at by itself.\n"
	"\n"
	"  -c, --config FILE   the configuration\n"
	"      --lose REGION   the loss of this region only\n"
	"      --demand N      requests per second that each service is asked for, 300 or 300/s;\n"
	"                      of one service: --demand shop=300; may be given several times.\n"
	"                      Without it a day is assumed on which the first tier is as busy\n"
	"                      as max_utilization allows: two equal regions can never absorb\n"
	"                      the loss of one of them then\n"
	"  -q, --quiet         only problems\n"
	"  -j, --json          all of it as JSON, one object\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit codes: 0 valid, 1 invalid, 2 bad usage (or a name that there is not), 3 valid,\n"
	"but the loss of some region cannot be absorbed: no region is left, the stated\n"
	"capacities do not suffice, or a safety rule would be broken. A service of one region\n"
	"has no failover, which is said of it and is no reason for 3; a safety rule makes it\n"
	"one (at_least = 1), and so does a --demand that is shed in part with all regions up,\n"
	"of any service. Where no capacity is stated, only shares are shown. What is said\n"
	"of a loss is where traffic settles, not the seconds until it is noticed.\n",
};

static bool
names_region(const struct topology *t, const char *region)
{
	struct known known = { .nearest.word = region };
	char text[2 * KNOWN_BYTES] = "";

	for (unsigned i = 0; region != NULL && i < t->region_count; i++) {
		if (strcmp(t->regions[i].name, region) == 0)
			return true;
		known_offer(&known, t->regions[i].name);
	}
	if (region == NULL)
		return true;
	known_say(&known, text, sizeof text);
	fprintf(stderr, "detour: there is no region '%s' in %s%s\n", region, t->path, text);
	return false;
}

struct options {
	const char *path, *region;
	struct demands demands;
	bool quiet, json;
};

/* Is there all that the options name? */
static bool
names_what_is_there(const struct topology *t, const struct options *o)
{
	struct error error;

	if (!names_region(t, o->region))
		return false;
	if (demands_fit(&o->demands, t, &error))
		return true;
	fprintf(stderr, "detour: %s\n", error.text);
	return false;
}

static int
print_text(const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	const struct losses_question question = { o->region, &o->demands };
	unsigned warnings = problems->count - problems->errors;

	conf_problems_print(problems, stderr);
	if (t == NULL) {
		fprintf(stderr, "%s: invalid, %u error%s\n", o->path, problems->errors,
		    usage_plural(problems->errors));
		return EXIT_FAILED;
	}
	if (!names_what_is_there(t, o))
		return EXIT_USAGE;
	if (!o->quiet) {
		printf("%s: valid", o->path);
		if (warnings > 0)
			printf(", %u warning%s", warnings, usage_plural(warnings));
		putchar('\n');
		summary_print(t);
	}
	return losses_print(stdout, t, &question, o->quiet) ? EXIT_GOOD : EXIT_NOT_ABSORBED;
}

static int
print_json(const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	const struct losses_question question = { o->region, &o->demands };
	json_t *json =
	    json_pack("{s:s, s:b, s:[]}", "path", o->path, "valid", t != NULL, "problems");
	json_t *list = json_object_get(json, "problems");
	bool absorbed = false;

	for (unsigned i = 0; i < problems->count; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:b}", "text", problems->list[i].text, "warning",
			problems->list[i].warning));
	if (t != NULL && !names_what_is_there(t, o)) {
		json_decref(json);
		return EXIT_USAGE;
	}
	if (t != NULL) {
		json_object_set_new(json, "services", losses_json(t, &question, &absorbed));
		summary_json(t, json);
	}
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(json);
	if (t == NULL)
		return EXIT_FAILED;
	return absorbed ? EXIT_GOOD : EXIT_NOT_ABSORBED;
}

static int
check(const struct options *o)
{
	struct conf_problems problems = { .count = 0 };
	struct topology *t = conf_load(o->path, &problems);
	int code = o->json ? print_json(o, t, &problems) : print_text(o, t, &problems);

	conf_problems_free(&problems);
	if (t != NULL)
		topology_unref(t);
	return code;
}

/* -1: go on. */
static int
take_option(struct options *o, int got, char **argv)
{
	struct error error;

	switch (got) {
	case 'c':
		o->path = optarg;
		return -1;
	case OPT_LOSE:
		o->region = optarg;
		return -1;
	case OPT_DEMAND:
		return demands_add(&o->demands, optarg, &error)
		    ? -1
		    : usage_wrong(&usage, "%s", error.text);
	case 'q':
		o->quiet = true;
		return -1;
	case 'j':
		o->json = true;
		return -1;
	case 'h':
		return usage_print(&usage);
	default:
		return usage_unknown(&usage, got, argv);
	}
}

static int
take_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "lose", required_argument, NULL, OPT_LOSE },
		{ "demand", required_argument, NULL, OPT_DEMAND },
		{ "quiet", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got, code;

	while ((got = getopt_long(argc, argv, ":c:qjh", options, NULL)) != -1) {
		code = take_option(o, got, argv);
		if (code >= 0)
			return code;
	}
	if (o->path == NULL && optind + 1 == argc)
		return usage_wrong(&usage, "which configuration? write -c %s", argv[optind]);
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	return o->path != NULL ? -1 : usage_wrong(&usage, "which configuration? give -c FILE");
}

int
command_check(int argc, char **argv)
{
	struct options o = { .path = NULL };
	int code = take_options(&o, argc, argv);

	if (code < 0)
		code = check(&o);
	demands_free(&o.demands);
	return code;
}
