/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended CONNECTs (RFC 8441), many to a connection. Each stream's bytes go through a pair of
 * bufferevents, of which the tunnel holds one and the stream the other.
 */
#include "load_stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { STREAMS_WANTED = 5 };

struct link {
	struct load *load;
	struct bufferevent *bev;
	nghttp2_session *session;
	bool ready;   /* its SETTINGS have come */
	bool leaving; /* nothing new on it */
	unsigned count;
	LIST_HEAD(, stream) streams;
	LIST_ENTRY(link) next;
};

struct stream {
	struct link *link;
	struct bufferevent *pipe; /* the stream's end of it */
	int32_t id;               /* 0: not asked for yet */
	int status;
	char name[LAB_ID_MAX + 1];
	char origin[LAB_ID_MAX + 1];
	bool answered;
	bool ended; /* the tunnel has sent all it will */
	LIST_ENTRY(stream) next;
};

static LIST_HEAD(, link) links = LIST_HEAD_INITIALIZER(links);

static void
flush(struct link *c)
{
	const uint8_t *data;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &data)) > 0)
		bufferevent_write(c->bev, data, (size_t)n);
}

/* ---- a stream and its pipe ---- */

static void
stream_free(struct stream *s)
{
	LIST_REMOVE(s, next);
	s->link->count--;
	bufferevent_free(s->pipe);
	free(s);
}

/* The tunnel sees what it would see of a connection: an end, or a reset. */
static void
stream_ended(struct stream *s, bool well)
{
	struct bufferevent *tunnel = bufferevent_pair_get_partner(s->pipe);

	if (tunnel != NULL && well) {
		bufferevent_flush(s->pipe, EV_WRITE, BEV_FINISHED);
	} else if (tunnel != NULL) {
		errno = ECONNRESET;
		bufferevent_trigger_event(
		    tunnel, BEV_EVENT_ERROR | BEV_EVENT_READING, BEV_OPT_DEFER_CALLBACKS);
	}
}

static ssize_t
read_pipe(nghttp2_session *session, int32_t id, uint8_t *to, size_t len, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	int n = evbuffer_remove(bufferevent_get_input(s->pipe), to, len);

	if (n > 0)
		return n;
	if (!s->ended)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return 0;
}

static nghttp2_nv
field(const char *name, const char *value)
{
	/* The library copies both, unless told otherwise. */
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static void
ask(struct stream *s)
{
	struct load *l = s->link->load;
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_pipe };
	nghttp2_nv fields[] = { field(":method", "CONNECT"), field(":protocol", "websocket"),
		field(":scheme", l->tls != NULL ? "https" : "http"), field(":authority", l->host),
		field(":path", "/"), field("sec-websocket-version", "13"), field("x-id", s->name) };

	s->id = nghttp2_submit_request(
	    s->link->session, NULL, fields, sizeof fields / sizeof *fields, &body, s);
	if (s->id < 0)
		abort();
}

static void
on_pipe_read(struct bufferevent *pipe, void *arg)
{
	struct stream *s = arg;

	(void)pipe;
	if (s->id == 0)
		return;
	nghttp2_session_resume_data(s->link->session, s->id);
	flush(s->link);
}

static void
on_pipe_event(struct bufferevent *pipe, short what, void *arg)
{
	struct stream *s = arg;

	(void)what;
	s->ended = true;
	if (s->id == 0)
		stream_free(s);
	else
		on_pipe_read(pipe, s);
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
	if (name_len == 7 && memcmp(name, ":status", 7) == 0)
		s->status = (int)strtol((const char *)value, NULL, 10);
	else if (name_len == 8 && memcmp(name, "x-origin", 8) == 0)
		snprintf(s->origin, sizeof s->origin, "%.*s", (int)value_len, (const char *)value);
	return 0;
}

static void
take_head(struct stream *s)
{
	if (s->answered || s->status < 200)
		return;
	s->answered = true;
	if (s->status > 299)
		evbuffer_add_printf(bufferevent_get_output(s->pipe),
		    "HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n", s->status);
	else
		evbuffer_add_printf(bufferevent_get_output(s->pipe),
		    "HTTP/1.1 101 -\r\nX-Origin: %s\r\n\r\n", s->origin);
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct stream *s = stream_of(session, id);

	if (s != NULL && s->status < 300)
		bufferevent_write(s->pipe, data, len);
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct link *c = arg;
	struct stream *s;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->leaving = true;
	if (frame->hd.type == NGHTTP2_SETTINGS && !c->ready) {
		c->ready = true;
		LIST_FOREACH(s, &c->streams, next)
		ask(s);
	}
	s = frame->hd.stream_id > 0 ? stream_of(session, frame->hd.stream_id) : NULL;
	if (s != NULL && frame->hd.type == NGHTTP2_HEADERS)
		take_head(s);
	if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	    (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
		stream_ended(s, true);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct stream *s = stream_of(session, id);

	if (s == NULL)
		return 0;
	if (error != NGHTTP2_NO_ERROR)
		stream_ended(s, false);
	stream_free(s);
	return 0;
}

/* ---- connections ---- */

static void
link_free(struct link *c)
{
	LIST_REMOVE(c, next);
	nghttp2_session_del(c->session);
	bufferevent_free(c->bev);
	free(c);
}

static void
link_lost(struct link *c)
{
	struct stream *s;

	while ((s = LIST_FIRST(&c->streams)) != NULL) {
		stream_ended(s, false);
		stream_free(s);
	}
	link_free(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct link *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	ssize_t n = nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, -1), len);

	if (n < 0) {
		link_lost(c);
		return;
	}
	evbuffer_drain(in, (size_t)n);
	flush(c);
	if (c->leaving && LIST_EMPTY(&c->streams))
		link_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	int one = 1;

	if (what & BEV_EVENT_CONNECTED)
		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	else
		link_lost(arg);
}

static struct link *
link_new(struct load *l)
{
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
	LIST_INSERT_HEAD(&links, c, next);
	bufferevent_socket_connect(c->bev, (struct sockaddr *)&l->to, sizeof l->to);
	flush(c);
	return c;
}

static struct link *
link_with_room(struct load *l)
{
	struct link *c;

	LIST_FOREACH(c, &links, next)
	if (!c->leaving && c->count < STREAMS_WANTED)
		return c;
	return link_new(l);
}

struct bufferevent *
tunnel_stream_new(struct load *l, const char *id)
{
	struct stream *s = calloc(1, sizeof *s);
	struct bufferevent *ends[2];

	if (s == NULL || bufferevent_pair_new(l->base, BEV_OPT_DEFER_CALLBACKS, ends) != 0)
		abort();
	s->pipe = ends[1];
	s->link = link_with_room(l);
	s->link->count++;
	snprintf(s->name, sizeof s->name, "%s", id);
	LIST_INSERT_HEAD(&s->link->streams, s, next);
	bufferevent_setcb(s->pipe, on_pipe_read, NULL, on_pipe_event, s);
	bufferevent_enable(s->pipe, EV_READ | EV_WRITE);
	if (s->link->ready) {
		ask(s);
		flush(s->link);
	}
	return ends[0];
}

void
tunnel_stream_end(struct bufferevent *tunnel)
{
	bufferevent_flush(tunnel, EV_WRITE, BEV_FINISHED);
}
