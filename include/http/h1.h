/*
 * HTTP/1 heads: the strict parser and the small writer (RFC 9112).
 *
 * Pure functions over bytes. The parser accepts the grammar to the letter and nothing that two
 * readers could understand differently: it refuses rather than repairs (bare CR or LF, obs-fold,
 * space before a colon, both framings, repeated or list Content-Length, any transfer coding but
 * exactly one "chunked", control bytes, an invalid or repeated Host ...).
 */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "http/message.h"

enum h1_result {
	H1_DONE, /* complete */
	H1_MORE, /* complete lines are good so far; call again with more behind them */
	H1_BAD, /* see fault and why */
};

/* What becomes of a request's fields with '_' in their names that alias nothing of ours. */
enum h1_underscores {
	UNDERSCORES_DROP, /* they stay in the head, unseen; gRPC's metadata are no variables of CGI */
	UNDERSCORES_KEEP,
	UNDERSCORES_REFUSE,
};

struct h1_limits {
	uint32_t line_bytes; /* request or status line */
	uint32_t field_bytes; /* one header line */
	uint32_t head_bytes; /* all of it, each field charged 64 bytes extra when decoded */
	uint32_t fields; /* at most HEAD_MAX_FIELDS */
	enum h1_underscores underscores;
};

extern const struct h1_limits h1_default_limits; /* 8 KiB, 16 KiB, 32 KiB, 100 */

/*
 * Where a parse in several pieces stands; zeroed before the first byte. data must begin at the
 * same byte of the message in each call. It may have moved in memory, and head may be another
 * one, so that no connection that waits needs to hold its 2 KiB: the call that returns H1_DONE
 * fills it. A head that trickles in is read twice, however small the pieces, one that arrives
 * whole once. The verdict does not depend on how the bytes were cut.
 */
struct h1_parse {
	uint32_t scanned;
	uint32_t line_start;
	uint32_t lines;
	enum fault fault; /* with H1_BAD */
	const char *why; /* with H1_BAD: static text for the log */
};

/*
 * On H1_DONE, head is filled with offsets from data, head->base is data, and head->len says how
 * many bytes it took (with any empty lines before it, RFC 9112 section 2.2).
 */
enum h1_result h1_parse_request(struct h1_parse *, struct head *, const char *data, size_t len,
    const struct h1_limits *);

/*
 * request_method and whether we asked for an upgrade decide the framing (RFC 9112 section 6.3).
 * Interim (1xx) responses are heads like any other, with FRAMING_NONE; what a 101 switches to is
 * for h1_upgrade_was_offered() to judge.
 */
enum h1_result h1_parse_response(struct h1_parse *, struct head *, const char *data, size_t len,
    const struct h1_limits *, enum method request_method, bool asked_upgrade);

/* Does a 101 switch to nothing but what the request offered (RFC 9110 section 7.8)? */
bool h1_upgrade_was_offered(const struct head *request, const struct head *answer);

/*
 * The trailer section behind the last chunk, up to and with its empty line; fields only. The
 * fault is said as for a request.
 */
enum h1_result h1_parse_trailers(struct h1_parse *, struct head *, const char *data, size_t len,
    const struct h1_limits *);

/*
 * Bodies. The decoder takes bytes as they come and yields payload; it holds a few words of state
 * and no bytes.
 */
struct h1_body {
	enum framing framing;
	uint8_t state; /* private */
	uint8_t digits; /* private */
	uint16_t extension; /* private: bytes of chunk extension seen */
	uint64_t left; /* of the message (FRAMING_LENGTH) or of the chunk */
	const char *why; /* with H1_BAD */
};

/* What to expect behind this head. */
void h1_body_begin(struct h1_body *, const struct head *);

/*
 * Decodes data[0..len) in place. Payload is moved together and lies at payload->at, payload->len
 * (inside data; before the first chunk's payload nothing is moved). *used says how many bytes
 * were consumed; unconsumed ones belong to the trailer section (chunked: H1_DONE means that the
 * last chunk's line was read and h1_parse_trailers() comes next) or to the next message.
 *
 * H1_DONE: the body is complete. H1_MORE: all of data was consumed. H1_BAD: framing is broken.
 * FRAMING_CLOSE never becomes H1_DONE; the end of the connection is its end.
 */
enum h1_result h1_body_decode(struct h1_body *, char *data, size_t len, struct slice *payload,
    size_t *used);

/* True when closing the connection now would end this body properly. */
bool h1_body_may_end_at_close(const struct h1_body *);

/* The chunk header for len > 0 payload bytes, written to end just before end; returns its start. */
enum { H1_CHUNK_HEAD_MAX = 18 };
char *h1_chunk_head_before(char *end, uint64_t len);

#endif
