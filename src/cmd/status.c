/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cmd/admin_client.h"
#include "cmd/command.h"
#include "cmd/status_table.h"

static const struct usage usage = {
	"status [--socket PATH | -c FILE] [--json] [--watch]",
	"Shows what a running Detour does: services, their regions and endpoints, and why.\n"
	"\n"
	"  -s, --socket PATH   its admin socket (" ADMIN_DEFAULT_SOCKET ")\n"
	"  -c, --config FILE   its configuration: the admin socket named there is asked\n"
	"  -j, --json          as JSON, one object\n"
	"  -w, --watch         again every second, until interrupted\n"
	"  -h, --help          this text\n"
	"\n"
	"REQ/S, ERR/S, P50 and P99 (time to first byte) are of the last 5 to 10 seconds.\n",
};

struct options {
	const char *socket;
	const char *config;
	bool json;
	bool watch;
};

static unsigned
terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool
show(const char *socket, const struct options *o)
{
	struct error error;
	json_error_t json_error;
	size_t len;
	char *text = admin_get(socket, "/v1/status", &len, &error);
	json_t *status;

	if (text == NULL) {
		fprintf(stderr, "detour: %s\n", error.text);
		return false;
	}
	status = json_loadb(text, len, 0, &json_error);
	mem_free(text);
	if (status == NULL) {
		fprintf(stderr, "detour: the answer is no JSON: %s\n", json_error.text);
		return false;
	}
	if (o->watch && !o->json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout); /* home, clear what is below */
	if (o->json)
		json_dumpf(status, stdout,
		    JSON_REAL_PRECISION(12) | (o->watch ? JSON_COMPACT : JSON_INDENT(2)));
	else
		status_table_print(stdout, status, terminal_width());
	if (o->json || o->watch)
		putchar('\n');
	json_decref(status);
	return fflush(stdout) == 0;
}

static int
show_all(const char *socket, const struct options *o)
{
	const struct timespec pause = { .tv_sec = 1 };

	if (!o->watch)
		return show(socket, o) ? EXIT_GOOD : EXIT_FAILED;
	while (show(socket, o))
		nanosleep(&pause, NULL);
	return EXIT_FAILED;
}

/* Returns -1, or the exit code to end with at once. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = getopt_long(argc, argv, ":s:c:jwh", options, NULL)) != -1) {
		switch (got) {
		case 's':
			o->socket = optarg;
			break;
		case 'c':
			o->config = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'w':
			o->watch = true;
			break;
		case 'h':
			return usage_print(&usage);
		default:
			return usage_unknown(&usage, got, argv);
		}
	}
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	if (o->socket != NULL && o->config != NULL)
		return usage_wrong(&usage, "--socket or -c, not both");
	return -1;
}

int
command_status(int argc, char **argv)
{
	struct options o = { .socket = NULL };
	int code = read_options(argc, argv, &o);
	char *socket;

	if (code >= 0)
		return code;
	socket = admin_socket(o.socket, o.config);
	if (socket == NULL)
		return EXIT_FAILED;
	code = show_all(socket, &o);
	mem_free(socket);
	return code;
}
