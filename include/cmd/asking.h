/*
 * What all commands that ask a running Detour have in common: whom to ask, and as what to print it.
 */
#ifndef CMD_ASKING_H
#define CMD_ASKING_H

#include <stdbool.h>

#include "cmd/admin_client.h"
#include "cmd/command.h"

struct asking {
	const char *socket;
	const char *config;
	bool json;
};

#define ASKING_SHORT "s:c:jh"
/* For getopt_long(), in front of the end of its list. */
/* clang-format off */
#define ASKING_LONG \
	{ "socket", required_argument, NULL, 's' }, \
	{ "config", required_argument, NULL, 'c' }, \
	{ "json", no_argument, NULL, 'j' }, \
	{ "help", no_argument, NULL, 'h' }
/* clang-format on */
#define ASKING_HELP                                                                                \
	"  -s, --socket PATH   its admin socket (" ADMIN_DEFAULT_SOCKET ")\n"                      \
	"  -c, --config FILE   its configuration: the admin socket named there is asked\n"

/*
 * Takes what getopt_long() got, if it is one of these or a mistake. -1: go on; else the exit code to
 * end with.
 */
int asking_option(struct asking *, const struct usage *, int got, char **argv);
/*
 * After the last option and argument: complains of what is left over, and finds the socket. NULL:
 * end with *code. To be given back with mem_free().
 */
char *asking_socket(const struct asking *, const struct usage *, int argc, char **argv, int *code);

#endif
