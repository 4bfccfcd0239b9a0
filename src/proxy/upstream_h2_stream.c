// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/slab.h"
#include "http/forward.h"
#include "http/grpc.h"
#include "http/websocket.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/upstream_h2.h"
#include "steer/endpoint.h"

static const struct side_ops stream_ops;

static struct upstream_stream *
from_side(struct side *side)
{
	return container_of(side, struct upstream_stream, up.side);
}

/* ---- its life ---- */

struct upstream_stream *
upstream_stream_new(struct upstream_h2 *h2)
{
	struct upstream_stream *s = slab_take(h2->connection.worker->stream_slab);

	memset(s, 0, sizeof *s);
	s->up.side.ops = &stream_ops;
	s->up.connection = &h2->connection;
	s->go_on.fn = upstream_stream_go_on;
	s->go_on.arg = s;
	list_append(&h2->streams, &s->node);
	h2->open++;
	return s;
}

static void
drop_kept(struct upstream_stream *s)
{
	struct loop *l = upstream_stream_loop(s);

	fifo_drop(&s->out, l->small);
	fifo_drop(&s->in, l->small);
	if (s->trailers != NULL)
		slab_give(l->large, s->trailers);
	s->trailers = NULL;
	if (s->trailing != NULL)
		slab_give(l->large, s->trailing);
	s->trailing = NULL;
}

void
upstream_stream_free(struct upstream_stream *s)
{
	assert(s->up.side.exchange == NULL);
	worker_undefer(&s->go_on);
	drop_kept(s);
	list_unlink(&s->node);
	slab_give(s->up.connection->worker->stream_slab, s);
}

/* Neither the exchange nor nghttp2 knows it any more; who is on the stack may. */
static void
bury(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	list_unlink(&s->node);
	list_append(&h2->dead, &s->node);
	upstream_h2_wake(h2);
}

static void
forget_head(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	if (h2->withheld == s) {
		h2->withheld = NULL;
		upstream_h2_drop_head(h2);
	}
	if (h2->heading == s)
		h2->heading = NULL;
}

/* What an end of the connection, or of the stream, means for the request on it. */
static enum fault
end_fault(const struct upstream_stream *s, enum fault why)
{
	const struct upstream_h2 *h2 = upstream_stream_h2(s);

	if (s->tunnel) /* its own protocol's end, most likely */
		return why;
	if (s->answered && h2->withheld != s)
		return FAULT_CUT_RESPONSE;
	if (s->bad)
		return FAULT_BAD_RESPONSE;
	return s->on_wire ? why : FAULT_GOAWAY;
}

static void
lose(struct upstream_stream *s, enum fault why)
{
	enum fault fault = end_fault(s, why);

	forget_head(s);
	exchange_on_upstream_lost(s->up.side.exchange, &s->up.side, fault);
}

/* Is there something to come of it, or to go, that now neither comes nor goes? */
static bool
is_cut_short(const struct upstream_stream *s)
{
	return !s->ended || (s->tunnel && !s->out_done);
}

void
upstream_stream_closed(struct upstream_stream *s, uint32_t error_code)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	enum fault why = FAULT_STREAM_RESET;

	s->closed = true;
	h2->open--;
	if (error_code == NGHTTP2_REFUSED_STREAM)
		why = h2->goaway ? FAULT_GOAWAY : FAULT_REFUSED_STREAM;
	if (s->up.side.exchange != NULL && is_cut_short(s))
		lose(s, why); /* release() buries it */
	else if (s->up.side.exchange == NULL)
		bury(s);
}

void
upstream_h2_fail_streams(struct upstream_h2 *h2)
{
	bool found;

	do {
		found = false;
		list_for (node, &h2->streams) {
			struct upstream_stream *s =
			    container_of(node, struct upstream_stream, node);

			/* What has come to its end is still to be handed on. */
			if (s->up.side.exchange == NULL || !is_cut_short(s) || s->id == 0)
				continue;
			found = true;
			lose(s, h2->failed);
			break; /* the list may be another now */
		}
	} while (found);
}

void
upstream_stream_spoilt(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	s->bad = true;
	if (!s->closed)
		nghttp2_submit_rst_stream(
		    h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
	if (s->up.side.exchange != NULL)
		lose(s, FAULT_BAD_RESPONSE);
	upstream_h2_wake(h2);
}

/* ---- what the exchange asks of it ---- */

static ssize_t
read_out(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct upstream_stream *s = source->ptr;
	size_t len = s->out.len < size ? s->out.len : size;
	struct h2_fields fields;

	if ((s->up.side.exchange == NULL && !s->leaving) || (len == 0 && !s->out_ended))
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (len < s->out.len || !s->out_ended)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	s->out_done = true;
	if (s->trailers != NULL && h2_fields_trailers(&fields, s->trailers, s->trailers_len) &&
	    fields.count > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, id, fields.nv, fields.count);
	}
	return (ssize_t)len;
}

/* Nothing is heard of a tunnel after its end, so that has to have gone. */
bool
upstream_stream_is_low(const struct upstream_stream *s)
{
	if (s->tunnel && s->out_ended)
		return s->out_done && s->out.len == 0;
	return s->out.len <= UPSTREAM_OUT_LOW;
}

static bool
has_room(struct upstream_stream *s)
{
	s->full = !upstream_stream_is_low(s);
	return !s->full;
}

static void
keep_out(struct upstream_stream *s, const struct span *body, bool end)
{
	if (body != NULL && body->len > 0)
		fifo_append(&s->out, upstream_stream_loop(s)->small, body->at, body->len);
	s->out_ended = s->out_ended || end;
}

/* The end of a gRPC call stands on a DATA frame, an empty one if need be; servers rely on it. */
static bool
ends_with_data(const struct head *head)
{
	return head->method == METHOD_POST && grpc_is(head);
}

static bool
takes_websockets(const struct upstream_h2 *h2)
{
	return nghttp2_session_get_remote_settings(
		   h2->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

/* The head's fields, as the endpoint gets them; their text lies in the worker's buffer for heads.
 */
static void
make_fields(struct upstream_stream *s, const struct head *head, const struct forward_request *as,
    struct h2_fields *fields)
{
	const struct connection *c = s->up.connection;
	struct slice scheme = c->slot->endpoint->tls ? SLICE("https") : SLICE("http");
	struct forward_request connect;
	size_t len;

	if (s->websocket) {
		connect = *as;
		connect.chunked = true; /* a tunnel has no length, not even 0 */
		as = &connect;
	}
	len = forward_write_request(head, as, c->worker->head, WORKER_HEAD);
	assert(len > 0); /* the exchange refuses heads that could outgrow the buffer */
	if (!h2_fields_request(fields, c->worker->head, len, scheme,
		s->websocket ? SLICE("websocket") : SLICE("")))
		assert(false); /* what we add has its room */
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct upstream_stream *s = from_side(side);
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_out };
	struct h2_fields fields;

	s->websocket = as->keep_upgrade && websocket_is_asked(head);
	if (s->websocket && !takes_websockets(h2)) {
		s->unsuited = true;
		worker_defer(h2->connection.worker, &s->go_on);
		return true;
	}
	make_fields(s, head, as, &fields);
	s->method = head->method;
	end = end && !s->websocket; /* what comes later is the tunnel's */
	keep_out(s, first, end);
	s->out_done = end && s->out.len == 0 && !ends_with_data(head);
	s->id = nghttp2_submit_request(
	    h2->session, NULL, fields.nv, fields.count, s->out_done ? NULL : &body, s);
	assert(s->id > 0); /* is_clean() sees to the ids, memory is never short */
	h2->connection.used = true;
	upstream_h2_wake(h2);
	return has_room(s);
}

static void
send_on(struct upstream_stream *s)
{
	if (!s->closed)
		nghttp2_session_resume_data(upstream_stream_h2(s)->session, s->id);
	upstream_h2_wake(upstream_stream_h2(s));
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct upstream_stream *s = from_side(side);

	keep_out(s, body, end);
	send_on(s);
	return has_room(s);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct upstream_stream *s = from_side(side);
	struct slab *blocks = upstream_stream_loop(s)->large;

	s->trailers = slab_take(blocks);
	s->trailers_len =
	    (uint32_t)forward_write_trailers(trailers, s->trailers, slab_block_size(blocks));
	if (s->trailers_len == 0)
		s->trailers_len =
		    (uint32_t)forward_write_trailers(NULL, s->trailers, slab_block_size(blocks));
	s->out_ended = true;
	send_on(s);
	return has_room(s);
}

static void
resume(struct side *side)
{
	struct upstream_stream *s = from_side(side);

	s->paused = false;
	upstream_stream_credit(s, s->owed);
	s->owed = 0;
	worker_defer(s->up.connection->worker, &s->go_on);
}

/* The endpoint is to hear an end, not a break; the other direction is reset behind it. */
static void
say_end(struct upstream_stream *s)
{
	s->leaving = s->out_ended = true;
	send_on(s);
}

static void
release(struct side *side, enum fault why)
{
	struct upstream_stream *s = from_side(side);
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	bool gently = s->tunnel && why == FAULT_NONE && s->out.len == 0 && !s->out_done;

	s->up.side.exchange = NULL;
	forget_head(s);
	drop_kept(s);
	h2->to_return++;
	upstream_h2_wake(h2);
	if (s->id == 0) {
		s->closed = true;
		h2->open--;
	}
	if (s->closed)
		bury(s);
	else if (gently)
		say_end(s);
	else if (!s->ended || !s->out_done)
		nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
}

static const struct side_ops stream_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
};

void
upstream_h2_ask_for_more(struct upstream_h2 *h2)
{
	bool found;

	if (!h2->any_low)
		return;
	h2->any_low = false;
	do {
		found = false;
		list_for (node, &h2->streams) {
			struct upstream_stream *s =
			    container_of(node, struct upstream_stream, node);

			if (!s->full || !upstream_stream_is_low(s) || s->up.side.exchange == NULL)
				continue;
			found = true;
			s->full = false;
			exchange_on_upstream_drained(s->up.side.exchange, &s->up.side);
			break; /* the list may be another now */
		}
	} while (found);
}
