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
#include "cmd/asking.h"
#include "cmd/printable.h"
#include "cmd/status_table.h"

static const struct usage usage = {
	"status [--socket PATH | -c FILE] [--json] [--watch]",
	"Shows what a running Detour does: services, their regions and endpoints, and why.\n"
	"\n"
	ASKING_HELP
	"  -j, --json          as JSON, one object\n"
	"  -w, --watch         again every second, until interrupted\n"
	"  -h, --help          this text\n"
	"\n"
	"REQ/S, ERR/S, P50 and P99 (time to first byte) are of the last 5 to 10 seconds.\n",
};

struct options {
	struct asking asking;
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
	if (o->watch && !o->asking.json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout); /* home, clear what is below */
	if (o->asking.json)
		printable_dump(stdout, status, o->watch ? JSON_COMPACT : JSON_INDENT(2));
	else
		status_table_print(stdout, status, terminal_width());
	if (o->asking.json || o->watch)
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
		{ "watch", no_argument, NULL, 'w' },
		ASKING_LONG,
		{ NULL, 0, NULL, 0 },
	};
	int got, code;

	while ((got = getopt_long(argc, argv, ":w" ASKING_SHORT, options, NULL)) != -1) {
		if (got == 'w') {
			o->watch = true;
			continue;
		}
		code = asking_option(&o->asking, &usage, got, argv);
		if (code >= 0)
			return code;
	}
	return -1;
}

int
command_status(int argc, char **argv)
{
	struct options o = { .watch = false };
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
