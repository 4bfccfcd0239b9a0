/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cmd/asking.h"
#include "cmd/printable.h"

static const struct usage usage = {
	"explain [SERVICE] [--socket PATH | -c FILE] [--json]",
	"Says why a service's traffic is where it is, in sentences; without SERVICE, of all of\n"
	"them.\n"
	"\n" ASKING_HELP "  -j, --json          as JSON, one object for each service\n"
	"  -h, --help          this text\n",
};

/* A path segment (RFC 3986, 2.3); to be given back. */
static char *
path_of(const char *service)
{
	static const char prefix[] = "/v1/explain/", hex[] = "0123456789ABCDEF";
	char *path = mem_raw(sizeof prefix + strlen(service) * 3);
	char *at = path + sizeof prefix - 1;

	memcpy(path, prefix, sizeof prefix);
	for (; *service != '\0'; service++) {
		unsigned char c = (unsigned char)*service;

		if (isalnum(c) || strchr("-._~", c) != NULL) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
	}
	*at = '\0';
	return path;
}

static bool
show(const char *text, size_t len, bool as_json)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	const json_t *sentences = json_object_get(json, "sentences");

	if (as_json)
		printable_json(stdout, text);
	for (size_t i = 0; !as_json && i < json_array_size(sentences); i++) {
		const char *sentence = json_string_value(json_array_get(sentences, i));

		printable_text(stdout, sentence != NULL ? sentence : "", SIZE_MAX);
		putchar('\n');
	}
	if (sentences == NULL)
		fputs("detour: the answer holds no sentences\n", stderr);
	len = json_array_size(sentences);
	json_decref(json);
	return fflush(stdout) == 0 && len > 0;
}

static int
explain(const char *socket, const char *service, bool as_json)
{
	char *path = path_of(service);
	struct error error;
	size_t len;
	char *text = admin_get(socket, path, &len, &error);
	bool shown;

	mem_free(path);
	if (text == NULL) {
		fprintf(stderr, "detour: %s\n", error.text);
		return EXIT_FAILED;
	}
	shown = show(text, len, as_json);
	mem_free(text);
	return shown ? EXIT_GOOD : EXIT_FAILED;
}

/* One after the other, with an empty line between them. */
static int
explain_all(const char *socket, bool as_json)
{
	struct error error;
	size_t len;
	char *text = admin_get(socket, "/v1/status", &len, &error);
	json_t *status = text != NULL ? json_loadb(text, len, 0, NULL) : NULL;
	const json_t *services = json_object_get(status, "services");
	int code = EXIT_GOOD;

	if (text == NULL)
		fprintf(stderr, "detour: %s\n", error.text);
	else if (!json_is_array(services))
		fputs("detour: the answer is no status\n", stderr);
	if (!json_is_array(services))
		code = EXIT_FAILED;
	for (size_t i = 0; i < json_array_size(services); i++) {
		const char *name =
		    json_string_value(json_object_get(json_array_get(services, i), "name"));

		if (i > 0 && !as_json)
			putchar('\n');
		if (name == NULL || explain(socket, name, as_json) != EXIT_GOOD)
			code = EXIT_FAILED;
	}
	json_decref(status);
	mem_free(text);
	return code;
}

int
command_explain(int argc, char **argv)
{
	static const struct option options[] = { ASKING_LONG, { NULL, 0, NULL, 0 } };
	struct asking asking = { .json = false };
	const char *service;
	char *socket;
	int got, code;

	while ((got = getopt_long(argc, argv, ":" ASKING_SHORT, options, NULL)) != -1) {
		code = asking_option(&asking, &usage, got, argv);
		if (code >= 0)
			return code;
	}
	service = optind < argc ? argv[optind++] : NULL;
	socket = asking_socket(&asking, &usage, argc, argv, &code);
	if (socket == NULL)
		return code;
	code = service != NULL ? explain(socket, service, asking.json)
			       : explain_all(socket, asking.json);
	mem_free(socket);
	return code;
}
