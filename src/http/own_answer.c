/* SPDX-License-Identifier: Apache-2.0 */
#include "http/forward.h"

#include "chars.h"
#include "http/grpc.h"
#include "out.h"
#include "values.h"

/* How much a media type is wanted, and by how exact a range: 3 itself, 2 its family, 1 any. */
struct preference {
	unsigned quality; /* thousandths */
	unsigned exact;
};

/* "0.8" in thousandths. */
static unsigned
parse_quality(struct slice text)
{
	static const unsigned places[] = { 1000, 100, 10, 1 };
	unsigned quality = 0, place = 0;

	for (size_t i = 0; i < text.len && place < ARRAY_SIZE(places); i++) {
		if (text.at[i] == '.')
			continue;
		if (!char_is_digit(text.at[i]))
			break;
		quality += (unsigned)(text.at[i] - '0') * places[place++];
	}
	return quality > 1000 ? 1000 : quality;
}

/* What the parameters of a media range say of its weight (RFC 9110 section 12.4.2). */
static unsigned
quality_of(struct slice parameters)
{
	struct slice p;

	while (value_next_by(&parameters, ';', &p))
		if (p.len > 2 && char_lower(p.at[0]) == 'q' && p.at[1] == '=')
			return parse_quality((struct slice){ p.at + 2, p.len - 2 });
	return 1000;
}

/* The most exact range that covers a type says how much it is wanted (RFC 9110, 12.5.1). */
static void
weigh(struct preference *p, struct slice range, unsigned quality, struct slice type,
    struct slice family)
{
	unsigned exact = 0;

	if (slice_eq_nocase(range, type))
		exact = 3;
	else if (slice_eq_nocase(range, family))
		exact = 2;
	else if (slice_eq(range, SLICE("*/*")))
		exact = 1;
	if (exact == 0 || exact < p->exact || (exact == p->exact && quality <= p->quality))
		return;
	*p = (struct preference){ quality, exact };
}

/* Of two wanted alike, the one that is named wins; people who name nothing get HTML. */
bool
accept_prefers_json(struct slice accept)
{
	struct preference json = { 0, 0 }, html = { 0, 0 };
	struct slice element;

	while (value_next(&accept, &element)) {
		struct slice range;
		unsigned quality;

		if (!value_next_by(&element, ';', &range))
			continue;
		quality = quality_of(element);
		weigh(&json, range, quality, SLICE("application/json"), SLICE("application/*"));
		weigh(&json, range, quality, SLICE("application/problem+json"),
		    SLICE("application/*"));
		weigh(&html, range, quality, SLICE("text/html"), SLICE("text/*"));
	}
	if (json.quality != html.quality)
		return json.quality > html.quality;
	return json.quality > 0 && json.exact > html.exact;
}

/* What may not stand in HTML text, or in a JSON string, becomes what may. */
static void
put_html(struct out *o, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.at[i]) {
		case '<':
			out_put(o, SLICE("&lt;"));
			break;
		case '>':
			out_put(o, SLICE("&gt;"));
			break;
		case '&':
			out_put(o, SLICE("&amp;"));
			break;
		case '"':
			out_put(o, SLICE("&quot;"));
			break;
		default:
			out_put(o, (struct slice){ text.at + i, 1 });
			break;
		}
	}
}

static void
put_json(struct out *o, struct slice text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c == '"' || c == '\\') {
			out_put(o, SLICE("\\"));
		} else if (c < 0x20 || c == 0x7f) {
			out_put(o, SLICE("\\u00"));
			out_put(o, (struct slice){ &digits[c >> 4], 1 });
			out_put(o, (struct slice){ &digits[c & 15], 1 });
			continue;
		}
		out_put(o, (struct slice){ text.at + i, 1 });
	}
}

static void
put_json_body(struct out *o, const struct own_answer *a)
{
	out_put(o, SLICE("{\"status\":"));
	out_number(o, a->status);
	out_put(o, SLICE(",\"error\":\""));
	out_put(o, slice_of(http_reason(a->status)));
	out_put(o, SLICE("\",\"message\":\""));
	put_json(o, a->text);
	if (a->request_id.len > 0) {
		out_put(o, SLICE("\",\"request_id\":\""));
		put_json(o, a->request_id);
	}
	out_put(o, SLICE("\"}\n"));
}

static void
put_html_body(struct out *o, const struct own_answer *a)
{
	struct slice reason = slice_of(http_reason(a->status));

	out_put(
	    o, SLICE("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"));
	out_number(o, a->status);
	out_put(o, SLICE(" "));
	out_put(o, reason);
	out_put(o, SLICE("</title></head>\n<body><h1>"));
	out_number(o, a->status);
	out_put(o, SLICE(" "));
	out_put(o, reason);
	out_put(o, SLICE("</h1>\n<p>"));
	put_html(o, a->text);
	out_put(o, SLICE("</p>\n"));
	if (a->request_id.len > 0) {
		out_put(o, SLICE("<p>Request id: <code>"));
		put_html(o, a->request_id);
		out_put(o, SLICE("</code></p>\n"));
	}
	out_put(o, SLICE("</body></html>\n"));
}

static void
put_body(struct out *o, const struct own_answer *a, bool json)
{
	if (a->text.len == 0)
		return;
	if (json)
		put_json_body(o, a);
	else
		put_html_body(o, a);
}

/* What tells where the body ends, and what it is. */
static void
put_content_fields(struct out *o, const struct own_answer *a, bool json)
{
	struct out measure = { NULL, 0, 0 };

	put_body(&measure, a, json);
	if (measure.len > 0)
		out_field(o, SLICE("Content-Type: "),
		    json ? SLICE("application/json") : SLICE("text/html; charset=utf-8"));
	out_put(o, SLICE("Content-Length: "));
	out_number(o, measure.len);
	out_put(o, SLICE("\r\n"));
}

/* A head that is the trailers too ("Trailers-Only"). */
static void
put_grpc(struct out *o, const struct own_answer *a)
{
	char message[512];
	size_t len = grpc_write_message(a->text, message, sizeof message);

	out_put(o, SLICE("Content-Type: application/grpc\r\nContent-Length: 0\r\nGrpc-Status: "));
	out_number(o, a->grpc_status);
	out_put(o, SLICE("\r\n"));
	out_field(o, SLICE("Grpc-Message: "), (struct slice){ message, len });
}

size_t
forward_write_own(const struct own_answer *a, char *out, size_t size)
{
	bool has_content = !a->grpc && a->status >= 200 && a->status != 204 && a->status != 304;
	bool json = accept_prefers_json(a->accept);
	struct out o = { out, size, 0 };

	out_put(&o, SLICE("HTTP/1.1 "));
	out_number(&o, a->status);
	out_put(&o, SLICE(" "));
	out_put(&o, slice_of(http_reason(a->status)));
	out_put(&o, SLICE("\r\n"));
	if (a->date.len > 0)
		out_field(&o, SLICE("Date: "), a->date);
	if (has_content)
		put_content_fields(&o, a, json);
	if (a->grpc)
		put_grpc(&o, a);
	if (a->status >= 400) /* a failure is over sooner than a cache thinks; a redirect is not */
		out_put(&o, SLICE("Cache-Control: no-store\r\n"));
	if (a->status == 405) /* RFC 9110 section 15.5.6 */
		out_field(&o, SLICE("Allow: "), SLICE(FORWARD_METHODS));
	if (a->request_id.len > 0)
		out_field(&o, SLICE("X-Request-Id: "), a->request_id);
	out_put(&o, a->extra);
	out_put(&o, a->shaped);
	if (a->close)
		out_put(&o, SLICE("Connection: close\r\n"));
	else if (a->say_keep_alive)
		out_put(&o, SLICE("Connection: keep-alive\r\n"));
	out_put(&o, SLICE("\r\n"));
	if (has_content && !a->head_only)
		put_body(&o, a, json);
	return out_end(&o);
}
