// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_h1_parts.h"

#include <assert.h>
#include <string.h>

#include "http/websocket.h"
#include "net/socket.h"
#include "proxy/h1_out.h"

static struct client_h1 *
from_side(struct side *side)
{
	return container_of(side, struct client_h1, side);
}

static bool
must_close_after(const struct client_h1 *c)
{
	/* A body that was not read to its end would be taken for the next request. */
	return !c->keep || c->state != H1_ANSWER || c->conn.leaving;
}

static bool
in_tunnel(const struct client_h1 *c)
{
	return c->state == H1_TUNNEL || c->state == H1_TUNNEL_ENDED;
}

static bool
send_interim(struct client_h1 *c, const struct head *head)
{
	struct forward_response as = { .to_http10 = false };
	size_t len;

	if (c->http10)
		return true; /* RFC 9110 section 15.2: 1.0 knows none */
	len = forward_write_response(head, &as, c->conn.worker->head, WORKER_HEAD);
	stream_write(&c->conn.stream, c->conn.worker->head, len);
	client_watch_stall(&c->conn);
	return stream_is_drained(&c->conn.stream);
}

/*
 * Bytes that came right behind the request are saved: they are the first to go. What HTTP/2 has
 * granted says nothing of the key that the client waits to see answered.
 */
static bool
begin_tunnel(struct client_h1 *c, const struct head *head, struct span *first)
{
	struct forward_response as = { .keep_upgrade = true };
	char accept[WEBSOCKET_ACCEPT];
	size_t len;

	if (head->h2) {
		websocket_accept(websocket_key(&c->side.exchange->head), accept);
		as.status = 101;
		as.websocket_accept = (struct slice){ accept, sizeof accept };
	}
	len = forward_write_response(head, &as, c->conn.worker->head, WORKER_HEAD);
	assert(len > 0); /* the parser's limit on heads leaves room for what we add */
	c->state = H1_TUNNEL;
	c->keep = false;
	worker_defer(c->conn.worker, &c->conn.go_on);
	return h1_out(&c->conn.stream, c->conn.worker->head, len, first, false, false, false);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct client_h1 *c = from_side(side);
	struct forward_response out = { .to_http10 = c->http10 };
	bool marked = head->framing == FRAMING_CHUNKED || head->framing == FRAMING_CLOSE;
	bool drained;
	size_t len;

	if (head->status == 101)
		return begin_tunnel(c, head, first);
	if (head->status < 200)
		return send_interim(c, head);
	c->chunked_out = marked && !c->http10 && !c->head_request;
	c->until_close = marked && c->http10 && !c->head_request;
	if (c->until_close)
		c->keep = false;
	out.chunked = marked && !c->http10;
	exchange_dress(side->exchange, head, &out);
	out.close = must_close_after(c);
	out.say_keep_alive = !out.close && c->asked_keep_alive;
	if (out.close)
		c->keep = false;
	len = forward_write_response(head, &out, c->conn.worker->head, WORKER_HEAD);
	assert(len > 0); /* the parser's limit on heads leaves room for what we add */
	drained = h1_out(&c->conn.stream, c->conn.worker->head, len, first, c->chunked_out, end,
	    end && out.close);
	client_watch_stall(&c->conn);
	return drained;
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct client_h1 *c = from_side(side);
	bool drained =
	    h1_out(&c->conn.stream, NULL, 0, body, c->chunked_out, end, end && must_close_after(c));

	if (!in_tunnel(c)) {
		client_watch_stall(&c->conn);
		return drained;
	}
	/* How long it may rest is for its own limit to say; this direction may end by itself. */
	if (end)
		stream_shutdown(&c->conn.stream);
	return stream_is_drained(&c->conn.stream);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct client_h1 *c = from_side(side);
	char *out = c->conn.worker->head;
	size_t len;

	if (!c->chunked_out)
		return stream_is_drained(&c->conn.stream);
	memcpy(out, "0\r\n", 3);
	len = forward_write_trailers(trailers, out + 3, WORKER_HEAD - 3);
	if (len == 0)
		len = forward_write_trailers(NULL, out + 3, WORKER_HEAD - 3);
	return h1_out(&c->conn.stream, out, len + 3, NULL, false, true, must_close_after(c));
}

static void
resume(struct side *side)
{
	struct client_h1 *c = from_side(side);

	c->paused = false;
	worker_defer(c->conn.worker, &c->conn.go_on);
}

/*
 * May the socket be closed without listening on? Who asked for the end itself, and said all there
 * was at once, sends nothing more that could make the kernel answer with a reset. Whoever came in
 * pieces may still be sending. Bytes that came since the loop looked last are asked for, because
 * those that nobody has read when a socket closes take with them the answer that waits to leave
 * with the FIN.
 */
static bool
has_said_goodbye(const struct client_h1 *c)
{
	return c->asked_close && !c->piecemeal && c->state == H1_ANSWER && c->saved == NULL &&
	    stream_is_drained(&c->conn.stream) && !stream_may_read(&c->conn.stream) &&
	    !socket_has_unread(c->conn.stream.fd);
}

/* The connection carries on with the next request, or ends. */
static void
release(struct side *side, enum fault why)
{
	struct client_h1 *c = from_side(side);
	bool next = !must_close_after(c) && why == FAULT_NONE;

	c->side.exchange = NULL;
	c->paused = false;
	c->first_byte_us = 0;
	if (why != FAULT_NONE || c->broken) {
		/* Without TLS's goodbye, and with chunks unended: a cut answer shows as cut. */
		if (((c->until_close || in_tunnel(c)) && c->conn.stream.ssl == NULL) ||
		    why == FAULT_CLIENT_STALLED) /* what it was sent would stay with the kernel */
			socket_reset_at_close(c->conn.stream.fd);
		client_h1_free(c);
		return;
	}
	client_watch_stall(&c->conn); /* the last bytes may have been trailers */
	if (!next) {
		if (has_said_goodbye(c))
			client_h1_free(c);
		else
			client_h1_linger(c);
		return;
	}
	c->state = H1_HEAD;
	client_h1_watch_idle(c);
	if (c->saved != NULL || stream_may_read(&c->conn.stream))
		worker_defer(c->conn.worker, &c->conn.go_on);
}

static void
answer(struct side *side, struct own_answer *a)
{
	struct client_h1 *c = from_side(side);
	const struct exchange *x = side->exchange;
	const struct field *accept = head_find(&x->head, FIELD_ACCEPT);
	size_t len;

	a->request_id = (struct slice){ x->request_id, sizeof x->request_id };
	if (accept != NULL)
		a->accept = field_value(&x->head, accept);
	a->date = worker_date(c->conn.worker);
	a->head_only = c->head_request;
	a->close = must_close_after(c);
	a->say_keep_alive = !a->close && c->asked_keep_alive;
	if (a->close)
		c->keep = false;
	len = forward_write_own(a, c->conn.worker->head, WORKER_HEAD);
	if (a->close)
		stream_write_last(&c->conn.stream, c->conn.worker->head, len);
	else
		stream_write(&c->conn.stream, c->conn.worker->head, len);
	client_watch_stall(&c->conn);
}

static void
proceed(struct side *side)
{
	struct client_h1 *c = from_side(side);
	struct slice go = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

	if (c->http10)
		return;
	stream_write(&c->conn.stream, go.at, go.len);
	client_watch_stall(&c->conn);
}

static void
doubt(struct side *side)
{
	struct client_h1 *c = from_side(side);

	c->doubts = true;
	worker_defer(c->conn.worker, &c->conn.go_on);
}

const struct side_ops client_h1_side_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
	.answer = answer,
	.proceed = proceed,
	.doubt = doubt,
};
