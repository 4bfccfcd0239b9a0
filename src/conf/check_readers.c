/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/load.h"
#include "conf/source.h"
#include "conf/topology.h"

enum { GROUPS = 64, MAY_READ = 4, MAY_PASS = 1 };

struct reader {
	uid_t uid;
	gid_t groups[GROUPS];
	int group_count;
};

void
load_note_file(struct load *l, const char *path, const struct conf_where *where)
{
	struct load_file *file = arena_take(l->arena, sizeof *file);

	*file = (struct load_file){ .next = l->files, .path = path, .where = *where };
	l->files = file;
}

static bool
grants(const struct stat *st, const struct reader *r, unsigned what)
{
	if (st->st_uid == r->uid)
		return (st->st_mode >> 6 & what) != 0;
	for (int i = 0; i < r->group_count; i++)
		if (st->st_gid == r->groups[i])
			return (st->st_mode >> 3 & what) != 0;
	return (st->st_mode & what) != 0;
}

/* By owner, group and mode of the file and of the directories that its path names. */
static bool
may_read(struct load *l, const struct reader *r, const char *path)
{
	char *way = arena_strdup(l->arena, path);
	struct stat st;

	for (char *slash = strchr(way, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		if (slash == way)
			continue; /* the root directory is everybody's */
		*slash = '\0';
		if (stat(way, &st) == 0 && !grants(&st, r, MAY_PASS))
			return false;
		*slash = '/';
	}
	return stat(path, &st) != 0 || grants(&st, r, MAY_READ);
}

/* Those that the configuration is written in. */
static void
note_sources(struct load *l)
{
	const char *name;
	unsigned at = 0;

	while ((name = source_file(l->source, &at)) != NULL)
		load_note_file(l, name, &(struct conf_where){ name, 1 });
}

/* Root reads them all at the start; the user it becomes reads them at each reload. */
void
check_readers(struct load *l)
{
	const char *user = l->topology->user;
	const struct passwd *entry;
	const struct conf_where whole = { source_where(l->source, 1).file, 0 };
	struct reader r = { .group_count = GROUPS };

	if (user == NULL)
		return;
	entry = getpwnam(user);
	if (entry == NULL) {
		/* it may well be known where the file will serve */
		report_warning(&l->report, &whole,
		    "user: there is no user \"%s\" on this machine, and without it Detour does not "
		    "start; create it, or name another",
		    user);
		return;
	}
	if (geteuid() != 0)
		return;
	if (entry->pw_uid == 0)
		return;
	r.uid = entry->pw_uid;
	if (getgrouplist(user, entry->pw_gid, r.groups, &r.group_count) < 0)
		r.group_count = GROUPS; /* who is in more of them */
	note_sources(l);
	for (const struct load_file *f = l->files; f != NULL; f = f->next)
		if (!may_read(l, &r, f->path))
			report_warning(&l->report, &f->where,
			    "user %s may not read %s, so reloads will be refused; chgrp it (and "
			    "its directory) to a group of %s and chmod g+r",
			    user, f->path, user);
}
