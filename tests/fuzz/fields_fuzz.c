/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read out of the values of header fields: codings, media types, cookies, gRPC's fields,
 * queries, marks against loops. Nothing reads beyond its value, and an answer of the proxy's own is
 * one, whatever it was asked to accept.
 *
 * The input is header lines; its first line is a query.
 */
#include "http/coding.h"
#include "http/forward.h"
#include "http/grpc.h"
#include "http/uri.h"
#include "oracle.h"

static bool
is_inside(struct slice part, struct slice whole)
{
	return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void
read_query(struct slice query)
{
	static const char *const names[] = { "a", "debug", "", "%61" };
	char buf[64];

	for (unsigned i = 0; i < 4; i++) {
		struct slice rest = query, value;
		size_t before = rest.len + 1;

		while (query_next(&rest, slice_of(names[i]), buf, sizeof buf, &value)) {
			must(rest.len < before, "it goes forward");
			must(is_inside(value, (struct slice){ buf, sizeof buf }), "in the buffer");
			before = rest.len;
		}
	}
}

static void
write_own(struct slice accept, const struct head *h)
{
	static char out[4096], message[256];
	struct own_answer a = { .status = 503,
		.text = SLICE("no \"usable\" <endpoint>"),
		.accept = accept,
		.request_id = SLICE("0123456789abcdef"),
		.head_only = h->method == METHOD_HEAD };
	struct h1_parse p = { 0 };
	struct head answer;
	size_t len = forward_write_own(&a, out, sizeof out);

	must(len > 0, "there is always an answer");
	must(h1_parse_response(&p, &answer, out, len, &h1_default_limits, h->method, false) ==
		H1_DONE,
	    "which is good");
	len = grpc_write_message(accept, message, sizeof message);
	must(len <= sizeof message, "a message fits");
	for (size_t i = 0; i < len; i++)
		must(message[i] >= ' ' && message[i] < 0x7f, "and is ASCII");
}

static void
read_values(const struct head *h)
{
	struct slice all = { h->base, h->len }, value;

	if (head_cookie(h, SLICE("srv"), &value))
		must(is_inside(value, all), "a cookie lies in the head");
	for (unsigned i = 0; i < h->field_count; i++) {
		value = field_value(h, &h->fields[i]);
		must(head_value(h, field_name(h, &h->fields[i]), &value), "what is there is found");
		(void)value_has_token(value, SLICE("close"));
		(void)coding_shrinks(value);
		(void)accept_prefers_json(value);
		(void)grpc_health_is_serving(value.at, value.len);
		write_own(value, h);
	}
	(void)coding_takes_gzip(h);
	(void)coding_may_compress(h, METHOD_GET, 10);
	(void)forward_is_loop(h, SLICE("detour-0123456789abcdef"));
	(void)head_nominates(h, SLICE("x-a"));
	must(grpc_status_of(h) >= GRPC_STATUS_NONE && grpc_status_of(h) < GRPC_STATUS_COUNT,
	    "a status that exists");
	if (grpc_is(h))
		must(grpc_timeout_ms(h) <= 360000000, "a time that can be waited for");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16384];
	const char *line = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t query = line != NULL ? (size_t)(line - (const char *)data) : 0;
	struct h1_parse p = { 0 };
	struct head h;
	char *copy;
	size_t len;

	if (line == NULL || size > 4096)
		return 0;
	read_query((struct slice){ (const char *)data, query });
	len = (size_t)snprintf(text, sizeof text, "GET /?a=b HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = query + 1; i < size; i++) {
		if (data[i] == '\n')
			text[len++] = '\r';
		text[len++] = (char)data[i];
	}
	memcpy(text + len, "\r\n\r\n", 4);
	copy = exact_copy(text, len + 4);
	if (h1_parse_request(&p, &h, copy, len + 4, &h1_default_limits) == H1_DONE)
		read_values(&h);
	free(copy);
	return 0;
}
