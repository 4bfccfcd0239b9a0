/*
 * The admin side: status, metrics and probes over HTTP, on a TCP address and on a unix socket.
 *
 * Runs on main's event loop with libevent's own HTTP server, which never sees traffic. Over TCP
 * nothing can be changed, only read.
 */
#ifndef CONTROL_ADMIN_H
#define CONTROL_ADMIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct admin;
struct admin_people;
struct conf_admin;
struct event_base;
struct view;

/* Fills all of the view but its tally, which is the admin side's own. */
typedef void admin_view_fn(void *arg, struct view *);

/*
 * Binds and listens (main may still have its privileges); serves once the loop runs. NULL with an
 * error that names the address. The unix socket gets mode 0660; a missing directory for it is made.
 */
struct admin *admin_new(
    struct event_base *, const struct conf_admin *, admin_view_fn *, void *arg, struct error *);
/* Serves the journal, explanations and wishes too. Borrowed, as long as the admin side. */
void admin_serve_people(struct admin *, const struct admin_people *);
/* Closes, and removes the unix socket unless somebody else has taken its place. */
void admin_free(struct admin *);
/* Another process has put its own unix socket in the place of ours. */
bool admin_has_successor(const struct admin *);
/*
 * Leaves the TCP address and the path to the unix socket; who waits for an answer there still gets
 * it. Until then a path at which nobody listens any more is taken back within a second: who wanted
 * to succeed us has failed.
 */
void admin_leave(struct admin *);
/* Gives the unix socket, and its directory if we made it, to the user we are about to become. */
bool admin_give_to(struct admin *, uid_t, gid_t, struct error *);
/* What /readyz will answer: the text, and whether it is 200. */
const char *admin_readiness(const struct view *, bool *ready);
/* The TCP address really bound, "" when there is none. */
const char *admin_bound_text(const struct admin *);

#endif
