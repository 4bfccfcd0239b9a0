/*
 * From start to end of a serving process: signals, readiness, reload, drain, exit.
 */
#ifndef CMD_LIFECYCLE_H
#define CMD_LIFECYCLE_H

#include <stdbool.h>

struct event_base;
struct server;
struct topology;

struct lifecycle_setup {
	struct topology *topology; /* one reference is taken over */
	const char *config_path;   /* read again on SIGHUP; NULL: there is no file */
	/*
	 * Called from the event loop when traffic is served, and once more before the loop goes
	 * away: what on_ready() has added to the base, on_end() takes back. NULL: nothing. on_end()
	 * comes only after on_ready().
	 */
	void (*on_ready)(void *arg, struct event_base *, const struct server *);
	void (*on_end)(void *arg);
	void *arg;
	bool take_over; /* serve beside who serves admin.socket now, and send it away once we are
			   ready */
	bool may_exec;  /* on_ready() has other programs started later on: no filter on system calls
			 */
};

/*
 * Serves until told to stop; returns an exit code. Signals: SIGHUP reload, SIGTERM and SIGQUIT
 * drain (the second one: end now), SIGINT end now, SIGUSR1 reopen logs.
 */
int lifecycle_run(const struct lifecycle_setup *);

#endif
