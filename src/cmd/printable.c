/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/printable.h"

#include <stdlib.h>
#include <string.h>

/* How many bytes the control character here has; 0: it is none. */
static size_t
control_len(const unsigned char *at)
{
	if (at[0] < 0x20 || at[0] == 0x7f)
		return 1;
	/* U+0080 to U+009F are two bytes: 0xc2 and the number itself */
	return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f ? 2 : 0;
}

static void
show(FILE *to, const unsigned char *at, size_t len)
{
	if (len == 2)
		fprintf(to, "\\u%04x", at[1]);
	else if (*at == '\n')
		fputs("\\n", to);
	else if (*at == '\t')
		fputs("\\t", to);
	else
		fprintf(to, "\\x%02x", *at);
}

void
printable_text(FILE *to, const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + strnlen(text, len);

	while (at < end) {
		size_t control = at + 1 < end || *at != 0xc2 ? control_len(at) : 0;

		if (control > 0)
			show(to, at, control);
		else
			fputc(*at, to);
		at += control > 0 ? control : 1;
	}
}

void
printable_lines(FILE *to, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, "\n");

		printable_text(to, text, len);
		if (text[len] == '\0')
			return;
		fputc('\n', to);
		text += len + 1;
	}
}

void
printable_json(FILE *to, const char *json)
{
	const unsigned char *at = (const unsigned char *)json;

	while (*at != '\0') {
		size_t control = *at == '\n' || *at == '\t' ? 0 : control_len(at);

		if (control > 0)
			fprintf(to, "\\u%04x", at[control - 1]);
		else
			fputc(*at, to);
		at += control > 0 ? control : 1;
	}
}

void
printable_dump(FILE *to, const json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags | JSON_REAL_PRECISION(12));

	printable_json(to, text != NULL ? text : "null");
	free(text);
}
