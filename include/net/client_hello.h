/*
 * The server name in a TLS client's first message (RFC 8446 section 4.1.2, RFC 6066 section 3),
 * read by who passes the connection on unopened.
 *
 * Pure. Refuses rather than guesses: what two readers could understand differently is malformed,
 * or a client could be routed by one name and served by another.
 */
#ifndef NET_CLIENT_HELLO_H
#define NET_CLIENT_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum { CLIENT_HELLO_MAX = 20 * 1024 }; /* bytes from its first to its last, framing and all */

enum client_hello_result { CLIENT_HELLO_DONE, CLIENT_HELLO_MORE, CLIENT_HELLO_BAD };

struct client_hello {
	char name[256]; /* lower case, terminated; empty: the client asks for none */
	uint8_t name_len;
	const char *why; /* when BAD: static text */
};

/*
 * data begins at the connection's first byte and grows from call to call. The verdict does not
 * depend on how it was cut, and MORE is never said for CLIENT_HELLO_MAX bytes.
 */
enum client_hello_result client_hello_parse(struct client_hello *, const void *data, size_t len);

#endif
