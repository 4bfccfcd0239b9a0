/* SPDX-License-Identifier: Apache-2.0 */
#include "control/needle.h"

#include <string.h>

#include "base/mem.h"

struct needle {
	char *text;
	uint32_t len;
	uint32_t back[]; /* back[i]: length of the longest proper border of text[0..i] */
};

static void
fill_borders(struct needle *n)
{
	uint32_t border = 0;

	for (uint32_t i = 1; i < n->len; i++) {
		while (border > 0 && n->text[i] != n->text[border])
			border = n->back[border - 1];
		if (n->text[i] == n->text[border])
			border++;
		n->back[i] = border;
	}
}

struct needle *
needle_new(const char *text)
{
	size_t len = strlen(text);
	struct needle *n = mem_new(sizeof *n + len * sizeof n->back[0]);

	n->text = mem_strdup(text);
	n->len = (uint32_t)len;
	fill_borders(n);
	return n;
}

void
needle_free(struct needle *n)
{
	if (n == NULL)
		return;
	mem_free(n->text);
	mem_free(n);
}

bool
needle_feed(const struct needle *n, uint32_t *matched, const char *bytes, size_t len)
{
	uint32_t at = *matched;

	for (size_t i = 0; i < len && at < n->len; i++) {
		while (at > 0 && bytes[i] != n->text[at])
			at = n->back[at - 1];
		if (bytes[i] == n->text[at])
			at++;
	}
	*matched = at;
	return at == n->len;
}
