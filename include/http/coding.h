/*
 * Content codings (RFC 9110 section 8.4): may this answer be compressed for this client? Pure.
 */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include <stdbool.h>

#include "http/message.h"

/* Does the request take gzip, by the first Accept-Encoding it has? */
bool coding_takes_gzip(const struct head *request);
/* Is the media type one that shrinks? */
bool coding_shrinks(struct slice content_type);
/*
 * Is this answer one that a proxy may compress: whole (200 and kin), of a type that shrinks, of
 * least bytes or an unknown number, neither encoded yet nor marked no-transform?
 */
bool coding_may_compress(const struct head *response, enum method, uint64_t least);

#endif
