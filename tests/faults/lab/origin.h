/*
 * An endpoint of the lab: answers requests after a while, misbehaves on command, writes down what
 * reached it.
 *
 * origin.c listens and obeys; origin_h1.c speaks HTTP/1.1, origin_h2.c HTTP/2 and gRPC, and
 * origin_notes.c what goes through tunnels and TCP services; work.c is the application with its
 * queue. One thread, one event base.
 */
#ifndef LAB_ORIGIN_H
#define LAB_ORIGIN_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pattern.h"

struct event;
struct event_base;
struct bufferevent;
struct work;

/* What is done in place of a good answer. The request has been executed by then, but for FULL. */
enum deed {
#define DEED(id, name, text) DEED_##id,
#include "deed.def"
#undef DEED
	DEED_COUNT
};

struct behaviour {
	enum deed deed;
	unsigned arg;
	unsigned percent; /* of the requests; the others are answered well */
	unsigned count;   /* requests so far: which ones is no matter of chance */
};

/* Who asked: the first member of a connection or of a stream. */
struct asker {
	/* With deed and its argument; the work forgets the asker before. */
	void (*answer)(struct asker *, const struct work *, enum deed, unsigned arg);
};

/* A request in the application: lives on when its client has gone, as in real ones. */
struct work {
	struct asker *asker; /* NULL: gone */
	struct event *timer;
	char method[16];
	char id[LAB_ID_MAX + 1];
	unsigned ms;
	unsigned answer_bytes;
	unsigned pieces, gap_ms; /* of an answer that comes bit by bit */
	struct behaviour *behaviour;
	bool health;
	bool starts;            /* has a slot */
	TAILQ_ENTRY(work) next; /* waiting for a slot */
};

/* A protocol. */
struct tongue {
	const char *name;
	void (*accept)(int fd);
	void (*end_idle)(bool reset); /* all connections without a request: FIN or RST */
};

extern const struct tongue tongue_h1, tongue_h2, tongue_notes;

struct origin {
	struct event_base *base;
	const struct tongue *tongue;
	SSL_CTX *tls; /* NULL: clear text */
	const char *name;
	int log;
	unsigned delay_ms; /* of a request that does not ask for another */
	unsigned slots;    /* requests at a time; 0: any number */
	unsigned cost_us; /* a slot is held for so long only, not for the whole delay; 0: for all of
			     it */
	unsigned queue;   /* that may wait for a slot; 503 beyond */
	unsigned collapse; /* a full queue makes everything take (1 + collapse) times as long */
	struct behaviour traffic, health;
	unsigned busy, waiting;
	TAILQ_HEAD(, work) line;
};

extern struct origin origin;

/* One line of the log, in one write: "WORD MONOTONIC_US METHOD ID REST". */
void origin_log(const char *word, const char *method, const char *id, const char *rest);

/* Of an accepted connection, TLS if the origin has a certificate. */
struct bufferevent *origin_stream(int fd);
/* Frees it; reset: with RST in place of FIN. */
void origin_end(struct bufferevent *, bool reset);

/* A request for target, whose id is "" if it has none; not begun yet. */
struct work *work_new(struct asker *, const char *method, const char *target, const char *id);
/* The application: takes a request that has been read; answers if its asker still lives. */
void work_begin(struct work *);
/* Is this one of those in a hundred that the order is about? Counts it. */
bool work_misbehaves(struct behaviour *);

/* HTTP/1.1 has granted an upgrade: what follows are notes in WebSocket frames. */
void notes_begin(struct bufferevent *);

#endif
