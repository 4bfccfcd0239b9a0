/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/route_index.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "conf/topology.h"
#include "base/hash.h"

/*
 * Two hash tables, of hosts and of (host, path), whose slots lead to records in one pool. A
 * record holds all that a comparison needs, so that a lookup among 100,000 routes touches about
 * four cache lines that one among a hundred does not.
 */
enum { POOL_UNIT = 8, DEPTH_MAX = 63 };

#define NO_ROUTE UINT32_MAX

struct slot {
	uint32_t tag; /* the key's hash; the slot it belongs to is tag & mask */
	uint32_t at;  /* of the record in the pool, in units; 0: empty */
};

struct slots {
	struct slot *list; /* open addressing, at most half full */
	uint32_t mask;
	uint32_t count;
};

struct host_record {
	uint64_t depths;     /* bit n: has a prefix of n segments (DEPTH_MAX: or more) */
	uint32_t prefix_max; /* bytes of its longest prefix */
	uint32_t exact_max;  /* bytes of its longest exact path; 0: it has none */
	uint32_t len;
	bool wildcard;
	char name[]; /* of a wildcard: what follows "*." */
};

struct path_record {
	uint32_t route; /* index in the topology, of the first to be asked */
	uint32_t host;  /* where its record is */
	uint32_t len;   /* of a prefix: without trailing slashes */
	bool exact;
	bool asks; /* its first route has conditions: others may follow */
	char path[];
};

struct route_index {
	atomic_uint refs;
	const struct conf_route *routes;
	uint32_t
	    *next; /* by route: whom to ask next of the same place, or NO_ROUTE; NULL: nobody */
	struct slots hosts;
	struct slots paths;
	char *pool;
	uint32_t pool_used; /* in units */
	uint32_t pool_room;
	uint32_t any_host;        /* record of the host "", or 0 */
	uint64_t wildcard_depths; /* bit n: one with n labels after "*." (DEPTH_MAX: or more) */
	uint32_t wildcard_max;    /* bytes of the longest of them */
};

/* What a path's hash starts from: equal paths of two hosts, or of two kinds, must not collide. */
static uint64_t
path_seed(uint32_t host, bool exact)
{
	return (uint64_t)host << 1 | exact;
}

static uint32_t
host_tag(struct slice name, bool wildcard)
{
	return (uint32_t)hash_bytes(name.at, name.len, wildcard);
}

static uint64_t
depth_bit(unsigned depth)
{
	return (uint64_t)1 << (depth < DEPTH_MAX ? depth : DEPTH_MAX);
}

static struct host_record *
host_at(const struct route_index *x, uint32_t at)
{
	return (struct host_record *)(void *)(x->pool + (size_t)at * POOL_UNIT);
}

static struct path_record *
path_at(const struct route_index *x, uint32_t at)
{
	return (struct path_record *)(void *)(x->pool + (size_t)at * POOL_UNIT);
}

/* The host's record, or 0. */
static uint32_t
find_host(const struct route_index *x, struct slice name, bool wildcard)
{
	uint32_t tag = host_tag(name, wildcard);

	for (uint32_t i = tag & x->hosts.mask; x->hosts.list[i].at != 0;
	     i = (i + 1) & x->hosts.mask) {
		const struct host_record *h;

		if (x->hosts.list[i].tag != tag)
			continue;
		h = host_at(x, x->hosts.list[i].at);
		if (h->wildcard == wildcard && slice_eq((struct slice){ h->name, h->len }, name))
			return x->hosts.list[i].at;
	}
	return 0;
}

/* The record of exactly this path and kind, or NULL. */
static struct path_record *
find_path(const struct route_index *x, uint64_t hash, uint32_t host, struct slice path, bool exact)
{
	uint32_t tag = (uint32_t)hash;

	for (uint32_t i = tag & x->paths.mask; x->paths.list[i].at != 0;
	     i = (i + 1) & x->paths.mask) {
		struct path_record *p;

		if (x->paths.list[i].tag != tag)
			continue;
		p = path_at(x, x->paths.list[i].at);
		if (p->host == host && p->exact == exact &&
		    slice_eq((struct slice){ p->path, p->len }, path))
			return p;
	}
	return NULL;
}

/*
 * The length of path up to the end of the segment that starts with the slash at from; looks no
 * further than max.
 */
static size_t
segment_end(struct slice path, size_t from, size_t max)
{
	size_t end = path.len < max ? path.len : max;
	const char *slash;

	if (from + 1 >= end)
		return end;
	slash = memchr(path.at + from + 1, '/', end - from - 1);
	return slash != NULL ? (size_t)(slash - path.at) : end;
}

/* One walk down the path, with a probe at each border where the host has a prefix at all. */
static const struct path_record *
find_prefix(const struct route_index *x, uint32_t host, struct slice path)
{
	const struct host_record *h = host_at(x, host);
	const struct path_record *best = NULL;
	uint64_t hash = path_seed(host, false);
	size_t at = 0;

	for (unsigned depth = 0;; depth++) {
		size_t end;

		if (h->depths & depth_bit(depth)) {
			const struct path_record *p =
			    find_path(x, hash, host, (struct slice){ path.at, at }, false);

			if (p != NULL)
				best = p;
		}
		if (at >= path.len || path.at[at] != '/')
			return best;
		end = segment_end(path, at, (size_t)h->prefix_max + 1);
		if (end > h->prefix_max)
			return best;
		hash = hash_bytes(path.at + at, end - at, hash);
		at = end;
	}
}

/* Who asks, and how it is told whether a route with conditions is for it. */
struct question {
	struct slice path;
	route_accepts_fn *accepts; /* NULL: none is */
	void *arg;
};

/* The first of a record's routes that is for this request, or NULL. */
static const struct conf_route *
accepted(const struct route_index *x, const struct path_record *p, const struct question *q)
{
	uint32_t i;

	if (p == NULL)
		return NULL;
	if (!p->asks)
		return &x->routes[p->route];
	for (i = p->route; i != NO_ROUTE; i = x->next != NULL ? x->next[i] : NO_ROUTE) {
		const struct conf_route *r = &x->routes[i];

		if (r->conditions == 0 || (q->accepts != NULL && q->accepts(r, q->arg)))
			return r;
	}
	return NULL;
}

/* From the longest prefix to the shortest: a second walk only where conditions were not met. */
static const struct conf_route *
find_in_prefixes(const struct route_index *x, uint32_t host, const struct question *q)
{
	struct slice path = q->path;
	const struct path_record *p = find_prefix(x, host, path);
	const struct conf_route *r = accepted(x, p, q);

	while (r == NULL && p != NULL && p->len > 0) {
		path.len = p->len - 1;
		while (path.len > 0 && path.at[path.len] != '/')
			path.len--;
		p = find_prefix(x, host, path);
		r = accepted(x, p, q);
	}
	return r;
}

static const struct conf_route *
find_in_host(const struct route_index *x, uint32_t host, const struct question *q)
{
	const struct path_record *p = NULL;
	const struct conf_route *r;

	if (host == 0)
		return NULL;
	if (q->path.len <= host_at(x, host)->exact_max)
		p = find_path(x, hash_bytes(q->path.at, q->path.len, path_seed(host, true)), host,
		    q->path, true);
	r = accepted(x, p, q);
	return r != NULL ? r : find_in_prefixes(x, host, q);
}

/* From the longest suffix to the shortest, but only those of a length that is configured. */
static const struct conf_route *
find_in_wildcards(const struct route_index *x, struct slice host, const struct question *q)
{
	unsigned labels = 0; /* after the dot that the walk is at */

	if (x->wildcard_depths == 0)
		return NULL;
	for (size_t i = 0; i < host.len; i++)
		labels += host.at[i] == '.';
	for (size_t i = 0; i < host.len && labels > 0; i++) {
		const struct conf_route *r;
		struct slice suffix;

		if (host.at[i] != '.')
			continue;
		suffix = (struct slice){ host.at + i + 1, host.len - i - 1 };
		if (i > 0 && (x->wildcard_depths & depth_bit(labels)) != 0 &&
		    suffix.len <= x->wildcard_max) {
			r = find_in_host(x, find_host(x, suffix, true), q);
			if (r != NULL)
				return r;
		}
		labels--;
	}
	return NULL;
}

const struct conf_route *
route_index_find(const struct route_index *x, struct slice host, struct slice path,
    route_accepts_fn *accepts, void *arg)
{
	struct question q = { path, accepts, arg };
	const struct conf_route *r = NULL;

	if (host.len > 0 && host.at[host.len - 1] == '.')
		host.len--;
	if (host.len > 0) {
		r = find_in_host(x, find_host(x, host, false), &q);
		if (r == NULL)
			r = find_in_wildcards(x, host, &q);
	}
	return r != NULL ? r : find_in_host(x, x->any_host, &q);
}

static void
slots_open(struct slots *s)
{
	s->mask = 63;
	s->list = mem_array((size_t)s->mask + 1, sizeof s->list[0]);
}

static void
slots_put(struct slots *s, struct slot entry)
{
	uint32_t i = entry.tag & s->mask;

	while (s->list[i].at != 0)
		i = (i + 1) & s->mask;
	s->list[i] = entry;
}

static void
slots_add(struct slots *s, uint64_t hash, uint32_t at)
{
	if (s->count > s->mask / 2) {
		struct slots bigger = { .mask = s->mask * 2 + 1, .count = s->count };

		bigger.list = mem_array((size_t)bigger.mask + 1, sizeof bigger.list[0]);
		for (uint32_t i = 0; i <= s->mask; i++)
			if (s->list[i].at != 0)
				slots_put(&bigger, s->list[i]);
		mem_free(s->list);
		*s = bigger;
	}
	s->count++;
	slots_put(s, (struct slot){ (uint32_t)hash, at });
}

/* Room for a zeroed record in the pool; earlier records may move, their places do not. */
static uint32_t
pool_take(struct route_index *x, size_t bytes)
{
	uint32_t units = (uint32_t)((bytes + POOL_UNIT - 1) / POOL_UNIT);
	uint32_t at = x->pool_used;

	if (x->pool_room - x->pool_used < units) {
		x->pool_room = 2 * x->pool_room + units;
		x->pool = mem_resize(x->pool, (size_t)x->pool_room * POOL_UNIT);
	}
	memset(x->pool + (size_t)at * POOL_UNIT, 0, (size_t)units * POOL_UNIT);
	x->pool_used += units;
	return at;
}

static uint32_t
add_host(struct route_index *x, const char *pattern)
{
	bool wildcard = strncmp(pattern, "*.", 2) == 0;
	struct slice name = slice_of(wildcard ? pattern + 2 : pattern);
	uint32_t at = find_host(x, name, wildcard);
	struct host_record *h;
	unsigned labels = 1;

	if (at != 0)
		return at;
	at = pool_take(x, sizeof *h + name.len);
	h = host_at(x, at);
	h->len = (uint32_t)name.len;
	h->wildcard = wildcard;
	memcpy(h->name, name.at, name.len);
	slots_add(&x->hosts, host_tag(name, wildcard), at);
	if (name.len == 0 && !wildcard)
		x->any_host = at;
	if (!wildcard)
		return at;
	for (size_t i = 0; i < name.len; i++)
		labels += name.at[i] == '.';
	x->wildcard_depths |= depth_bit(labels);
	if (h->len > x->wildcard_max)
		x->wildcard_max = h->len;
	return at;
}

/* The hash of a prefix as find_prefix() comes to it, and the number of its segments. */
static uint64_t
hash_prefix(uint32_t host, struct slice path, unsigned *depth)
{
	uint64_t hash = path_seed(host, false);

	*depth = 0;
	for (size_t at = 0, end; at < path.len; at = end, ++*depth) {
		end = segment_end(path, at, path.len);
		hash = hash_bytes(path.at + at, end - at, hash);
	}
	return hash;
}

/* Is a asked before b, which was added before it? */
static bool
goes_first(const struct conf_route *a, const struct conf_route *b)
{
	return a->conditions > b->conditions;
}

/*
 * Another route of a place that has one; routes come in the order of the file. Of two without
 * conditions the first stands alone.
 */
static void
add_alternative(struct route_index *x, struct path_record *p, uint32_t index, uint32_t route_count)
{
	uint32_t *at = &p->route;

	if (x->next == NULL) {
		x->next = mem_array(route_count, sizeof x->next[0]);
		for (uint32_t i = 0; i < route_count; i++)
			x->next[i] = NO_ROUTE;
	}
	while (*at != NO_ROUTE && !goes_first(&x->routes[index], &x->routes[*at]))
		at = &x->next[*at];
	x->next[index] = *at;
	*at = index;
}

struct slice
route_index_path(const struct conf_route *r)
{
	struct slice path = slice_of(r->path);

	if (!r->exact)
		while (path.len > 0 && path.at[path.len - 1] == '/')
			path.len--;
	return path;
}

static void
add_route(struct route_index *x, uint32_t index, uint32_t route_count)
{
	const struct conf_route *r = &x->routes[index];
	uint32_t host = add_host(x, r->host);
	struct slice path = route_index_path(r);
	struct path_record *known;
	struct host_record *h;
	struct path_record *p;
	unsigned depth = 0;
	uint64_t hash;
	uint32_t at;

	if (r->exact)
		hash = hash_bytes(path.at, path.len, path_seed(host, true));
	else
		hash = hash_prefix(host, path, &depth);
	known = find_path(x, hash, host, path, r->exact);
	if (known != NULL) {
		add_alternative(x, known, index, route_count);
		known->asks = x->routes[known->route].conditions > 0;
		return;
	}

	at = pool_take(x, sizeof *p + path.len);
	p = path_at(x, at);
	p->route = index;
	p->host = host;
	p->len = (uint32_t)path.len;
	p->exact = r->exact;
	p->asks = r->conditions > 0;
	memcpy(p->path, path.at, path.len);
	slots_add(&x->paths, hash, at);

	h = host_at(x, host);
	if (r->exact) {
		if (p->len > h->exact_max)
			h->exact_max = p->len;
		return;
	}
	h->depths |= depth_bit(depth);
	if (p->len > h->prefix_max)
		h->prefix_max = p->len;
}

struct route_index *
route_index_build(const struct topology *t)
{
	struct route_index *x = mem_new(sizeof *x);

	atomic_init(&x->refs, 1);
	x->routes = t->routes;
	slots_open(&x->hosts);
	slots_open(&x->paths);
	x->pool_used = 1; /* place 0 stands for none */
	x->pool_room = 512;
	x->pool = mem_raw((size_t)x->pool_room * POOL_UNIT);
	for (uint32_t i = 0; i < t->route_count; i++)
		if (t->routes[i].host != NULL && t->routes[i].path != NULL)
			add_route(x, i, t->route_count);
	x->pool = mem_resize(x->pool, (size_t)x->pool_used * POOL_UNIT);
	x->pool_room = x->pool_used;
	return x;
}

struct route_index *
route_index_ref(struct route_index *x)
{
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void
route_index_free(struct route_index *x)
{
	if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) > 1)
		return;
	mem_free(x->next);
	mem_free(x->hosts.list);
	mem_free(x->paths.list);
	mem_free(x->pool);
	mem_free(x);
}
