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

/* However much the peer is trusted and the configuration changes: it stays one good request. */
static void
pass_on(const struct head *h)
{
	static const struct slice drop[] = { SLICE("x-a"), SLICE("cookie") };
	static const struct forward_edits edits = { drop, 2, SLICE("X-Added: 1\r\n") };
	static char out[65536];

	for (unsigned trust = TRUST_NOTHING; trust <= TRUST_FORWARDED; trust++) {
		struct forward_request how = { .path = trust > 0 ? SLICE("/new") : SLICE(""),
			.client_ip = SLICE("192.0.2.1"),
			.peer_ip = SLICE("2001:db8::1"),
			.forwarded_host = SLICE("a:81"),
			.request_id = SLICE("id"),
			.loop_id = SLICE("detour-0123456789abcdef"),
			.via = trust > 0 ? SLICE("detour") : SLICE(""),
			.trust = (enum forward_trust)trust,
			.keep_upgrade = true,
			.edits = trust > 0 ? &edits : NULL };
		struct h1_limits roomy = { sizeof out, sizeof out, 2 * sizeof out,
			HEAD_MAX_FIELDS, UNDERSCORES_KEEP };
		size_t len = forward_write_request(h, &how, out, sizeof out);
		struct h1_parse p = { 0 };
		struct head sent;

		must(len > 0, "it can be sent");
		if (h->field_count > 100)
			continue; /* with ours there may be more than a parser takes */
		must(h1_parse_request(&p, &sent, out, len, &roomy) == H1_DONE && sent.len == len,
		    "and is one request");
		must(forward_is_loop(&sent, how.loop_id), "that bears its mark");
	}
}

static void
speak_grpc(struct slice raw)
{
	static char out[4096], message[256];
	struct own_answer a = {
		.status = 200, .grpc = true, .grpc_status = 14, .text = raw, .say_keep_alive = true
	};
	char service[64];

	(void)grpc_health_is_serving(raw.at, raw.len);
	must(grpc_write_message(raw, message, sizeof message) <= sizeof message, "a message fits");
	must(forward_write_own(&a, out, sizeof out) > 0, "so does an answer");
	snprintf(service, sizeof service, "%.*s", (int)(raw.len < 60 ? raw.len : 60), raw.at);
	for (unsigned why = 0; why < FAULT_COUNT; why++) {
		enum grpc_status status =
		    grpc_status_for((enum fault)why, fault_status((enum fault)why));

		must(status < GRPC_STATUS_COUNT, "a status that exists");
		must(grpc_http_status((int)status) >= 200, "so does this one");
	}
	must(grpc_health_request(service, message, sizeof message) > 0, "and a question");
}

static void
read_values(const struct head *h)
{
	struct slice all = { h->base, h->len }, value;
	struct head answer = *h;

	if (head_cookie(h, SLICE("srv"), &value))
		must(is_inside(value, all), "a cookie lies in the head");
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice name = field_name(h, &h->fields[i]);
		bool hidden = memchr(name.at, '_', name.len) != NULL; /* limits.underscores */

		value = field_value(h, &h->fields[i]);
		must(head_value(h, name, &value) || hidden, "what is there is found");
		(void)value_has_token(value, SLICE("close"));
		(void)coding_shrinks(value);
		(void)accept_prefers_json(value);
		(void)grpc_health_is_serving(value.at, value.len);
		write_own(value, h);
	}
	(void)coding_takes_gzip(h);
	answer.status = 200;
	(void)coding_may_compress(&answer, METHOD_GET, 10);
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
	speak_grpc((struct slice){ (const char *)data, query });
	if (h1_parse_request(&p, &h, copy, len + 4, &h1_default_limits) == H1_DONE) {
		read_values(&h);
		pass_on(&h);
	}
	free(copy);
	return 0;
}
