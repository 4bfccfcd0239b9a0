/*
 * Chunked bodies, the first byte saying how they are cut: the payload and the verdict do not
 * depend on it, and payload that is chunked anew decodes to itself.
 */
#include "oracle.h"

enum { ROOM = 1 << 20 };

struct decoded {
	enum h1_result result;
	size_t used;
	size_t len;
	char payload[ROOM];
};

static void
decode(struct decoded *d, const char *data, size_t size, size_t step)
{
	char more[] = "1\r\n";
	struct h1_body b;
	struct slice payload;
	size_t at = 0, used;

	h1_body_begin(&b, &(struct head){ .framing = FRAMING_CHUNKED });
	d->result = H1_MORE;
	d->len = 0;
	while (at < size && d->result == H1_MORE) {
		size_t n = step < size - at ? step : size - at;
		char *piece = exact_copy(data + at, n);

		d->result = h1_body_decode(&b, piece, n, &payload, &used);
		must(used <= n && payload.len <= used, "no more than there was");
		must(d->result != H1_MORE || used == n, "all is used while there is more");
		must((d->result == H1_BAD) == (b.why != NULL), "a reason is given");
		must(h1_body_may_end_at_close(&b) == (d->result == H1_DONE), "the end");
		memcpy(d->payload + d->len, payload.at, payload.len);
		d->len += payload.len;
		at += used;
		free(piece);
	}
	d->used = at;
	if (d->result != H1_MORE)
		must(h1_body_decode(&b, more, sizeof more, &payload, &used) == d->result,
		    "what is over stays over");
}

/* In chunks of the sizes that a receiver would find awkward: 1, 2, 3 ... bytes. */
static size_t
chunk(const struct decoded *d, char *out)
{
	size_t len = 0;

	for (size_t at = 0, n = 1; at < d->len; at += n, n++) {
		char head[H1_CHUNK_HEAD_MAX], *end = head + sizeof head, *from;

		if (n > d->len - at)
			n = d->len - at;
		from = h1_chunk_head_before(end, n);
		memcpy(out + len, from, (size_t)(end - from));
		len += (size_t)(end - from);
		memcpy(out + len, d->payload + at, n);
		len += n;
		memcpy(out + len, "\r\n", 2);
		len += 2;
	}
	memcpy(out + len, "0\r\n", 3);
	return len + 3;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoded whole, pieces;
	static char again[ROOM];
	size_t len;

	if (size == 0 || size > 64 * 1024)
		return 0;
	decode(&whole, (const char *)data + 1, size - 1, size);
	decode(&pieces, (const char *)data + 1, size - 1, 1 + data[0] % 64);
	must(whole.result == pieces.result, "the same verdict");
	must(whole.used == pieces.used, "the same end");
	must(whole.len == pieces.len && memcmp(whole.payload, pieces.payload, whole.len) == 0,
	    "the same payload");
	len = chunk(&whole, again);
	decode(&pieces, again, len, 1 + data[0]);
	must(pieces.result == H1_DONE && pieces.used == len, "what we chunk is good");
	must(whole.len == pieces.len && memcmp(whole.payload, pieces.payload, whole.len) == 0,
	    "what we chunk is the payload");
	return 0;
}
