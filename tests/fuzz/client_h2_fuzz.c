/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of HTTP/2 frames from a client, through a whole proxy: what reaches the origin are
 * whole requests of the proxy's own writing, and the client is sent frames that are well-formed, in
 * streams that it opened, each with one end. See frames.h for the input; its first byte is where it
 * is cut.
 */
#include <nghttp2/nghttp2.h>

#include "frames.h"
#include "oracle.h"
#include "world/world.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static struct world w;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("");
	return 0;
}

static void
must_decode(nghttp2_hd_inflater *in, const uint8_t *at, size_t len)
{
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(in, &nv, &flags, at, len, 1);

		must(n >= 0, "a block can be decoded");
		at += n;
		len -= (size_t)n;
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
		must(flags & NGHTTP2_HD_INFLATE_EMIT || len > 0, "a block is whole");
	}
	must(len == 0, "a block ends with its frame");
	nghttp2_hd_inflate_end_headers(in);
}

/* Blocks stand in one frame each: the proxy's answers are short. */
static void
must_be_frames(const uint8_t *at, size_t left)
{
	static bool ended[256];
	nghttp2_hd_inflater *in;

	memset(ended, 0, sizeof ended);
	must(nghttp2_hd_inflate_new(&in) == 0, "an inflater");
	while (left >= 9) {
		size_t len = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
		uint8_t type = at[3], flags = at[4], stream = at[8];

		must(len <= 16384 && type <= NGHTTP2_CONTINUATION, "a frame");
		if (left < 9 + len)
			break;
		if (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) {
			must(stream % 2 == 1 && !ended[stream], "a stream that is open");
			ended[stream] = (flags & NGHTTP2_FLAG_END_STREAM) != 0;
		}
		if (type == NGHTTP2_HEADERS) {
			must(flags & NGHTTP2_FLAG_END_HEADERS, "a whole block");
			must_decode(in, at + 9, len);
		}
		at += 9 + len;
		left -= 9 + len;
	}
	nghttp2_hd_inflate_del(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char sent[64 * 1024];
	size_t len = sizeof preface - 1;

	if (size < 5 || size > 8192)
		return 0;
	memcpy(sent, preface, len);
	w.client = sent;
	w.client_len = len + put_frames(sent + len, data + 1, size - 1);
	w.cut = data[0] == 0 ? 0 : len + data[0];
	world_run(&w);
	if (w.answered.len > 0)
		must_be_frames((const uint8_t *)w.answered.at, w.answered.len);
	return 0;
}
