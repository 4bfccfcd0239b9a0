/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "conf/load.h"
#include "conf/source.h"
#include "conf/topology.h"

void
load_note_file(struct load *l, const char *path, const struct conf_where *where)
{
	struct load_file *file = arena_take(l->arena, sizeof *file);

	*file = (struct load_file){ .next = l->files, .path = path, .where = *where };
	l->files = file;
}

/*
 * In the process that asks: becomes the user for good, and leaves in refused, file by file, what
 * the kernel says, which knows of lists of access (ACLs), of mounts and of whatever else guards
 * files.
 */
static void
ask(const struct passwd *user, const struct load_file *files, char *refused)
{
	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		_exit(1);
	for (const struct load_file *f = files; f != NULL; f = f->next)
		*refused++ = access(f->path, R_OK) != 0 && errno == EACCES;
	_exit(0);
}

static void
wait_for(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Where no process is to be had, or it may not become the user, nothing is known of any file. */
static void
check_files(struct load *l, const struct passwd *user)
{
	size_t count = 1;
	char *refused;
	unsigned i = 0;
	pid_t pid;

	for (const struct load_file *f = l->files; f != NULL; f = f->next)
		count++;
	refused = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (refused == MAP_FAILED)
		return;
	pid = fork();
	if (pid == 0)
		ask(user, l->files, refused);
	if (pid > 0)
		wait_for(pid);
	for (const struct load_file *f = l->files; f != NULL; f = f->next)
		if (refused[i++])
			report_warning(&l->report, &f->where,
			    "user %s may not read %s, so reloads will be refused; chgrp it (and "
			    "its directory) to a group of %s and chmod g+r",
			    user->pw_name, f->path, user->pw_name);
	munmap(refused, count);
}

/* Those that the configuration is written in. */
static void
note_sources(struct load *l)
{
	const char *name;
	unsigned at = 0;

	while ((name = source_file(l->source, &at)) != NULL)
		load_note_file(l, name, &(struct conf_where){ .file = name, .line = 1 });
}

/* Root reads them all at the start; the user it becomes reads them at each reload. */
void
check_readers(struct load *l)
{
	const char *user = l->topology->user;
	const struct passwd *entry;
	struct conf_where where;

	if (user == NULL)
		return;
	entry = getpwnam(user);
	if (entry == NULL) {
		/* it may well be known where the file will serve */
		where = load_where_of(l, "user");
		report_warning(&l->report, &where,
		    "user: there is no user \"%s\" on this machine, and without it Detour does not "
		    "start; create it, or name another",
		    user);
		return;
	}
	if (!l->starts || geteuid() != 0 || entry->pw_uid == 0)
		return;
	note_sources(l);
	check_files(l, entry);
}
