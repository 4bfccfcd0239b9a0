/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "cmd/asking.h"
#include "cmd/printable.h"

static const struct usage usage = {
	"wishes [--socket PATH | -c FILE] [--json]",
	"Lists what people wish of a running Detour: evacuations, freezes and pins, who made them,\n"
	"why, and until when they hold.\n"
	"\n" ASKING_HELP "  -j, --json          as JSON, one object\n"
	"  -h, --help          this text\n",
};

static const char *
text_of(const json_t *wish, const char *key)
{
	const char *text = json_string_value(json_object_get(wish, key));

	return text != NULL ? text : "";
}

/* "evacuate us-east-1 until 2026-11-22T09:27:00Z; alice: upgrade" */
static void
print_wish(const json_t *wish)
{
	const json_t *share = json_object_get(wish, "share");

	fputs(text_of(wish, "wish"), stdout);
	for (int i = 0; i < 2; i++) {
		const char *name = text_of(wish, i == 0 ? "service" : "region");

		if (name[0] != '\0')
			printf(" %s", name);
	}
	if (json_is_number(share))
		printf(" %.4g%%", json_number_value(share) * 100);
	printf(" until %s; ", text_of(wish, "until"));
	printable_text(stdout, text_of(wish, "owner"), SIZE_MAX);
	fputs(": ", stdout);
	printable_text(stdout, text_of(wish, "reason"), SIZE_MAX);
	putchar('\n');
}

static int
show(const char *socket, bool as_json)
{
	struct error error;
	size_t len;
	char *text = admin_get(socket, "/v1/wishes", &len, &error);
	const json_t *list;
	json_t *json;
	int code;

	if (text == NULL) {
		fprintf(stderr, "detour: %s\n", error.text);
		return EXIT_FAILED;
	}
	json = json_loadb(text, len, 0, NULL);
	list = json_object_get(json, "wishes");
	if (!json_is_array(list))
		fputs("detour: the answer holds no wishes\n", stderr);
	else if (as_json)
		printable_json(stdout, text);
	else if (json_array_size(list) == 0)
		puts("nothing is wished");
	for (size_t i = 0; !as_json && i < json_array_size(list); i++)
		print_wish(json_array_get(list, i));
	code = json_is_array(list) && fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
	json_decref(json);
	mem_free(text);
	return code;
}

int
command_wishes(int argc, char **argv)
{
	static const struct option options[] = { ASKING_LONG, { NULL, 0, NULL, 0 } };
	struct asking asking = { .json = false };
	char *socket;
	int got, code;

	while ((got = getopt_long(argc, argv, ":" ASKING_SHORT, options, NULL)) != -1) {
		code = asking_option(&asking, &usage, got, argv);
		if (code >= 0)
			return code;
	}
	socket = asking_socket(&asking, &usage, argc, argv, &code);
	if (socket == NULL)
		return code;
	code = show(socket, asking.json);
	mem_free(socket);
	return code;
}
