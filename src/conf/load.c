/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "conf/source.h"
#include "conf/topology.h"

struct arena *
load_secrets(struct load *l)
{
	if (l->topology->secrets == NULL)
		l->topology->secrets = arena_new_secret();
	return l->topology->secrets;
}

struct conf_where
load_where(const struct load *l, const config_setting_t *setting)
{
	return source_where(l->source, config_setting_source_line(setting));
}

struct conf_where
load_where_of(const struct load *l, const char *path)
{
	const config_setting_t *setting = config_setting_lookup(l->root, path);

	return setting != NULL ? load_where(l, setting)
			       : (struct conf_where){ .file = source_where(l->source, 1).file };
}

static const char *
kind_of(const config_setting_t *setting)
{
	if (config_setting_is_group(setting))
		return "a group { }";
	if (config_setting_is_list(setting))
		return "a list ( )";
	return config_setting_is_array(setting) ? "an array [ ]" : "a single value";
}

/* Who writes no list, or no groups in it, has named nothing that others could refer to. */
static void
doubt_names(struct load *l, enum schema_block block)
{
	for (const struct schema_key *k = schema_keys(block); k->block == block; k++)
		if (k->type == TYPE_NAME)
			l->partial[k->set] = true;
}

static void
report_unknown(struct load *l, enum schema_block block, const config_setting_t *elem)
{
	const struct schema_key *meant = schema_nearest(block, elem->name);
	struct conf_where where = load_where(l, elem);

	if (meant != NULL && meant->type == TYPE_LIST)
		doubt_names(l, meant->of);
	if (meant != NULL && meant->type == TYPE_NAME)
		l->partial[meant->set] = true;
	if (meant != NULL)
		report_error(&l->report, &where, "unknown key \"%s\" in %s; did you mean \"%s\"?",
		    elem->name, schema_block(block)->noun, meant->name);
	else
		report_error(&l->report, &where,
		    "unknown key \"%s\" in %s; remove it, or see conf/REFERENCE.md for the keys "
		    "there are",
		    elem->name, schema_block(block)->noun);
}

/* An element of a list of groups: a group, or just the value of the block's first key. */
static void
load_element(struct load *l, enum schema_block block, void *base, config_setting_t *elem)
{
	const struct schema_key *first = schema_keys(block);
	struct conf_where *where = (void *)((char *)base + schema_block(block)->where_offset);
	struct conf_where here = load_where(l, elem);

	if (config_setting_is_group(elem)) {
		load_group(l, block, base, elem);
	} else if ((first->type == TYPE_URL || first->type == TYPE_REF) &&
	    config_setting_is_scalar(elem)) {
		unsigned errors = report_errors(&l->report);

		load_group(l, block, base, NULL);
		field_set(l, first, base, elem);
		*where = here;
		where->flawed = report_errors(&l->report) > errors;
	} else {
		doubt_names(l, block);
		report_error(&l->report, &here,
		    "%s: a group was expected, found %s; write { %s = ...; }",
		    schema_block(block)->heading, kind_of(elem), first->name);
	}
}

static void
load_list(struct load *l, const struct schema_key *key, void *base, config_setting_t *setting)
{
	size_t size = schema_block(key->of)->size;
	void **array = (void **)((char *)base + key->offset);
	unsigned *count = (unsigned *)((char *)base + key->count_offset);
	struct conf_where where = load_where(l, setting);

	if (!config_setting_is_list(setting)) {
		doubt_names(l, key->of);
		report_error(&l->report, &where,
		    "%s: a list was expected, found %s; write %s = ( ... );", key->name,
		    kind_of(setting), key->name);
		return;
	}
	*count = (unsigned)config_setting_length(setting);
	*array = arena_array(l->arena, *count, size);
	for (unsigned i = 0; i < *count; i++)
		load_element(
		    l, key->of, (char *)*array + i * size, config_setting_get_elem(setting, i));
	if (*count == 0 && key->fallback == schema_required)
		report_error(&l->report, &where, "%s is empty; add at least one", key->name);
}

static void
load_nested(struct load *l, const struct schema_key *key, void *base, config_setting_t *setting)
{
	void *field = (char *)base + key->offset;
	struct conf_where where;

	if (setting == NULL && key->type == TYPE_OPTION)
		return;
	if (setting == NULL || config_setting_is_group(setting)) {
		if (key->type == TYPE_OPTION)
			field = *(void **)field = arena_take(l->arena, schema_block(key->of)->size);
		load_group(l, key->of, field, setting);
		return;
	}
	where = load_where(l, setting);
	report_error(&l->report, &where, "%s: a group was expected, found %s; write %s = { ... };",
	    key->name, kind_of(setting), key->name);
}

/* How a value of this type is written, for who has written none. */
static const char *
shape_of(enum schema_type type)
{
	switch (type) {
	case TYPE_LIST:
		return "( ... )";
	case TYPE_UINT:
	case TYPE_UINT16:
	case TYPE_FLOAT:
		return "NUMBER";
	default:
		return "\"...\"";
	}
}

/* Is it there under a name that is misspelt? */
static bool
is_misspelt(const struct schema_key *key, const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const char *name = config_setting_get_elem(group, (unsigned)i)->name;

		if (schema_key(key->block, name) == NULL && schema_nearest(key->block, name) == key)
			return true;
	}
	return false;
}

/* A key that is not there. setting NULL: its whole group is not. */
static void
load_absent(
    struct load *l, const struct schema_key *key, void *base, const config_setting_t *setting)
{
	struct conf_where where = { 0 };

	if (key->fallback != schema_required) {
		if (key->fallback != NULL)
			field_set_default(l, key, base);
		return;
	}
	if (setting == NULL || is_misspelt(key, setting))
		return;
	if (key->type == TYPE_NAME)
		l->partial[key->set] = true;
	if (config_setting_is_root(setting))
		where.file = source_where(l->source, 1).file;
	else
		where = load_where(l, setting);
	report_error(&l->report, &where, "%s has no \"%s\"; add %s = %s;",
	    schema_block(key->block)->noun, key->name, key->name, shape_of(key->type));
}

static void
load_key(struct load *l, const struct schema_key *key, void *base, config_setting_t *setting)
{
	config_setting_t *value =
	    setting == NULL ? NULL : config_setting_get_member(setting, key->name);

	if (key->type == TYPE_GROUP || key->type == TYPE_OPTION)
		load_nested(l, key, base, value);
	else if (value == NULL)
		load_absent(l, key, base, setting);
	else if (key->type == TYPE_LIST)
		load_list(l, key, base, value);
	else
		field_set(l, key, base, value);
}

void
load_group(struct load *l, enum schema_block block, void *base, config_setting_t *setting)
{
	const struct schema_block_info *info = schema_block(block);
	const struct schema_key *key;
	int length = setting == NULL ? 0 : config_setting_length(setting);
	unsigned errors = report_errors(&l->report);

	/* first, for what is misspelt is not missing as well */
	for (int i = 0; i < length; i++) {
		const config_setting_t *elem = config_setting_get_elem(setting, (unsigned)i);

		if (schema_key(block, elem->name) == NULL)
			report_unknown(l, block, elem);
	}
	for (key = schema_keys(block); key->block == block; key++)
		load_key(l, key, base, setting);
	if (setting != NULL && info->where_offset != SCHEMA_NOWHERE) {
		struct conf_where *where = (void *)((char *)base + info->where_offset);

		*where = load_where(l, setting);
		where->flawed = report_errors(&l->report) > errors;
	}
}
