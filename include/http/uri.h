/*
 * Paths: normalisation for route matching, prefix rewriting. Pure.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/*
 * Normalises an absolute path as RFC 3986 section 6.2.2 does: decodes percent-encoded unreserved
 * characters, upper-cases the hex digits of what stays encoded, removes dot segments (encoded
 * ones too). Never merges slashes: whether they are is for limits.slashes to say. Idempotent.
 * Refuses (returns false) a NUL, a backslash, a control byte or a broken escape, encoded or not,
 * invalid or overlong UTF-8 escapes, and what may not stand in a path unencoded ('?', '#', ' ',
 * bytes from 0x80 on ...). "%2F" stays as it is, but a dot segment between such slashes, or with
 * parameters ("..;a"), is refused.
 * out has room for path.len bytes; *out_len <= path.len.
 * *changed tells whether the result differs from what came.
 */
bool uri_normalize_path(struct slice path, char *out, size_t *out_len, bool *changed);

/* "path[?query]": how long the path is; false where a byte may not stand. */
bool uri_split_target(struct slice target, size_t *path_len);

/*
 * Is prefix a prefix of path on a segment border? "/api" of "/api", "/api/", "/api/x", not of
 * "/apix"; "/api/" of "/api/" and "/api/x", not of "/api".
 */
bool uri_prefix_matches(struct slice path, struct slice prefix);

/*
 * The next parameter of this name in a query ("?a=b&c", or what is left of it), its value decoded
 * into buf: "%41" and "+" as forms have them. *rest is moved behind it. False: there is none. A
 * value too long for buf is passed over, and so is a name.
 */
bool query_next(struct slice *rest, struct slice name, char *buf, size_t size, struct slice *value);

/*
 * "host[:port]" into its parts, lower-cased host into out (room for text.len), without a trailing
 * dot; false when it is not a valid authority (RFC 3986 section 3.2.2, 3.2.3). IPv6 in brackets
 * keeps them. *port is 0 when none is given.
 */
bool uri_split_authority(struct slice text, char *out, size_t *out_len, unsigned *port);
/* Would it split? A name is letters, digits and "-._" in non-empty labels: no escapes. */
bool uri_authority_is_valid(struct slice text);

#endif
