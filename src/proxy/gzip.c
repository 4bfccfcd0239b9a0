// SPDX-License-Identifier: Apache-2.0
#include "proxy/gzip.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "http/coding.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/worker_state.h"

enum {
	LEVEL = 4, /* beyond it time grows faster than answers shrink */
	WINDOW = 15 + 16, /* with gzip's own head and checksum */
	MEMORY = 8,
	MOST = 64, /* contexts of one worker */
	KEPT = 8, /* of them, while nobody uses them */
	OUT = 32 * 1024, /* compressed bytes sent at a time */
	LEAST = 1024, /* shorter answers do not shrink by more than the head grows */
	ETAG_MAX = 256,
};

struct gzip {
	z_stream z;
	struct gzip_pool *pool;
	struct list node; /* while nobody uses it */
	bool on; /* false: the client takes no gzip, but another one may */
	char etag[ETAG_MAX]; /* made weak; "": there is none to change */
};

struct gzip_pool {
	struct list idle;
	unsigned idle_count;
	unsigned count;
	char *out; /* LOOP_HEAD_ROOM + OUT + LOOP_TAIL_ROOM */
	struct gzip plain; /* stands for every answer that is not compressed but varies */
};

static void *
take_memory(void *opaque, unsigned count, unsigned size)
{
	return mem_array(count, size);
}

static void
give_memory(void *opaque, void *p)
{
	mem_free(p);
}

struct gzip_pool *
gzip_pool_new(void)
{
	struct gzip_pool *p = mem_new(sizeof *p);

	list_init(&p->idle);
	return p;
}

static void
gzip_free(struct gzip *g)
{
	g->pool->count--;
	deflateEnd(&g->z);
	mem_free(g);
}

void
gzip_pool_free(struct gzip_pool *p)
{
	list_for_safe (node, &p->idle) {
		struct gzip *g = container_of(node, struct gzip, node);

		list_unlink(&g->node);
		gzip_free(g);
	}
	assert(p->count == 0);
	mem_free(p->out);
	mem_free(p);
}

static struct gzip *
gzip_new(struct gzip_pool *p)
{
	struct gzip *g = mem_new(sizeof *g);

	g->pool = p;
	g->z.zalloc = take_memory;
	g->z.zfree = give_memory;
	if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		mem_free(g);
		return NULL;
	}
	if (p->out == NULL)
		p->out = mem_raw(LOOP_HEAD_ROOM + OUT + LOOP_TAIL_ROOM);
	p->count++;
	return g;
}

/* NULL: there are as many as there may be. */
static struct gzip *
take(struct gzip_pool *p)
{
	struct gzip *g;

	if (list_empty(&p->idle))
		return p->count < MOST ? gzip_new(p) : NULL;
	g = container_of(p->idle.next, struct gzip, node);
	list_unlink(&g->node);
	p->idle_count--;
	return g;
}

/* Bytes that differ can't have one strong name (RFC 9110 section 8.8.3.3). */
static void
weaken_etag(struct gzip *g, const struct head *h)
{
	struct slice etag;

	g->etag[0] = '\0';
	if (!head_value(h, SLICE("etag"), &etag) || etag.len == 0 || etag.at[0] != '"' ||
	    etag.len + 3 > sizeof g->etag)
		return;
	snprintf(g->etag, sizeof g->etag, "W/%.*s", (int)etag.len, etag.at);
}

void
gzip_begin(struct exchange *x, const struct head *h)
{
	struct gzip_pool *p = x->worker->gzips;
	struct gzip *g = NULL;

	if (x->shaped == NULL || !x->shaped->gzip || !coding_may_compress(h, x->head.method, LEAST))
		return;
	if (x->head.minor > 0 && coding_takes_gzip(&x->head))
		g = take(p);
	if (g == NULL) {
		x->gzip = &p->plain;
		return;
	}
	g->on = true;
	weaken_etag(g, h);
	x->gzip = g;
}

void
gzip_end(struct exchange *x)
{
	struct gzip *g = x->gzip;

	x->gzip = NULL;
	if (g == NULL || !g->on)
		return;
	if (g->pool->idle_count >= KEPT || deflateReset(&g->z) != Z_OK) {
		gzip_free(g);
		return;
	}
	list_append(&g->pool->idle, &g->node);
	g->pool->idle_count++;
}

bool
gzip_is_on(const struct exchange *x)
{
	return x->gzip != NULL && x->gzip->on;
}

void
gzip_say(const struct gzip *g, struct edits *e)
{
	edits_say(e, SLICE("Vary"), SLICE("Accept-Encoding"));
	if (!g->on)
		return;
	edits_say(e, SLICE("Content-Encoding"), SLICE("gzip"));
	edits_drop(e, SLICE("accept-ranges")); /* of other bytes than these */
	if (g->etag[0] != '\0') {
		edits_drop(e, SLICE("etag"));
		edits_say(e, SLICE("ETag"), slice_of(g->etag));
	}
}

/* One run of compressed bytes; false: there is more to come of what went in. */
static bool
squeeze(struct gzip *g, struct span *out, bool end)
{
	int r;

	*out = (struct span){ g->pool->out + LOOP_HEAD_ROOM, 0, LOOP_HEAD_ROOM, LOOP_TAIL_ROOM };
	g->z.next_out = (unsigned char *)out->at;
	g->z.avail_out = OUT;
	/* What has come goes out: an answer that trickles is somebody waiting for it. */
	r = deflate(&g->z, end ? Z_FINISH : Z_SYNC_FLUSH);
	assert(r != Z_STREAM_ERROR);
	out->len = OUT - g->z.avail_out;
	out->tail_room += g->z.avail_out;
	return end ? r == Z_STREAM_END : g->z.avail_out > 0;
}

bool
gzip_send(struct exchange *x, const struct head *head, struct span *in, bool end, bool last)
{
	struct gzip *g = x->gzip;
	struct side *client = x->client;
	struct span out;
	bool drained = true, done;

	g->z.next_in = (unsigned char *)in->at;
	g->z.avail_in = (unsigned)in->len;
	if (head != NULL && in->len == 0 && !end) {
		out = (struct span){ g->pool->out + LOOP_HEAD_ROOM, 0, LOOP_HEAD_ROOM,
			OUT + LOOP_TAIL_ROOM };
		return client->ops->send_head(client, head, NULL, &out, false);
	}
	do {
		done = squeeze(g, &out, end);
		x->body_out += out.len;
		if (head != NULL)
			drained = client->ops->send_head(client, head, NULL, &out, done && last);
		else if (out.len > 0 || (done && last))
			drained = client->ops->send_body(client, &out, done && last);
		head = NULL;
	} while (!done);
	return drained;
}
