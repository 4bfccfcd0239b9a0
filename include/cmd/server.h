/*
 * The parts of a running proxy, put together: listeners, workers, controller, access log, rings.
 *
 * Main thread only. Starting has two halves, so that privileges can be dropped between them:
 * server_new() opens what needs them, server_start() starts the threads that read strangers' bytes.
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct admin_people;
struct event_base;
struct server;
struct topology;
struct view;

/* Takes a reference of the topology. NULL with an error when something cannot be opened. */
struct server *server_new(struct topology *, struct error *);
/* Gives what was opened and must be reopened later to the user we are about to become. */
bool server_give_to(struct server *, uid_t, gid_t, struct error *);
/*
 * On main's loop the server keeps what must survive a restart; it goes away after the server.
 * beside: another process serves until we are ready.
 */
bool server_start(struct server *, struct event_base *, bool beside, struct error *);
/*
 * Another topology instead; on an error nothing has changed. What only a restart can change is
 * warned about. Takes a reference.
 */
bool server_apply(struct server *, struct topology *, struct error *);
void server_reopen_logs(struct server *);
/* From now on what is kept on disk is a successor's to write. */
void server_leave_disk(struct server *);

/* The first routing table was published, and all listeners listen. */
bool server_is_ready(const struct server *);
/* No new connections; idle ones are closed, answers say Connection: close. */
void server_drain(struct server *);
/* Ends all tunnels, gently. */
void server_end_tunnels(struct server *);
/* After server_drain(): the last client has gone. */
bool server_is_idle(const struct server *);
/* Requests, the tunnels among them, and client connections open now. */
unsigned server_requests(const struct server *);
unsigned server_tunnels(const struct server *);
unsigned server_clients(const struct server *);
/* Ends all threads, whatever is in flight, and frees everything. */
void server_free(struct server *);

/* What the admin side serves people with; as long as the server. */
const struct admin_people *server_people(const struct server *);
/* Answers whoever still waits for control; before the admin side goes away. */
void server_stop_asking(struct server *);

struct topology *server_topology(const struct server *);
unsigned server_workers(const struct server *);
/* The address listener i was really bound to. */
const char *server_bound_text(const struct server *, unsigned i, char *buf, size_t size);
/* Fills what the server knows of a view; main adds the process. Borrowed until the next call. */
void server_view(struct server *, struct view *);

#endif
