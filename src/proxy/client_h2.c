// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_h2.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/stat.h"
#include "proxy/client_h2_parts.h"

enum {
	READS_PER_TURN = 4,
	WRITES_PER_TURN = 4,
	STREAMS_KEPT = 1024,
	FRAME_MAX = 9 + 16384,
	/* Of the frames that may wait: beyond this part of them, who reads none is not read either.
	 */
	QUEUE_PART = 5,
	MEMORY_STREAM = 4 * 1024, /* for each stream: its answer's head may wait for the client */
	GOODBYE_MS = 1000,        /* between its halves: longer than a round trip */
	LOOK_AFTER_MS = 100,      /* most answers have gone by then */
};

struct client_h2_shared *
client_h2_shared_new(void)
{
	struct client_h2_shared *s = mem_new(sizeof *s);

	s->in = mem_raw(LOOP_CHUNK);
	s->streams = slab_new(sizeof(struct h2_stream), STREAMS_KEPT);
	s->callbacks = client_h2_callbacks();
	if (nghttp2_option_new(&s->option) != 0)
		abort();
	nghttp2_option_set_no_auto_window_update(s->option, 1);
	return s;
}

void
client_h2_shared_free(struct client_h2_shared *s)
{
	nghttp2_option_del(s->option);
	nghttp2_session_callbacks_del(s->callbacks);
	slab_free(s->streams);
	mem_free(s->in);
	mem_free(s);
}

/* ---- the end ---- */

/* Everything but the connection itself. */
static void
let_go(struct client_h2 *c)
{
	struct slab *large = client_h2_loop(c)->large;

	while (!list_empty(&c->streams)) {
		struct h2_stream *s = container_of(c->streams.next, struct h2_stream, node);

		s->closed = true;
		h2_stream_bury(s);
	}
	while (!list_empty(&c->dead)) {
		struct h2_stream *s = container_of(c->dead.next, struct h2_stream, node);

		h2_stream_lose(s, FAULT_CLIENT_LEFT);
		h2_stream_free(s);
	}
	nghttp2_session_del(c->session);
	timer_stop(&c->age);
	timer_stop(&c->look);
	worker_undefer(&c->flush);
	slab_give(large, c->building);
	slab_give(large, c->out);
	c->session = NULL;
	c->building = NULL;
	c->out = NULL;
}

static void
end(struct client_h2 *c)
{
	let_go(c);
	client_free(&c->conn);
}

void
client_h2_terminate(struct client_h2 *c, uint32_t error, const char *why)
{
	static struct log_limit limit;

	if (c->read_over)
		return;
	c->read_over = true;
	if (error != NGHTTP2_NO_ERROR) {
		stat_add(&c->conn.worker->stats.h2_broken_off, 1);
		log_limited(&limit, LOG_LEVEL_INFO, "client %.*s: HTTP/2 connection closed: %s",
		    (int)c->conn.facts.ip_len, c->conn.facts.ip, why);
	}
	if (nghttp2_session_terminate_session(c->session, error) != 0)
		log_limited(&limit, LOG_LEVEL_WARN, "no memory to say goodbye");
	client_h2_flush_soon(c);
}

static void
on_age(void *arg)
{
	struct client_h2 *c = arg;
	int32_t last = nghttp2_session_get_last_proc_stream_id(c->session);

	if (!c->going) {
		client_h2_say_goodbye(c);
		return;
	}
	/* Nothing is read until it has left: what came in between would be served and disowned. */
	c->parting = true;
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
	client_h2_flush_soon(c);
}

void
client_h2_say_goodbye(struct client_h2 *c)
{
	if (c->going)
		return;
	c->going = true;
	nghttp2_submit_shutdown_notice(c->session);
	timer_start(client_h2_loop(c)->timers, &c->age, GOODBYE_MS, on_age, c);
	client_h2_flush_soon(c);
}

/* ---- frames out ---- */

size_t
client_h2_room(const struct client_h2 *c)
{
	return LOOP_CIPHER - c->out_len;
}

void
client_h2_put(struct client_h2 *c, const void *bytes, size_t len)
{
	if (c->out == NULL)
		c->out = slab_take(client_h2_loop(c)->large);
	assert(len <= client_h2_room(c));
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += (uint32_t)len;
}

void
client_h2_gather(struct client_h2 *c)
{
	if (c->inside || c->failed || !stream_is_drained(&c->conn.stream))
		return;
	c->inside = true;
	while (client_h2_room(c) >= FRAME_MAX) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(c->session, &frame);

		if (n < 0) { /* no memory inside its bound: nothing more can be said either */
			c->failed = true;
			client_h2_terminate(c, NGHTTP2_INTERNAL_ERROR, nghttp2_strerror((int)n));
		}
		if (n <= 0)
			break;
		client_h2_put(c, frame, (size_t)n);
	}
	c->inside = false;
	client_h2_flush_soon(c);
}

void
client_h2_flush_soon(struct client_h2 *c)
{
	worker_defer(c->conn.worker, &c->flush);
}

static void
write_gathered(struct client_h2 *c)
{
	if (c->out == NULL)
		return;
	if (c->out_len > 0)
		stream_write(&c->conn.stream, c->out, c->out_len);
	slab_give(client_h2_loop(c)->large, c->out);
	c->out = NULL;
	c->out_len = 0;
	client_watch_stall(&c->conn);
}

static void
bury(struct client_h2 *c)
{
	while (!list_empty(&c->dead)) {
		struct h2_stream *s = container_of(c->dead.next, struct h2_stream, node);

		h2_stream_lose(s, FAULT_CLIENT_LEFT);
		h2_stream_free(s);
	}
}

/* Whose bytes are all in frames hears of it. */
static void
tell_drained(struct client_h2 *c)
{
	list_for_safe (node, &c->blocked) {
		struct h2_stream *s = container_of(node, struct h2_stream, blocked);

		if (s->out.len > 0)
			continue;
		list_unlink(node);
		if (s->side.exchange != NULL)
			exchange_on_client_drained(s->side.exchange);
	}
}

static bool
is_over(const struct client_h2 *c)
{
	if (c->out_len > 0)
		return false;
	if (c->failed)
		return true;
	if (nghttp2_session_want_write(c->session) != 0)
		return false;
	return c->read_over || (c->finishing == 0 && nghttp2_session_want_read(c->session) == 0);
}

static void
flush(void *arg)
{
	struct client_h2 *c = arg;

	for (int writes = 0; writes < WRITES_PER_TURN; writes++) {
		client_h2_gather(c);
		if (c->out_len == 0)
			break;
		write_gathered(c);
	}
	worker_undefer(&c->flush);
	if (c->conn.stream.write_failed) /* STREAM_FAILED follows */
		return;
	bury(c);
	tell_drained(c);
	if (stream_is_drained(&c->conn.stream)) {
		if (is_over(c)) {
			let_go(c);
			client_linger(&c->conn);
			return;
		}
		if (nghttp2_session_want_write(c->session) != 0)
			client_h2_flush_soon(c);
	}
	client_h2_rearm(c);
}

/* ---- bytes in ---- */

/* Frames that wait, but for those that begin or end an answer. */
static size_t
queued(const struct client_h2 *c)
{
	size_t all = nghttp2_session_get_outbound_queue_size(c->session);

	return all > c->stream_count ? all - c->stream_count : 0;
}

static bool
wants_bytes(const struct client_h2 *c)
{
	if (c->read_over || c->parting || !list_empty(&c->news))
		return false;
	if (!stream_is_drained(&c->conn.stream) &&
	    queued(c) > c->conn.worker->limits.h2_max_queued / QUEUE_PART)
		return false;
	return stream_may_read(&c->conn.stream) ||
	    (c->doubts && stream_may_have_ended(&c->conn.stream));
}

/* Requests are started and bodies handed on, outside nghttp2. False: it goes on in the next turn.
 */
static bool
settle(struct client_h2 *c)
{
	while (!list_empty(&c->news)) {
		struct h2_stream *s = container_of(c->news.next, struct h2_stream, news);

		if (!h2_stream_settle(s)) {
			worker_defer(c->conn.worker, &c->conn.go_on);
			return false;
		}
		list_unlink(&s->news);
	}
	return true;
}

static bool
receive(struct client_h2 *c, const char *bytes, size_t len)
{
	ssize_t used;

	c->inside = true;
	used = nghttp2_session_mem_recv(c->session, (const uint8_t *)bytes, len);
	c->inside = false;
	client_h2_flush_soon(c);
	if (used < 0) /* no memory inside its bound, or what no HTTP/2 client sends */
		client_h2_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM, nghttp2_strerror((int)used));
	else if (queued(c) > c->conn.worker->limits.h2_max_queued)
		client_h2_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames wait for it");
	return used >= 0;
}

static void look_later(struct client_h2 *);

static void
read_on(void *arg)
{
	struct client_h2 *c = arg;
	struct worker *w = c->conn.worker;

	c->started = 0;
	if (!settle(c))
		return;
	for (int reads = 0; wants_bytes(c); reads++) {
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(w, &c->conn.go_on);
			break;
		}
		n = stream_read(&c->conn.stream, w->h2->in, LOOP_CHUNK);
		if (n == STREAM_WAIT)
			break;
		if (n <= 0) {
			end(c);
			return;
		}
		c->doubts = false;
		if (!receive(c, w->h2->in, (size_t)n) || !settle(c))
			break;
	}
	c->doubts = false;
	look_later(c);
	client_h2_rearm(c);
}

/*
 * A reset right behind bytes was told of with them, and those may be all that was read. Nothing
 * tells of it again, and who has gone would keep what is made for him: his requests until their
 * deadlines, a connection until it has rested for long enough. So the socket is asked: once for
 * many reads, and not for answers that come soon.
 */
static void
on_look(void *arg)
{
	struct client_h2 *c = arg;

	c->doubts = true;
	read_on(c);
}

static void
look_later(struct client_h2 *c)
{
	if (!c->read_over && !c->parting && stream_may_have_ended(&c->conn.stream) &&
	    !timer_running(&c->look))
		timer_start(client_h2_loop(c)->timers, &c->look, LOOK_AFTER_MS, on_look, c);
}

/* ---- deadlines ---- */

static void
on_no_request(void *arg)
{
	struct client_h2 *c = client_h2_of(arg);

	c->wait = H2_WAIT_NOTHING;
	client_h2_terminate(c, NGHTTP2_NO_ERROR, "idle");
}

static void
on_head_timeout(void *arg)
{
	struct client_h2 *c = client_h2_of(arg);

	c->wait = H2_WAIT_NOTHING;
	client_h2_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM, "a header section took too long");
}

void
client_h2_rearm(struct client_h2 *c)
{
	enum client_h2_wait wait = H2_WAIT_NOTHING;

	if (c->building != NULL)
		wait = H2_WAIT_HEAD;
	else if (c->stream_count == 0)
		wait = H2_WAIT_REQUEST;
	if (wait == c->wait)
		return;
	c->wait = wait;
	switch (wait) {
	case H2_WAIT_NOTHING:
		timer_stop(&c->conn.timer);
		break;
	case H2_WAIT_REQUEST:
		client_start_timer(&c->conn, client_idle_ms(&c->conn), on_no_request);
		break;
	case H2_WAIT_HEAD:
		client_start_timer(
		    &c->conn, c->conn.worker->limits.request_head_ms, on_head_timeout);
		break;
	}
}

/* ---- the connection ---- */

/* The session by the limits of now; its SETTINGS wait to be flushed. */
static void
open_session(struct client_h2 *c)
{
	struct worker *w = c->conn.worker;
	const struct conf_client_limits *l = &w->limits;
	nghttp2_option *option = w->h2->option; /* copied from at each session's beginning */
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->h2_max_streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->header_bytes },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->h2_stream_window_bytes },
		{ NGHTTP2_SETTINGS_MAX_FRAME_SIZE, l->h2_max_frame_bytes },
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, l->h2_header_table_bytes },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};

	nghttp2_option_set_max_continuations(option, l->h2_continuations);
	nghttp2_option_set_max_outbound_ack(option, l->h2_max_queued);
	nghttp2_option_set_max_deflate_dynamic_table_size(option, l->h2_header_table_bytes);
	c->abuse.limits = l;
	h2_memory_begin(&c->memory, w->h2_memory,
	    l->h2_memory_bytes + (size_t)l->h2_max_streams * MEMORY_STREAM);
	if (nghttp2_session_server_new3(&c->session, w->h2->callbacks, c, option, &c->memory.mem) !=
		0 ||
	    nghttp2_submit_settings(
		c->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings)) != 0 ||
	    nghttp2_session_set_local_window_size(
		c->session, NGHTTP2_FLAG_NONE, 0, (int32_t)l->h2_connection_window_bytes) != 0)
		abort(); /* its bound leaves room for this */
}

static void
start(struct client *conn)
{
	struct client_h2 *c = client_h2_of(conn);
	struct worker *w = conn->worker;

	conn->facts.h2 = true;
	conn->go_on.fn = read_on;
	conn->go_on.arg = c;
	c->flush.fn = flush;
	c->flush.arg = c;
	list_init(&c->streams);
	list_init(&c->news);
	list_init(&c->blocked);
	list_init(&c->dead);
	stat_add(&w->stats.h2_clients, 1);
	open_session(c);
	timer_start(w->loop->timers, &c->age, client_age_ms(conn), on_age, c);
	if (conn->leaving)
		client_h2_say_goodbye(c);
	client_h2_flush_soon(c);
	client_h2_rearm(c);
}

static void
on_stream(struct client *conn, unsigned events)
{
	struct client_h2 *c = client_h2_of(conn);

	if (events & STREAM_FAILED) {
		end(c);
		return;
	}
	if (events & STREAM_DRAINED) {
		client_watch_stall(conn);
		client_h2_flush_soon(c);
	}
	if (events & (STREAM_READABLE | STREAM_DRAINED))
		read_on(c);
}

static void
drain(struct client *conn)
{
	client_h2_say_goodbye(client_h2_of(conn));
}

static void
close_now(struct client *conn)
{
	end(client_h2_of(conn));
}

const struct client_ops client_h2_ops = {
	.start = start,
	.on_stream = on_stream,
	.stalled = close_now,
	.drain = drain,
	.close = close_now,
};
