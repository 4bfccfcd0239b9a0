/*
 * Becoming nobody special once the sockets are open.
 */
#ifndef CMD_PRIVILEGES_H
#define CMD_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Whom to become; name NULL: stay who we are. */
struct privileges {
	const char *name; /* borrowed */
	uid_t uid;
	gid_t gid;
};

/* user is conf's, or NULL. Only root can become somebody; others stay, with a warning. */
bool privileges_find(const char *user, struct privileges *, struct error *);
/* For good, in all threads; keeps only the right to bind low ports, which a reload may need. */
bool privileges_drop(const struct privileges *, struct error *);
/* Before the first thread: no exec will ever give us more than we have. */
bool privileges_forbid_new(struct error *);
/*
 * After privileges_drop(), which undoes it: no core file and no debugger of the same user, or both
 * (core_dumps), since both see private keys.
 */
void privileges_guard_memory(bool core_dumps);

#endif
