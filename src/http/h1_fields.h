/*
 * What heads and trailers share: lines, field lines, and what the fields say about framing.
 * Private to the HTTP/1 parser.
 */
#ifndef HTTP_H1_FIELDS_H
#define HTTP_H1_FIELDS_H

#include "base/hints.h"
#include "http/h1.h"

/* Records the verdict; returns H1_BAD. */
COLD enum h1_result h1_bad(struct h1_parse *, enum fault, const char *why);

/*
 * To be called first with each piece: empties the head. Returns true if lines were taken in
 * earlier calls: this one only judges those that are new (their number, first_lines of which are
 * no fields, still counts), and when they are complete and good, h1_restart() has all read again
 * into this head.
 */
bool h1_head_begin(const struct h1_parse *, struct head *, const char *data, unsigned first_lines);
COLD void h1_restart(struct h1_parse *);

/*
 * Looks for the CRLF of the line at line_start. H1_DONE: *end is where its CR stands;
 * h1_line_next() steps over it. bound is the furthest that CR may stand; beyond it, too_long.
 */
enum h1_result h1_line(struct h1_parse *, const char *data, size_t len, size_t bound,
    enum fault too_long, uint32_t *end);
void h1_line_next(struct h1_parse *, uint32_t end);

/* "HTTP/d.d": ten times its major plus its minor; -1 if it is not that. */
int h1_version(struct slice);

/* Field lines up to and with the empty line. A request's must not alias, see field_is_alias(). */
enum h1_result h1_fields(struct h1_parse *, struct head *, const char *data, size_t len,
    const struct h1_limits *, bool refuse_aliases);

/* The fields that steer the parser, found in one pass; NULL: the head has none. */
struct h1_meaning {
	const struct field *host;
	const struct field *content_length;
	const struct field *transfer_encoding;
	const struct field *expect;
	bool upgrade; /* nominated by Connection, and to protocols that we let pass */
	bool te_trailers;
	const char *why; /* with FAULT_BAD_REQUEST */
};

/*
 * Fills in meaning and what it says: keep_alive, content_length, has_content_length. Returns
 * FAULT_NONE, FAULT_BAD_REQUEST, or FAULT_CODING_REFUSED for a transfer coding but "chunked".
 */
enum fault h1_understand(struct head *, struct h1_meaning *);

/*
 * What two readers may take for different requests, beyond framing and host: returns why it is
 * refused, or NULL. Hides fields as limits->underscores says. The framing must have been decided.
 */
const char *h1_judge_request(struct head *, const struct h1_limits *);

/* More options in Connection, empty ones counted, are refused: each costs a look at each field. */
enum { H1_CONNECTION_OPTIONS = 64 };

#endif
