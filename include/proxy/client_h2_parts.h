/*
 * What the files of an HTTP/2 client share: the connection (client_h2.c), nghttp2's callbacks
 * (client_h2_session.c), streams and their requests (client_h2_stream.c), answers
 * (client_h2_answer.c), what a client leaves lying (client_h2_stall.c). Worker thread only.
 */
#ifndef PROXY_CLIENT_H2_PARTS_H
#define PROXY_CLIENT_H2_PARTS_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "base/fifo.h"
#include "base/hints.h"
#include "base/list.h"
#include "base/timer.h"
#include "http/h2_head.h"
#include "net/backlog.h"
#include "proxy/body_rate.h"
#include "proxy/client_h2.h"
#include "proxy/side.h"

struct client_h2_shared {
	char *in; /* LOOP_CHUNK: what was read; loop->plain is the exchanges' meanwhile */
	struct slab *streams;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	struct h2_fields fields; /* of the head being sent */
};

/* A header section under way; in a block of loop->large, which it fills. */
struct h2_building {
	struct h2_stream *stream;
	struct h2_head head;
	char bytes[];
};

/* A request that waits to be started: its head, cut to size. In a block of small or large. */
struct h2_parked {
	struct head head;
	char bytes[];
};

struct h2_stream {
	struct side side;
	struct client_h2 *c;
	int32_t id;
	struct list node;    /* in c->streams or c->dead */
	struct list news;    /* in c->news */
	struct list blocked; /* in c->blocked */

	/* the request */
	struct h2_parked *parked; /* NULL: started, or never to be */
	bool parked_large;
	bool head_request;
	bool connect;  /* an extended CONNECT: what comes behind its head is its tunnel's */
	bool tunnel;   /* it was granted */
	bool in_ended; /* END_STREAM has come */
	bool in_told;  /* and the exchange has heard so */
	bool paused;   /* the exchange wants no more now */
	bool has_length;
	uint64_t length;              /* as announced */
	uint64_t got;                 /* bytes of its body */
	struct fifo in;               /* those that the exchange has not taken */
	uint32_t owed;                /* taken, but the window opens for them when it wants more */
	struct h2_building *trailers; /* complete; NULL: none */
	uint64_t first_byte_us;
	struct body_rate rate;
	struct timer body; /* while more of it is due */

	/* the answer */
	struct backlog out;  /* bytes of it that no frame has taken */
	struct span *now;    /* those of the call under way, behind them */
	uint64_t sent;       /* bytes in frames */
	uint64_t stall_sent; /* when its time was last begun, */
	uint64_t stall_since_ms; /* then */
	uint64_t taken; /* by the client, when it was last looked at */
	bool out_ended;      /* all of it is here */
	bool out_done;       /* and in frames, its end too */
	bool deferred;       /* nghttp2 waits for more */
	bool reset;          /* by us, on purpose */
	bool closed;         /* nghttp2 knows it no more */
	bool finishing;      /* a tunnel both of whose ends have passed, but not yet all its bytes */
	enum fault lost;     /* the exchange is to hear that the client is lost by this */
	char *out_trailers;  /* lines; a block of loop->large, or NULL */
	uint32_t out_trailers_len;
	struct timer stall; /* while out holds bytes; behind them, until the request's end */
};

static inline struct client_h2 *
client_h2_of(struct client *conn)
{
	return container_of(conn, struct client_h2, conn);
}

static inline struct loop *
client_h2_loop(const struct client_h2 *c)
{
	return c->conn.worker->loop;
}

/* ---- client_h2.c ---- */

/* Something is to be sent, or buried: at the end of this turn. */
void client_h2_flush_soon(struct client_h2 *);
/* Takes frames from nghttp2 as long as they may be sent and there is room. */
void client_h2_gather(struct client_h2 *);
void client_h2_put(struct client_h2 *, const void *bytes, size_t len); /* into what gathers */
size_t client_h2_room(const struct client_h2 *);
/* Abuse, or an error that is the connection's: says so and closes. Safe inside nghttp2. */
void client_h2_terminate(struct client_h2 *, uint32_t error, const char *why);
/* A timer as the connection's state wants it, after anything that may have changed it. */
void client_h2_rearm(struct client_h2 *);
/* Begins the goodbye, if it has not begun. */
void client_h2_say_goodbye(struct client_h2 *);

/* ---- client_h2_session.c ---- */

nghttp2_session_callbacks *client_h2_callbacks(void);

/* ---- client_h2_stream.c ---- */

struct h2_stream *h2_stream_new(struct client_h2 *, int32_t id);
void h2_stream_free(struct h2_stream *); /* its exchange is gone */
/* A request's head is there; it is started now, or parked. */
void h2_stream_request(struct h2_stream *, const struct h2_head *);
void h2_stream_on_data(struct h2_stream *, const char *bytes, size_t len);
void h2_stream_on_end(struct h2_stream *);
/* Starts what is parked, hands on what has come. False: enough for this turn. */
bool h2_stream_settle(struct h2_stream *);
/* Its exchange, if any, hears that the client is gone. */
void h2_stream_lose(struct h2_stream *, enum fault why);
/* Breaks it off. Once. */
COLD void h2_stream_reset(struct h2_stream *, uint32_t error);
/* Its answer is out, its request not in: it may end by itself for a while. */
void h2_stream_await_end(struct h2_stream *);
/* nghttp2 is done with it: to be buried when the turn ends, or its exchange does. */
void h2_stream_on_closed(struct h2_stream *);
/* It is buried when the turn ends. */
void h2_stream_bury(struct h2_stream *);
/* The exchange may be given what has come meanwhile: when the loop comes to it. */
void h2_stream_go_on(struct h2_stream *);
void h2_stream_drop_request(struct h2_stream *); /* nobody wants the rest of it */
/* A request that cannot become an exchange. head: as for report_refused(). */
void h2_stream_refuse(struct h2_stream *, enum fault why, const struct head *head);

/* ---- client_h2_answer.c ---- */

extern const struct side_ops client_h2_side_ops;
/* A frame of DATA begins: its head, then len bytes, into what gathers. */
int h2_answer_send(nghttp2_session *, nghttp2_frame *, const uint8_t *head, size_t len,
    nghttp2_data_source *, void *arg);
/* An answer of the proxy's own, as forward_write_own() has written it. */
void h2_answer_own(struct h2_stream *, char *lines, size_t len);

/* ---- client_h2_stall.c ---- */

/* Bytes for which no frame has room now. False: its exchange ignored back-pressure. */
bool h2_stall_keep(struct h2_stream *, const char *bytes, size_t len);
/* The first n of what is kept are in a frame. */
void h2_stall_took(struct h2_stream *, size_t n);
void h2_stall_drop(struct h2_stream *); /* all of it */
/* While something is kept the client has a time to take it. */
void h2_stall_watch(struct h2_stream *);
/* As side_ops.room. */
size_t h2_stall_room(struct side *);

#endif
