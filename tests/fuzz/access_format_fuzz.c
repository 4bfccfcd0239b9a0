/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the access log, whatever clients put into their texts: JSON stays JSON with the same
 * keys, and a line of text is one line without control bytes.
 *
 * The input is the texts, a NUL between each two.
 */
#include <jansson.h>

#include "oracle.h"
#include "proxy/access_log.h"

static size_t
make_record(struct access_record *r, const uint8_t *data, size_t size)
{
	char *at = (char *)(r + 1);

	*r = (struct access_record){ .wall_us = 1795336020123000,
		.status = 200,
		.protocol_minor = size > 0 && data[0] & 1 ? ACCESS_HTTP2 : 1,
		.mirrored = size > 0 && data[0] & 2,
		.fault = size > 0 ? data[0] : 0 };
	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
		size_t len = end != NULL ? (size_t)(end - data) : size;

		if (len > 0)
			memcpy(at, data, len);
		r->text_len[i] = (uint16_t)len;
		at += len;
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
	return (size_t)(at - (char *)r);
}

static void
must_be_json(const char *line, size_t len)
{
	json_error_t e;
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);

	must(json != NULL, "it is JSON");
	must(json_is_string(json_object_get(json, "path")) &&
		json_integer_value(json_object_get(json, "status")) == 200,
	    "with its keys");
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[ACCESS_LINE_MAX];
	struct access_record *r;
	size_t len, written;
	char *exact;

	if (size > 16384)
		return 0;
	r = malloc(sizeof *r + size);
	len = make_record(r, data, size);
	exact = exact_copy(r, len);
	written = access_log_format(
	    (struct access_record *)(void *)exact, len, LOG_FORMAT_JSON, line, sizeof line);
	must(written > 0 && memchr(line, '\n', written) == NULL, "one line");
	must_be_json(line, written);
	written = access_log_format(
	    (struct access_record *)(void *)exact, len, LOG_FORMAT_TEXT, line, sizeof line);
	must(written > 0, "another one");
	for (size_t i = 0; i < written; i++)
		must(line[i] >= ' ' && line[i] < 0x7f, "of printable ASCII");
	free(exact);
	free(r);
	return 0;
}
