/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/lifecycle.h"
#include "conf/conf.h"
#include "net/stream.h"

static const struct usage usage = {
	"run -c FILE [--take-over]",
	"Serves in the foreground until it is told to stop.\n"
	"\n"
	"  -c, --config FILE   the configuration\n"
	"  -t, --take-over     starts beside the Detour that serves the same admin.socket and, once\n"
	"                      ready, sends it a SIGTERM: no moment in which nobody listens\n"
	"  -h, --help          this text\n"
	"\n"
	"Signals:\n"
	"  SIGHUP              reads FILE again; if it is invalid the old one serves on\n"
	"  SIGTERM, SIGQUIT    drains: /readyz says 503, after drain.delay no new connections are\n"
	"                      accepted, and when the last client has gone the process ends\n"
	"  SIGTERM again,\n"
	"  SIGINT              ends now\n"
	"  SIGUSR1             opens the access log and the journal anew\n"
	"\n"
	"Exit codes: 0 done, 1 could not start, 2 bad usage, 3 ended with requests in flight.\n",
};

int
command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "take-over", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct lifecycle_setup setup = { .config_path = NULL };
	struct conf_problems problems = { .count = 0 };
	int got;

	while ((got = getopt_long(argc, argv, ":c:th", options, NULL)) != -1) {
		switch (got) {
		case 'c':
			setup.config_path = optarg;
			break;
		case 't':
			setup.take_over = true;
			break;
		case 'h':
			return usage_print(&usage);
		default:
			return usage_unknown(&usage, got, argv);
		}
	}
	if (setup.config_path == NULL && optind + 1 == argc)
		return usage_wrong(&usage, "which configuration? write -c %s", argv[optind]);
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	if (setup.config_path == NULL)
		return usage_wrong(&usage, "which configuration? give -c FILE");
	/* before anything of OpenSSL's: its memory is counted from the first byte on */
	stream_init_openssl();
	setup.topology = conf_load(setup.config_path, &problems);
	conf_problems_print(&problems, stderr);
	conf_problems_free(&problems);
	return setup.topology != NULL ? lifecycle_run(&setup) : EXIT_FAILED;
}
