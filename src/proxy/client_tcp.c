// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_tcp.h"

#include "base/clock.h"
#include "conf/server_name.h"
#include "net/client_hello.h"
#include "net/socket.h"
#include "proxy/report.h"
#include "proxy/service.h"

static struct client_tcp *
of(struct client *conn)
{
	return container_of(conn, struct client_tcp, conn);
}

static void
free_client(struct client_tcp *c)
{
	raw_close(&c->raw);
	client_free(&c->conn);
}

/* ---- the tunnel's end ---- */

static void
on_received(struct raw *r, uint64_t count)
{
	/* The stream counts them. */
}

static void
on_released(struct raw *r, enum fault why)
{
	struct client_tcp *c = container_of(r, struct client_tcp, raw);

	if (why != FAULT_NONE) {
		free_client(c);
		return;
	}
	raw_close(r);
	client_watch_stall(&c->conn); /* for one that reads no more */
	client_linger(&c->conn);
}

static const struct raw_owner owner = { .released = on_released, .received = on_received };

/* ---- where to ---- */

static void
refuse(struct client_tcp *c, enum fault why)
{
	char id[WORKER_REQUEST_ID];

	worker_request_id(c->conn.worker, id);
	report_refused(c->conn.worker, &c->conn.facts, why, (struct slice){ id, sizeof id },
	    clock_now_us(), NULL);
	socket_reset_at_close(c->conn.stream.fd);
	free_client(c);
}

/* TLS clients are told by an alert (RFC 8446 section 6), in clear text as their own hello was. */
static void
refuse_hello(struct client_tcp *c, enum fault why)
{
	enum { ALERT_DECODE_ERROR = 50, ALERT_UNRECOGNIZED_NAME = 112 };
	char alert[] = { 21, 3, 3, 0, 2, 2, why == FAULT_NO_ROUTE ? ALERT_UNRECOGNIZED_NAME : ALERT_DECODE_ERROR };
	char id[WORKER_REQUEST_ID];

	worker_request_id(c->conn.worker, id);
	report_refused(c->conn.worker, &c->conn.facts, why, (struct slice){ id, sizeof id },
	    clock_now_us(), NULL);
	raw_close(&c->raw);
	stream_write_last(&c->conn.stream, alert, sizeof alert);
	client_linger(&c->conn);
}

static void
start_tunnel(struct client_tcp *c, const struct conf_listener *conf, const struct conf_route *r,
    struct slice name)
{
	const struct conf_service *to = r != NULL ? r->service : conf->service;
	struct tunnel_request asked = {
		.service = services_at(c->conn.worker->services, to->index),
		.on_region_down = r != NULL ? r->on_region_down : conf->on_region_down,
		.route = r != NULL ? r->name : conf->name,
		.rules = r,
		.server_name = name,
	};

	timer_stop(&c->conn.timer);
	exchange_start_tunnel(c->conn.worker, &c->raw.up.side, &c->conn.facts, &asked);
}

static void
start_by_name(struct client_tcp *c, const struct client_hello *hello)
{
	const struct conf_listener *conf = client_conf(&c->conn);
	struct slice name = { hello->name, hello->name_len };
	const struct conf_route *r = conf == NULL ? NULL : conf_server_name_find(conf, name);

	if (r != NULL || (conf != NULL && conf->service != NULL))
		start_tunnel(c, conf, r, name);
	else
		refuse_hello(c, FAULT_NO_ROUTE);
}

/* ---- a hello that says where ---- */

static void
on_hello_timeout(void *arg)
{
	refuse(of(arg), FAULT_REQUEST_TIMEOUT);
}

/* What was read of it is put back: until it is complete, and then for the endpoint. */
static void
read_hello(struct client_tcp *c)
{
	struct span in = loop_span(c->conn.worker->loop);
	struct stream *s = &c->conn.stream;
	enum client_hello_result r = CLIENT_HELLO_MORE;
	struct client_hello hello;
	ssize_t n;

	do {
		n = stream_read(s, in.at + in.len, LOOP_CHUNK - in.len);
		if (n > 0)
			in.len += (size_t)n;
		r = client_hello_parse(&hello, in.at, in.len);
	} while (n > 0 && r == CLIENT_HELLO_MORE);
	if (r == CLIENT_HELLO_MORE && n != STREAM_WAIT) {
		free_client(c); /* it has asked for nothing */
		return;
	}
	stream_unread(s, in.at, in.len);
	switch (r) {
	case CLIENT_HELLO_MORE:
		return;
	case CLIENT_HELLO_BAD:
		refuse_hello(c, FAULT_BAD_REQUEST);
		return;
	case CLIENT_HELLO_DONE:
		start_by_name(c, &hello);
		return;
	}
}

/* ---- the connection ---- */

/*
 * From the loop: the stream has only just been opened, and its client may have to be freed.
 */
static void
begin(void *arg)
{
	struct client_tcp *c = of(arg);
	const struct conf_listener *conf = client_conf(&c->conn);

	if (c->raw.up.side.exchange != NULL)
		return; /* its hello was quicker */
	/* Its reset met the session's tickets: that was told when nobody was there to hear. */
	if (c->conn.stream.write_failed) {
		free_client(c);
		return;
	}
	if (c->conn.protocol == PROTOCOL_TLS_PASSTHROUGH)
		read_hello(c);
	else if (conf != NULL && conf->service != NULL)
		start_tunnel(c, conf, NULL, SLICE(""));
	else
		refuse(c, FAULT_NO_ROUTE);
}

static void
start(struct client *conn)
{
	struct client_tcp *c = of(conn);

	raw_open(&c->raw, &owner, conn->worker, &conn->stream, true);
	conn->go_on.fn = begin;
	conn->go_on.arg = conn;
	worker_defer(conn->worker, &conn->go_on);
	if (conn->protocol == PROTOCOL_TLS_PASSTHROUGH)
		client_start_timer(conn, conn->worker->limits.tls_handshake_ms, on_hello_timeout);
}

static void
on_stream(struct client *conn, unsigned events)
{
	struct client_tcp *c = of(conn);

	if (c->raw.up.side.exchange != NULL)
		raw_on_stream(&c->raw, events);
	else if (conn->protocol == PROTOCOL_TLS_PASSTHROUGH && (events & STREAM_READABLE))
		read_hello(c);
}

static void
close_now(struct client *conn)
{
	struct client_tcp *c = of(conn);

	if (c->raw.up.side.exchange != NULL)
		exchange_on_client_lost(c->raw.up.side.exchange, FAULT_CLIENT_LEFT);
	else
		free_client(c);
}

/* Its time is the drain's timeout. */
static void
drain(struct client *conn)
{
}

const struct client_ops client_tcp_ops = {
	.start = start,
	.on_stream = on_stream,
	.stalled = close_now,
	.drain = drain,
	.close = close_now,
};
