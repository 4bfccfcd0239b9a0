/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of HTTP/2 frames from an endpoint, through a whole proxy: its client, who speaks
 * HTTP/1, gets whole answers or a connection that ends. See frames.h for the input.
 */
#include <sys/socket.h>

#include "frames.h"
#include "oracle.h"
#include "world/world.h"

static const char asks[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
			   "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345";

static struct world w;
static char frames[64 * 1024];
static size_t frames_len;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* SETTINGS first, or the connection does not count as open; the rest once something was asked. */
static void
on_raw(struct world *world, struct origin_connection *o)
{
	static const char hello[] = "\0\0\0\4\0\0\0\0\0\0\0\4\1\0\0\0";

	if (o->requests == 0 && o->got.len > 0) {
		o->requests = 1;
		world_send(o, hello, sizeof hello);
	} else if (o->requests == 1 && o->got.len > 0) {
		o->requests = 2;
		world_send(o, frames, frames_len);
		if (frames_len > 0 && frames[frames_len - 1] & 1)
			shutdown(o->fd, SHUT_WR);
	}
	o->got.len = 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("protocol = \"h2\";");
	w.origin_is_raw = true;
	w.on_raw = on_raw;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned status;
	size_t len, body_len, left;
	const char *body, *at;
	bool until_close;

	if (size < 4 || size > 8192)
		return 0;
	frames_len = put_frames(frames, data, size);
	w.client = asks;
	w.client_len = sizeof asks - 1;
	world_run(&w);
	at = w.answered.at;
	left = w.answered.len;
	for (unsigned i = 0; i < 2 && left > 0; i++) {
		len = strict_answer(at, left, false, &status, &body, &body_len, &until_close);
		if (len == 0)
			return 0;
		at += len;
		left -= len;
	}
	must(left == 0, "two answers and no more");
	return 0;
}
