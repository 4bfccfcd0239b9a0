/*
 * A WebSocket's opening, as HTTP/1.1 has it (RFC 6455 section 4: an upgrade with a key that the
 * answer must know of) and as HTTP/2 has it (RFC 8441: an extended CONNECT, without one): what it
 * takes to make the one of the other. Pure.
 */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/hints.h"
#include "http/message.h"

enum {
	WEBSOCKET_NONCE = 16, /* bytes of chance in a key */
	WEBSOCKET_KEY = 24, /* the key as it is sent; not terminated, like the next */
	WEBSOCKET_ACCEPT = 28, /* its answer */
};

/*
 * Does the request ask for a WebSocket, and for nothing else, so that it can be asked for by HTTP/2
 * too? One by HTTP/1.1 must have a key.
 */
bool websocket_is_asked(const struct head *);
/* The key that it came with, or an empty slice: it has none, or no good one. */
struct slice websocket_key(const struct head *);

/* The key that says so. */
void websocket_make_key(const unsigned char nonce[WEBSOCKET_NONCE], char key[WEBSOCKET_KEY]);
/* What a server answers to a key (RFC 6455 section 4.2.2). */
COLD void websocket_accept(struct slice key, char accept[WEBSOCKET_ACCEPT]);
/* Is this 101 the answer to a WebSocket of that key (section 4.1)? */
bool websocket_is_granted(const struct head *answer, const char accept[WEBSOCKET_ACCEPT]);

#endif
