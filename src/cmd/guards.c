/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/guards.h"

#include <stdio.h>

#include "cmd/command.h"
#include "cmd/summary.h"
#include "conf/topology.h"
#include "conf/value.h"

enum { NETWORKS_SHOWN = 8 };

static void
print_networks(const char *what, const struct ip_set *set)
{
	char text[IP_RANGE_TEXT_MAX];

	printf("%s", what);
	for (unsigned i = 0; i < set->count && i < NETWORKS_SHOWN; i++)
		printf("%s%s", i > 0 ? ", " : " ", ip_range_format(&set->ranges[i], text));
	if (set->count > NETWORKS_SHOWN)
		printf(" and %u more", set->count - NETWORKS_SHOWN);
}

static void
print_rate(const struct conf_rate_limit *limit)
{
	char per[32];

	printf("%u request%s in %s", limit->rate, usage_plural(limit->rate),
	    value_format_duration(limit->per_ms, per));
	if (limit->burst > 0)
		printf(" (%u at once)", limit->burst);
	if (limit->key == RATE_KEY_HEADER)
		printf(" for each %s", limit->header);
	else
		printf(" for each client");
}

/* Prints the comma between guards, or what stands before the first. */
static const char *
next(const char **before)
{
	const char *now = *before;

	*before = "; ";
	return now;
}

void
guards_print(const char *indent, const struct conf_access *a, const struct conf_basic_auth *auth)
{
	const char *before = "guarded: ";

	if (a->deny.count == 0 && a->allow.count == 0 && a->rate_limit == NULL && auth == NULL)
		return;
	fputs(indent, stdout);
	if (a->deny.count > 0) {
		fputs(next(&before), stdout);
		print_networks("denied to", &a->deny);
	}
	if (a->allow.count > 0) {
		fputs(next(&before), stdout);
		print_networks("only for", &a->allow);
	}
	if (a->rate_limit != NULL) {
		fputs(next(&before), stdout);
		print_rate(a->rate_limit);
	}
	if (auth != NULL)
		printf("%spassword of %s (realm \"%s\", %u user%s)", next(&before), auth->file,
		    auth->realm, auth->user_count, usage_plural(auth->user_count));
	putchar('\n');
}

static json_t *
networks_json(const struct ip_set *set)
{
	json_t *json = json_array();
	char text[IP_RANGE_TEXT_MAX];

	for (unsigned i = 0; i < set->count; i++)
		json_array_append_new(json, json_string(ip_range_format(&set->ranges[i], text)));
	return json;
}

static json_t *
rate_json(const struct conf_rate_limit *limit)
{
	if (limit == NULL)
		return json_null();
	return json_pack("{s:I, s:f, s:I, s:s?}", "rate", (json_int_t)limit->rate, "per_s",
	    limit->per_ms / 1000.0, "burst",
	    (json_int_t)(limit->burst > 0 ? limit->burst : limit->rate), "header",
	    limit->key == RATE_KEY_HEADER ? limit->header : NULL);
}

void
guards_json(json_t *json, const struct conf_access *a)
{
	json_object_set_new(json, "deny", networks_json(&a->deny));
	json_object_set_new(
	    json, "allow", a->allow.count > 0 ? networks_json(&a->allow) : json_null());
	json_object_set_new(json, "rate_limit", rate_json(a->rate_limit));
}

json_t *
guards_auth_json(const struct conf_basic_auth *auth)
{
	if (auth == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:I}", "file", summary_text_json(auth->file), "realm",
	    summary_text_json(auth->realm), "users", (json_int_t)auth->user_count);
}
