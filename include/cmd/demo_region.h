/*
 * A region of the demo: a process that answers on a port of its own, and what becomes of it.
 */
#ifndef CMD_DEMO_REGION_H
#define CMD_DEMO_REGION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct event;

struct demo_region {
	const char *name;
	const char *provider;
	unsigned tier;
	unsigned weight;
	uint16_t port;        /* kept when it comes back */
	pid_t pid;            /* 0: it does not run */
	struct event *revive; /* demo.c's */
};

/* Starts its process; it ends with us, however we end. On the first start it gets a free port. */
bool demo_region_start(struct demo_region *, struct error *);
/* Looks, without waiting, whether it has died; if so, how: *status as from waitpid(). */
bool demo_region_reap(struct demo_region *, int *status);
void demo_region_stop(struct demo_region *);

/* A port nobody has on 127.0.0.1: wanted if it is free (0: any); 0 when wanted is taken. */
uint16_t demo_port(uint16_t wanted);

#endif
