/*
 * Who a request is from: the peer of its connection, or whom a trusted proxy names. What limits,
 * the log, hashing and forwarded fields go by. Pure.
 */
#ifndef PROXY_IDENTITY_H
#define PROXY_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "http/forward.h"
#include "http/message.h"

struct client_facts;
struct topology;

struct identity {
	struct ip ip;
	uint16_t port; /* 0: not known */
	enum forward_trust trust; /* in what the peer says */
	bool claimed; /* ip is not the peer's own */
	bool https; /* the client spoke TLS, with us or with the trusted peer */
	uint8_t text_len;
	char text[IP_TEXT_MAX]; /* of ip */
};

/* topology NULL: nobody is trusted. */
void identity_establish(struct identity *, const struct client_facts *, const struct head *,
    const struct topology *);

/* Its address as fields have it; empty: it came by a unix socket. */
static inline struct slice
identity_address(const struct identity *i)
{
	return (struct slice){ i->text, i->ip.family == IP_NONE ? 0 : i->text_len };
}

#endif
