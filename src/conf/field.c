/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/field.h"

#include <ctype.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/regex.h"
#include "conf/address.h"
#include "conf/file.h"
#include "conf/names.h"
#include "conf/nearest.h"
#include "conf/source.h"
#include "conf/value.h"

void
field_complain(struct load *l, const struct value *v, const char *fmt, ...)
{
	char text[1536];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	report_error(&l->report, &v->where, "%s: %s", v->key->name, text);
}

const char *
field_written(const struct value *v, char *buf, size_t size)
{
	switch (v->type) {
	case CONFIG_TYPE_STRING:
		snprintf(buf, size, "\"%s\"", v->text);
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(buf, size, "%lld", config_setting_get_int64(v->setting));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, size, "%.15g", config_setting_get_float(v->setting));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(buf, size, "%s", config_setting_get_bool(v->setting) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		snprintf(buf, size, "a group { }");
		break;
	case CONFIG_TYPE_LIST:
		snprintf(buf, size, "a list ( )");
		break;
	default:
		snprintf(buf, size, "an array [ ]");
		break;
	}
	return buf;
}

bool
field_is_integer(const struct value *v)
{
	return v->type == CONFIG_TYPE_INT || v->type == CONFIG_TYPE_INT64;
}

bool
field_wants_text(struct load *l, const struct value *v)
{
	char buf[512];

	if (v->type == CONFIG_TYPE_STRING)
		return true;
	field_written(v, buf, sizeof buf);
	if (config_setting_is_aggregate(v->setting))
		field_complain(l, v, "a text was expected, found %s; write it in quotes", buf);
	else
		field_complain(l, v, "a text was expected, found %s; write \"%s\"", buf, buf);
	return false;
}

static void
set_text(struct load *l, const struct value *v)
{
	if (field_wants_text(l, v))
		*(const char **)v->field = arena_strdup(l->arena, v->text);
}

/* What may stand in metrics labels, log lines and file names without quoting. */
static bool
is_plain_name(const char *name)
{
	size_t len =
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@*-");

	return len > 0 && len <= CONF_NAME_MAX && name[len] == '\0';
}

static void
set_name(struct load *l, const struct value *v)
{
	const struct name *other;
	const char *name;

	if (!field_wants_text(l, v))
		return;
	if (!is_plain_name(v->text)) {
		field_complain(l, v, "\"%s\" is no name; write 1 to %d letters, digits or ._:/@*-",
		    v->text, CONF_NAME_MAX);
		return;
	}
	name = arena_strdup(l->arena, v->text);
	*(const char **)v->field = name;
	other = names_add(l->sets[v->key->set], name, v->base, v->where);
	if (other != NULL)
		field_complain(l, v, "%s \"%s\" is there already (%s:%u); give each its own name",
		    schema_set_noun(v->key->set), name, other->where.file, other->where.line);
}

/*
 * What a dangling reference points at, so that later steps don't report it a second time as
 * missing. Nothing keeps it: a topology with errors is never returned.
 */
static const void *
nothing_of(enum schema_set set)
{
	static const struct conf_tls tls = { .where.flawed = true };
	static const struct conf_region region = { .where.flawed = true };
	static const struct conf_service service = { .where.flawed = true };
	static const struct conf_listener listener = { .where.flawed = true };

	switch (set) {
	case SET_TLS:
		return &tls;
	case SET_REGION:
		return &region;
	case SET_SERVICE:
		return &service;
	case SET_LISTENER:
		return &listener;
	case SET_ROUTE:
	case SET_SAFETY:
	case SET_COUNT:
		break;
	}
	abort(); /* nothing refers to these */
}

static void
set_ref(struct load *l, const struct value *v)
{
	const struct names *set = l->sets[v->key->set];
	const char *noun = schema_set_noun(v->key->set), *meant;
	const struct name *found;

	if (!field_wants_text(l, v))
		return;
	found = names_find(set, v->text);
	if (found != NULL) {
		*(const void **)v->field = found->thing;
		return;
	}
	*(const void **)v->field = nothing_of(v->key->set);
	if (l->partial[v->key->set])
		return;
	meant = report_wants_hints(&l->report) ? names_nearest(set, v->text) : NULL;
	if (meant != NULL)
		field_complain(
		    l, v, "there is no %s \"%s\"; did you mean \"%s\"?", noun, v->text, meant);
	else
		field_complain(l, v,
		    "there is no %s \"%s\"; define it, or name one that is defined", noun, v->text);
}

bool
field_is_token(struct load *l, const struct value *v, const char *text)
{
	static const char symbols[] = "!#$%&'*+-.^_`|~";

	for (const char *at = text; *at != '\0' || at == text; at++)
		if (*at == '\0' || (!isalnum((unsigned char)*at) && strchr(symbols, *at) == NULL)) {
			field_complain(l, v,
			    "\"%s\" is no token; write letters and digits, as in \"GET\"", text);
			return false;
		}
	return true;
}

static void
set_token(struct load *l, const struct value *v)
{
	if (field_wants_text(l, v) && field_is_token(l, v, v->text))
		*(const char **)v->field = arena_strdup(l->arena, v->text);
}

static void
free_regex(void *regex)
{
	regex_free(regex);
}

static void
set_regex(struct load *l, const struct value *v)
{
	struct regex *r;
	struct error e;

	if (!field_wants_text(l, v))
		return;
	r = regex_new(v->text, &e);
	if (r == NULL) {
		field_complain(l, v, "%s", e.text);
		/* what leans on it is not wrong as well: it stays a pattern, of nine groups */
		r = regex_new("()()()()()()()()()", &e);
	}
	if (r == NULL)
		return;
	arena_at_end(l->arena, free_regex, r);
	*(const struct regex **)v->field = r;
}

/* As much as a rewrite may lengthen a path, and whatever the limits on heads still fit a buffer. */
enum { URL_PATH_MAX = 1000 };

static void
set_url_path(struct load *l, const struct value *v)
{
	if (!field_wants_text(l, v))
		return;
	if (v->text[0] != '/') {
		field_complain(l, v,
		    "\"%s\" is no path; write one that begins with a slash, \"/%s\"", v->text,
		    v->text);
		return;
	}
	if (strlen(v->text) > URL_PATH_MAX) {
		field_complain(
		    l, v, "this path is too long; write one of up to %d bytes", URL_PATH_MAX);
		return;
	}
	for (const char *at = v->text; *at != '\0'; at++)
		if (*at <= ' ' || *at >= 0x7f || strchr("\"#<>\\^`{|}", *at) != NULL) {
			field_complain(l, v,
			    "\"%s\" holds a character that can't stand in a path; write %%%02X "
			    "for it",
			    v->text, (unsigned char)*at);
			return;
		}
	*(const char **)v->field = arena_strdup(l->arena, v->text);
}

static void
set_path(struct load *l, const struct value *v)
{
	if (!field_wants_text(l, v))
		return;
	*(const char **)v->field = v->text[0] == '\0' ? "" : source_join(l->arena, v->dir, v->text);
}

/*
 * "journald", "syslog:server=10.0.0.1", "127.0.0.1:514": elsewhere these are where a log can go,
 * and nobody means a file by them. A file without a directory has a suffix: "access.log".
 */
static bool
is_target(const char *text)
{
	const char *dot = strrchr(text, '.');

	if (strchr(text, '/') != NULL)
		return false;
	return strchr(text, ':') != NULL || dot == NULL || !isalpha((unsigned char)dot[1]);
}

static void
set_output(struct load *l, const struct value *v)
{
	if (!field_wants_text(l, v))
		return;
	if (v->text[0] == '\0')
		field_complain(
		    l, v, "the text is empty; write \"stdout\", \"stderr\", \"off\" or a path");
	else if (strcmp(v->text, "stdout") == 0 || strcmp(v->text, "stderr") == 0 ||
	    strcmp(v->text, "off") == 0)
		set_text(l, v);
	else if (is_target(v->text))
		field_complain(l, v,
		    "\"%s\" is no place that is known; write \"stdout\", which systemd's journal "
		    "takes, \"stderr\", \"off\" or a path (\"./%s\" for a file of that name)",
		    v->text, v->text);
	else
		set_path(l, v);
}

static void
set_file(struct load *l, const struct value *v)
{
	struct conf_file *file = v->field;
	struct error e;

	if (!field_wants_text(l, v))
		return;
	if (v->text[0] == '\0' && v->key->fallback != schema_required)
		return;
	file->path = source_join(l->arena, v->dir, v->text);
	if (!file_read(file, FILE_REGULAR, &e)) {
		field_complain(l, v, "%s; paths are relative to the file that names them", e.text);
		return;
	}
	file_keep(file, l->arena, v->key->type == TYPE_SECRET ? load_secrets(l) : l->arena);
	load_note_file(l, file->path, &v->where);
	if (v->key->type == TYPE_SECRET && file_is_exposed(file->path))
		report_warning(&l->report, &v->where,
		    "%s: everyone on this machine can read the private key %s; chmod o-rwx it",
		    v->key->name, file->path);
}

/* "is none of a, b, c; did you mean b?" */
static void
complain_word(struct load *l, const struct value *v)
{
	struct nearest nearest = { .word = v->text };
	char all[256] = "";
	unsigned count;
	const struct schema_word *words = schema_words(&count);

	for (unsigned i = 0; i < count; i++) {
		size_t len = strlen(all);

		if (words[i].list != v->key->words || words[i].refused)
			continue;
		snprintf(
		    all + len, sizeof all - len, "%s\"%s\"", len == 0 ? "" : ", ", words[i].text);
		nearest_offer(&nearest, words[i].text);
	}
	if (nearest.best != NULL)
		field_complain(
		    l, v, "\"%s\" is none of %s; did you mean \"%s\"?", v->text, all, nearest.best);
	else
		field_complain(l, v, "\"%s\" is unknown here; write one of %s", v->text, all);
}

static void
set_word(struct load *l, const struct value *v)
{
	const struct schema_word *word;
	struct value other = *v;
	char buf[512];

	if (v->type != CONFIG_TYPE_STRING) {
		other.text = field_written(v, buf, sizeof buf);
		complain_word(l, &other);
		return;
	}
	word = schema_word(v->key->words, v->text);
	if (word == NULL)
		complain_word(l, v);
	else if (word->refused)
		field_complain(l, v, "\"%s\" is not offered: %s; leave %s out or write \"%s\"",
		    v->text, word->doc, v->key->name, v->key->fallback);
	else
		*(int *)v->field = word->value;
}

static void
set_address(struct load *l, const struct value *v)
{
	const char *text = v->text;
	struct error e;

	if (field_is_integer(v)) {
		field_complain(l, v, "an address was expected, found %1$lld; write \":%1$lld\"",
		    config_setting_get_int64(v->setting));
		return;
	}
	if (!field_wants_text(l, v))
		return;
	if (*text == '\0' && v->key->fallback != schema_required)
		return;
	if (strncmp(text, "unix:", 5) == 0 && text[5] != '\0')
		text = arena_printf(l->arena, "unix:%s", source_join(l->arena, v->dir, text + 5));
	if (!conf_address_parse(text, v->field, l->arena, &e))
		field_complain(l, v, "%s", e.text);
}

static void
set_url(struct load *l, const struct value *v)
{
	struct error e;

	if (field_wants_text(l, v) && !conf_url_parse(v->text, v->base, l->arena, &e))
		field_complain(l, v, "%s", e.text);
}

typedef void setter_fn(struct load *, const struct value *);

static setter_fn *const setters[TYPE_COUNT] = {
	[TYPE_TEXT] = set_text,
	[TYPE_TEMPLATE] = set_text,
	[TYPE_NAME] = set_name,
	[TYPE_TOKEN] = set_token,
	[TYPE_HOSTNAME] = field_set_hostname,
	[TYPE_AUTHORITY] = field_set_authority,
	[TYPE_ROUTE_HOST] = field_set_route_host,
	[TYPE_URL_PATH] = set_url_path,
	[TYPE_PATH] = set_path,
	[TYPE_OUTPUT] = set_output,
	[TYPE_BUNDLE] = set_file,
	[TYPE_CHAIN] = set_file,
	[TYPE_SECRET] = set_file,
	[TYPE_BOOL] = field_set_bool,
	[TYPE_UINT] = field_set_uint,
	[TYPE_UINT16] = field_set_uint16,
	[TYPE_FLOAT] = field_set_float,
	[TYPE_DURATION] = field_set_duration,
	[TYPE_SIZE] = field_set_size,
	[TYPE_SIZE64] = field_set_size,
	[TYPE_WORD] = set_word,
	[TYPE_ON_DOWN] = field_set_on_down,
	[TYPE_ADDRESS] = set_address,
	[TYPE_URL] = set_url,
	[TYPE_REF] = set_ref,
	[TYPE_REGEX] = set_regex,
	[TYPE_TEXTS] = field_set_texts,
	[TYPE_TOKENS] = field_set_tokens,
	[TYPE_STATUSES] = field_set_statuses,
	[TYPE_RANGES] = field_set_ranges,
	[TYPE_NETWORKS] = field_set_networks,
};

bool
field_read(struct load *l, config_setting_t *setting, struct value *v)
{
	const char *written;
	struct error e;

	v->setting = setting;
	v->type = config_setting_type(setting);
	v->text = NULL;
	v->free_form = false;
	v->where = load_where(l, setting);
	v->dir = source_dir(l->source, config_setting_source_line(setting));
	if (v->type != CONFIG_TYPE_STRING)
		return true;
	written = config_setting_get_string(setting);
	if (v->key->type == TYPE_REGEX) { /* a dollar sign is the end of the text there */
		v->text = written;
		return true;
	}
	if (!value_expand(written, v->key->type == TYPE_TEMPLATE, l->arena, &v->text, &e)) {
		field_complain(l, v, "%s", e.text);
		return false;
	}
	v->free_form = v->text != written;
	return true;
}

void
field_set(struct load *l, const struct schema_key *key, void *base, config_setting_t *setting)
{
	struct value v = { .key = key, .base = base, .field = (char *)base + key->offset };

	unsigned errors = report_errors(&l->report);

	if (field_read(l, setting, &v))
		setters[key->type](l, &v);
	if (key->type == TYPE_NAME && report_errors(&l->report) > errors)
		l->partial[key->set] = true;
}

void
field_set_default(struct load *l, const struct schema_key *key, void *base)
{
	struct value v = {
		.key = key,
		.base = base,
		.field = (char *)base + key->offset,
		.type = CONFIG_TYPE_STRING,
		.text = key->fallback,
		.free_form = true,
		.where = { .file = source_where(l->source, 1).file },
		.dir = "",
	};

	setters[key->type](l, &v);
}
