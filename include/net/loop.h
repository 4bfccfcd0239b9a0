/*
 * What one thread's event loop owns: the base, its deadlines, its buffers.
 *
 * One per thread that does I/O; everything in it belongs to that thread and nothing is locked.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/watchdog.h"

struct event_base;
struct slab;
struct timers;

enum {
	LOOP_CHUNK = 64 * 1024,     /* plain bytes moved at a time */
	LOOP_HEAD_ROOM = 56 * 1024, /* a rewritten head fits in front of the body's first bytes */
	LOOP_TAIL_ROOM = 64,        /* chunk framing behind */
	LOOP_CIPHER = LOOP_CHUNK + 8 * 1024, /* the same as TLS records */
};

struct loop {
	struct event_base *base;
	struct timers *timers;
	struct slab *small; /* 4 KiB blocks: heads that came in pieces */
	struct slab *large; /* LOOP_CIPHER blocks: bytes a socket did not take yet */
	/*
	 * Counts how often the kernel was asked for events. An event of this turn was there before
	 * anything that was done in it.
	 */
	uint64_t turn;
	char *plain; /* LOOP_HEAD_ROOM + LOOP_CHUNK + LOOP_TAIL_ROOM; see loop_span() */
	char *cipher_in; /* LOOP_CIPHER, used inside stream_read() only */
	char *cipher_out; /* LOOP_CIPHER, used inside stream_write() and stream_read() only */
	size_t cipher_in_at, cipher_in_len; /* private to net/stream.c */
	bool cipher_in_used; /* private to net/stream.c: one read of the socket per call */
	size_t cipher_out_len; /* private to net/stream.c */
	const char *handshake_why; /* of the last one that failed: see stream_handshake_why() */
	struct beat beat;          /* while it runs and a watchdog does */
};

struct loop *loop_new(void); /* aborts when the kernel refuses an epoll instance */
void loop_free(struct loop *);
/* Runs until loop_stop(), watched where a watchdog runs. stalls is borrowed; NULL: uncounted. */
void loop_run(struct loop *, struct watchdog_stalls *stalls);
void loop_stop(struct loop *); /* from this thread */
/*
 * Around all that one event brings about: the clock stands still (clock_hold()), and the loop shows
 * that it goes round. One look at the sockets may find thousands of them ready, each with a
 * handshake's signature to be made: seconds for which no timer has its turn.
 */
void loop_enter(struct loop *);
void loop_leave(void);

/* The thread's one plain buffer as an empty span with all its room; overwritten by the next user. */
static inline struct span
loop_span(struct loop *l)
{
	return (struct span){ l->plain + LOOP_HEAD_ROOM, 0, LOOP_HEAD_ROOM,
		LOOP_CHUNK + LOOP_TAIL_ROOM };
}

#endif
