/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1: a connection carries one request at a time; the one idle for longest is next. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "msg.h"

struct wire_link {
	struct load *load;
	struct bufferevent *bev;
	struct msg in;
	struct job *job; /* NULL: idle */
	bool up;
	TAILQ_ENTRY(wire_link) next; /* in idle, while it has no job */
};

struct h1 {
	TAILQ_HEAD(, wire_link) idle; /* connecting ones too */
	unsigned opening;
	unsigned count, most;      /* a browser has its limit too, and so has this machine */
	TAILQ_HEAD(, job) waiting; /* for one of them to be free */
};

enum { MOST_TIMES = 10 }; /* as many as to begin with */

static void
link_free(struct wire_link *c)
{
	struct h1 *h = c->load->wire_data;

	if (!c->up)
		h->opening--;
	if (c->job == NULL)
		TAILQ_REMOVE(&h->idle, c, next);
	else
		c->job->on = NULL;
	bufferevent_free(c->bev);
	free(c);
	h->count--;
}

static void carry(struct load *, struct job *);

/* Something has become free. */
static void
carry_waiting(struct load *l)
{
	struct h1 *h = l->wire_data;
	struct job *job;

	while ((job = TAILQ_FIRST(&h->waiting)) != NULL &&
	    (!TAILQ_EMPTY(&h->idle) || h->count < h->most)) {
		TAILQ_REMOVE(&h->waiting, job, waits);
		carry(l, job);
	}
}

/* Its job is over one way or the other; the connection goes with it unless it is as new. */
static void
finish(struct wire_link *c, const char *verdict, bool reusable)
{
	struct load *l = c->load;
	struct h1 *h = l->wire_data;
	struct job *job = c->job;
	int status = c->in.status;
	char origin[sizeof c->in.origin];

	memcpy(origin, c->in.origin, sizeof origin);
	c->job = NULL;
	job->on = NULL;
	TAILQ_INSERT_TAIL(&h->idle, c, next);
	if (!reusable)
		link_free(c);
	job_done(l, job, status, origin, verdict);
	carry_waiting(l);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct wire_link *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (c->job == NULL) {
		c->load->stray++;
		link_free(c);
		return;
	}
	switch (msg_read(&c->in, in)) {
	case MSG_DONE:
		finish(c, wire_verdict(c->job, c->in.status, &c->in.body),
		    !c->in.closes && evbuffer_get_length(in) == 0);
		break;
	case MSG_BAD:
		finish(c, "garbage", false);
		break;
	default:
		break;
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct wire_link *c = arg;
	int error = errno;
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		c->up = true;
		((struct h1 *)c->load->wire_data)->opening--;
		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		return;
	}
	if (c->job == NULL) {
		c->load->closed_idle++;
		link_free(c);
	} else if (!c->up) {
		finish(c, "refused", false);
	} else if ((what & BEV_EVENT_EOF) && msg_closed(&c->in)) {
		finish(c, wire_verdict(c->job, c->in.status, &c->in.body), false);
	} else if (c->in.begun) {
		finish(c, "cut", false);
	} else {
		finish(c, error == ECONNRESET ? "reset" : "closed", false);
	}
}

static struct wire_link *
link_new(struct load *l)
{
	struct h1 *h = l->wire_data;
	struct wire_link *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	c->load = l;
	c->bev = wire_stream(l);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	h->opening++;
	h->count++;
	TAILQ_INSERT_TAIL(&h->idle, c, next);
	/* A failure is told by on_event() too, later: callbacks are deferred. */
	bufferevent_socket_connect(c->bev, (struct sockaddr *)&l->to, sizeof l->to);
	return c;
}

static void
h1_open(struct load *l, unsigned count)
{
	struct h1 *h = calloc(1, sizeof *h);

	if (h == NULL)
		abort();
	TAILQ_INIT(&h->idle);
	TAILQ_INIT(&h->waiting);
	h->most = MOST_TIMES * count;
	l->wire_data = h;
	for (unsigned i = 0; i < count; i++)
		link_new(l);
}

static unsigned
h1_opening(const struct load *l)
{
	return ((const struct h1 *)l->wire_data)->opening;
}

static void
carry(struct load *l, struct job *job)
{
	struct h1 *h = l->wire_data;
	struct wire_link *c = TAILQ_FIRST(&h->idle);
	struct evbuffer *out;

	if (c == NULL)
		c = link_new(l);
	TAILQ_REMOVE(&h->idle, c, next);
	c->job = job;
	job->on = c;
	msg_begin(&c->in, true, job->id);
	out = bufferevent_get_output(c->bev);
	evbuffer_add_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Id: %s\r\n", job->kind->method,
	    job->kind->target, l->host, job->id);
	if (job->kind->body_bytes > 0)
		evbuffer_add_printf(out, "Content-Length: %u\r\n", job->kind->body_bytes);
	evbuffer_add(out, "\r\n", 2);
	pattern_write(out, job->id, job->kind->body_bytes);
}

static void
h1_send(struct load *l, struct job *job)
{
	struct h1 *h = l->wire_data;

	if (TAILQ_EMPTY(&h->idle) && h->count >= h->most)
		TAILQ_INSERT_TAIL(&h->waiting, job, waits);
	else
		carry(l, job);
}

static void
h1_drop(struct load *l, struct job *job)
{
	struct h1 *h = l->wire_data;

	if (job->on == NULL) {
		TAILQ_REMOVE(&h->waiting, job, waits);
		return;
	}
	link_free(job->on);
	carry_waiting(l);
}

const struct wire wire_h1 = {
	.name = "h1",
	.alpn = "\x08http/1.1",
	.open = h1_open,
	.opening = h1_opening,
	.send = h1_send,
	.drop = h1_drop,
};
