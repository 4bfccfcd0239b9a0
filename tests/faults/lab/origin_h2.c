/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2, and gRPC on it: a request whose content type says so is answered in messages and with a
 * status in trailers. In clear text by prior knowledge.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "grpc.h"
#include "origin.h"

struct h2_link {
	struct bufferevent *bev;
	nghttp2_session *session;
	bool shut;   /* it grants no window */
	bool leaves; /* GOAWAY is sent: it ends with its last stream */
	bool resets; /* when all is written, by RST */
	bool over;   /* now, whatever is left */
	bool in_turn;
	LIST_HEAD(, h2_stream) streams;
	LIST_ENTRY(h2_link) next;
};

struct h2_stream {
	struct asker asker;
	struct h2_link *c;
	struct work *work; /* what it waits for */
	int32_t id;
	char method[16];
	char target[256];
	char request_id[LAB_ID_MAX + 1];
	bool grpc;
	bool health; /* a gRPC health check */
	bool left_out;
	struct grpc_in in;

	struct grpc_out out;
	uint64_t sent, most; /* of the wire's bytes; most: beyond it there are none */
	unsigned let;        /* messages that may be sent by now */
	enum deed deed;      /* what happens at most */
	struct timeval gap;
	struct event *next_piece;
	LIST_ENTRY(h2_stream) next;
};

static LIST_HEAD(, h2_link) links = LIST_HEAD_INITIALIZER(links);

/* SERVING, as grpc.health.v1 has it (the field status, 1). */
static const char serving[] = { 0, 0, 0, 0, 2, 0x08, 0x01 };

static void
stream_free(struct h2_stream *s)
{
	if (s->work != NULL)
		s->work->asker = NULL;
	if (s->next_piece != NULL)
		event_free(s->next_piece);
	LIST_REMOVE(s, next);
	free(s);
}

static void
link_free(struct h2_link *c, bool reset)
{
	struct h2_stream *s;

	while ((s = LIST_FIRST(&c->streams)) != NULL)
		stream_free(s);
	LIST_REMOVE(c, next);
	nghttp2_session_del(c->session);
	origin_end(c->bev, reset);
	free(c);
}

/* Sends what there is; the link may be gone afterwards. Not from within the session. */
static void
flush(struct h2_link *c)
{
	const uint8_t *data;
	ssize_t n = 0;

	if (c->in_turn)
		return;
	while (!c->over && (n = nghttp2_session_mem_send(c->session, &data)) > 0)
		bufferevent_write(c->bev, data, (size_t)n);
	if (n < 0 || c->over)
		link_free(c, c->resets);
	else if ((c->resets || (c->leaves && LIST_EMPTY(&c->streams))) &&
	    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		link_free(c, c->resets);
}

/* ---- answers ---- */

static nghttp2_nv
field(const char *name, const char *value)
{
	/* The library copies both, unless told otherwise. */
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static ssize_t
read_answer(nghttp2_session *session, int32_t id, uint8_t *to, size_t len, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	uint64_t end = grpc_out_length(&s->out, s->let);
	nghttp2_nv status = field("grpc-status", "0");
	size_t n;

	if (end > s->most)
		end = s->most;
	n = end - s->sent < len ? (size_t)(end - s->sent) : len;
	if (s->health)
		memcpy(to, serving + s->sent, n);
	else
		grpc_out_fill(&s->out, s->sent, (char *)to, n);
	s->sent += n;
	if (s->sent < s->most || s->deed == DEED_STALL)
		return n > 0 ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
	if (s->deed == DEED_CUT || s->deed == DEED_CUT_RESET) {
		if (n > 0)
			return (ssize_t)n;
		if (s->deed == DEED_CUT) /* RST_STREAM(INTERNAL_ERROR) */
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		s->c->resets = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->grpc) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, id, &status, 1);
	}
	return (ssize_t)n;
}

static void
on_next_piece(evutil_socket_t fd, short what, void *arg)
{
	struct h2_stream *s = arg;

	(void)fd, (void)what;
	if (++s->let < s->out.messages)
		event_add(s->next_piece, &s->gap);
	nghttp2_session_resume_data(s->c->session, s->id);
	flush(s->c);
}

static void
send_pieces(struct h2_stream *s, const struct work *w)
{
	s->let = s->out.messages;
	if (w->gap_ms == 0 || w->pieces <= 1)
		return;
	s->let = 1;
	s->gap = (struct timeval){ w->gap_ms / 1000, w->gap_ms % 1000 * 1000 };
	s->next_piece = event_new(origin.base, -1, 0, on_next_piece, s);
	if (s->next_piece == NULL || event_add(s->next_piece, &s->gap) != 0)
		abort();
}

static void
send_answer(struct h2_stream *s, const struct work *w, enum deed deed)
{
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_answer };
	nghttp2_nv fields[] = { field(":status", "200"), field("x-origin", origin.name),
		field("content-type", s->grpc ? "application/grpc" : "text/plain") };

	s->deed = deed;
	s->out =
	    (struct grpc_out){ .bytes = w->answer_bytes, .messages = w->pieces, .bare = !s->grpc };
	if (s->health)
		s->out = (struct grpc_out){ .bytes = 2, .messages = 1 };
	pattern_begin(&s->out.body, w->id);
	s->most = grpc_out_length(&s->out, s->out.messages);
	if (deed == DEED_CUT || deed == DEED_CUT_RESET || deed == DEED_STALL)
		s->most /= 2;
	send_pieces(s, w);
	nghttp2_submit_response(s->c->session, s->id, fields, 3, &body);
}

/* A call that ends before its first message has its status in the head. */
static void
send_status(struct h2_stream *s, unsigned status)
{
	char code[16];
	nghttp2_nv fields[4];
	size_t n = 0;

	snprintf(code, sizeof code, "%u", status);
	fields[n++] = field(":status", s->grpc ? "200" : code);
	fields[n++] = field("x-origin", origin.name);
	if (s->grpc) {
		fields[n++] = field("content-type", "application/grpc");
		fields[n++] = field("grpc-status", code);
	}
	nghttp2_submit_response(s->c->session, s->id, fields, n, NULL);
}

/* Once: the last id that is named may not grow (RFC 9113, 6.8), and two may be sent in one turn. */
static void
leave(struct h2_link *c, int32_t last)
{
	if (!c->leaves)
		nghttp2_submit_goaway(
		    c->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
	c->leaves = true;
}

static void
answer(struct asker *asker, const struct work *w, enum deed deed, unsigned arg)
{
	static const char garbage[] = "SSH-2.0-OpenSSH_9.2 is what you asked for?\r\n\r\n";
	struct h2_stream *s = (struct h2_stream *)asker;
	struct h2_link *c = s->c;

	s->work = NULL;
	switch ((int)deed) {
	case DEED_STATUS:
		send_status(s, arg);
		break;
	case DEED_HANG:
		break;
	case DEED_HALF:
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
		break;
	case DEED_CLOSE:
	case DEED_RESET:
		c->over = true;
		c->resets = deed == DEED_RESET;
		break;
	case DEED_STREAM_RESET:
		nghttp2_submit_rst_stream(
		    c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
		break;
	case DEED_GARBAGE:
		bufferevent_write(c->bev, garbage, sizeof garbage - 1);
		break;
	case DEED_BYE:
		leave(c, nghttp2_session_get_last_proc_stream_id(c->session));
		send_answer(s, w, DEED_OK);
		break;
	default:
		send_answer(s, w, deed);
	}
	flush(c);
}

/* ---- requests ---- */

static void
leave_out(struct h2_stream *s)
{
	struct h2_link *c = s->c;

	s->left_out = true;
	if (origin.traffic.deed == DEED_REFUSE) {
		nghttp2_submit_rst_stream(
		    c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_REFUSED_STREAM);
		return;
	}
	leave(c, s->id > 2 ? s->id - 2 : 0);
}

/* Streams that are there already are given, or lose, as much as new ones (RFC 9113, 6.9.2). */
static void
set_window(struct h2_link *c, bool shut)
{
	nghttp2_settings_entry window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		shut ? 0 : NGHTTP2_INITIAL_WINDOW_SIZE };

	if (c->shut != shut)
		nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &window, 1);
	c->shut = shut;
}

/* Its head is complete. What is told of nowhere is left out before it is in the log. */
static void
take_head(struct h2_stream *s)
{
	struct behaviour *b = &origin.traffic;

	s->health = s->grpc && strcmp(s->target, "/grpc.health.v1.Health/Check") == 0;
	s->in.bare = !s->grpc;
	pattern_begin(&s->in.body, s->request_id);
	if (s->health || strncmp(s->target, "/healthz", 8) == 0)
		return;
	set_window(s->c, b->deed == DEED_SHUT && work_misbehaves(b));
	if ((b->deed == DEED_REFUSE || b->deed == DEED_GOAWAY) && work_misbehaves(b)) {
		leave_out(s);
		return;
	}
	origin_log("seen", s->method, *s->request_id != '\0' ? s->request_id : "-", "-");
}

static void
take_request(struct h2_stream *s)
{
	struct work *w;

	if (s->left_out)
		return;
	w = work_new(&s->asker, s->method, s->health ? "/healthz" : s->target, s->request_id);
	s->work = w;
	if (!w->health)
		origin_log("run", w->method, w->id, s->in.body.good ? "good" : "bad");
	work_begin(w);
}

static struct h2_stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int
on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		abort();
	s->asker.answer = answer;
	s->c = arg;
	s->id = frame->hd.stream_id;
	LIST_INSERT_HEAD(&s->c->streams, s, next);
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct h2_stream *s = stream_of(session, frame->hd.stream_id);
	const struct {
		const char *name;
		char *to;
		size_t size;
	} wanted[] = { { ":method", s->method, sizeof s->method },
		{ ":path", s->target, sizeof s->target },
		{ "x-id", s->request_id, sizeof s->request_id } };

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (strcmp((const char *)name, wanted[i].name) == 0)
			snprintf(wanted[i].to, wanted[i].size, "%s", (const char *)value);
	if (strcmp((const char *)name, "content-type") == 0)
		s->grpc = strncmp((const char *)value, "application/grpc", 16) == 0;
	return 0;
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct h2_stream *s = stream_of(session, id);

	if (s != NULL)
		grpc_in_read(&s->in, (const char *)data, len);
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = stream_of(session, frame->hd.stream_id);
	if (s == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		take_head(s);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		take_request(s);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct h2_stream *s = stream_of(session, id);

	if (s != NULL)
		stream_free(s);
	return 0;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct h2_link *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	ssize_t n;

	c->in_turn = true;
	n = nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, -1), len);
	c->in_turn = false;
	if (n < 0)
		c->over = true;
	else
		evbuffer_drain(in, (size_t)n);
	flush(c);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	flush(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		link_free(arg, false);
}

static nghttp2_session *
session_new(struct h2_link *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 }
	};
	nghttp2_session_callbacks *on;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&on) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(on, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(on, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(on, on_close);
	if (nghttp2_session_server_new(&session, on, c) != 0 ||
	    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1) != 0)
		abort();
	nghttp2_session_callbacks_del(on);
	return session;
}

static void
accept_link(int fd)
{
	struct h2_link *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	LIST_INIT(&c->streams);
	c->bev = origin_stream(fd);
	c->session = session_new(c);
	LIST_INSERT_HEAD(&links, c, next);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	flush(c);
}

static void
end_idle(bool reset)
{
	struct h2_link *c = LIST_FIRST(&links);

	while (c != NULL) {
		struct h2_link *next = LIST_NEXT(c, next);

		if (LIST_EMPTY(&c->streams) &&
		    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			link_free(c, reset);
		c = next;
	}
}

const struct tongue tongue_h2 = { .name = "h2", .accept = accept_link, .end_idle = end_idle };
