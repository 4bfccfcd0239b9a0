/*
 * HTTP/1 bytes on their way out: head, framing and body in one write whenever there is room
 * around the body to put them. Worker thread only.
 */
#ifndef PROXY_H1_OUT_H
#define PROXY_H1_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct stream;

/*
 * Writes head_len bytes of head (may be 0; head must not lie in body's rooms), the body (NULL or
 * empty: none) as one chunk if chunked, and the last chunk if chunked and end; with close our
 * direction ends behind it. False as stream_write().
 */
bool h1_out(struct stream *, const char *head, size_t head_len, struct span *body, bool chunked,
    bool end, bool close);

#endif
