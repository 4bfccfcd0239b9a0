/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "conf/load.h"
#include "conf/names.h"
#include "conf/source.h"
#include "conf/twice.h"

/* What the library says, with what to do about it. */
static void
report_syntax(struct load *l, const config_t *config)
{
	int line = config_error_line(config);
	struct conf_where where = source_where(l->source, line > 0 ? (unsigned)line : 1);
	const struct conf_where *begun =
	    source_long_string(l->source, line > 0 ? (unsigned)line : 1);
	const char *text = config_error_text(config), *key = NULL;

	if (text == NULL)
		text = "it cannot be read";
	if (strcmp(text, "duplicate setting name") == 0)
		key = twice_find(source_text(l->source), l->arena);
	if (key != NULL)
		report_error(
		    &l->report, &where, "\"%s\" stands twice in its group; remove one", key);
	else if (begun != NULL)
		report_error(&l->report, begun,
		    "the text that begins here goes on over several lines, and behind it is a "
		    "%s (%s:%u); look for a missing quote",
		    text, where.file, where.line);
	else
		report_error(&l->report, &where,
		    "%s; look for a missing \";\", a quote or bracket too few, or a comma too "
		    "many, here or on the line before",
		    text);
}

static void
load_text(struct load *l)
{
	config_t config;

	config_init(&config);
	if (config_read_string(&config, source_text(l->source)) == CONFIG_TRUE) {
		l->root = config_root_setting(&config);
		load_group(l, BLOCK_TOP, l->topology, l->root);
		derive(l);
		check(l);
		l->root = NULL;
	} else {
		report_syntax(l, &config);
	}
	config_destroy(&config);
}

static void
begin(struct load *l, const char *path, struct conf_problems *problems)
{
	*problems = (struct conf_problems){ 0 };
	*l = (struct load){ .arena = arena_new(), .report = { .problems = problems } };
	l->topology = arena_take(l->arena, sizeof *l->topology);
	l->topology->arena = l->arena;
	l->topology->path = arena_strdup(l->arena, path);
	atomic_init(&l->topology->refs, 1);
	l->source = source_new(l->arena, &l->report);
	l->report.source = l->source;
	for (unsigned i = 0; i < SET_COUNT; i++)
		l->sets[i] = names_new();
}

static struct topology *
end(struct load *l)
{
	report_sort(&l->report);
	for (unsigned i = 0; i < SET_COUNT; i++)
		names_free(l->sets[i]);
	source_free(l->source);
	if (l->report.problems->errors == 0)
		return l->topology;
	topology_unref(l->topology);
	return NULL;
}

static struct topology *
load_file(const char *path, struct conf_problems *problems, bool starts)
{
	struct load l;

	begin(&l, path, problems);
	l.starts = starts;
	if (source_read_file(l.source, path))
		load_text(&l);
	return end(&l);
}

struct topology *
conf_load(const char *path, struct conf_problems *problems)
{
	return load_file(path, problems, true);
}

struct topology *
conf_reload(const char *path, struct conf_problems *problems)
{
	return load_file(path, problems, false);
}

struct topology *
conf_load_text(const char *text, const char *name, const char *dir, struct conf_problems *problems)
{
	struct load l;

	begin(&l, name, problems);
	if (source_read_text(l.source, text, name, dir))
		load_text(&l);
	return end(&l);
}

static void
load_admin(struct load *l)
{
	config_setting_t *admin;
	config_t config;

	config_init(&config);
	if (config_read_string(&config, source_text(l->source)) == CONFIG_TRUE) {
		admin = config_setting_get_member(config_root_setting(&config), "admin");
		if (admin != NULL && config_setting_is_group(admin))
			load_group(l, BLOCK_ADMIN, &l->topology->admin, admin);
	} else {
		report_syntax(l, &config);
	}
	config_destroy(&config);
}

char *
conf_load_socket(const char *path, struct conf_problems *problems)
{
	struct topology *t;
	char *socket = NULL;
	struct load l;

	begin(&l, path, problems);
	if (source_read_file(l.source, path))
		load_admin(&l);
	t = end(&l);
	if (t == NULL)
		return NULL;
	socket = mem_strdup(t->admin.socket != NULL ? t->admin.socket : "");
	topology_unref(t);
	return socket;
}
