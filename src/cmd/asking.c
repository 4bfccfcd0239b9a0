/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/asking.h"

#include <getopt.h>
#include <stddef.h>

int
asking_option(struct asking *a, const struct usage *usage, int got, char **argv)
{
	switch (got) {
	case 's':
		a->socket = optarg;
		return -1;
	case 'c':
		a->config = optarg;
		return -1;
	case 'j':
		a->json = true;
		return -1;
	case 'h':
		return usage_print(usage);
	default:
		return usage_unknown(usage, got, argv);
	}
}

char *
asking_socket(const struct asking *a, const struct usage *usage, int argc, char **argv, int *code)
{
	char *socket;

	*code = EXIT_USAGE;
	if (usage_surplus(usage, argc, argv))
		return NULL;
	if (a->socket != NULL && a->config != NULL) {
		*code = usage_wrong(usage, "--socket or -c, not both");
		return NULL;
	}
	socket = admin_socket(a->socket, a->config);
	*code = socket != NULL ? EXIT_GOOD : EXIT_FAILED;
	return socket;
}
