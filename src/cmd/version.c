/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/version.h"

#include <ares.h>
#include <event2/event.h>
#include <getopt.h>
#include <jansson.h>
#include <libconfig.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "cmd/command.h"
#include "commit.h"

static const struct usage usage = {
	"version",
	"Prints the version, the commit it was built from, and the libraries in use.\n"
	"\n"
	"  --json       as JSON\n"
	"  -h, --help   this text\n",
};

const char *
version_text(void)
{
	return DETOUR_VERSION;
}

const char *
version_commit(void)
{
	return DETOUR_COMMIT;
}

static void
print_json(const char *libconfig)
{
	json_t *json = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "version",
	    version_text(), "commit", version_commit(), "libraries", "openssl",
	    OpenSSL_version(OPENSSL_VERSION_STRING), "libevent", event_get_version(), "c-ares",
	    ares_version(NULL), "libconfig", libconfig, "jansson", jansson_version_str());

	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

int
command_version(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char libconfig[32];
	bool json = false;
	int got;

	while ((got = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (got) {
		case 'j':
			json = true;
			break;
		case 'h':
			return usage_print(&usage);
		default:
			return usage_unknown(&usage, got, argv);
		}
	}
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	/* the library does not tell its version at run time */
	snprintf(libconfig, sizeof libconfig, "%d.%d.%d", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
	    LIBCONFIG_VER_REVISION);
	if (json) {
		print_json(libconfig);
		return EXIT_GOOD;
	}
	printf(
	    "detour %s\ncommit %s\nOpenSSL %s\nlibevent %s\nc-ares %s\nlibconfig %s\njansson %s\n",
	    version_text(), version_commit(), OpenSSL_version(OPENSSL_VERSION_STRING),
	    event_get_version(), ares_version(NULL), libconfig, jansson_version_str());
	return EXIT_GOOD;
}
