// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/access.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/hold.h"
#include "proxy/routing.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"
#include "base/hash.h"

static void
copy_head(struct exchange *x, const struct head *head)
{
	struct worker *w = x->worker;
	size_t fields = offsetof(struct head, fields) + head->field_count * sizeof head->fields[0];
	/* the head, its path once normalised and once rewritten */
	size_t need = head->len + 2u * head->path.len + 1024;
	struct slab *blocks =
	    need <= slab_block_size(w->loop->small) ? w->loop->small : w->loop->large;

	x->block = slab_take(blocks);
	x->block_size = (uint32_t)slab_block_size(blocks);
	memcpy(x->block, head->base, head->len);
	x->block_used = head->len;
	memcpy(&x->head, head, fields);
	x->head.base = x->block;
}

_Static_assert(offsetof(struct exchange, deadline) % 64 == 0, "as its comment says");

static struct exchange *
exchange_new(struct worker *w, struct side *client, const struct client_facts *facts,
    const struct head *head, uint64_t first_byte_us)
{
	struct exchange *x = slab_take(w->exchange_slab);

	memset(x, 0, offsetof(struct exchange, pick.tried));
	x->worker = w;
	x->client = client;
	x->facts = facts;
	x->pick.rng = &w->rng;
	x->pick.worker = w->setup.index;
	x->pick.unsafe = !method_is_idempotent(head->method);
	x->try = &x->places[0];
	x->rival = &x->places[1];
	x->try->exchange = x->rival->exchange = x;
	copy_head(x, head);
	call_begin(&x->call, head);
	x->route[0] = '\0';
	worker_request_id(w, x->request_id);
	x->at.first_byte = first_byte_us;
	x->at.head = clock_now_us();
	client->exchange = x;
	return x;
}

void
exchange_expect(const struct worker *w)
{
	enum { COMMON_FIELDS = 8, COMMON_HEAD = 256 };

	slab_expect(w->exchange_slab, offsetof(struct exchange, head.fields[COMMON_FIELDS]));
	slab_expect(w->loop->small, COMMON_HEAD);
}

static void
count_request(struct worker *w)
{
	stat_add(&w->stats.requests, 1);
	stat_step(&w->stats.exchanges, 1);
}

enum side_go
exchange_start(struct worker *w, struct side *client, const struct client_facts *facts,
    const struct head *head, uint64_t first_byte_us, struct span *first, bool end)
{
	struct exchange *x = exchange_new(w, client, facts, head, first_byte_us);

	count_request(w);
	x->body_in = first->len;
	x->request_ended = end;
	/* A copy for another try, unless there will be none. */
	if (first->len > 0 && method_is_idempotent(head->method) &&
	    replay_fits(&x->replay, first->len, SIZE_MAX, w->limits.replay_memory_bytes))
		replay_append(&x->replay, w->loop->small, first->at, first->len);
	x->first = first->len > 0 ? first : NULL;
	if (!exchange_run(x))
		return SIDE_OVER;
	if (x->first != NULL && x->replay.len == 0)
		replay_append(&x->replay, w->loop->small, first->at, first->len);
	x->first = NULL;
	return x->client_paused ? SIDE_PAUSED : SIDE_ON;
}

/* It has no head but the name its client asked for, which the log is told. */
enum side_go
exchange_start_tunnel(struct worker *w, struct side *client, const struct client_facts *facts,
    const struct tunnel_request *asked)
{
	struct head head = {
		.base = asked->server_name.at,
		.len = (uint32_t)asked->server_name.len,
		.host = { 0, (uint32_t)asked->server_name.len },
	};
	struct exchange *x = exchange_new(w, client, facts, &head, clock_now_us());

	count_request(w);
	x->tunnel.raw = true;
	x->lasting.on_region_down = asked->on_region_down;
	x->service = asked->service;
	x->priority = ADMIT_NORMAL;
	identity_establish(&x->who, facts, &x->head, NULL);
	x->pick.hash = hash_bytes(x->who.text, x->who.text_len, 0);
	x->client_paused = true;
	snprintf(x->route, sizeof x->route, "%s", asked->route);
	stat_add(&x->service->counts->requests, 1);
	exchange_request_ended(
	    x); /* there is nothing to wait for: the time to find an endpoint runs */
	x->fault = asked->rules != NULL ? access_by_route(x, asked->rules) : FAULT_NONE;
	x->state = x->fault == FAULT_NONE ? X_PICK : X_FAILED;
	return exchange_run(x) ? SIDE_PAUSED : SIDE_OVER;
}

static void
copy_path(struct exchange *x, struct slice path)
{
	if (path.len == 0)
		return;
	memcpy(x->block + x->block_used, path.at, path.len); /* there was room for more */
	x->path = (struct slice){ x->block + x->block_used, path.len };
	x->block_used += (uint32_t)path.len;
}

static void
copy_trailers(struct exchange *x, const struct exchange *of)
{
	if (of->trailers == NULL)
		return;
	x->trailers = slab_take(x->worker->loop->large);
	x->trailers_len = of->trailers_len;
	memcpy(x->trailers, of->trailers, of->trailers_len);
}

struct exchange *
exchange_copy(const struct exchange *of, struct side *client, const struct client_facts *facts,
    struct service *to)
{
	struct exchange *x = exchange_new(of->worker, client, facts, &of->head, 0);

	copy_path(x, of->path);
	copy_trailers(x, of);
	replay_clone(&x->replay, &of->replay, x->worker->loop->small);
	memcpy(x->route, of->route, sizeof x->route);
	memcpy(x->request_id, of->request_id, sizeof x->request_id);
	x->who = of->who;
	x->service = to;
	x->mirror_of = of->service;
	x->shaped = of->shaped;
	x->hold = hold_take(of->hold);
	x->head.expect_continue = false; /* its body is here */
	x->body_in = of->body_in;
	x->priority = ADMIT_RETRY; /* the first to be turned away */
	x->state = X_PICK;
	return x;
}

void
exchange_begin_copy(struct exchange *x)
{
	const struct table_service *ts = x->service->now;

	if (ts != NULL)
		x->pick.hash = routing_hash(x, ts->conf);
	stat_add(&x->service->counts->requests, 1);
	x->at.first_byte = x->at.head = clock_now_us();
	exchange_request_ended(x);
	exchange_run(x);
}
