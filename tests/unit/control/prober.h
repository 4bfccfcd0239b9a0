/*
 * One probe of one endpoint on a loop of its own.
 */
#ifndef TEST_CONTROL_PROBER_H
#define TEST_CONTROL_PROBER_H

#include "control/probe.h"
#include "control/site.h"
#include "steer/endpoint.h"
#include "world.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"

struct prober {
	struct loop *loop;
	struct topology *topology;
	struct sites *sites;
	struct site *site;
	struct endpoint endpoint;
	struct probe probe;
	struct probe_result result;
	unsigned results;
};

struct world prober_world(const struct conf_health_check *);
/* The first region's first endpoint on this port of 127.0.0.1. */
struct prober *prober_new(uint16_t port, const struct world *);
void prober_free(struct prober *); /* and checks that nothing is held */
/* Runs a probe to its result, which must not come early. */
const struct probe_result *prober_once(struct prober *);

#endif
