/*
 * A byte stream over a non-blocking socket, clear or TLS; the same for clients, endpoints and
 * probes.
 *
 * Edge-triggered, and told of writability only once something has waited to be written; reads go
 * through the loop's buffers, so an idle stream holds none. A stream takes every byte it is given to
 * write: what the socket did not take waits in one block, and the owner stops giving more until
 * STREAM_DRAINED. That is all the back-pressure there is.
 *
 * Embedded in its owner; belongs to one loop's thread.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <event2/event_struct.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/fault.h"
#include "net/backlog.h"
#include "net/loop.h"

struct socket_keepalive;
struct stream;

enum stream_event {
	STREAM_OPENED = 1, /* connected, TLS established: reads and writes may start */
	STREAM_READABLE = 2, /* bytes, the end or an error wait for stream_read() */
	STREAM_DRAINED = 4, /* all that waited has been written */
	STREAM_FAILED = 8, /* connect or handshake failed, or a write did: see stream_fault() */
};

/* Called from the event loop only, never from inside a stream_*() call. May close the stream. */
typedef void stream_fn(struct stream *, unsigned events, void *arg);

/* What stream_read() says when it has no bytes. */
enum stream_end {
	STREAM_END = 0, /* properly: FIN, with TLS after close_notify */
	STREAM_WAIT = -1, /* nothing now: STREAM_READABLE follows */
	STREAM_ERROR = -2, /* reset or broken: see stream_fault() */
	STREAM_CUT = -3, /* TLS without close_notify: a body delimited by close must not end so */
};

enum stream_phase { STREAM_CLOSED, STREAM_CONNECTING, STREAM_HANDSHAKING, STREAM_OPEN };

/* What each read and write asks for lies together: two cache lines for the event, one for the rest. */
struct stream {
	/* private to net/stream.c */
	struct event event;
	stream_fn *fn;
	void *arg;

	/* read by the owner */
	struct loop *loop;
	SSL *ssl; /* owned; NULL: clear */
	uint64_t bytes_in; /* plain */
	uint64_t bytes_out;
	int fd; /* -1: closed */

	/* private to net/stream.c */
	uint8_t phase; /* enum stream_phase */
	uint8_t fault; /* enum fault */
	int8_t end; /* enum stream_end once reading is over, else STREAM_WAIT */
	uint8_t readable; /* private enum of net/stream.c */
	bool peer_closed; /* a FIN has arrived behind what is still to be read */
	bool write_failed;
	bool full; /* net/splice.c: bytes wait for it elsewhere */
	bool shut_wanted; /* our FIN follows when nothing waits any more */
	bool shut; /* it has been sent */
	bool server;
	bool writes_watched; /* the loop tells when the socket takes bytes */
	bool in_call; /* cipher_in and cipher_out are this stream's just now */
	struct backlog waiting; /* bytes the socket did not take */
	char *unread; /* bytes nobody has asked for yet (TLS: records): a block of loop->large, or NULL */
	uint32_t unread_at, unread_len;
	uint8_t tls_steps; /* of the peer's messages about TLS itself, since it is open */
};

/*
 * Takes an accepted socket (non-blocking) and an SSL made for it (or NULL); both are closed and
 * freed by stream_close(). STREAM_OPENED follows when the handshake is done; a clear stream is
 * open at once and gets no STREAM_OPENED.
 */
void stream_accept(struct stream *, struct loop *, int fd, SSL *, stream_fn *, void *arg);

/*
 * Connects. False: failed at once, stream_fault() tells why, and the stream is closed. Otherwise
 * STREAM_OPENED or STREAM_FAILED follows, never before this has returned. Takes the SSL in any
 * case. The deadline is the owner's.
 */
bool stream_connect(struct stream *, struct loop *, const struct sockaddr *, socklen_t,
    const struct socket_keepalive *, SSL *, stream_fn *, void *arg);

/*
 * Bytes that were read belong to whoever reads next: they come before all that is still in the
 * socket. At most LOOP_CHUNK, and none may be waiting like that already.
 */
void stream_unread(struct stream *, const void *data, size_t len);
/*
 * From here on a clear stream is TLS; what was put back is its beginning. Takes the SSL. Then as
 * after stream_accept() with it: STREAM_OPENED follows.
 */
void stream_accept_tls(struct stream *, SSL *);

/*
 * After stream_connect(): bytes in front of everything else, even of TLS. A few hundred at most.
 */
void stream_begin_with(struct stream *, const void *data, size_t len);

/* Closes socket and TLS state and forgets what waited. Safe on a closed or zeroed stream. */
void stream_close(struct stream *);

static inline bool
stream_is_open(const struct stream *s)
{
	return s->phase != STREAM_CLOSED;
}

/*
 * Reads up to size plain bytes: > 0, or an enum stream_end. With size >= LOOP_CHUNK nothing is kept
 * back in our buffers. Ask again while stream_may_read().
 */
ssize_t stream_read(struct stream *, void *buf, size_t size);
/* Would stream_read() have a chance? For going on, and for resuming after a pause. */
bool stream_may_read(const struct stream *);
/*
 * An end may lie right behind the last bytes read, and no event will tell of it: who cannot go on
 * without more asks stream_read() once more.
 */
bool stream_may_have_ended(const struct stream *);

/*
 * Writes all of it, or keeps the rest. False: bytes wait, or the stream failed; give no more than
 * a few closing bytes until STREAM_DRAINED (or STREAM_FAILED).
 */
bool stream_write(struct stream *, const void *data, size_t len);
/*
 * The same for the last bytes there are: close_notify leaves with them, and FIN too, if the owner
 * goes on with stream_shutdown() or stream_close(); it must, for the kernel may hold them back.
 */
bool stream_write_last(struct stream *, const void *data, size_t len);
bool stream_is_drained(const struct stream *);
/* Bytes that wait for the socket. */
size_t stream_waiting(const struct stream *);

/* Ends our direction: close_notify and FIN, after what waits. Reading goes on. */
void stream_shutdown(struct stream *);

/*
 * What has come of the socket by now, STREAM_* bits: as the loop would tell, had it just looked. For
 * who must decide at a moment at which the loop may be late. The owner is not called.
 */
unsigned stream_news(struct stream *);

/* Peeks at an idle stream without blocking: true when nothing, not even an end, has arrived. */
bool stream_is_quiet(const struct stream *);

/* The same for up to so many, by one system call. What can't be told is not called quiet. */
enum { STREAM_LOOK_MAX = 64 };
void stream_look(const struct stream *const streams[], size_t count, bool quiet[]);

/*
 * Why the handshake of an accepted stream failed, in words that last for ever; NULL: nothing was
 * said before the client went, as by who looks whether the port is open. Only while STREAM_FAILED
 * is told.
 */
const char *stream_handshake_why(const struct stream *);

static inline enum fault
stream_fault(const struct stream *s)
{
	return (enum fault)s->fault;
}

/* Once per process, before any SSL is made: OpenSSL allocates through our counters and buffers. */
void stream_init_openssl(void);

#endif
