/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK blocks: whatever their fields unpack to, the head that is built of them keeps its limit,
 * and one that is accepted comes out of another encoder and decoder as it went in.
 */
#include <nghttp2/nghttp2.h>

#include "http/forward.h"
#include "http/h2_head.h"
#include "oracle.h"

enum { ROOM = 64 * 1024, GIVE_UP = 8 };

/* False: it is no block, or its fields pass so many times the limit that its sender is cut off. */
static bool
unpack(struct h2_head *h, const uint8_t *at, size_t len)
{
	nghttp2_hd_inflater *in;
	bool good = false;

	must(nghttp2_hd_inflate_new(&in) == 0, "an inflater");
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(in, &nv, &flags, at, len, 1);

		if (n < 0 || h->charged > GIVE_UP * (uint64_t)h1_default_limits.head_bytes)
			break;
		at += n;
		len -= (size_t)n;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			h2_head_add(h, (struct slice){ (char *)nv.name, nv.namelen },
			    (struct slice){ (char *)nv.value, nv.valuelen });
		good = (flags & NGHTTP2_HD_INFLATE_FINAL) != 0;
		if (good || (len == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT)))
			break;
	}
	nghttp2_hd_inflate_del(in);
	return good;
}

static void
must_come_again(const struct h2_fields *fields, bool response)
{
	static uint8_t block[2 * ROOM];
	static struct h2_head again;
	nghttp2_hd_deflater *out;
	char *bytes = malloc(2 * ROOM);
	struct h1_limits roomy = { ROOM, ROOM, ROOM, HEAD_MAX_FIELDS, UNDERSCORES_KEEP };
	ssize_t len;

	must(nghttp2_hd_deflate_new(&out, 4096) == 0, "a deflater");
	len = nghttp2_hd_deflate_hd(out, block, sizeof block, fields->nv, fields->count);
	must(len > 0, "what was accepted can be packed");
	h2_head_begin(&again, response ? H2_RESPONSE : H2_REQUEST, &roomy, bytes, 2 * ROOM);
	must(unpack(&again, block, (size_t)len), "and unpacked");
	must(h2_head_end(&again, false, METHOD_GET) == H2_GOOD, "and accepted again");
	free(bytes);
	nghttp2_hd_deflate_del(out);
}

static void
pass_on(const struct head *h, bool response)
{
	static char lines[ROOM];
	static struct h2_fields fields;
	struct forward_request request = { .chunked = true };
	struct forward_response answer = { .chunked = false };
	size_t len = response ? forward_write_response(h, &answer, lines, sizeof lines)
			      : forward_write_request(h, &request, lines, sizeof lines);

	must(len > 0, "what was accepted can be sent");
	must(response ? h2_fields_response(&fields, lines, len)
		      : h2_fields_request(&fields, lines, len, SLICE("https"), SLICE("")),
	    "in fields again");
	must_come_again(&fields, response);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct h2_head h;
	size_t room = h1_default_limits.head_bytes + H2_HEAD_ROOM;
	bool response = size > 0 && (data[0] & 1) != 0;
	char *bytes = malloc(room);

	h2_head_begin(&h, response ? H2_RESPONSE : H2_REQUEST, &h1_default_limits, bytes, room);
	if (size > 1 && unpack(&h, data + 1, size - 1) &&
	    h2_head_end(&h, false, METHOD_GET) == H2_GOOD && h.head.method != METHOD_CONNECT) {
		must(h.used <= room, "in its room");
		pass_on(&h.head, response);
	}
	free(bytes);
	return 0;
}
