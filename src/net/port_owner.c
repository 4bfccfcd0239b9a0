/* SPDX-License-Identifier: Apache-2.0 */
#include "net/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/socket.h"

enum { STATE_LISTEN = 10 };

/* The inode of a socket that listens on port according to one of /proc/net's tables; 0: none. */
static uint64_t
listening_inode(const char *table, uint16_t port)
{
	FILE *f = fopen(table, "re");
	char line[512];
	uint64_t found = 0;

	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof line, f) != NULL) {
		unsigned local_port, state;
		uint64_t inode;

		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %" SCNu64,
			&local_port, &state, &inode) == 3 &&
		    local_port == port && state == STATE_LISTEN)
			found = inode;
	}
	fclose(f);
	return found;
}

static bool
holds_inode(const char *pid, uint64_t inode)
{
	char path[300], wanted[48], target[48];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

		if (n > 0) {
			target[n] = '\0';
			found = strcmp(target, wanted) == 0;
		}
	}
	closedir(dir);
	return found;
}

static void
describe(const char *pid, char owner[PORT_OWNER_SIZE])
{
	char path[300], name[32] = "a process";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f != NULL) {
		if (fgets(name, sizeof name, f) != NULL)
			name[strcspn(name, "\n")] = '\0';
		fclose(f);
	}
	snprintf(owner, PORT_OWNER_SIZE, "%s (pid %.20s)", name, pid);
}

void
port_owner_find(const struct sockaddr *sa, char owner[PORT_OWNER_SIZE])
{
	uint16_t port = socket_port(sa);
	struct dirent *entry;
	uint64_t inode;
	DIR *proc;

	owner[0] = '\0';
	inode = listening_inode("/proc/net/tcp", port);
	if (inode == 0)
		inode = listening_inode("/proc/net/tcp6", port);
	if (port == 0 || inode == 0)
		return;
	proc = opendir("/proc");
	if (proc == NULL)
		return;
	while (owner[0] == '\0' && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) && holds_inode(entry->d_name, inode))
			describe(entry->d_name, owner);
	closedir(proc);
}
