/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CORS: whatever the Origin fields of a request, only an origin that a second reader of the
 * patterns allows is told so, in its own bytes and once; to all others nothing of ours is said, and
 * what the endpoint says of it never passes.
 *
 * The input's first line is the configured origin, by the letter; each line that follows, an Origin
 * field.
 */
#include <ctype.h>

#include "conf/shaping.h"
#include "oracle.h"
#include "proxy/cors.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"

enum { ROOM = 8192 };

static const char lines[] = "Access-Control-Max-Age: 600\r\n";

/* "SCHEME://HOST", or "*." in front of the host: as conf/check_edits.c has it. */
static bool
is_pattern(const char *text)
{
	const char *host = strstr(text, "://");

	if (host == NULL || host == text)
		return false;
	for (const char *at = text; at < host; at++)
		if (!isalnum((unsigned char)*at) && strchr("+-.", *at) == NULL)
			return false;
	host += strncmp(host + 3, "*.", 2) == 0 ? 5 : 3;
	return *host != '\0' && strcspn(host, "*/?# \t") == strlen(host);
}

static bool
same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
			return false;
	return true;
}

/* From the left, byte by byte: a star takes what comes up to the next dot, and never nothing. */
static bool
fits(const char *pattern, const char *origin, size_t len)
{
	size_t at = 0;

	for (; *pattern != '\0'; pattern++) {
		size_t from = at;

		if (*pattern != '*') {
			if (at == len || !same(pattern, origin + at, 1))
				return false;
			at++;
			continue;
		}
		while (at < len && strchr("./:@", origin[at]) == NULL)
			at++;
		if (at == from)
			return false;
	}
	return at == len;
}

static void
must_be_told(const struct exchange *x, const struct conf_cors *rule, struct slice origin, bool ok)
{
	static struct edits e;
	char wanted[ROOM];
	size_t len;
	bool drops = false;

	e.out = (struct forward_edits){ e.drop, 0, { e.lines, 0 } };
	e.filled_in = 0;
	cors_say(rule, x, &e);
	for (unsigned i = 0; i < e.out.drop_count; i++)
		drops |= slice_eq_nocase(e.drop[i], SLICE("access-control-allow-origin"));
	must(drops, "what the endpoint says does not pass");
	len = (size_t)snprintf(wanted, sizeof wanted, "%s",
	    rule->any_origin ? "Access-Control-Allow-Origin: *\r\n" : "Vary: Origin\r\n");
	if (!rule->any_origin && ok)
		len += (size_t)snprintf(wanted + len, sizeof wanted - len,
		    "Access-Control-Allow-Origin: %.*s\r\n", (int)origin.len, origin.at);
	if (rule->any_origin || ok)
		len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s", rule->lines);
	must(slice_eq(e.out.lines, (struct slice){ wanted, len }), "who may, and no other");
}

/* Fields of the lines; h refers to base. */
static void
make_head(struct head *h, char *base, const char *data, size_t size)
{
	size_t at = 0;

	h->base = base;
	while (size > 0 && h->field_count < 4) {
		struct field *f = &h->fields[h->field_count++];
		const char *end = memchr(data, '\n', size);
		size_t line = end != NULL ? (size_t)(end - data) : size;

		memcpy(base + at, "origin", 6);
		memcpy(base + at + 6, data, line);
		*f = (struct field){ .name_at = (uint32_t)at,
			.name_len = 6,
			.value_at = (uint32_t)at + 6,
			.value_len = (uint32_t)line };
		at += 6 + line;
		data += line + (end != NULL);
		size -= line + (end != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchange x;
	char *text, *end, base[ROOM];
	const char *origins[1];
	struct conf_cors rule = { .origins = origins, .origin_count = 1, .lines = lines };
	struct slice origin = { "", 0 };
	bool ok = false;

	/* Nothing below ' ' but HTAB is in a value that was read: http/h1_fields.c. */
	if (size > 1024 || memchr(data, '\0', size) != NULL)
		return 0;
	text = exact_copy(data, size);
	end = memchr(text, '\n', size);
	if (end == NULL) {
		free(text);
		return 0;
	}
	*end = '\0';
	origins[0] = text;
	rule.any_origin = strcmp(text, "*") == 0;
	if (rule.any_origin || is_pattern(text)) {
		memset(&x, 0, sizeof x);
		make_head(&x.head, base, end + 1, size - (size_t)(end + 1 - text));
		if (x.head.field_count > 0) {
			origin = field_value(&x.head, &x.head.fields[0]);
			ok = fits(text, origin.at, origin.len);
		}
		must_be_told(&x, &rule, origin, ok);
		must_be_told(&x, &rule, origin, ok);
		must(!cors_is_preflight(&x), "who names no method asks nothing beforehand");
	}
	free(text);
	return 0;
}
