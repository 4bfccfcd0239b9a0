/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libconfig.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "conf/load.h"
#include "conf/source.h"
#include "conf/topology.h"

/* Whether there is nothing where path is to be made; *dir: the directory it is to lie in. */
static bool
lacks_directory(struct load *l, const char *path, const char **dir)
{
	size_t len = strlen(path);
	const char *slash;
	struct stat st;

	while (len > 1 && path[len - 1] == '/')
		len--;
	slash = memrchr(path, '/', len);
	if (slash == NULL)
		*dir = ".";
	else
		*dir = slash == path ? "/" : arena_strndup(l->arena, path, (size_t)(slash - path));
	/* what may not be looked at may well be there, for another user */
	return stat(*dir, &st) != 0 ? errno == ENOENT || errno == ENOTDIR : !S_ISDIR(st.st_mode);
}

static void
check_access_log(struct load *l)
{
	const char *path = l->topology->log.access, *dir;
	struct conf_where where = load_where_of(l, "log.access");
	struct stat st;

	if (path == NULL || strcmp(path, "off") == 0 || strcmp(path, "stdout") == 0 ||
	    strcmp(path, "stderr") == 0)
		return;
	if (lacks_directory(l, path, &dir))
		report_error(&l->report, &where,
		    "access: there is no directory \"%s\" for the access log; create it, or name "
		    "another file",
		    dir);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		report_error(
		    &l->report, &where, "access: \"%s\" is a directory; name a file in it", path);
	else if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		report_error(&l->report, &where,
		    "access: \"%s\" is a socket, and Detour writes files; write \"stdout\", which "
		    "systemd's journal takes and passes on",
		    path);
}

/* Detour makes it, but not what is above it; it may well be there where the file will serve. */
static void
check_state_dir(struct load *l)
{
	const char *path = l->topology->state_dir, *dir;
	struct conf_where where = load_where_of(l, "state_dir");

	if (path == NULL || path[0] == '\0' || !lacks_directory(l, path, &dir))
		return;
	report_warning(&l->report, &where,
	    "state_dir: there is no directory \"%s\" to make it in; create it, or name another "
	    "place",
	    dir);
}

void
check_places(struct load *l)
{
	check_access_log(l);
	check_state_dir(l);
}
