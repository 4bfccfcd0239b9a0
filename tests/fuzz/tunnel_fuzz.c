/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of an upgraded connection: both ways they arrive as they were sent, whatever they are and
 * however they are cut, from the first one behind the heads on.
 *
 * The input's first two bytes say how many of the others the endpoint sends behind its 101, and
 * where the client's, which go along with its head, are cut.
 */
#include "oracle.h"
#include "world/world.h"

static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
static const char grant[] = "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

static struct world w;
static struct bytes arrived; /* at the endpoint, behind the head */
static const uint8_t *theirs;
static size_t theirs_len;

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void
on_raw(struct world *world, struct origin_connection *o)
{
	const char *end = o->got.len > 0 ? memmem(o->got.at, o->got.len, "\r\n\r\n", 4) : NULL;

	if (o->requests == 0 && end != NULL) {
		o->requests = 1;
		world_send(o, grant, sizeof grant - 1);
		world_send(o, (const char *)theirs, theirs_len);
		memmove(o->got.at, end + 4, o->got.len - (size_t)(end + 4 - o->got.at));
		o->got.len -= (size_t)(end + 4 - o->got.at);
	}
	if (o->requests == 0 || o->got.len == 0)
		return;
	arrived.at = realloc(arrived.at, arrived.len + o->got.len);
	memcpy(arrived.at + arrived.len, o->got.at, o->got.len);
	arrived.len += o->got.len;
	o->got.len = 0;
}

static bool
is_granted(const struct world *world)
{
	return world->answered.len > 0 &&
	    memmem(world->answered.at, world->answered.len, "\r\n\r\n", 4) != NULL;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("");
	w.is_answered = is_granted;
	w.origin_is_raw = true;
	w.on_raw = on_raw;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char sent[64 * 1024];
	const char *behind;
	size_t ours;

	if (size < 2 || size > 32768)
		return 0;
	theirs_len = data[0] < size - 2 ? data[0] : size - 2;
	theirs = data + size - theirs_len;
	ours = size - 2 - theirs_len;
	memcpy(sent, ask, sizeof ask - 1);
	memcpy(sent + sizeof ask - 1, data + 2, ours);
	w.client = sent;
	w.client_len = sizeof ask - 1 + ours;
	w.cut = data[1];
	arrived.len = 0;
	world_run(&w);
	behind = w.answered.len > 0 ? memmem(w.answered.at, w.answered.len, "\r\n\r\n", 4) : NULL;
	must(behind != NULL, "the upgrade is granted");
	must((size_t)(w.answered.at + w.answered.len - behind - 4) == theirs_len &&
		memcmp(behind + 4, theirs, theirs_len) == 0,
	    "the client gets the endpoint's bytes");
	must(arrived.len == ours && (ours == 0 || memcmp(arrived.at, data + 2, ours) == 0),
	    "the endpoint gets the client's");
	return 0;
}
