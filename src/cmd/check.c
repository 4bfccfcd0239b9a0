/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/losses.h"
#include "cmd/summary.h"
#include "conf/conf.h"
#include "conf/topology.h"

enum { OPT_LOSE = 256 };

static const struct usage usage = {
	"check -c FILE [--lose REGION] [--quiet] [--json]",
	"Validates a configuration without serving it; says what it would serve, and where\n"
	"traffic would go if each region in turn were lost, with all others up and the first\n"
	"tier as busy as max_utilization allows. Each service is looked at by itself.\n"
	"\n"
	"  -c, --config FILE   the configuration\n"
	"      --lose REGION   the loss of this region only\n"
	"  -q, --quiet         only problems\n"
	"  -j, --json          all of it as JSON, one object\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit codes: 0 valid, 1 invalid, 2 bad usage (or a REGION that there is not), 3 valid,\n"
	"but the loss of some region cannot be absorbed: no region is left, the stated\n"
	"capacities do not suffice, or a safety rule would be broken. A service of one region\n"
	"has no failover, which is said of it and is no reason for 3; a safety rule makes it\n"
	"one (at_least = 1). Where no capacity is stated, only shares are shown. What is said\n"
	"of a loss is where traffic settles, not the seconds until it is noticed.\n",
};

static bool
has_region(const struct topology *t, const char *name)
{
	for (unsigned i = 0; i < t->region_count; i++) {
		if (strcmp(t->regions[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool
names_region(const struct topology *t, const char *region)
{
	if (region == NULL || has_region(t, region))
		return true;
	fprintf(stderr, "detour: there is no region '%s' in %s; it has ", region, t->path);
	for (unsigned i = 0; i < t->region_count; i++)
		fprintf(stderr, "%s%s", i > 0 ? ", " : "", t->regions[i].name);
	fputs(t->region_count > 0 ? "\n" : "none\n", stderr);
	return false;
}

struct options {
	const char *path, *region;
	bool quiet, json;
};

static int
print_text(const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	unsigned warnings = problems->count - problems->errors;

	conf_problems_print(problems, stderr);
	if (t == NULL) {
		fprintf(stderr, "%s: invalid, %u error%s\n", o->path, problems->errors,
		    usage_plural(problems->errors));
		return EXIT_FAILED;
	}
	if (!names_region(t, o->region))
		return EXIT_USAGE;
	if (!o->quiet) {
		printf("%s: valid", o->path);
		if (warnings > 0)
			printf(", %u warning%s", warnings, usage_plural(warnings));
		putchar('\n');
		summary_print(t);
	}
	return losses_print(stdout, t, o->region, o->quiet) ? EXIT_GOOD : EXIT_NOT_ABSORBED;
}

static int
print_json(const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	json_t *json =
	    json_pack("{s:s, s:b, s:[]}", "path", o->path, "valid", t != NULL, "problems");
	json_t *list = json_object_get(json, "problems");
	bool absorbed = false;

	for (unsigned i = 0; i < problems->count; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:b}", "text", problems->list[i].text, "warning",
			problems->list[i].warning));
	if (t != NULL && !names_region(t, o->region)) {
		json_decref(json);
		return EXIT_USAGE;
	}
	if (t != NULL) {
		json_object_set_new(json, "services", losses_json(t, o->region, &absorbed));
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

int
command_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "lose", required_argument, NULL, OPT_LOSE },
		{ "quiet", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .path = NULL };
	int got;

	while ((got = getopt_long(argc, argv, ":c:qjh", options, NULL)) != -1) {
		switch (got) {
		case 'c':
			o.path = optarg;
			break;
		case OPT_LOSE:
			o.region = optarg;
			break;
		case 'q':
			o.quiet = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			return usage_print(&usage);
		default:
			return usage_unknown(&usage, got, argv);
		}
	}
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	if (o.path == NULL)
		return usage_wrong(&usage, "which configuration? give -c FILE");
	return check(&o);
}
