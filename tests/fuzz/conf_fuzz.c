/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration: it is loaded or refused with a reason, and nothing leaks. The
 * directory that includes and certificates are relative to does not exist, so that no file of
 * the machine takes part but by an absolute path, and those are only read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/topology.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
const char *__lsan_default_suppressions(void);

/*
 * libconfig 1.5 loses the text of a string that stands right before a syntax error: in strbuf_append(),
 * or in the scanner itself when the string is empty. It is small, lost once for each refused file, and
 * not ours to free; all else that leaks is found, for nothing of ours runs below the scanner.
 */
const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct conf_problems problems;
	struct topology *t;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	t = conf_load_text(text, "fuzz.conf", "/nonexistent", &problems);
	assert((t == NULL) == (problems.errors > 0));
	assert(problems.errors <= problems.count);
	if (t != NULL) {
		assert(t->workers >= 1);
		assert(t->listener_count >= 1);
		for (unsigned i = 0; i < t->route_count; i++)
			assert(t->routes[i].service != NULL || t->routes[i].redirect != NULL);
	}
	conf_problems_free(&problems);
	topology_unref(t);
	free(text);
	return 0;
}
