/*
 * PROXY headers: the verdict does not depend on what follows or on how the bytes were cut, and what
 * is understood is understood again when it is written anew.
 */
#include "net/proxy_protocol.h"
#include "oracle.h"

static bool
same(const struct proxy_header *a, const struct proxy_header *b)
{
	return a->named == b->named && ip_equal(&a->source, &b->source) &&
	    ip_equal(&a->destination, &b->destination) && a->source_port == b->source_port &&
	    a->destination_port == b->destination_port;
}

static enum proxy_header_result
parse_first(const uint8_t *data, size_t len, struct proxy_header *h)
{
	char *copy = exact_copy(data, len);
	enum proxy_header_result r = proxy_header_parse(copy, len, h);

	free(copy);
	return r;
}

static void
check_written(const struct proxy_header *h)
{
	for (int version = SEND_PROXY_V1; version <= SEND_PROXY_V2; version++) {
		char out[PROXY_HEADER_WRITTEN_MAX];
		struct proxy_header back;
		size_t len = proxy_header_write(h, (enum conf_send_proxy)version, out);

		must(len <= sizeof out, "it fits");
		must(proxy_header_parse(out, len, &back) == PROXY_HEADER_DONE, "readable");
		must(back.len == len && same(h, &back), "the same again");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, part;
	enum proxy_header_result r = parse_first(data, size, &whole);

	must(r != PROXY_HEADER_BAD || whole.why != NULL, "a refusal has a reason");
	must(r != PROXY_HEADER_MORE || size < PROXY_HEADER_MAX, "nobody waits for ever");
	if (r != PROXY_HEADER_DONE)
		return 0;
	must(whole.len > 0 && whole.len <= size && whole.len <= PROXY_HEADER_MAX, "a length");
	must(parse_first(data, whole.len, &part) == PROXY_HEADER_DONE && same(&whole, &part),
	    "what follows does not matter");
	must(parse_first(data, whole.len - 1, &part) == PROXY_HEADER_MORE, "not done too early");
	check_written(&whole);
	return 0;
}
