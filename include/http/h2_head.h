/*
 * HTTP/2 heads: from fields as HPACK yields them to a struct head, and from the lines that the
 * writers of http/forward.h emit to fields for HPACK (RFC 9113 sections 8.1 to 8.3).
 *
 * Pure functions over bytes. The builder accepts the grammar to the letter, since what passes is
 * written again as HTTP/1; it keeps the fields as "name: value" lines in one flat buffer.
 */
#ifndef HTTP_H2_HEAD_H
#define HTTP_H2_HEAD_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "http/h1.h"
#include "http/message.h"

enum h2_section { H2_REQUEST, H2_RESPONSE, H2_TRAILERS };

enum h2_verdict {
	H2_GOOD,
	H2_REFUSED,   /* well-formed, but not served: fault says what to answer */
	H2_MALFORMED, /* RFC 9113 section 8.1.1: a stream error of type PROTOCOL_ERROR */
};

struct h2_head {
	/*
	 * Complete once h2_head_end() has said H2_GOOD. Of a request that is not, it has
	 * method_text, host and path as far as they came, unjudged: for logs only.
	 */
	struct head head;
	enum fault fault; /* with H2_REFUSED and H2_MALFORMED */
	const char *why;  /* the same: static text for the log */
	/*
	 * What all fields so far would take, 64 bytes charged for each. Grows on after a verdict:
	 * who sees it pass a multiple of the limit stops decoding.
	 */
	uint64_t charged;

	/* private */
	enum h2_section section;
	enum h2_verdict verdict;
	const struct h1_limits *limits;
	char *bytes;
	uint32_t used, size;
	uint32_t fields; /* as they came: each crumb of a cookie is one */
	unsigned seen;   /* pseudo-fields, by bit */
	struct part authority, scheme;
	int host, cookie, expect; /* of head.fields; -1: none */
};

/*
 * bytes has room for limits->head_bytes and H2_HEAD_ROOM more; it and the limits stay until the
 * end. head.base will be bytes; all else in head are offsets.
 */
enum { H2_HEAD_ROOM = 64 };
void h2_head_begin(
    struct h2_head *, enum h2_section, const struct h1_limits *, char *bytes, size_t size);
/* The verdict so far. name and value are copied. */
enum h2_verdict h2_head_add(struct h2_head *, struct slice name, struct slice value);
/*
 * All fields are there; end_stream: no DATA follows. request_method: of the request that a
 * response answers.
 */
enum h2_verdict h2_head_end(struct h2_head *, bool end_stream, enum method request_method);

/* What a head may hold, what we say ourselves, what service and route add (conf/check_edits.c). */
enum { H2_FIELDS_MAX = HEAD_MAX_FIELDS + 32 + 64 };

/* Fields for nghttp2_submit_*(); their text lies in the lines they were made from. */
struct h2_fields {
	size_t count;
	size_t taken; /* bytes of lines, the empty one included: a body may follow them */
	nghttp2_nv nv[H2_FIELDS_MAX];
};

/*
 * Lines as forward_write_request(), _response(), _own() and _trailers() emit them, into fields:
 * names are lower-cased in place, what belongs to one HTTP/1 connection is left out, Host becomes
 * :authority. protocol: it is an extended CONNECT for that (RFC 8441); or empty. False: there are too
 * many.
 */
bool h2_fields_request(
    struct h2_fields *, char *lines, size_t len, struct slice scheme, struct slice protocol);
bool h2_fields_response(struct h2_fields *, char *lines, size_t len);
bool h2_fields_trailers(struct h2_fields *, char *lines, size_t len);

#endif
