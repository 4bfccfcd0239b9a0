/*
 * Listening sockets: for each bind address one socket per worker (SO_REUSEPORT), kept open
 * across reloads that keep the address.
 *
 * main opens them (it has the privileges); a worker accepts on its own one and closes that one
 * itself when a table no longer names the listener. Counted (atomic): each set holds a reference
 * on its listeners, each worker one while it accepts.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/topology.h"

struct listener {
	char *text; /* identity: the bind address as text */
	atomic_uint refs;
	atomic_uint connections; /* open now, all workers: one global number for the limit */
	unsigned workers;
	uint32_t backlog; /* as configured */
	struct conf_address *elsewhere; /* where a unix socket will be; NULL: all is in place */
	atomic_bool arrived;
	atomic_int fds[]; /* by worker; -1: closed. Written by its worker once it has been handed over */
};

struct listener_set {
	unsigned count;
	struct listener **listeners; /* parallel to topology.listeners */
	atomic_uint refs;
};

/*
 * Opens what old (or NULL) does not have; on an error everything newly opened is closed again
 * and NULL returned. One reference. Main thread.
 */
struct listener_set *listener_set_open(const struct topology *, const struct listener_set *old,
    unsigned workers, struct error *);
/* Do connections come to all its sockets? Beside another process they come once workers accept. */
bool listener_set_listens(const struct listener_set *);
void listener_set_ref(struct listener_set *);
void listener_set_unref(struct listener_set *);

/* Connections may come to this worker's socket from now on. Logs what prevents it. */
void listener_listen(struct listener *, unsigned worker);
/* The same for one that was made to listen no more, from outside (ss -K). */
void listener_listen_again(struct listener *, unsigned worker);
/* Main, before there are workers: unix sockets are put in place now. False with an error. */
bool listener_set_arrive(const struct listener_set *, struct error *);
void listener_ref(struct listener *);
void listener_unref(struct listener *); /* the last one closes what is still open */
/* The address a socket really got (port 0 in the configuration), as text. */
char *listener_bound_text(const struct listener *, char *buf, size_t size);

#endif
