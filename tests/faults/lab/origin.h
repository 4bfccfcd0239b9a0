/*
 * An endpoint of the lab: answers requests after a while, misbehaves on command, writes down what
 * reached it.
 *
 * origin.c listens and obeys, origin_h1.c speaks HTTP/1.1, work.c is the application with its
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
struct origin_link;

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

/* A request in the application: lives on when its client has gone, as in real ones. */
struct work {
	struct origin_link *link; /* NULL: gone */
	struct event *timer;
	char method[16];
	char id[LAB_ID_MAX + 1];
	unsigned ms;
	unsigned answer_bytes;
	struct behaviour *behaviour;
	bool health;
	bool starts;            /* has a slot */
	TAILQ_ENTRY(work) next; /* waiting for a slot */
};

struct origin {
	struct event_base *base;
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
	LIST_HEAD(, origin_link) links;
};

extern struct origin origin;

/* One line of the log, in one write: "WORD MONOTONIC_US METHOD ID REST". */
void origin_log(const char *word, const char *method, const char *id, const char *rest);

/* The application: takes a request that has been read; calls link_answer() if link still lives. */
void work_begin(struct work *);

/* HTTP/1.1. */
void link_accept(int fd);
/* With deed and its argument; frees the work's hold on the link. */
void link_answer(struct origin_link *, const struct work *, enum deed, unsigned arg);
/* All connections without a request: FIN or RST. */
void link_end_idle(bool reset);

#endif
