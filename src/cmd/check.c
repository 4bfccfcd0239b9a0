/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/losses.h"
#include "conf/conf.h"
#include "conf/topology.h"

enum { ROUTES_SHOWN = 50, OPT_LOSE = 256 };

static const struct usage usage = {
	"check -c FILE [--lose REGION] [--json]",
	"Validates a configuration without serving it; says what it would serve, and where\n"
	"traffic would go if each region in turn were lost, with all others up and the first\n"
	"tier as busy as max_utilization allows. Each service is looked at by itself.\n"
	"\n"
	"  -c, --config FILE   the configuration\n"
	"      --lose REGION   the loss of this region only\n"
	"  -q, --quiet         only problems\n"
	"  -j, --json          problems and losses as JSON, one object\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit codes: 0 valid, 1 invalid, 2 bad usage, 3 valid, but the loss of some region\n"
	"cannot be absorbed: the stated capacities do not suffice, or a safety rule would be\n"
	"broken. Where no capacity is stated, only shares are shown. What is said of a loss is\n"
	"where traffic settles, not the seconds until it is noticed.\n",
};

static const char *
plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static void
print_listeners(const struct topology *t)
{
	printf("\nlisteners\n");
	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *l = &t->listeners[i];

		printf("  %-20s %-5s  %s", l->name, conf_listener_scheme(l), l->bind.text);
		if (l->tls != NULL)
			printf("  tls %s, %u certificate%s", l->tls->name,
			    l->tls->certificate_count, plural(l->tls->certificate_count));
		if (l->redirect_https)
			printf("  redirects to https, port %u", l->redirect_port);
		if (l->service != NULL)
			printf("  -> %s", l->service->name);
		putchar('\n');
		for (unsigned r = 0; r < l->server_name_count; r++)
			printf("    %-30s -> %s\n",
			    l->server_names[r].host[0] != '\0' ? l->server_names[r].host : "any name",
			    l->server_names[r].service->name);
	}
}

static const char *
check_word(const struct conf_health_check *check)
{
	switch (check->type) {
	case CHECK_NONE:
		return "no health check";
	case CHECK_TCP:
		return "health check by tcp";
	case CHECK_HTTP:
		return "health check by http";
	case CHECK_HTTPS:
		return "health check by https";
	case CHECK_GRPC:
		return "health check by gRPC";
	}
	return "health check unknown";
}

static void
print_region(const struct conf_service_region *r)
{
	printf("    tier %u  %-24s weight %-5u", r->tier, r->region->name, r->weight);
	for (unsigned i = 0; i < r->endpoint_count && i < 3; i++)
		printf(" %s", r->endpoints[i].url);
	if (r->endpoint_count > 3)
		printf(" and %u more", r->endpoint_count - 3);
	putchar('\n');
}

/* By tier, as traffic would see them; in a tier as written. */
static void
print_service(const struct conf_service *s)
{
	unsigned shown = 0;

	printf("  %s: %s", s->name, check_word(&s->check));
	if (s->check.type == CHECK_HTTP || s->check.type == CHECK_HTTPS)
		printf(" %s %s", s->check.method, s->check.path);
	putchar('\n');
	for (uint32_t tier = 0; shown < s->region_count; tier++) {
		uint32_t next = UINT32_MAX;

		for (unsigned i = 0; i < s->region_count; i++) {
			if (s->regions[i].tier == tier) {
				print_region(&s->regions[i]);
				shown++;
			} else if (s->regions[i].tier > tier && s->regions[i].tier < next) {
				next = s->regions[i].tier;
			}
		}
		if (next != UINT32_MAX)
			tier = next - 1;
	}
}

static void
print_splits(const struct conf_route *r)
{
	for (unsigned i = 0; i < r->split_count; i++)
		printf("%s%u %s", i == 0 ? "" : ", ", r->splits[i].weight,
		    r->splits[i].service->name);
}

static void
print_route(const struct conf_route *r)
{
	printf("  %s%s%s -> ", r->host[0] != '\0' ? r->host : "(any host)", r->path,
	    r->exact ? " (exactly)" : "");
	if (r->service != NULL)
		printf("%s", r->service->name);
	else if (r->split_count > 0)
		print_splits(r);
	else
		printf("redirect %u %s", r->redirect_status,
		    r->redirect != NULL ? r->redirect : "https");
	if (r->rewrite_prefix != NULL)
		printf(", rewritten to %s", r->rewrite_prefix);
	if (r->mirror != NULL)
		printf(", %g %% copied to %s", r->mirror->percent, r->mirror->service->name);
	putchar('\n');
}

static void
print_summary(const struct topology *t)
{
	print_listeners(t);
	printf("\nservices\n");
	for (unsigned i = 0; i < t->service_count; i++)
		print_service(&t->services[i]);
	printf("\nroutes\n");
	for (unsigned i = 0; i < t->route_count && i < ROUTES_SHOWN; i++)
		print_route(&t->routes[i]);
	if (t->route_count > ROUTES_SHOWN)
		printf("  and %u more\n", t->route_count - ROUTES_SHOWN);
}

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
	fprintf(stderr, "%s: there is no region '%s'\n", t->path, region);
	return false;
}

struct options {
	const char *path, *region;
	bool quiet, json;
};

static int
print_text(
    const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	unsigned warnings = problems->count - problems->errors;

	conf_problems_print(problems, stderr);
	if (t == NULL) {
		fprintf(stderr, "%s: invalid, %u error%s\n", o->path, problems->errors,
		    plural(problems->errors));
		return EXIT_FAILED;
	}
	if (!o->quiet) {
		printf("%s: valid", o->path);
		if (warnings > 0)
			printf(", %u warning%s", warnings, plural(warnings));
		putchar('\n');
		print_summary(t);
	}
	if (!names_region(t, o->region))
		return EXIT_USAGE;
	return losses_print(stdout, t, o->region, o->quiet) ? EXIT_GOOD : EXIT_NOT_ABSORBED;
}

static int
print_json(const struct options *o, struct topology *t, const struct conf_problems *problems)
{
	json_t *json = json_pack("{s:s, s:b, s:[]}", "path", o->path, "valid", t != NULL, "problems");
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
	if (t != NULL)
		json_object_set_new(json, "services", losses_json(t, o->region, &absorbed));
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
