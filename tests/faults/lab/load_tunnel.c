/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes through tunnels that stay open (WebSocket after its upgrade or by HTTP/2, or a TCP
 * service's connections), in turn over all of them. A tunnel that ends is opened anew, as clients
 * do; a job whose method is GET or DIAL opens one of its own, sends its note, and closes it.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "load_stream.h"
#include "msg.h"
#include "note.h"
#include "tool.h"

struct tunnel {
	struct load *load;
	struct bufferevent *bev;
	bool connected, open;
	bool single; /* of one job */
	bool listed; /* counts as one that is being opened to begin with */
	struct msg head;
	struct note in;
	char id[LAB_ID_MAX + 1];
	char origin[LAB_ID_MAX + 1]; /* "": not known yet */
	int64_t since_us;
	TAILQ_HEAD(, job) jobs; /* asked, not answered, by job.waits */
	TAILQ_ENTRY(tunnel) next;
};

struct tunnels {
	TAILQ_HEAD(, tunnel) all;  /* but the single ones; who was used is last */
	TAILQ_HEAD(, job) waiting; /* for one to be open */
	struct event *again;
	unsigned opening, missing, made;
};

static void tunnel_new(struct load *, struct job *single);
static void send_note(struct load *, struct job *);

static bool
framed(const struct load *l)
{
	return l->wire == &wire_websocket || l->wire == &wire_streams;
}

static bool
opens_one(const struct job *job)
{
	return strcmp(job->kind->method, "GET") == 0 || strcmp(job->kind->method, "DIAL") == 0;
}

static void
finish(struct tunnel *t, struct job *job, int status, const char *verdict)
{
	TAILQ_REMOVE(&t->jobs, job, waits);
	job->on = NULL;
	job_done(t->load, job, status, t->origin, verdict);
}

static void
tunnel_free(struct tunnel *t)
{
	struct tunnels *h = t->load->wire_data;

	if (t->listed)
		h->opening--;
	if (!t->single)
		TAILQ_REMOVE(&h->all, t, next);
	if (t->load->wire == &wire_streams)
		tunnel_stream_end(t->bev);
	bufferevent_free(t->bev);
	free(t);
}

/* Who fails to open one does not try again as fast as it can. */
static void
open_another(struct load *l, bool at_once)
{
	const struct timeval soon = { 0, 20000 };
	struct tunnels *h = l->wire_data;

	if (at_once) {
		tunnel_new(l, NULL);
		return;
	}
	h->missing++;
	if (!event_pending(h->again, EV_TIMEOUT, NULL))
		event_add(h->again, &soon);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;
	struct tunnels *h = l->wire_data;

	(void)fd, (void)what;
	for (; h->missing > 0; h->missing--)
		tunnel_new(l, NULL);
}

/* It has ended, and with it all that waits there for an answer. */
static void
tunnel_lost(struct tunnel *t, int status, const char *why)
{
	struct load *l = t->load;
	bool single = t->single, open = t->open;
	struct job *job;

	while ((job = TAILQ_FIRST(&t->jobs)) != NULL)
		finish(t, job, status, why);
	if (!single && open)
		tunnel_done(t->id, t->since_us, t->origin, why);
	tunnel_free(t);
	if (!single)
		open_another(l, open);
}

static void
ask(struct tunnel *t, struct job *job)
{
	note_ask(bufferevent_get_output(t->bev), framed(t->load), job->id, job->kind->body_bytes,
	    job->kind->answer_bytes);
}

static void
is_open(struct tunnel *t)
{
	struct load *l = t->load;
	struct tunnels *h = l->wire_data;
	struct job *job;

	t->open = true;
	t->since_us = tool_now_us();
	if (t->listed) {
		t->listed = false;
		h->opening--;
	}
	if (t->single) {
		ask(t, TAILQ_FIRST(&t->jobs));
		return;
	}
	while ((job = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, job, waits);
		send_note(l, job);
	}
}

/* Returns whether the tunnel still is there. */
static bool
take_answer(struct tunnel *t)
{
	struct job *job = TAILQ_FIRST(&t->jobs);
	bool single = t->single, good;

	if (job == NULL) {
		t->load->stray++;
		tunnel_lost(t, 0, "garbage");
		return false;
	}
	if (*t->in.origin != '\0')
		memcpy(t->origin, t->in.origin, sizeof t->origin);
	good = strcmp(t->in.id, job->id) == 0 && t->in.body.good &&
	    t->in.body.bytes == job->kind->answer_bytes;
	note_begin(&t->in, framed(t->load));
	finish(t, job, 0, good ? "ok" : "wrong");
	if (single)
		tunnel_free(t);
	return !single;
}

/* Returns whether it is open now. */
static bool
read_head(struct tunnel *t)
{
	switch (msg_read(&t->head, bufferevent_get_input(t->bev))) {
	case MSG_DONE:
		break;
	case MSG_BAD:
		tunnel_lost(t, 0, "garbage");
		return false;
	default:
		return false;
	}
	if (t->head.status != 101) {
		tunnel_lost(t, t->head.status, "status");
		return false;
	}
	memcpy(t->origin, t->head.origin, sizeof t->origin);
	is_open(t);
	return true;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct tunnel *t = arg;

	if (!t->open && !read_head(t))
		return;
	for (;;) {
		switch (note_read(&t->in, bufferevent_get_input(bev))) {
		case NOTE_DONE:
			if (!take_answer(t))
				return;
			break;
		case NOTE_BAD:
			tunnel_lost(t, 0, "garbage");
			return;
		default:
			return;
		}
	}
}

static void
ask_to_upgrade(struct tunnel *t)
{
	evbuffer_add_printf(bufferevent_get_output(t->bev),
	    "GET / HTTP/1.1\r\nHost: %s\r\nX-Id: %s\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    t->load->host, t->id);
	msg_begin(&t->head, true, t->id);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct tunnel *t = arg;
	int error = errno;
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		t->connected = true;
		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (framed(t->load))
			ask_to_upgrade(t);
		else
			is_open(t);
		return;
	}
	tunnel_lost(t, 0,
	    !t->connected                                        ? "refused"
		: t->in.state == NOTE_BODY                       ? "cut"
		: !(what & BEV_EVENT_EOF) && error == ECONNRESET ? "reset"
								 : "closed");
}

static void
tunnel_new(struct load *l, struct job *single)
{
	struct tunnels *h = l->wire_data;
	struct tunnel *t = calloc(1, sizeof *t);

	if (t == NULL)
		abort();
	t->load = l;
	TAILQ_INIT(&t->jobs);
	note_begin(&t->in, framed(l));
	snprintf(t->id, sizeof t->id, "tunnel-%u", h->made++);
	if (single != NULL) {
		t->single = true;
		snprintf(t->id, sizeof t->id, "%s", single->id);
		single->on = t;
		TAILQ_INSERT_TAIL(&t->jobs, single, waits);
	} else {
		TAILQ_INSERT_HEAD(&h->all, t, next);
	}
	t->bev = l->wire == &wire_streams ? tunnel_stream_new(l, t->id) : wire_stream(l);
	bufferevent_setcb(t->bev, on_read, NULL, on_event, t);
	bufferevent_enable(t->bev, EV_READ | EV_WRITE);
	if (l->wire == &wire_streams) {
		t->connected = true;
		msg_begin(&t->head, true, t->id);
		return;
	}
	/* A failure is told by on_event() too, later: callbacks are deferred. */
	bufferevent_socket_connect(t->bev, (struct sockaddr *)&l->to, sizeof l->to);
}

/* ---- the wire ---- */

static void
tunnels_begin(struct load *l, unsigned count)
{
	struct tunnels *h = calloc(1, sizeof *h);

	if (h == NULL)
		abort();
	TAILQ_INIT(&h->all);
	TAILQ_INIT(&h->waiting);
	l->wire_data = h;
	h->again = event_new(l->base, -1, 0, on_again, l);
	if (h->again == NULL)
		abort();
	for (unsigned i = 0; i < count; i++) {
		tunnel_new(l, NULL);
		TAILQ_FIRST(&h->all)->listed = true;
		h->opening++;
	}
}

static unsigned
tunnels_opening(const struct load *l)
{
	return ((const struct tunnels *)l->wire_data)->opening;
}

static void
send_note(struct load *l, struct job *job)
{
	struct tunnels *h = l->wire_data;
	struct tunnel *t;

	TAILQ_FOREACH(t, &h->all, next)
	if (t->open)
		break;
	if (t == NULL) {
		TAILQ_INSERT_TAIL(&h->waiting, job, waits);
		return;
	}
	TAILQ_REMOVE(&h->all, t, next);
	TAILQ_INSERT_TAIL(&h->all, t, next);
	job->on = t;
	TAILQ_INSERT_TAIL(&t->jobs, job, waits);
	ask(t, job);
}

static void
tunnels_send(struct load *l, struct job *job)
{
	if (opens_one(job))
		tunnel_new(l, job);
	else
		send_note(l, job);
}

/* Who has waited for so long does not stay. */
static void
tunnels_drop(struct load *l, struct job *job)
{
	struct tunnels *h = l->wire_data;
	struct tunnel *t = job->on;

	if (t == NULL) {
		TAILQ_REMOVE(&h->waiting, job, waits);
		return;
	}
	TAILQ_REMOVE(&t->jobs, job, waits);
	job->on = NULL;
	tunnel_lost(t, 0, "given_up");
}

static void
tunnels_close(struct load *l)
{
	struct tunnels *h = l->wire_data;
	struct tunnel *t;

	TAILQ_FOREACH(t, &h->all, next)
	if (t->open)
		tunnel_done(t->id, t->since_us, t->origin, "open");
}

const struct wire wire_websocket = {
	.name = "ws",
	.alpn = "\x08http/1.1",
	.open = tunnels_begin,
	.opening = tunnels_opening,
	.send = tunnels_send,
	.drop = tunnels_drop,
	.close = tunnels_close,
};

const struct wire wire_streams = {
	.name = "ws2",
	.alpn = "\x02h2",
	.open = tunnels_begin,
	.opening = tunnels_opening,
	.send = tunnels_send,
	.drop = tunnels_drop,
	.close = tunnels_close,
};

const struct wire wire_tcp = {
	.name = "tcp",
	.open = tunnels_begin,
	.opening = tunnels_opening,
	.send = tunnels_send,
	.drop = tunnels_drop,
	.close = tunnels_close,
};
