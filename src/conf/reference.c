/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <string.h>

#include "base/bytes.h"
#include "conf/schema.h"

/* What a value looks like, for people. */
static const char *
type_text(enum schema_type type)
{
	static const char *const texts[TYPE_COUNT] = {
		[TYPE_TEXT] = "text",
		[TYPE_TEMPLATE] = "template",
		[TYPE_NAME] = "name",
		[TYPE_TOKEN] = "text",
		[TYPE_HOSTNAME] = "host",
		[TYPE_AUTHORITY] = "host[:port]",
		[TYPE_ROUTE_HOST] = "host",
		[TYPE_URL_PATH] = "path",
		[TYPE_PATH] = "file",
		[TYPE_OUTPUT] = "file",
		[TYPE_BUNDLE] = "PEM file",
		[TYPE_CHAIN] = "PEM file",
		[TYPE_SECRET] = "PEM file",
		[TYPE_BOOL] = "true or false",
		[TYPE_UINT] = "integer",
		[TYPE_UINT16] = "integer",
		[TYPE_FLOAT] = "number",
		[TYPE_DURATION] = "duration",
		[TYPE_SIZE] = "size",
		[TYPE_SIZE64] = "size",
		[TYPE_WORD] = "word",
		[TYPE_ON_DOWN] = "keep, drain or reset",
		[TYPE_ADDRESS] = "address",
		[TYPE_URL] = "URL",
		[TYPE_REF] = "name",
		[TYPE_STATUSES] = "list of statuses",
		[TYPE_RANGES] = "list of statuses",
		[TYPE_REGEX] = "pattern",
		[TYPE_TEXTS] = "list of texts",
		[TYPE_TOKENS] = "list of texts",
		[TYPE_NETWORKS] = "list of networks",
		[TYPE_GROUP] = "group",
		[TYPE_OPTION] = "group",
		[TYPE_LIST] = "list of groups",
	};

	return texts[type];
}

static bool
is_quoted(enum schema_type type)
{
	switch (type) {
	case TYPE_BOOL:
	case TYPE_UINT:
	case TYPE_UINT16:
	case TYPE_FLOAT:
	case TYPE_STATUSES:
	case TYPE_GROUP:
	case TYPE_OPTION:
	case TYPE_LIST:
	case TYPE_COUNT:
		return false;
	case TYPE_TEXT:
	case TYPE_TEMPLATE:
	case TYPE_NAME:
	case TYPE_TOKEN:
	case TYPE_HOSTNAME:
	case TYPE_AUTHORITY:
	case TYPE_ROUTE_HOST:
	case TYPE_URL_PATH:
	case TYPE_PATH:
	case TYPE_OUTPUT:
	case TYPE_BUNDLE:
	case TYPE_CHAIN:
	case TYPE_SECRET:
	case TYPE_DURATION:
	case TYPE_SIZE:
	case TYPE_SIZE64:
	case TYPE_WORD:
	case TYPE_ON_DOWN:
	case TYPE_ADDRESS:
	case TYPE_URL:
	case TYPE_REF:
	case TYPE_RANGES:
	case TYPE_REGEX:
	case TYPE_TEXTS:
	case TYPE_TOKENS:
	case TYPE_NETWORKS:
		return true;
	}
	return false;
}

static bool
is_list(enum schema_type type)
{
	return type == TYPE_STATUSES || type == TYPE_RANGES || type == TYPE_TEXTS ||
	    type == TYPE_TOKENS;
}

static void
print_default(const struct schema_key *k, FILE *out)
{
	const char *quote = is_quoted(k->type) ? "\"" : "";

	if (k->type == TYPE_GROUP || k->type == TYPE_OPTION)
		return;
	if (k->fallback == schema_required)
		fputs("required", out);
	else if (k->fallback == NULL)
		fputs("none", out);
	else
		fprintf(out, "`%s%s%s%s%s`", is_list(k->type) ? "( " : "", quote, k->fallback,
		    quote, is_list(k->type) ? " )" : "");
}

/* " One of: `\"a\"` (what it means), `\"b\"`." */
static void
print_words(enum schema_words list, FILE *out)
{
	const char *before = " One of";
	unsigned count;
	const struct schema_word *words = schema_words(&count);

	for (unsigned i = 0; i < count; i++) {
		if (words[i].list != list || words[i].refused)
			continue;
		fprintf(out, "%s `\"%s\"`", before, words[i].text);
		if (words[i].doc[0] != '\0')
			fprintf(out, " (%s)", words[i].doc);
		before = ",";
	}
	fputs(".", out);
}

static void
print_key(const struct schema_key *k, FILE *out)
{
	const char *dots = k->range == NULL ? NULL : strstr(k->range, "..");

	fprintf(out, "| `%s` | %s | ", k->name, type_text(k->type));
	print_default(k, out);
	fputs(" | ", out);
	if (dots != NULL)
		fprintf(out, "%.*s to %s", (int)(dots - k->range), k->range, dots + 2);
	fprintf(out, " | %s", k->doc);
	if (k->type == TYPE_WORD)
		print_words(k->words, out);
	if (k->type == TYPE_GROUP || k->type == TYPE_OPTION || k->type == TYPE_LIST)
		fprintf(out, " See *%s*.", schema_block(k->of)->heading);
	fputs(" |\n", out);
}

static void
print_variables(FILE *out)
{
	static const struct {
		const char *name, *doc;
	} variables[] = {
#define VARIABLE(id, text, sentence) { text, sentence },
#include "conf/variable.def"
#undef VARIABLE
	};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		fprintf(out, "%s`${%s}` (%s)", i == 0 ? "" : ", ", variables[i].name,
		    variables[i].doc);
}

void
conf_print_reference(FILE *out)
{
	fputs("# Configuration reference\n"
	      "\n"
	      "Printed from the table of keys in `include/conf/schema.def`; change it there. A "
	      "test keeps the two the same.\n"
	      "\n"
	      "A file is libconfig: `key = value;`, groups `{ }`, lists `( )`, comments with `#`. "
	      "`@include \"FILE\"` at the beginning of a line puts another file there. Paths, also "
	      "in `@include`, are relative to the file they stand in.\n"
	      "\n"
	      "- A *duration* is a text with a unit: `\"250ms\"`, `\"2s\"`, `\"5m\"`, `\"1h\"`, "
	      "`\"7d\"`; a *size* too: `\"512B\"`, `\"64KiB\"`, `\"1MB\"`. `0` needs no unit.\n"
	      "- In any text, `${NAME}` is read from the environment and must be set; "
	      "`${NAME:-default}` need not be; `$$` is a dollar sign. A text with a variable in it "
	      "may stand for a number, or for true or false.\n"
	      "- A *template* is a text that each request fills in: ",
	    out);
	print_variables(out);
	fputs(". `$1` to `$9` are the groups of the pattern beside it, `$0` is all it matched.\n"
	      "- A *pattern* is a Perl-compatible regular expression (PCRE2) over bytes, found "
	      "anywhere unless it says `^` and `$`; a dollar sign is itself there, and `(?i)` in "
	      "front ignores case. Effort is bounded: beyond 100,000 steps it does not match.\n"
	      "- A *list of texts* is `( \"a\", \"b\" )`, or `\"a, b\"`.\n"
	      "- A *list of statuses* holds numbers and ranges: `( 200, \"300-399\" )`.\n"
	      "- A *list of networks* holds addresses and networks: `( \"192.0.2.1\", "
	      "\"10.0.0.0/8\", \"2001:db8::/32\" )`; `\"unix\"` stands for who comes by a unix "
	      "socket.\n"
	      "- A *name* has letters, digits and `._:/@*-`, and is unique among its kind.\n"
	      "- An unknown key, a duplicate name and a reference to nothing are errors. `detour "
	      "check -c FILE` shows all of a file's problems at once.\n",
	    out);
	for (unsigned block = 0; block < BLOCK_COUNT; block++) {
		const struct schema_key *k = schema_keys(block);

		fprintf(out, "\n## %s\n\n", schema_block(block)->heading);
		fputs(
		    "| key | value | default | range | |\n| --- | --- | --- | --- | --- |\n", out);
		for (; k->block == block; k++)
			print_key(k, out);
	}
}
