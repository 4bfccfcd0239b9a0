/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2, and gRPC's calls by it: many requests on each connection, the least busy one is next.
 * What the proxy has refused or not begun before it went away (REFUSED_STREAM, beyond GOAWAY's last
 * id) is sent again, as every client does: nothing was done about it (RFC 9113, 8.7).
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "load.h"

enum { STREAMS_MAX = 100 };

struct link {
	struct load *load;
	struct bufferevent *bev;
	nghttp2_session *session;
	bool up;
	bool leaving; /* GOAWAY has come: nothing new on it */
	unsigned count;
	LIST_HEAD(, stream) streams;
	TAILQ_ENTRY(link) next;
};

struct stream {
	struct link *link;
	struct job *job; /* NULL: over, but not closed yet */
	int32_t id;
	int status;
	int grpc_status; /* -1: none has come */
	bool begun, ended;
	char origin[LAB_ID_MAX + 1];
	struct grpc_in in;
	struct grpc_out out;
	uint64_t sent; /* of out */
	LIST_ENTRY(stream) next;
};

struct again {
	struct job *job;
	TAILQ_ENTRY(again) next;
};

struct h2 {
	TAILQ_HEAD(, link) links;
	TAILQ_HEAD(, again) again; /* jobs to be sent again, not from inside the library */
	unsigned opening;
};

static void h2_send(struct load *, struct job *);

static void
stream_free(struct stream *s)
{
	LIST_REMOVE(s, next);
	s->link->count--;
	if (s->job != NULL)
		s->job->on = NULL;
	free(s);
}

static void
finish(struct stream *s, const char *verdict)
{
	struct job *job = s->job;

	if (job == NULL)
		return;
	s->job = NULL;
	job->on = NULL;
	job_done(s->link->load, job, s->status, s->origin, verdict);
}

static void
flush(struct link *c)
{
	const uint8_t *data;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &data)) > 0)
		bufferevent_write(c->bev, data, (size_t)n);
}

/* Its streams are over by now. */
static void
link_free(struct link *c)
{
	struct h2 *h = c->load->wire_data;

	if (!c->up)
		h->opening--;
	TAILQ_REMOVE(&h->links, c, next);
	nghttp2_session_del(c->session);
	bufferevent_free(c->bev);
	free(c);
}

static void
link_lost(struct link *c, const char *why)
{
	struct stream *s;

	if (LIST_EMPTY(&c->streams) && !c->leaving)
		c->load->closed_idle++;
	c->leaving = true;
	while ((s = LIST_FIRST(&c->streams)) != NULL) {
		finish(s, s->begun ? "cut" : why);
		stream_free(s);
	}
	link_free(c);
}

/* ---- what the session tells ---- */

static struct stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct stream *s = stream_of(session, frame->hd.stream_id);

	if (s == NULL)
		return 0;
	s->begun = true;
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		s->status = (int)strtol((const char *)value, NULL, 10);
	else if (name_len == 8 && memcmp(name, "x-origin", 8) == 0)
		snprintf(s->origin, sizeof s->origin, "%.*s", (int)value_len, (const char *)value);
	else if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
		s->grpc_status = (int)strtol((const char *)value, NULL, 10);
	return 0;
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct stream *s = stream_of(session, id);

	if (s != NULL)
		grpc_in_read(&s->in, (const char *)data, len);
	return 0;
}

/* Of a call its own status counts, and without one it is not whole. */
static const char *
verdict(struct stream *s)
{
	if (s->in.bare || s->status != 200 || s->grpc_status == 0)
		return wire_verdict(s->job, s->status, &s->in.body);
	if (s->grpc_status < 0)
		return "cut";
	s->status = s->grpc_status;
	return "status";
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct link *c = arg;
	struct stream *s;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->leaving = true;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = stream_of(session, frame->hd.stream_id);
	if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
		s->ended = true;
		if (s->job != NULL)
			finish(s, verdict(s));
	}
	return 0;
}

static void
keep(struct h2 *h, struct job *job)
{
	struct again *a = calloc(1, sizeof *a);

	if (a == NULL)
		abort();
	a->job = job;
	job->on = NULL;
	TAILQ_INSERT_TAIL(&h->again, a, next);
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct stream *s = stream_of(session, id);
	struct link *c = arg;
	struct job *job;

	if (s == NULL)
		return 0;
	job = s->job;
	if (error == NGHTTP2_REFUSED_STREAM && job != NULL && !s->begun) {
		s->job = NULL;
		stream_free(s);
		keep(c->load->wire_data, job);
		return 0;
	}
	finish(s, s->begun ? "cut" : "reset");
	stream_free(s);
	return 0;
}

static ssize_t
read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t len, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	uint64_t size = s->job != NULL ? grpc_out_length(&s->out, 1) : 0;
	size_t n = size > s->sent ? (size_t)(size - s->sent) : 0;

	if (n > len)
		n = len;
	grpc_out_fill(&s->out, s->sent, (char *)to, n);
	s->sent += n;
	if (s->sent >= size)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* ---- what the socket tells ---- */

static void
send_again(struct load *l)
{
	struct h2 *h = l->wire_data;
	struct again *a;

	while ((a = TAILQ_FIRST(&h->again)) != NULL) {
		TAILQ_REMOVE(&h->again, a, next);
		h2_send(l, a->job);
		free(a);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct link *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	ssize_t n = nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, -1), len);

	if (n < 0) {
		link_lost(c, "garbage");
		return;
	}
	evbuffer_drain(in, (size_t)n);
	send_again(c->load);
	flush(c);
	if (c->leaving && LIST_EMPTY(&c->streams))
		link_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct link *c = arg;
	int error = errno;
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		c->up = true;
		((struct h2 *)c->load->wire_data)->opening--;
		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		return;
	}
	link_lost(c, !c->up ? "refused" : error == ECONNRESET ? "reset" : "closed");
}

static struct link *
link_new(struct load *l)
{
	struct h2 *h = l->wire_data;
	struct link *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	c->load = l;
	c->bev = wire_stream(l);
	c->session =
	    wire_session(&(struct wire_calls){ on_header, on_data, on_frame, on_close }, c);
	LIST_INIT(&c->streams);
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	h->opening++;
	TAILQ_INSERT_TAIL(&h->links, c, next);
	bufferevent_socket_connect(c->bev, (struct sockaddr *)&l->to, sizeof l->to);
	flush(c);
	return c;
}

/* ---- the wire ---- */

static void
h2_open(struct load *l, unsigned count)
{
	struct h2 *h = calloc(1, sizeof *h);

	if (h == NULL)
		abort();
	TAILQ_INIT(&h->links);
	TAILQ_INIT(&h->again);
	l->wire_data = h;
	for (unsigned i = 0; i < count; i++)
		link_new(l);
}

static unsigned
h2_opening(const struct load *l)
{
	return ((const struct h2 *)l->wire_data)->opening;
}

static struct link *
least_busy(struct load *l)
{
	struct h2 *h = l->wire_data;
	struct link *c, *best = NULL;

	TAILQ_FOREACH(c, &h->links, next)
	if (!c->leaving && c->count < STREAMS_MAX && (best == NULL || c->count < best->count))
		best = c;
	return best != NULL ? best : link_new(l);
}

static nghttp2_nv
field(const char *name, const char *value)
{
	/* The library copies both, unless told otherwise. */
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static struct stream *
stream_new(struct load *l, struct job *job)
{
	struct stream *s = calloc(1, sizeof *s);
	bool grpc = l->wire == &wire_grpc;

	if (s == NULL)
		abort();
	s->link = least_busy(l);
	s->job = job;
	job->on = s;
	s->grpc_status = -1;
	s->in.bare = s->out.bare = !grpc;
	s->out.bytes = job->kind->body_bytes;
	s->out.messages = 1;
	pattern_begin(&s->in.body, job->id);
	pattern_begin(&s->out.body, job->id);
	LIST_INSERT_HEAD(&s->link->streams, s, next);
	s->link->count++;
	return s;
}

static void
h2_send(struct load *l, struct job *job)
{
	struct stream *s = stream_new(l, job);
	char length[16];
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_body };
	bool has_body = grpc_out_length(&s->out, 1) > 0;
	nghttp2_nv fields[8];
	size_t n = 0;

	snprintf(length, sizeof length, "%u", job->kind->body_bytes);
	fields[n++] = field(":method", job->kind->method);
	fields[n++] = field(":scheme", l->tls != NULL ? "https" : "http");
	fields[n++] = field(":authority", l->host);
	fields[n++] = field(":path", job->kind->target);
	fields[n++] = field("x-id", job->id);
	if (l->wire == &wire_grpc) {
		fields[n++] = field("content-type", "application/grpc");
		fields[n++] = field("te", "trailers");
	} else if (has_body) {
		fields[n++] = field("content-length", length);
	}
	s->id =
	    nghttp2_submit_request(s->link->session, NULL, fields, n, has_body ? &body : NULL, s);
	if (s->id < 0)
		abort();
	flush(s->link);
}

static void
h2_drop(struct load *l, struct job *job)
{
	struct stream *s = job->on;

	s->job = NULL;
	job->on = NULL;
	nghttp2_submit_rst_stream(s->link->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	flush(s->link);
}

const struct wire wire_h2 = {
	.name = "h2",
	.alpn = "\x02h2",
	.open = h2_open,
	.opening = h2_opening,
	.send = h2_send,
	.drop = h2_drop,
};

const struct wire wire_grpc = {
	.name = "grpc",
	.alpn = "\x02h2",
	.open = h2_open,
	.opening = h2_opening,
	.send = h2_send,
	.drop = h2_drop,
};
