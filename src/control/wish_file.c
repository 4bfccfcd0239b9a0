/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/whole_file.h"
#include "control/wish_store.h"
#include "control/wish_text.h"
#include "steer/wish.h"

#define FILE_NAME "wishes.json"

static json_t *
text_json(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("(not UTF-8)");
}

/* Times twice: as people read them, and exactly. */
static void
set_time(json_t *into, const char *key, const char *key_ms, uint64_t at_wall_ms)
{
	char text[32];

	json_object_set_new(
	    into, key, json_string(clock_format_wall(at_wall_ms * 1000, text, sizeof text)));
	json_object_set_new(into, key_ms, json_integer((json_int_t)at_wall_ms));
}

json_t *
wish_file_json_one(const struct wish *w)
{
	json_t *json = json_object();

	json_object_set_new(json, "wish", json_string(wish_word(w->kind)));
	if (w->service[0] != '\0')
		json_object_set_new(json, "service", text_json(w->service));
	if (w->region[0] != '\0')
		json_object_set_new(json, "region", text_json(w->region));
	if (w->kind == WISH_PIN)
		json_object_set_new(json, "share", json_real(w->share));
	json_object_set_new(json, "owner", text_json(w->owner));
	json_object_set_new(json, "reason", text_json(w->reason));
	set_time(json, "made", "made_ms", w->made_wall_ms);
	set_time(json, "until", "until_ms", w->until_wall_ms);
	return json;
}

json_t *
wish_file_json(const struct wishes *wishes)
{
	json_t *json = json_object(), *list = json_array();

	for (unsigned i = 0; i < wishes->count; i++)
		json_array_append_new(list, wish_file_json_one(&wishes->list[i]));
	json_object_set_new(json, "version", json_integer((json_int_t)wishes->version));
	json_object_set_new(json, "wishes", list);
	return json;
}

bool
wish_file_write(const char *state_dir, const struct wishes *wishes, struct error *error)
{
	json_t *json = wish_file_json(wishes);
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	bool written;

	json_decref(json);
	if (text == NULL) {
		error_set(error, "the wishes cannot be written as JSON");
		return false;
	}
	written = whole_file_write(state_dir, FILE_NAME, text, strlen(text), error);
	free(text);
	return written;
}

/* Are the names there that this kind needs? */
static bool
is_named(const struct wish *w)
{
	switch (w->kind) {
	case WISH_EVACUATE:
		return w->region[0] != '\0';
	case WISH_FREEZE:
		return true;
	case WISH_PIN:
		return w->region[0] != '\0' && w->service[0] != '\0' && w->share >= 0 &&
		    w->share <= 1;
	}
	abort();
}

static bool
decode(json_t *from, struct wish *w)
{
	const char *kind, *service = NULL, *region = NULL, *owner, *reason;
	json_int_t made, until;

	*w = (struct wish){ .share = 0 };
	if (json_unpack(from, "{s:s, s?s, s?s, s?F, s:s, s:s, s:I, s:I}", "wish", &kind, "service",
		&service, "region", &region, "share", &w->share, "owner", &owner, "reason", &reason,
		"made_ms", &made, "until_ms", &until) != 0)
		return false;
	if (!wish_parse(kind, &w->kind) || made < 0 || until < made || until - made > WISH_MAX_MS)
		return false;
	w->made_wall_ms = (uint64_t)made;
	w->until_wall_ms = (uint64_t)until;
	if (!copy_text(w->service, sizeof w->service, service) ||
	    !copy_text(w->region, sizeof w->region, region) ||
	    !copy_text(w->owner, sizeof w->owner, owner) ||
	    !copy_text(w->reason, sizeof w->reason, reason))
		return false;
	/* no wish is made with any today; the file may be older, or written by hand */
	wish_text_make_plain(w->owner);
	wish_text_make_plain(w->reason);
	return is_named(w);
}

/* Those that make sense: one that does not must bring no evacuated region back. */
static bool
decode_all(const json_t *json, struct wishes *wishes, unsigned *senseless)
{
	const json_t *list = json_object_get(json, "wishes");
	json_int_t version = json_integer_value(json_object_get(json, "version"));
	struct wish w;

	if (!json_is_array(list) || version < 0)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!decode(json_array_get(list, i), &w) || !wishes_set(wishes, &w))
			(*senseless)++;
	}
	wishes->version = (uint64_t)version;
	return true;
}

/* Under another name, for people to look at. */
static void
set_aside(const char *path)
{
	char *bad = mem_printf("%s.bad", path);

	if (rename(path, bad) == 0)
		log_warn("%s is kept as %s", path, bad);
	else
		log_warn("cannot rename %s: %m", path);
	mem_free(bad);
}

/* Returns whether all that is there is understood. */
static bool
take(const char *path, const json_t *json, const char *why, struct wishes *wishes)
{
	unsigned senseless = 0;

	if (json == NULL || !decode_all(json, wishes, &senseless)) {
		log_warn("%s is not what was once written there (%s): no evacuation, freeze or pin "
			 "of before is in force",
		    path, json == NULL ? why : "there is no list of wishes in it");
		return false;
	}
	if (senseless > 0)
		log_warn("%s: of the wishes in it %u make no sense and are not in force", path,
		    senseless);
	return senseless == 0;
}

bool
wish_file_read(const char *state_dir, struct wishes *wishes)
{
	char *path = mem_printf("%s/" FILE_NAME, state_dir);
	json_error_t why;
	json_t *json;
	bool whole = true;

	if (access(path, R_OK) != 0) {
		if (errno != ENOENT)
			log_warn("cannot read %s: %m; no evacuation, freeze or pin of before is "
				 "in force",
			    path);
	} else {
		json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
		whole = take(path, json, why.text, wishes);
		if (!whole)
			set_aside(path);
		json_decref(json);
	}
	mem_free(path);
	return whole;
}
