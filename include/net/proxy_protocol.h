/*
 * The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): who a connection is from,
 * said by a proxy in front of its first byte. Pure.
 */
#ifndef NET_PROXY_PROTOCOL_H
#define NET_PROXY_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "conf/topology.h"

enum {
	/* A longer header is refused: the addresses take 232 bytes, the rest is a sender's extras. */
	PROXY_HEADER_MAX = 4096,
	/* What proxy_header_write() needs at most: version 1 with two IPv6 addresses. */
	PROXY_HEADER_WRITTEN_MAX = 108,
};

enum proxy_header_result {
	PROXY_HEADER_DONE,
	PROXY_HEADER_MORE, /* good so far */
	PROXY_HEADER_BAD,
};

struct proxy_header {
	/*
	 * The sender names a client. If not, it speaks for itself (a health check) or does not know,
	 * and the connection is from whom the kernel says it is; the rest is then zero.
	 */
	bool named;
	bool tls; /* the client spoke TLS with the sender */
	struct ip source, destination; /* of one family */
	uint16_t source_port, destination_port;
	size_t len; /* of the header in bytes */
	const char *why; /* with PROXY_HEADER_BAD: static text for the log */
};

/* data begins with the connection's first byte in every call; what follows the header is ignored. */
enum proxy_header_result proxy_header_parse(const char *data, size_t len, struct proxy_header *);

/*
 * Writes a header; returns its length. Without a client it is what a sender says of itself: UNKNOWN
 * in version 1, LOCAL in 2. With addresses of two families IPv4 becomes IPv4-mapped IPv6.
 */
size_t proxy_header_write(
    const struct proxy_header *, enum conf_send_proxy, char out[PROXY_HEADER_WRITTEN_MAX]);

#endif
