/*
 * HTTP/2 heads: what is accepted goes on as exactly one request of HTTP/1 that says the same, and
 * as fields of HTTP/2 again.
 *
 * The input's first byte chooses the section and whether it ends the stream; then one field a
 * line, "name:value", the colon of a pseudo-field apart.
 */
#include "http/forward.h"
#include "http/h2_head.h"
#include "oracle.h"

enum { ROOM = 64 * 1024 };

static void
add_fields(struct h2_head *h, const char *at, size_t len)
{
	while (len > 0) {
		const char *end = memchr(at, '\n', len), *colon;
		size_t line = end != NULL ? (size_t)(end - at) : len;
		struct slice name = { at, line }, value = { at + line, 0 };

		colon = line > 1 ? memchr(at + 1, ':', line - 1) : NULL;
		if (colon != NULL) {
			name.len = (size_t)(colon - at);
			value = (struct slice){ colon + 1, line - name.len - 1 };
		}
		h2_head_add(h, name, value);
		at += line + (end != NULL);
		len -= line + (end != NULL);
	}
}

static void
must_go_on_as_http1(const struct head *came)
{
	static char once[ROOM];
	static struct h2_fields fields;
	struct h1_limits roomy = { ROOM, ROOM, 2 * ROOM, HEAD_MAX_FIELDS, UNDERSCORES_KEEP };
	struct forward_request how = { .chunked = came->framing == FRAMING_CHUNKED,
		.keep_upgrade = true,
		.websocket_key = came->upgrade ? SLICE("AAAAAAAAAAAAAAAAAAAAAA==") : SLICE("") };
	struct h1_parse p = { 0 };
	struct head sent;
	size_t len;

	len = forward_write_request(came, &how, once, ROOM);
	must(len > 0, "what was accepted can be sent");
	must(h1_parse_request(&p, &sent, once, len, &roomy) == H1_DONE, "what is sent is good");
	must(sent.len == len, "what is sent is one request");
	must(slice_eq(head_slice(came, came->host), head_slice(&sent, sent.host)), "host");
	must(slice_eq(head_slice(came, came->path), head_slice(&sent, sent.path)), "path");
	must(slice_eq(head_slice(came, came->query), head_slice(&sent, sent.query)), "query");
	must(came->framing == sent.framing, "framing");
	must(came->upgrade == sent.upgrade, "an upgrade");
	must(came->content_length == sent.content_length, "length");
	must(h2_fields_request(&fields, once, len, SLICE("https"),
		 came->upgrade ? SLICE("websocket") : SLICE("")),
	    "fits again");
	must(fields.taken == len, "all lines are fields again");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct h2_head h;
	size_t room = h1_default_limits.head_bytes + H2_HEAD_ROOM;
	char *bytes = malloc(room), *copy;
	enum h2_section section = size > 0 ? (enum h2_section)(data[0] % 3) : H2_REQUEST;
	bool end = size > 0 && (data[0] & 4) != 0;

	copy = exact_copy(data, size);
	memset(&h, 0xee, sizeof h);
	h2_head_begin(&h, section, &h1_default_limits, bytes, room);
	if (size > 1)
		add_fields(&h, copy + 1, size - 1);
	free(copy);
	if (h2_head_end(&h, end, METHOD_GET) == H2_GOOD) {
		must_be_sound(&h.head, h.used);
		if (section == H2_REQUEST)
			must_go_on_as_http1(&h.head);
	} else {
		must(h.why != NULL && h.fault != FAULT_NONE, "a reason is given");
	}
	free(bytes);
	return 0;
}
