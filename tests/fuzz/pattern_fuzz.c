/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns and templates: the pieces of a template are all of it, in order; a pattern's groups lie
 * in the text it was looked for in. The input's first line is a pattern, the second a template, the
 * rest a text.
 */
#include "base/error.h"
#include "base/regex.h"
#include "conf/variable.h"
#include "oracle.h"

static void
read_template(const char *template)
{
	const char *at = template, *end = template + strlen(template);
	int groups = template_groups(template);
	struct template_piece piece;

	while (template_next(&at, &piece)) {
		must(at > template && at <= end, "it goes forward, and not too far");
		must(piece.variable != VARIABLE_NONE ||
			(piece.text.at >= template && piece.text.at + piece.text.len <= end),
		    "text is the template's");
		must(piece.variable != VARIABLE_GROUP ||
			(piece.group < REGEX_GROUPS && groups >= (int)piece.group),
		    "no more groups than it says");
	}
	must(at == end, "all of it was read");
}

static void
find(const char *pattern, struct slice text)
{
	struct regex_scratch *scratch = regex_scratch_new();
	struct slice groups[REGEX_GROUPS];
	struct error e = { { 0 } };
	struct regex *r = regex_new(pattern, &e);

	must(r != NULL || e.text[0] != '\0', "a reason is given");
	must(r == NULL || (strcmp(regex_text(r), pattern) == 0 && regex_groups(r) < 10000),
	    "its own text");
	if (r != NULL && regex_find(r, scratch, text, groups))
		for (unsigned i = 0; i < REGEX_GROUPS; i++)
			must(groups[i].len == 0 ||
				(groups[i].at >= text.at &&
				    groups[i].at + groups[i].len <= text.at + text.len),
			    "groups lie in the text");
	if (r != NULL)
		regex_free(r);
	regex_scratch_free(scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy, *template, *rest;

	if (size > 1024)
		return 0;
	copy = malloc(size + 1);
	if (size > 0 && memchr(data, 0, size) == NULL) {
		memcpy(copy, data, size);
		copy[size] = '\0';
		template = strchr(copy, '\n');
		rest = template != NULL ? strchr(template + 1, '\n') : NULL;
		if (rest != NULL) {
			*template = *rest = '\0';
			read_template(template + 1);
			find(copy, (struct slice){ rest + 1, strlen(rest + 1) });
		}
	}
	free(copy);
	return 0;
}
