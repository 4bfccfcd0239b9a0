/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dns_channel.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	TRIES = 2,
	EDNS_BYTES = 1232, /* fits every path unfragmented (DNS flag day 2020) */
};

/* One of the channel's sockets. */
struct watch {
	struct list node;
	struct dns_channel *channel;
	struct event event;
	ares_socket_t fd;
};

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	struct event timer; /* the next timeout */
	struct list watches;
	dns_channel_turned_fn *turned;
	void *arg;
};

/* After each call into c-ares: its next timeout may have moved. */
static void
arm(struct dns_channel *c)
{
	struct timeval tv;

	if (ares_timeout(c->ares, NULL, &tv) == NULL)
		event_del(&c->timer);
	else
		event_add(&c->timer, &tv);
}

static void
turn(struct dns_channel *c, ares_socket_t readable, ares_socket_t writable)
{
	ares_process_fd(c->ares, readable, writable);
	arm(c);
	c->turned(c->arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	turn(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	const struct watch *w = arg;

	turn(w->channel, (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
}

static struct watch *
find_watch(struct dns_channel *c, ares_socket_t fd)
{
	list_for (node, &c->watches) {
		struct watch *w = container_of(node, struct watch, node);

		if (w->fd == fd)
			return w;
	}
	return NULL;
}

static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *c = arg;
	struct watch *w = find_watch(c, fd);
	short events = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	if (w != NULL)
		event_del(&w->event);
	if (events == 0) {
		if (w != NULL)
			list_unlink(&w->node);
		mem_free(w);
		return;
	}
	if (w == NULL) {
		w = mem_new(sizeof *w);
		w->channel = c;
		w->fd = fd;
		list_append(&c->watches, &w->node);
	}
	/* Level-triggered: c-ares does not promise to read until nothing is left. */
	event_assign(&w->event, c->loop->base, fd, (short)(events | EV_PERSIST), on_socket, w);
	event_add(&w->event, NULL);
}

struct dns_channel *
dns_channel_open(struct loop *loop, const char *servers, uint32_t timeout_ms,
    dns_channel_turned_fn *turned, void *arg)
{
	static char lookups[] = "fb"; /* the hosts file, then DNS */
	struct dns_channel *c = mem_new(sizeof *c);
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS,
		.ednspsz = EDNS_BYTES,
		.timeout = (int)timeout_ms,
		.tries = TRIES,
		.lookups = lookups,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = c,
	};
	int status;

	c->loop = loop;
	c->turned = turned;
	c->arg = arg;
	list_init(&c->watches);
	evtimer_assign(&c->timer, loop->base, on_timer, c);
	status = ares_init_options(&c->ares, &options,
	    ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		log_error("cannot set up name resolution: %s", ares_strerror(status));
		mem_free(c);
		return NULL;
	}
	if (servers != NULL)
		status = ares_set_servers_ports_csv(c->ares, servers);
	if (status != ARES_SUCCESS)
		log_error("cannot use the DNS servers \"%s\", the system's are asked: %s", servers,
		    ares_strerror(status));
	return c;
}

void
dns_channel_close(struct dns_channel *c)
{
	if (c == NULL)
		return;
	ares_destroy(c->ares);
	event_del(&c->timer);
	mem_free(c);
}

void
dns_channel_ask(
    struct dns_channel *c, const char *name, int family, ares_addrinfo_callback answer, void *arg)
{
	const struct ares_addrinfo_hints hints = {
		.ai_flags = ARES_AI_NOSORT, /* sorting would open a socket for each address */
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
	};

	ares_getaddrinfo(c->ares, name, NULL, &hints, answer, arg);
	arm(c);
}
