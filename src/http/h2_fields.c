/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "chars.h"
#include "http/h2_head.h"
#include "values.h"
#include "words.h"

static bool
add(struct h2_fields *f, struct slice name, struct slice value)
{
	nghttp2_nv *nv = &f->nv[f->count];

	if (f->count == H2_FIELDS_MAX)
		return false;
	f->count++;
	/* nghttp2 does not write there, whatever the types say. */
	memcpy(&nv->name, &name.at, sizeof nv->name);
	memcpy(&nv->value, &value.at, sizeof nv->value);
	nv->namelen = name.len;
	nv->valuelen = value.len;
	nv->flags = NGHTTP2_NV_FLAG_NONE;
	return true;
}

/* The next line without its CRLF. They come from our own writers: each has one. */
static struct slice
take_line(struct h2_fields *f, const char *lines, size_t len)
{
	struct slice line = { lines + f->taken, 0 };
	const char *end = memchr(line.at, '\r', len - f->taken);

	assert(end != NULL && end + 1 < lines + len && end[1] == '\n');
	line.len = (size_t)(end - line.at);
	f->taken += line.len + 2;
	return line;
}

static bool
passes(enum field_id id, struct slice value)
{
	switch (id) {
	case FIELD_CONNECTION: /* RFC 9113 section 8.2.2 */
	case FIELD_PROXY_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
	case FIELD_HTTP2_SETTINGS:
	case FIELD_SEC_WEBSOCKET_KEY: /* RFC 8441 section 5 */
	case FIELD_SEC_WEBSOCKET_ACCEPT:
		return false;
	case FIELD_TE:
		return slice_eq_nocase(value, SLICE("trailers"));
	default:
		return true;
	}
}

/* Field lines up to and with the empty one; the value of Host goes to authority, if there is one.
 */
static bool
take_fields(struct h2_fields *f, char *lines, size_t len, nghttp2_nv *authority)
{
	for (;;) {
		char *at = lines + f->taken;
		struct slice line = take_line(f, lines, len), name, value;
		const char *colon;
		enum field_id id;

		if (line.len == 0)
			return true;
		colon = memchr(at, ':', line.len);
		assert(colon != NULL);
		name = (struct slice){ at, (size_t)(colon - at) };
		lower_in_place(at, name.len);
		value =
		    value_trim((struct slice){ colon + 1, line.len - (size_t)(colon + 1 - at) });
		id = field_lookup(name.at, name.len);
		if (id == FIELD_HOST && authority != NULL) {
			memcpy(&authority->value, &value.at, sizeof authority->value);
			authority->valuelen = value.len;
			continue;
		}
		if (passes(id, value) && !add(f, name, value))
			return false;
	}
}

bool
h2_fields_request(
    struct h2_fields *f, char *lines, size_t len, struct slice scheme, struct slice protocol)
{
	struct slice line, method, path;
	const char *space;

	f->count = f->taken = 0;
	line = take_line(f, lines, len);
	space = memchr(line.at, ' ', line.len);
	assert(space != NULL);
	method = (struct slice){ line.at, (size_t)(space - line.at) };
	path = (struct slice){ space + 1, line.len - method.len - sizeof " HTTP/1.1" };
	if (protocol.len > 0)
		method = SLICE("CONNECT");
	return add(f, SLICE(":method"), method) && add(f, SLICE(":scheme"), scheme) &&
	    add(f, SLICE(":authority"), SLICE("")) && add(f, SLICE(":path"), path) &&
	    (protocol.len == 0 || add(f, SLICE(":protocol"), protocol)) &&
	    take_fields(f, lines, len, &f->nv[2]);
}

bool
h2_fields_response(struct h2_fields *f, char *lines, size_t len)
{
	struct slice line;

	f->count = f->taken = 0;
	line = take_line(f, lines, len);
	assert(line.len >= sizeof "HTTP/1.1 200" - 1);
	return add(f, SLICE(":status"), (struct slice){ line.at + sizeof "HTTP/1.1", 3 }) &&
	    take_fields(f, lines, len, NULL);
}

bool
h2_fields_trailers(struct h2_fields *f, char *lines, size_t len)
{
	f->count = f->taken = 0;
	return take_fields(f, lines, len, NULL);
}
