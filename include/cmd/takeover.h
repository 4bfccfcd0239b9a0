/*
 * Serving beside the Detour that has served so far, and sending it away when we are ready: how a
 * program is exchanged without a moment in which nobody listens.
 *
 * Listening sockets of both share their ports (SO_REUSEPORT); our admin socket takes the place of
 * the other's, by which that one knows that it has a successor when it is told to leave.
 */
#ifndef CMD_TAKEOVER_H
#define CMD_TAKEOVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct takeover {
	pid_t pid; /* 0: nobody is there */
	int pidfd; /* -1 likewise */
	int lock;  /* on the directory of the admin socket: one takes over at a time; -1: none */
};

/*
 * Who serves admin_socket now? False with an error when that cannot be found out, when somebody
 * else is just taking over from it, or when no socket is configured to ask at.
 */
bool takeover_find(struct takeover *, const char *admin_socket, struct error *);
/* As who we are now, may we tell it to leave? Before the filter on system calls. */
bool takeover_may(const struct takeover *, struct error *);
/* We serve: the other one drains and ends, and we let go of it. Safe when nobody was there. */
void takeover_finish(struct takeover *);
/* We end before that: it serves on. Safe after takeover_finish(). */
void takeover_leave(struct takeover *);

#endif
