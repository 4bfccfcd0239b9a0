/*
 * The load: requests on a constant schedule, each with an id of its own.
 *
 * load.c makes the jobs, keeps their deadlines and writes one line for each; how a job travels is
 * a struct wire (load_h1.c, load_h2.c, load_tunnel.c; load_stream.c carries tunnels by HTTP/2). One thread, one event base.
 */
#ifndef LAB_LOAD_H
#define LAB_LOAD_H

#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pattern.h"

struct event_base;
struct load;

/* What is asked for, and how often among all. */
struct kind {
	char name[16];
	char method[8];
	char target[128];
	unsigned weight;
	unsigned body_bytes;   /* of the request */
	unsigned answer_bytes; /* of a good answer */
	STAILQ_ENTRY(kind) next;
};

struct job {
	const struct kind *kind;
	char id[LAB_ID_MAX + 1];
	int64_t due_us; /* CLOCK_MONOTONIC, as all times here */
	int64_t sent_us;
	void *on; /* the wire's: what carries it; NULL when nothing does any more */
	TAILQ_ENTRY(job) next;
	TAILQ_ENTRY(job) waits; /* the wire's, while nothing carries it */
};

/* A protocol. Every job given to send() comes back by job_done() once, unless it is dropped. */
struct wire {
	const char *name;
	const char *alpn;
	void (*open)(struct load *, unsigned count); /* connections to begin with */
	unsigned (*opening)(const struct load *);    /* how many of those are not ready yet */
	void (*send)(struct load *, struct job *);
	void (*drop)(struct load *, struct job *); /* its deadline is over */
	void (*close)(struct load *);              /* the load is over; NULL: nothing to do */
};

extern const struct wire wire_h1, wire_h2, wire_grpc, wire_websocket, wire_streams, wire_tcp;

struct load {
	struct event_base *base;
	const struct wire *wire;
	struct sockaddr_in to;
	SSL_CTX *tls; /* NULL: clear text */
	struct ssl_session_st
	    *session;         /* the newest, which new connections resume; NULL: none yet */
	const char *host;     /* for Host and SNI */
	void *wire_data;      /* the wire's */
	uint64_t closed_idle; /* connections that the proxy closed without saying so before */
	uint64_t stray;       /* bytes that nobody had asked for */
};

/*
 * The end of a job, which is freed. verdict: "ok"; "status" (whole, but not 2xx); "wrong" (2xx with
 * a body that is not its own); "refused", "reset", "closed" (before the answer's first byte),
 * "cut" (after it), "garbage", "late".
 */
void job_done(struct load *, struct job *, int status, const char *origin, const char *verdict);

/* A tunnel that has lived from since_us until now: a line like a job's, of the method TUNNEL. */
void tunnel_done(const char *id, int64_t since_us, const char *origin, const char *verdict);

/* For wires: a stream to the proxy that connects when it is told to, ended when it is freed. */
struct bufferevent *wire_stream(struct load *);

/* What a client of HTTP/2 is told by nghttp2; its session, with its SETTINGS to be sent. */
struct wire_calls {
	nghttp2_on_header_callback on_header;
	nghttp2_on_data_chunk_recv_callback on_data;
	nghttp2_on_frame_recv_callback on_frame;
	nghttp2_on_stream_close_callback on_close;
};
nghttp2_session *wire_session(const struct wire_calls *, void *arg);
/* Of an answer that has come whole. */
const char *wire_verdict(const struct job *, int status, const struct pattern *body);

#endif
