/*
 * HTTP/2 to an endpoint: one connection, many requests on it, each a stream (RFC 9113). What its
 * parts share: the connection (upstream_h2.c), what nghttp2 tells and asks (upstream_h2_session.c),
 * streams as sides of exchanges (upstream_h2_stream.c), and the answers on them
 * (upstream_h2_answer.c).
 *
 * A connection counts as open once the endpoint's SETTINGS have come: by then it is known to speak
 * HTTP/2, and how many streams it takes. Worker thread only.
 *
 * nghttp2 may not send from within its own callbacks, nor a session be freed there. So callbacks
 * and sides only record and submit; frames leave, and streams and connections go, in the work that
 * runs from the loop with nothing of ours on the stack.
 */
#ifndef PROXY_UPSTREAM_H2_H
#define PROXY_UPSTREAM_H2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fifo.h"
#include "http/h2_head.h"
#include "proxy/connection.h"
#include "proxy/h2_memory.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

enum {
	UPSTREAM_STREAM_WINDOW = 256 * 1024, /* of an answer may wait for a slow client */
	UPSTREAM_OUT_LOW = 64 * 1024, /* of a request may wait before its stream wants no more */
};

/* A header section, while it is read or waits: a block of loop->large. */
struct upstream_head {
	struct h2_head h2;
	char text[];
};

struct upstream_h2 {
	struct connection connection;
	nghttp2_session *session; /* NULL: not open yet */
	struct h2_memory memory; /* the session's */
	struct list streams; /* struct upstream_stream.node */
	struct list dead; /* the same; freed by the work */
	uint32_t open; /* of them, those that count against the limit */
	uint32_t granted; /* our limit, as it was when the session began: its memory is made for it */
	uint32_t most_open; /* the endpoint's limit, or ours */
	uint32_t to_return; /* leases that are over */
	uint32_t idle_frames; /* in a row, that brought nothing; they leak away */
	uint32_t idle_bytes; /* likewise; frames of kinds that nobody knows are bytes only */
	uint64_t idle_ms;    /* until then they have leaked */
	struct deferred work; /* sends, and tidies up */
	struct deferred read_on;
	struct timer age; /* until it is retired */
	enum fault failed; /* it has ended, and how */
	bool proven; /* SETTINGS, or the answer to a PING, have come: open */
	bool settled; /* SETTINGS have come */
	bool goaway; /* has come: no new streams */
	bool retired; /* by its age: no new streams, ours */
	bool any_low; /* a stream that was full is not any more */

	struct upstream_head *head; /* being read, or withheld; NULL: none */
	struct upstream_stream *heading; /* whose it is; NULL: nobody's any more */
	struct upstream_stream *withheld; /* its head waits for the first bytes of its body */
	uint32_t frame_left; /* of the DATA frame being read */
	const char *read_end; /* of what is being read */

	char *gather; /* frames on their way out, while they are written */
	size_t gathered;
};

/* One request on it. */
struct upstream_stream {
	struct upstream up;
	struct list node; /* in its connection's streams */
	struct deferred go_on; /* the exchange wants more */
	int32_t id; /* 0: nothing submitted yet */
	enum method method;
	uint8_t interims;
	uint32_t interim_bytes;
	bool on_wire; /* its HEADERS were sent */
	bool closed; /* nghttp2 does not know it any more */
	bool bad; /* its answer is malformed: we reset it */
	bool unsuited; /* the endpoint does not take what it asks for: nothing was submitted */
	bool websocket; /* it asks for one: an extended CONNECT (RFC 8441) */
	bool tunnel; /* which was granted */
	bool leaving; /* a tunnel that we end in good order: its exchange is gone already */

	/* the request */
	struct fifo out; /* body bytes that wait for the endpoint's window */
	bool out_ended; /* all of it is in out, or sent */
	bool out_done; /* and sent */
	bool full; /* the exchange waits until out has run low */
	char *trailers; /* their lines, a block of loop->large, or NULL */
	uint32_t trailers_len;

	/* the answer */
	bool answered; /* its head came */
	bool ended; /* its end came */
	bool end_told; /* and the exchange has heard so: of a tunnel it lives on */
	bool paused; /* the exchange wants no more now */
	struct fifo in; /* what came meanwhile */
	struct upstream_head *trailing; /* and its trailers, or NULL */
	uint64_t body_left; /* of an announced length */
	bool has_length;
	uint64_t owed; /* bytes that the endpoint's window is not credited with yet */
};

static inline struct upstream_h2 *
upstream_h2_of(struct connection *c)
{
	return container_of(c, struct upstream_h2, connection);
}

static inline struct upstream_h2 *
upstream_stream_h2(const struct upstream_stream *s)
{
	return upstream_h2_of(s->up.connection);
}

static inline struct loop *
upstream_stream_loop(const struct upstream_stream *s)
{
	return s->up.connection->worker->loop;
}

/* Something is to be sent, or tidied up: from the loop. */
void upstream_h2_wake(struct upstream_h2 *);

/* ---- upstream_h2_session.c ---- */

/* Makes the session; its SETTINGS wait to be flushed. */
void upstream_h2_begin(struct upstream_h2 *);
/* False: the session is broken. */
bool upstream_h2_feed(struct upstream_h2 *, const char *bytes, size_t len);
/* Writes what there is, as far as the stream takes it. Not from a callback of nghttp2. */
void upstream_h2_flush(struct upstream_h2 *);
/* Gives the block of a head back. */
void upstream_h2_drop_head(struct upstream_h2 *);

/* ---- upstream_h2_stream.c ---- */

struct upstream_stream *upstream_stream_new(struct upstream_h2 *);
void upstream_stream_free(struct upstream_stream *);
/* What came for it is no answer. */
void upstream_stream_spoilt(struct upstream_stream *);
/* nghttp2 has closed it. */
void upstream_stream_closed(struct upstream_stream *, uint32_t error_code);
/* The connection has failed, and all that are on it. */
void upstream_h2_fail_streams(struct upstream_h2 *);
/* May its exchange, which waits, give more? Of a tunnel's end: has all of it gone out? */
bool upstream_stream_is_low(const struct upstream_stream *);
/* Exchanges whose bytes have gone out may give more. */
void upstream_h2_ask_for_more(struct upstream_h2 *);

/* ---- upstream_h2_answer.c ---- */

/* The answer's head is complete in h2->head; end: that is all of it. */
void upstream_stream_answer(struct upstream_stream *, bool end);
void upstream_stream_trailers(struct upstream_stream *);
/* Bytes of its body, in the buffer that is being read. */
void upstream_stream_body(struct upstream_stream *, struct span *, bool end);
/* What is withheld leaves alone: nothing has come to go with it. */
void upstream_h2_let_head_go(struct upstream_h2 *);
/* The endpoint may send as much again. */
void upstream_stream_credit(struct upstream_stream *, uint64_t bytes);
/* From the loop: what was kept while the exchange wanted no more. arg: the stream. */
void upstream_stream_go_on(void *arg);

#endif
