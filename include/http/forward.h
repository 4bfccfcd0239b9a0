/*
 * What a proxy does to heads on their way (RFC 9110 section 7.6, RFC 7239): written once, for
 * every protocol pair.
 *
 * The writers emit HTTP/1 bytes into a caller's buffer; fields pass through as they came but for
 * the ones named here. Pure.
 */
#ifndef HTTP_FORWARD_H
#define HTTP_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "http/message.h"

/* Which of the client's lists of addresses is believed, and so continued. */
enum forward_trust {
	TRUST_NOTHING, /* whatever it says of others is replaced */
	TRUST_X_FORWARDED, /* X-Forwarded-For is; X-Forwarded-Proto, -Host, -Port and the like stay */
	TRUST_FORWARDED, /* Forwarded is, in its place */
};

/*
 * Changes to what passes through: fields named in drop (any case) are left out, lines ("Name: value"
 * CRLF each) are said. The caller sees to it that neither is about framing or the connection.
 */
struct forward_edits {
	const struct slice *drop;
	unsigned drop_count;
	struct slice lines;
};

/* What a request to an endpoint says beyond what the client's said. All slices may be empty. */
struct forward_request {
	struct slice host; /* Host to send; empty: the client's own */
	struct slice path; /* rewritten path without query; empty: as it came */
	struct slice client_ip; /* text; an IPv6 address without brackets */
	struct slice peer_ip; /* the same of who sent it to us: is added to the believed list */
	struct slice forwarded_host; /* the client's Host, for X-Forwarded-Host and Forwarded */
	uint16_t listener_port; /* X-Forwarded-Port */
	bool tls; /* the client spoke TLS: proto=https */
	enum forward_trust trust; /* in what the peer says */
	struct slice request_id; /* X-Request-Id, sent if the client sent none (or is not trusted) */
	struct slice loop_id; /* added to CDN-Loop (RFC 8586); empty: none */
	struct slice via; /* this proxy's pseudonym; empty: no Via */
	bool pass_expect; /* Expect: 100-continue goes along */
	bool keep_upgrade; /* Upgrade and Connection: upgrade go along */
	bool drop_underscores; /* fields with '_' in their names stay behind */
	struct slice websocket_key; /* for an extended CONNECT that goes on by HTTP/1.1; or empty */
	bool chunked; /* the body goes out chunked; else by the head's Content-Length, or none */
	const struct forward_edits *edits; /* NULL: none */
};

/*
 * Writes the head of a request to an endpoint, HTTP/1.1. Returns its length, or 0 when it does
 * not fit into size. Removes hop-by-hop fields and what Connection nominates (never
 * end-to-end fields that framing, routing or our own fields stand on), Proxy-*, HTTP2-Settings
 * and the client's own X-Forwarded-*, Forwarded and X-Mirrored-From unless trusted; adds the first
 * two anew. X-Real-IP is always ours: many proxies that may be trusted pass it on from whoever sent
 * it.
 */
size_t forward_write_request(const struct head *, const struct forward_request *, char *out,
    size_t size);

/* What Allow says where the proxy itself is asked, or refuses. */
#define FORWARD_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/* How often a TRACE or OPTIONS may be handed on (RFC 9110 section 7.6.2). */
enum forward_hops {
	HOPS_ANY, /* it does not say, or is of another method */
	HOPS_LEFT, /* once more at least; the writer counts down */
	HOPS_NONE, /* this proxy is who has to answer */
	HOPS_BAD, /* Max-Forwards is malformed, or comes twice */
};
enum forward_hops forward_hops(const struct head *);

/* Has the request been given this loop_id before? */
bool forward_is_loop(const struct head *, struct slice loop_id);

struct forward_response {
	bool to_http10; /* the client's version: no chunked, no 1xx */
	bool chunked; /* the body goes out chunked */
	bool close; /* say Connection: close */
	bool say_keep_alive; /* an HTTP/1.0 client asked for keep-alive */
	bool keep_upgrade; /* 101 */
	unsigned status; /* to say in place of the head's; 0: that */
	struct slice websocket_accept; /* for a 101 that HTTP/2 granted; or empty */
	struct slice date; /* now, for an answer that does not say it; empty: it does, or may not */
	struct slice via;
	struct slice request_id; /* empty: none */
	const struct forward_edits *edits; /* NULL: none */
};

/* Writes the head of the answer to the client. Returns its length, or 0 when it does not fit. */
size_t forward_write_response(const struct head *, const struct forward_response *, char *out,
    size_t size);

/*
 * Writes trailer fields and the final empty line ("\r\n" alone when trailers is NULL). Fields
 * that must not stand in a trailer (RFC 9110 section 6.5.1: framing, routing, authentication,
 * request modifiers, hop-by-hop) are left out. Returns the length, or 0 when it does not fit.
 */
size_t forward_write_trailers(const struct head *trailers, char *out, size_t size);

/*
 * A whole answer made by the proxy: small body in HTML or JSON by the request's Accept (may be
 * empty), request id in it; extra is more header lines, each with CRLF, or empty. Returns its
 * length, or 0.
 */
struct own_answer {
	unsigned status;
	bool grpc; /* in gRPC's terms: status is 200, what is meant stands in grpc_status */
	unsigned grpc_status;
	struct slice text; /* one sentence for people; also the reason shown */
	struct slice request_id;
	struct slice extra;
	struct slice shaped; /* more such lines, of the configuration's */
	struct slice accept; /* the request's Accept value */
	struct slice date; /* now, as Date says it; empty: none */
	bool head_only; /* the request was HEAD */
	bool close;
	bool say_keep_alive; /* an HTTP/1.0 client asked for keep-alive */
};
size_t forward_write_own(const struct own_answer *, char *out, size_t size);

/* "Not Found" for 404; "Unknown" for what RFC 9110 and its registry do not name. */
const char *http_reason(unsigned status);

/* Media preference: does this Accept value prefer JSON over HTML? */
bool accept_prefers_json(struct slice accept);

#endif
