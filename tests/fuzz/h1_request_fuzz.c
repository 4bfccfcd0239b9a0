/*
 * Requests: the verdict does not depend on how the bytes are cut, and what goes on to an
 * endpoint is one request, the same one, and its own fixed point.
 */
#include "http/forward.h"
#include "oracle.h"

enum { ROOM = 64 * 1024 };

static enum h1_result
parse(struct h1_parse *p, struct head *h, const char *data, size_t len, const void *arg)
{
	return h1_parse_request(p, h, data, len, &h1_default_limits);
}

static size_t
forward(const struct head *h, char *out)
{
	struct forward_request how = {
		.client_ip = SLICE("2001:db8::1"),
		.forwarded_host = head_slice(h, h->host),
		.listener_port = 443,
		.tls = true,
		.request_id = SLICE("id"),
		.pass_expect = true,
		.keep_upgrade = true,
		.chunked = h->framing == FRAMING_CHUNKED,
	};

	return forward_write_request(h, &how, out, ROOM);
}

static void
must_say_the_same(const struct head *a, const struct head *b)
{
	must(slice_eq(head_slice(a, a->method_text), head_slice(b, b->method_text)), "method");
	must(slice_eq(head_slice(a, a->host), head_slice(b, b->host)), "host");
	must(slice_eq(head_slice(a, a->query), head_slice(b, b->query)), "query");
	must(slice_eq(head_slice(a, a->path), head_slice(b, b->path)) ||
		slice_eq(head_slice(b, b->path), SLICE("*")),
	    "path");
	must(a->framing == b->framing && a->content_length == b->content_length, "framing");
	must(a->expect_continue == b->expect_continue && a->upgrade == b->upgrade &&
		a->te_trailers == b->te_trailers,
	    "what was asked");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char once[ROOM], twice[ROOM];
	struct h1_limits roomy = { ROOM, ROOM, 2 * ROOM, HEAD_MAX_FIELDS,
		UNDERSCORES_KEEP };
	struct h1_parse p = { 0 };
	struct head came, sent;
	char *copy = exact_copy(data, size);
	size_t len, again;

	if (parse_every_way(parse, NULL, &came, copy, size) == H1_DONE && came.host.len > 0) {
		len = forward(&came, once);
		must(len > 0, "what was accepted can be sent");
		must(h1_parse_request(&p, &sent, once, len, &roomy) == H1_DONE,
		    "what is sent is good");
		must(sent.len == len, "what is sent is one request");
		must_say_the_same(&came, &sent);
		again = forward(&sent, twice);
		must(forward_hops(&came) != HOPS_ANY ||
			(again == len && memcmp(once, twice, len) == 0),
		    "a fixed point, but for a count of hops");
	}
	free(copy);
	return 0;
}
