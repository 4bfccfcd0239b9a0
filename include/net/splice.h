/*
 * Bytes from one clear stream to another through the kernel alone, by way of a pipe (splice(2)).
 *
 * A pipe is taken while bytes are in it and given back when they are gone: connections at rest hold
 * none. Belongs to one loop's thread.
 */
#ifndef NET_SPLICE_H
#define NET_SPLICE_H

#include <stdbool.h>
#include <sys/types.h>

struct splice_pipe;
struct splice_pool;
struct stream;

struct splice_pool *splice_pool_new(void);
void splice_pool_free(struct splice_pool *);

/* An empty pipe; NULL when there are no descriptors for one. */
struct splice_pipe *splice_take(struct splice_pool *);
/* With what is still in it. */
void splice_give(struct splice_pool *, struct splice_pipe *);

/* Both are clear and open, nothing was read from the one too far, nothing waits for the other. */
bool splice_may(const struct stream *from, const struct stream *to);
/* Into an empty pipe: how many bytes, or an enum stream_end as stream_read() says it. */
ssize_t splice_in(struct splice_pipe *, struct stream *from);
/*
 * What is in it, as far as the stream takes it. False: some is left; STREAM_DRAINED follows, and
 * nothing else may be written before that is gone too; or the stream has failed.
 */
bool splice_out(struct splice_pipe *, struct stream *to);

#endif
