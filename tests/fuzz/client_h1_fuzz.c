/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes from a client, through a whole proxy: what reaches the origin is read by a second,
 * strict reader as requests that all bear the proxy's own marks, so that none was smuggled, and the
 * client is sent whole answers, no more of the origin's than it was asked for.
 *
 * The input's first byte says where the bytes are cut.
 */
#include "oracle.h"
#include "world/world.h"

static struct world w;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("");
	return 0;
}

/* Answers to HEAD look like others that are not whole yet: those inputs are only counted below. */
static unsigned
count_answers(const char *at, size_t left)
{
	unsigned from_origin = 0, status;
	size_t len, body_len;
	const char *body;
	bool until_close;
	char secret[16];

	snprintf(secret, sizeof secret, "%08x", w.secret);
	while (
	    (len = strict_answer(at, left, false, &status, &body, &body_len, &until_close)) > 0) {
		from_origin += body_len >= 8 && memmem(body, body_len, secret, 8) != NULL;
		at += len;
		left -= len;
	}
	return from_origin;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	w.client = (const char *)data + 1;
	w.client_len = size - 1;
	w.cut = data[0];
	world_run(&w);
	if (memmem(data, size, "HEAD ", 5) == NULL && w.answered.len > 0 &&
	    memmem(w.answered.at, w.answered.len, "PRI ", 4) == NULL && w.answered.at[0] == 'H')
		must(count_answers(w.answered.at, w.answered.len) <= w.requests,
		    "no more answers than requests");
	return 0;
}
