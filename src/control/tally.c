/* SPDX-License-Identifier: Apache-2.0 */
#include "control/tally.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "control/view.h"
#include "proxy/worker.h"
#include "steer/endpoint.h"
#include "base/hash.h"
#include "steer/steering.h"
#include "steer/table.h"

/* Where a window may begin. */
struct mark {
	uint64_t at_ms;
	uint64_t tries;
	uint64_t errors;
	struct histogram_sum first_byte;
};

struct account {
	struct tally_counts counts;
	struct mark older; /* windows begin here */
	struct mark newer; /* and next here */
};

struct endpoint_account {
	const struct endpoint *endpoint; /* identity only: may be gone */
	uint64_t seen;                   /* the turn it was last in the table */
	struct account account;
};

struct region_account {
	struct region_account *next; /* in the hash chain */
	uint64_t hash;
	char *service;
	char *region;
	struct account account;
};

struct tally {
	struct endpoint_account **endpoints; /* by endpoint id; NULL: no traffic yet */
	unsigned endpoint_slots;
	struct region_account **regions; /* hash chains */
	unsigned region_slots;           /* a power of two */
	unsigned region_count;
	uint64_t turn;
	uint64_t observed_ms; /* last */
	struct histogram_sum requests;
	struct histogram_sum requests_seen; /* as the workers had them last */
};

struct tally *
tally_new(uint64_t now_ms)
{
	struct tally *t = mem_new(sizeof *t);

	t->observed_ms = now_ms;
	t->region_slots = 64;
	t->regions = mem_array(t->region_slots, sizeof *t->regions);
	return t;
}

void
tally_free(struct tally *t)
{
	for (unsigned i = 0; i < t->endpoint_slots; i++)
		mem_free(t->endpoints[i]);
	mem_free(t->endpoints);
	for (unsigned i = 0; i < t->region_slots; i++) {
		struct region_account *r = t->regions[i];

		while (r != NULL) {
			struct region_account *next = r->next;

			mem_free(r->service);
			mem_free(r->region);
			mem_free(r);
			r = next;
		}
	}
	mem_free(t->regions);
	mem_free(t);
}

uint64_t
tally_errors(const struct tally_counts *c)
{
	uint64_t errors = c->status_class[5];

	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		enum fault_origin origin = fault_origin((enum fault)i);

		/* a status to retry on was counted by its class already */
		if (i != FAULT_STATUS && (origin == FAULT_LOCAL || origin == FAULT_UPSTREAM))
			errors += c->faults[i];
	}
	return errors;
}

static uint64_t
load(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
add_shard(struct tally_counts *c, const struct endpoint_shard *s)
{
	c->tries += load(&s->tries);
	c->answered += load(&s->answered);
	c->connects += load(&s->connects);
	c->reused += load(&s->reused);
	for (unsigned i = 0; i < 6; i++)
		c->status_class[i] += load(&s->status_class[i]);
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		c->faults[i] += load(&s->faults[i]);
	c->bytes_in += load(&s->bytes_in);
	c->bytes_out += load(&s->bytes_out);
	histogram_merge(&c->first_byte, &s->first_byte);
}

static const struct endpoint_shard *
shard_of(const struct endpoint *e, unsigned worker)
{
	return atomic_load_explicit(&e->shards[worker], memory_order_acquire);
}

/* False: no worker ever used it. */
static bool
read_endpoint(const struct endpoint *e, struct tally_counts *c)
{
	bool used = false;

	*c = (struct tally_counts){ 0 };
	for (unsigned i = 0; i < e->workers; i++) {
		const struct endpoint_shard *s = shard_of(e, i);

		if (s == NULL)
			continue;
		add_shard(c, s);
		used = true;
	}
	return used;
}

/* into += now - before. */
static void
add_difference(
    struct tally_counts *into, const struct tally_counts *now, const struct tally_counts *before)
{
	struct histogram_sum added = now->first_byte;

	into->tries += now->tries - before->tries;
	into->answered += now->answered - before->answered;
	into->connects += now->connects - before->connects;
	into->reused += now->reused - before->reused;
	for (unsigned i = 0; i < 6; i++)
		into->status_class[i] += now->status_class[i] - before->status_class[i];
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		into->faults[i] += now->faults[i] - before->faults[i];
	into->bytes_in += now->bytes_in - before->bytes_in;
	into->bytes_out += now->bytes_out - before->bytes_out;
	histogram_subtract(&added, &before->first_byte);
	histogram_sum_add(&into->first_byte, &added);
}

static void
mark_now(struct mark *m, const struct tally_counts *c, uint64_t now_ms)
{
	m->at_ms = now_ms;
	m->tries = c->tries;
	m->errors = tally_errors(c);
	m->first_byte = c->first_byte;
}

static void
rotate(struct account *a, uint64_t now_ms)
{
	if (now_ms - a->newer.at_ms < TALLY_WINDOW_MS)
		return;
	a->older = a->newer;
	mark_now(&a->newer, &a->counts, now_ms);
}

static uint64_t
hash_names(const char *service, const char *region)
{
	return hash_bytes(region, strlen(region), hash_bytes(service, strlen(service), 0));
}

static struct region_account *
find_region(const struct tally *t, const char *service, const char *region, uint64_t hash)
{
	struct region_account *r = t->regions[hash & (t->region_slots - 1)];

	while (r != NULL &&
	    (r->hash != hash || strcmp(r->service, service) != 0 || strcmp(r->region, region) != 0))
		r = r->next;
	return r;
}

static void
grow_regions(struct tally *t)
{
	unsigned slots = t->region_slots * 2;
	struct region_account **grown = mem_array(slots, sizeof *grown);

	for (unsigned i = 0; i < t->region_slots; i++) {
		struct region_account *r = t->regions[i];

		while (r != NULL) {
			struct region_account *next = r->next;

			r->next = grown[r->hash & (slots - 1)];
			grown[r->hash & (slots - 1)] = r;
			r = next;
		}
	}
	mem_free(t->regions);
	t->regions = grown;
	t->region_slots = slots;
}

static struct region_account *
region_account(struct tally *t, const char *service, const char *region)
{
	uint64_t hash = hash_names(service, region);
	struct region_account *r = find_region(t, service, region, hash);

	if (r != NULL)
		return r;
	if (t->region_count >= t->region_slots)
		grow_regions(t);
	r = mem_new(sizeof *r);
	r->hash = hash;
	r->service = mem_strdup(service);
	r->region = mem_strdup(region);
	/* its traffic has begun since the last look */
	r->account.older.at_ms = r->account.newer.at_ms = t->observed_ms;
	r->next = t->regions[hash & (t->region_slots - 1)];
	t->regions[hash & (t->region_slots - 1)] = r;
	t->region_count++;
	return r;
}

/* Begins at the same times as its region's: until now it had nothing to count. */
static void
begin_endpoint(struct account *a, const struct account *region)
{
	memset(a, 0, sizeof *a);
	a->older.at_ms = region->older.at_ms;
	a->newer.at_ms = region->newer.at_ms;
}

static struct endpoint_account *
endpoint_account(struct tally *t, const struct endpoint *e, const struct account *region)
{
	struct endpoint_account *a;

	if (e->id >= t->endpoint_slots) {
		unsigned slots =
		    t->endpoint_slots * 2 > e->id + 1 ? t->endpoint_slots * 2 : e->id + 1;

		t->endpoints = mem_resize(t->endpoints, slots * sizeof *t->endpoints);
		memset(t->endpoints + t->endpoint_slots, 0,
		    (slots - t->endpoint_slots) * sizeof *t->endpoints);
		t->endpoint_slots = slots;
	}
	a = t->endpoints[e->id];
	if (a == NULL) {
		a = t->endpoints[e->id] = mem_new(sizeof *a);
		begin_endpoint(&a->account, region);
	}
	return a;
}

static void
observe_endpoint(struct tally *t, const struct endpoint *e, struct account *region, uint64_t now_ms)
{
	struct tally_counts now;
	struct endpoint_account *a;

	if (!read_endpoint(e, &now))
		return;
	a = endpoint_account(t, e, region);
	/* ids and addresses are reused: counters that went back belong to somebody new */
	if (a->endpoint != e || now.tries < a->account.counts.tries) {
		begin_endpoint(&a->account, region);
		a->endpoint = e;
	}
	add_difference(&region->counts, &now, &a->account.counts);
	a->account.counts = now;
	a->seen = t->turn;
	rotate(&a->account, now_ms);
}

static void
forget_unseen(struct tally *t)
{
	for (unsigned i = 0; i < t->endpoint_slots; i++) {
		struct endpoint_account *a = t->endpoints[i];

		if (a != NULL && a->seen != t->turn) {
			mem_free(a);
			t->endpoints[i] = NULL;
		}
	}
}

void
tally_observe(struct tally *t, const struct table *table, uint64_t now_ms)
{
	t->turn++;
	for (unsigned i = 0; i < table->service_count; i++) {
		const struct table_service *s = &table->services[i];

		for (unsigned j = 0; j < s->region_count; j++) {
			const struct table_region *r = &s->regions[j];
			struct region_account *account =
			    region_account(t, r->steering->service, r->steering->region);

			for (unsigned k = 0; k < r->endpoint_count; k++)
				observe_endpoint(t, r->endpoints[k], &account->account, now_ms);
			rotate(&account->account, now_ms);
		}
	}
	t->observed_ms = now_ms;
	forget_unseen(t);
}

void
tally_observe_requests(struct tally *t, const struct view_worker *workers, unsigned count)
{
	struct histogram_sum now = { .total = 0 }, added;

	for (unsigned i = 0; i < count; i++)
		histogram_merge(&now, &workers[i].stats->duration);
	added = now;
	histogram_subtract(&added, &t->requests_seen);
	histogram_sum_add(&t->requests, &added);
	t->requests_seen = now;
}

const struct histogram_sum *
tally_requests(const struct tally *t)
{
	return &t->requests;
}

static const struct account *
find_endpoint_account(const struct tally *t, const struct endpoint *e)
{
	const struct endpoint_account *a = e->id < t->endpoint_slots ? t->endpoints[e->id] : NULL;

	return a != NULL && a->endpoint == e ? &a->account : NULL;
}

static const struct account *
find_region_account(const struct tally *t, const struct table_region *r)
{
	const char *service = r->steering->service, *region = r->steering->region;
	const struct region_account *a =
	    find_region(t, service, region, hash_names(service, region));

	return a != NULL ? &a->account : NULL;
}

const struct tally_counts *
tally_endpoint(const struct tally *t, const struct endpoint *e)
{
	const struct account *a = find_endpoint_account(t, e);

	return a != NULL ? &a->counts : NULL;
}

const struct tally_counts *
tally_region(const struct tally *t, const struct table_region *r)
{
	const struct account *a = find_region_account(t, r);

	return a != NULL && a->counts.tries > 0 ? &a->counts : NULL;
}

static void
add_window(const struct account *a, uint64_t now_ms, struct tally_window *into)
{
	/* in the first second a rate would be mostly noise */
	uint64_t long_ms = now_ms - a->older.at_ms > 1000 ? now_ms - a->older.at_ms : 1000;
	struct histogram_sum recent = a->counts.first_byte;

	into->tries_per_s += (double)(a->counts.tries - a->older.tries) * 1000.0 / (double)long_ms;
	into->errors_per_s +=
	    (double)(tally_errors(&a->counts) - a->older.errors) * 1000.0 / (double)long_ms;
	histogram_subtract(&recent, &a->older.first_byte);
	histogram_sum_add(&into->first_byte, &recent);
}

void
tally_add_endpoint_window(
    const struct tally *t, const struct endpoint *e, uint64_t now_ms, struct tally_window *into)
{
	const struct account *a = find_endpoint_account(t, e);

	if (a != NULL)
		add_window(a, now_ms, into);
}

void
tally_add_region_window(
    const struct tally *t, const struct table_region *r, uint64_t now_ms, struct tally_window *into)
{
	const struct account *a = find_region_account(t, r);

	if (a != NULL)
		add_window(a, now_ms, into);
}

void
tally_add_open(const struct endpoint *e, struct tally_open *into)
{
	for (unsigned i = 0; i < e->workers; i++) {
		const struct endpoint_shard *s = shard_of(e, i);

		if (s == NULL)
			continue;
		into->connections += atomic_load_explicit(&s->connections, memory_order_relaxed);
		into->idle += atomic_load_explicit(&s->idle, memory_order_relaxed);
		into->active += atomic_load_explicit(&s->active, memory_order_relaxed);
	}
}
