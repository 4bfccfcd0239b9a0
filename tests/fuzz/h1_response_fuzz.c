/*
 * Responses, the first byte saying what was asked: as for requests. Also trailers.
 */
#include "http/forward.h"
#include "oracle.h"

enum { ROOM = 64 * 1024 };

struct asked {
	enum method method;
	bool upgrade;
};

static enum h1_result
parse(struct h1_parse *p, struct head *h, const char *data, size_t len, const void *arg)
{
	const struct asked *a = arg;

	return h1_parse_response(p, h, data, len, &h1_default_limits, a->method, a->upgrade);
}

static enum h1_result
parse_trailers(struct h1_parse *p, struct head *h, const char *data, size_t len, const void *arg)
{
	return h1_parse_trailers(p, h, data, len, &h1_default_limits);
}

static size_t
forward(const struct head *h, char *out)
{
	struct forward_response how = {
		.chunked = h->framing == FRAMING_CHUNKED,
		.close = !h->keep_alive,
		.keep_upgrade = h->upgrade,
		.request_id = SLICE("id"),
	};

	return forward_write_response(h, &how, out, ROOM);
}

static void
check_response(const struct head *came, const struct asked *a)
{
	static char once[ROOM], twice[ROOM];
	struct h1_limits roomy = { ROOM, ROOM, 2 * ROOM, HEAD_MAX_FIELDS, UNDERSCORES_KEEP };
	struct h1_parse p = { 0 };
	struct head sent;
	size_t len = forward(came, once), again;

	must(len > 0, "what was accepted can be sent");
	must(h1_parse_response(&p, &sent, once, len, &roomy, a->method, a->upgrade) == H1_DONE,
	    "what is sent is good");
	must(sent.len == len, "what is sent is one head");
	must(sent.status == came->status, "status");
	must(sent.framing == came->framing, "framing");
	must(sent.framing != FRAMING_LENGTH || sent.content_length == came->content_length,
	    "length");
	must(sent.keep_alive == came->keep_alive && sent.upgrade == came->upgrade, "connection");
	again = forward(&sent, twice);
	must(again == len && memcmp(once, twice, len) == 0, "a fixed point");
}

static void
check_trailers(const char *data, size_t size)
{
	static char once[ROOM], twice[ROOM];
	struct h1_parse p = { 0 };
	struct head came, sent;
	size_t len;

	if (parse_every_way(parse_trailers, NULL, &came, data, size) != H1_DONE)
		return;
	len = forward_write_trailers(&came, once, ROOM);
	must(len > 0 && len <= came.len, "trailers never grow");
	must(h1_parse_trailers(&p, &sent, once, len, &h1_default_limits) == H1_DONE &&
		sent.len == len,
	    "trailers sent are good");
	must(forward_write_trailers(&sent, twice, ROOM) == len && memcmp(once, twice, len) == 0,
	    "a fixed point");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asked a;
	struct head h;
	char *copy;

	if (size == 0)
		return 0;
	a.method = (enum method)(data[0] % METHOD_CONNECT);
	a.upgrade = (data[0] & 0x80) != 0;
	copy = exact_copy(data + 1, size - 1);
	if (parse_every_way(parse, &a, &h, copy, size - 1) == H1_DONE)
		check_response(&h, &a);
	check_trailers(copy, size - 1);
	free(copy);
	return 0;
}
