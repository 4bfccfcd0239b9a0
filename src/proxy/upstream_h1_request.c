// SPDX-License-Identifier: Apache-2.0
/* What the exchange asks of an HTTP/1 connection to an endpoint; upstream_h1.c has what comes back. */
#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/socket.h"
#include "proxy/h1_out.h"
#include "proxy/pool.h"
#include "proxy/upstream_h1_parts.h"
#include "proxy/worker_state.h"

static struct upstream_h1 *
from_side(struct side *side)
{
	return container_of(side, struct upstream_h1, up.side);
}

static size_t
write_head(struct upstream_h1 *h1, const struct head *head, const struct forward_request *as)
{
	char *out = h1->connection.worker->head;
	unsigned char nonce[WEBSOCKET_NONCE];
	char key[WEBSOCKET_KEY];
	struct forward_request asked;
	/* Were it a gRPC call indeed, and no mere saying so, it would go by HTTP/2. */
	bool drop =
	    head->underscores && h1->connection.worker->h1_limits.underscores == UNDERSCORES_DROP;

	h1->websocket = as->keep_upgrade && head->h2;
	if (!h1->websocket && !drop)
		return forward_write_request(head, as, out, WORKER_HEAD);
	asked = *as;
	asked.drop_underscores = drop;
	if (h1->websocket) {
		if (RAND_bytes(nonce, sizeof nonce) != 1)
			abort(); /* the process could not have begun without */
		websocket_make_key(nonce, key);
		asked.websocket_key = (struct slice){ key, sizeof key };
		websocket_accept(asked.websocket_key, h1->accept);
	}
	return forward_write_request(head, &asked, out, WORKER_HEAD);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct upstream_h1 *h1 = from_side(side);
	size_t len = write_head(h1, head, as);

	assert(len > 0); /* the exchange refuses heads that could outgrow the buffer */
	memset(&h1->parse, 0, sizeof h1->parse);
	h1->reading = UP_HEAD;
	h1->method = head->method;
	h1->sent_turn = h1->connection.worker->loop->turn;
	h1->chunked_out = as->chunked;
	h1->upgrade = as->keep_upgrade;
	h1->tunnel = false;
	h1->request_sent = end;
	h1->interims = 0;
	h1->interim_bytes = 0;
	h1->keep = false;
	h1->connection.used = true;
	h1->paused = false;
	return h1_out(&h1->connection.stream, h1->connection.worker->head, len, first,
	    h1->chunked_out, end, false);
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct upstream_h1 *h1 = from_side(side);

	h1->request_sent = end;
	if (!end || !h1->tunnel)
		return h1_out(&h1->connection.stream, NULL, 0, body, h1->chunked_out, end, false);
	/* Only a tunnel has an end that the connection must tell. */
	h1_out(&h1->connection.stream, NULL, 0, body, false, true, true);
	stream_shutdown(&h1->connection.stream);
	return stream_is_drained(&h1->connection.stream);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct upstream_h1 *h1 = from_side(side);
	char *out = h1->connection.worker->head;
	size_t len = 0;

	h1->request_sent = true;
	if (!h1->chunked_out)
		return stream_is_drained(&h1->connection.stream);
	memcpy(out, "0\r\n", 3);
	len = forward_write_trailers(trailers, out + 3, WORKER_HEAD - 3);
	if (len == 0)
		len = forward_write_trailers(NULL, out + 3, WORKER_HEAD - 3);
	return h1_out(&h1->connection.stream, out, len + 3, NULL, false, true, false);
}

static void
resume(struct side *side)
{
	struct upstream_h1 *h1 = from_side(side);

	h1->paused = false;
	worker_defer(h1->connection.worker, &h1->read_on);
}

static void
release(struct side *side, enum fault why)
{
	struct upstream_h1 *h1 = from_side(side);

	if (h1->tunnel && why != FAULT_NONE)
		socket_reset_at_close(h1->connection.stream.fd);
	else if (h1->tunnel)
		stream_shutdown(&h1->connection.stream);
	h1->up.side.exchange = NULL;
	worker_undefer(&h1->read_on);
	upstream_h1_drop_saved(h1);
	/* An answer that came before all of the request was sent leaves the rest unsent: close. */
	if (why != FAULT_NONE || h1->reading != UP_OVER || !h1->request_sent || h1->upgrade)
		h1->connection.dirty = true;
	h1->reading = UP_IDLE;
	h1->connection.alive_ms = clock_now_ms();
	pool_return(&h1->connection);
}

const struct side_ops upstream_h1_side_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
};
