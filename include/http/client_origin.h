/*
 * Who a request is from, by what trusted proxies say of it: X-Forwarded-For and its like, or
 * Forwarded (RFC 7239). Pure.
 */
#ifndef HTTP_CLIENT_ORIGIN_H
#define HTTP_CLIENT_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "http/message.h"

enum client_scheme { SCHEME_UNSAID, SCHEME_HTTP, SCHEME_HTTPS };

struct client_origin {
	struct ip ip;
	uint16_t port; /* 0: not known */
	bool peer_is_trusted; /* what it says of others counts */
	bool claimed; /* ip is from a field, not the peer's own */
	enum client_scheme scheme; /* what the client spoke, by a trusted peer's word */
};

/*
 * The peer itself unless it is trusted. If it is, the addresses in all fields called field are one
 * list, to whose end each proxy on the way has added: read from there, the first that is not
 * trusted is the client; what stands in front of it anybody may have written. With all of them
 * trusted it is the first of the list. What is no address ends the reading: who wrote it is then
 * the client. field "Forwarded" is read as RFC 7239 has it, any other as a list of addresses.
 */
void client_origin_find(const struct head *, struct slice field, const struct ip_set *trusted,
    const struct ip *peer, uint16_t peer_port, struct client_origin *);

#endif
