/*
 * What the two files of a stream share: the socket (stream.c) and TLS over it (stream_tls.c).
 * Nobody else includes this. The loop's thread only.
 */
#ifndef NET_STREAM_PARTS_H
#define NET_STREAM_PARTS_H

#include "base/hints.h"
#include "net/stream.h"

/* Has the socket more? DOUBTFUL: a short read emptied it, but see stream_may_have_ended(). */
enum { READ_EMPTY, READ_DOUBTFUL, READ_MORE };

/* stream.c: no byte leaves any more; the owner hears of it from the loop. */
COLD void stream_fail_writing(struct stream *, enum fault why);
/*
 * To the socket, or behind what waits for it already: the order is kept. more: the kernel may hold
 * the last segment back, because bytes or a FIN follow at once. False: the stream has failed.
 */
bool stream_put_raw(struct stream *, const char *data, size_t len, bool more);
/*
 * One read of the socket. A short read has emptied it, so the next edge will tell of more: no
 * second call to hear EAGAIN. Unless a FIN lies behind the bytes, whose edge has been already; or
 * a reset, of which libevent then says only that the socket is readable and writable.
 */
ssize_t stream_recv(struct stream *, void *buf, size_t size);
/* A read of the socket returned n <= 0: what that means, as an enum stream_end. */
ssize_t stream_read_ended(struct stream *, ssize_t n);
/* The socket takes no more of what somebody else holds for it: STREAM_DRAINED will tell. */
void stream_is_full(struct stream *);

/* Of what is unread; there is something. Returns how much. */
size_t stream_take_unread(struct stream *, char *buf, size_t size);
/* There was nothing unread. */
void stream_keep_unread(struct stream *, const char *data, size_t len);

/* stream_tls.c: between these two the loop's cipher buffers are this stream's. */
void stream_tls_enter(struct stream *);
void stream_tls_leave(struct stream *); /* sends what has gathered */
/* What a failed SSL_read() or handshake means; leaves OpenSSL's error queue empty, always. */
ssize_t stream_tls_end(struct stream *, int ret);
ssize_t stream_tls_read(struct stream *, char *buf, size_t size);
/* last: close_notify goes along. */
void stream_tls_write(struct stream *, const char *data, size_t len, bool last);
/* The handshake is done: from now on what is said about TLS itself is counted. */
void stream_tls_opened(struct stream *);
void stream_tls_goodbye(struct stream *); /* close_notify, once */

#endif
