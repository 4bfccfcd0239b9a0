/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cmd/asking.h"
#include "cmd/printable.h"
#include "conf/value.h"

#define ASKING                                                                                     \
	"      --owner NAME      who answers for it (the user who calls this)\n"                   \
	"  -s, --socket PATH     Detour's admin socket (" ADMIN_DEFAULT_SOCKET ")\n"               \
	"  -c, --config FILE     its configuration: the admin socket named there is asked\n"       \
	"  -j, --json            the answer as JSON\n"                                             \
	"  -h, --help            this text\n"
#define MAKING                                                                                     \
	"  -r, --reason TEXT     why; whoever reads the journal must understand it\n"              \
	"      --for TIME        how long, at most 72h (1h)\n"                                     \
	"      --override RULE   breaks this safety rule, or these: RULE,RULE; the journal says "  \
	"so\n" ASKING
#define ENDING "  -r, --reason TEXT     why, for the journal\n" ASKING
#define EXIT_CODES "\nExit codes: 0 done, 1 refused or failed, 2 bad usage.\n"

enum { SERVICE = 1, REGION = 2, SHARE = 4, MAYBE_SERVICE = 8 };

/* What one command does: makes a wish of this kind or ends it, and what it takes. */
struct deed {
	const char *wish;
	bool ends;
	unsigned takes; /* in this order: service, region, share */
	struct usage usage;
};

static const struct deed evacuate = { "evacuate", false, REGION,
	{ "evacuate REGION --reason TEXT [--for TIME] [--override RULE]",
	    "Takes a region out of rotation for all services, until it is restored or the time is\n"
	    "over; it then comes back by its ramp. The safety rules of the configuration apply,\n"
	    "and one more: last_region, the last fit region of a service stays.\n"
	    "\n" MAKING EXIT_CODES } };
static const struct deed restore = { "evacuate", true, REGION,
	{ "restore REGION [--reason TEXT]",
	    "Ends an evacuation; the region comes back by its ramp. Also lets a region go on that\n"
	    "is healthy again and waits, for a person (failback = \"manual\") or for its\n"
	    "hold_down. If it does neither there is nothing to restore, which is exit code 1.\n"
	    "\n" ENDING EXIT_CODES } };
static const struct deed freeze = { "freeze", false, MAYBE_SERVICE,
	{ "freeze [SERVICE] --reason TEXT [--for TIME]",
	    "Stops all moves that Detour makes by itself but those away from hard failures, for a\n"
	    "service or for all. It holds ramps too: the share of a region that comes back, also of\n"
	    "one that a person restores, does not grow until the freeze is over.\n"
	    "\n" MAKING EXIT_CODES } };
static const struct deed unfreeze = { "freeze", true, MAYBE_SERVICE,
	{ "unfreeze [SERVICE] [--reason TEXT]",
	    "Ends a freeze.\n"
	    "\n" ENDING EXIT_CODES } };
static const struct deed pin = { "pin", false, SERVICE | REGION | SHARE,
	{ "pin SERVICE REGION SHARE --reason TEXT [--for TIME] [--override RULE]",
	    "Sets a region's share of a service by hand: 30% or 0.3. The others share the rest.\n"
	    "The pins of a service come to 100% at most: who wishes more is told whose they are.\n"
	    "\n" MAKING EXIT_CODES } };
static const struct deed unpin = { "pin", true, SERVICE | REGION,
	{ "unpin SERVICE REGION [--reason TEXT]",
	    "Makes a share automatic again.\n"
	    "\n" ENDING EXIT_CODES } };

struct options {
	struct asking asking;
	const char *owner, *reason, *overridden;
	uint64_t for_ms;
};

enum { OPT_OWNER = 256, OPT_FOR, OPT_OVERRIDE };

/* Returns -1, or the exit code to end with at once. */
static int
read_options(int argc, char **argv, const struct usage *usage, struct options *o)
{
	static const struct option options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "for", required_argument, NULL, OPT_FOR },
		{ "owner", required_argument, NULL, OPT_OWNER },
		{ "override", required_argument, NULL, OPT_OVERRIDE },
		ASKING_LONG,
		{ NULL, 0, NULL, 0 },
	};
	struct error error;
	int got, code;

	while ((got = getopt_long(argc, argv, ":r:" ASKING_SHORT, options, NULL)) != -1) {
		switch (got) {
		case 'r':
			o->reason = optarg;
			break;
		case OPT_FOR:
			if (!value_duration(optarg, &o->for_ms, &error) || o->for_ms == 0)
				return usage_wrong(
				    usage, "--for takes a time like 30m, not '%s'", optarg);
			break;
		case OPT_OWNER:
			o->owner = optarg;
			break;
		case OPT_OVERRIDE:
			o->overridden = optarg;
			break;
		default:
			code = asking_option(&o->asking, usage, got, argv);
			if (code >= 0)
				return code;
		}
	}
	return -1;
}

/* "30%", "30 %" or "0.3". */
static bool
read_share(const char *text, double *share)
{
	char *end;
	double value = strtod(text, &end);
	bool percent;

	if (end == text)
		return false;
	end += *end == ' ';
	percent = *end == '%';
	end += percent;
	*share = percent ? value / 100 : value;
	return *end == '\0' && isfinite(value) && *share >= 0 && *share <= 1;
}

/* Takes the next argument if the deed takes one of that name; false: it is missing. */
static bool
take(const struct deed *d, unsigned what, const char *key, char **argv, int argc, json_t *body)
{
	if ((d->takes & what) == 0)
		return true;
	if (optind >= argc)
		return what == MAYBE_SERVICE;
	return json_object_set_new(body, key, json_string(argv[optind++])) == 0;
}

static int
read_arguments(const struct deed *d, int argc, char **argv, json_t *body)
{
	double share;

	if (!take(d, SERVICE, "service", argv, argc, body) ||
	    !take(d, MAYBE_SERVICE, "service", argv, argc, body))
		return usage_wrong(&d->usage, "which service?");
	if (!take(d, REGION, "region", argv, argc, body))
		return usage_wrong(&d->usage, "which region?");
	if ((d->takes & SHARE) != 0) {
		if (optind >= argc || !read_share(argv[optind], &share))
			return usage_wrong(&d->usage, "which share? 30%% or 0.3");
		optind++;
		json_object_set_new(body, "share", json_real(share));
	}
	return -1;
}

/* Returns -1, or an exit code: what is no UTF-8 must not look as if it had not been given. */
static int
add_text(json_t *body, const struct deed *d, const char *key, const char *text)
{
	if (text == NULL || json_object_set_new(body, key, json_string(text)) == 0)
		return -1;
	return usage_wrong(&d->usage, "--%s is not UTF-8", key);
}

/* Returns -1, or the exit code to end with. */
static int
add_options(json_t *body, const struct deed *d, const struct options *o)
{
	int code = add_text(body, d, "owner", o->owner);

	if (code < 0)
		code = add_text(body, d, "reason", o->reason);
	if (code < 0)
		code = add_text(body, d, "override", o->overridden);
	json_object_set_new(body, "wish", json_string(d->wish));
	if (o->for_ms != 0)
		json_object_set_new(body, "for_s", json_real((double)o->for_ms / 1000));
	return code;
}

static int
show(const char *text, size_t len, unsigned status, bool as_json)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	const char *said = json_string_value(json_object_get(json, "text"));
	FILE *to = status == 200 ? stdout : stderr;
	size_t said_len = said != NULL ? strlen(said) : 0;

	if (as_json) {
		printable_json(stdout, text);
	} else {
		if (status != 200)
			fputs("detour: ", to);
		printable_lines(to, said != NULL ? said : text);
		if (said_len > 0 && said[said_len - 1] != '\n')
			fputc('\n', to);
	}
	json_decref(json);
	return fflush(stdout) == 0 && status == 200 ? EXIT_GOOD : EXIT_FAILED;
}

static int
ask(const struct deed *d, const char *socket, bool as_json, const json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	char *answer;
	int code = EXIT_FAILED;
	struct error error;
	unsigned status;
	size_t len;

	if (text == NULL) {
		fputs("detour: that is not UTF-8\n", stderr);
		return EXIT_FAILED;
	}
	answer = admin_post(
	    socket, d->ends ? "/v1/wishes/end" : "/v1/wishes", text, &status, &len, &error);
	if (answer == NULL)
		fprintf(stderr, "detour: %s\n", error.text);
	else
		code = show(answer, len, status, as_json);
	mem_free(answer);
	free(text);
	return code;
}

static int
carry_out(const struct deed *d, int argc, char **argv)
{
	struct options o = { .owner = NULL };
	json_t *body = json_object();
	int code = read_options(argc, argv, &d->usage, &o);
	char *socket = NULL;

	if (code < 0)
		code = read_arguments(d, argc, argv, body);
	if (code < 0 && !d->ends && o.reason == NULL)
		code = usage_wrong(&d->usage, "why? give --reason TEXT");
	if (code < 0)
		code = add_options(body, d, &o);
	if (code < 0)
		socket = asking_socket(&o.asking, &d->usage, argc, argv, &code);
	if (socket != NULL)
		code = ask(d, socket, o.asking.json, body);
	mem_free(socket);
	json_decref(body);
	return code;
}

int
command_evacuate(int argc, char **argv)
{
	return carry_out(&evacuate, argc, argv);
}

int
command_restore(int argc, char **argv)
{
	return carry_out(&restore, argc, argv);
}

int
command_freeze(int argc, char **argv)
{
	return carry_out(&freeze, argc, argv);
}

int
command_unfreeze(int argc, char **argv)
{
	return carry_out(&unfreeze, argc, argv);
}

int
command_pin(int argc, char **argv)
{
	return carry_out(&pin, argc, argv);
}

int
command_unpin(int argc, char **argv)
{
	return carry_out(&unpin, argc, argv);
}
