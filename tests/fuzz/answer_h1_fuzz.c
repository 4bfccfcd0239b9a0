/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an endpoint's answer, through a whole proxy: the client gets whole answers or a
 * connection that ends, and its second request the answer that was given to it, never what was left
 * over behind the first.
 */
#include "oracle.h"
#include "world/world.h"

static const char asks[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
			   "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";

static struct world w;
static const uint8_t *given;
static size_t given_len;

int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t
answer(struct world *world, unsigned request, char *out, size_t size, bool *close)
{
	if (request > 0)
		return 0;
	*close = given_len > 0 && given[0] & 1;
	memcpy(out, given, given_len);
	return given_len;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("");
	w.answer = answer;
	return 0;
}

static void
must_be_answered(const char *at, size_t left)
{
	unsigned status;
	size_t len, body_len;
	const char *body;
	bool until_close;
	char secret[16];

	len = strict_answer(at, left, false, &status, &body, &body_len, &until_close);
	if (len == 0 || status == 101)
		return; /* cut, as far as a client can see */
	at += len;
	left -= len;
	len = strict_answer(at, left, false, &status, &body, &body_len, &until_close);
	if (len == 0)
		return;
	snprintf(secret, sizeof secret, "%08x", w.secret);
	must(status >= 500 || (body_len == 8 && memcmp(body, secret, 8) == 0),
	    "the second request gets its own answer");
	must(left == len, "and nothing behind it");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 32768)
		return 0;
	given = data;
	given_len = size;
	w.client = asks;
	w.client_len = sizeof asks - 1;
	world_run(&w);
	if (w.answered.len > 0)
		must_be_answered(w.answered.at, w.answered.len);
	return 0;
}
