/* SPDX-License-Identifier: Apache-2.0 */
#include "balancer.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Draws before a search takes over; more would only matter when most members were tried. */
enum { DRAWS = 4, PERMILLE = 1000 };

bool
pick_was_tried(const struct pick *pick, const struct endpoint *e)
{
	for (unsigned i = 0; i < pick->tried_count; i++)
		if (pick->tried[i] == e->id)
			return true;
	return false;
}

bool
members_accept(enum members_level level, unsigned word)
{
	enum endpoint_state state = endpoint_word_state(word);

	switch (level) {
	case MEMBERS_UP:
		return state == ENDPOINT_UP;
	case MEMBERS_UNKNOWN:
		return state == ENDPOINT_UNKNOWN;
	case MEMBERS_NOT_DRAINING:
		return state != ENDPOINT_DRAINING;
	}
	abort();
}

struct endpoint *
members_endpoint(const struct members *m, uint32_t member)
{
	return m->region->endpoints[m->index[member]];
}

uint32_t
members_draw(const struct members *m, struct rng *rng)
{
	uint32_t low = 0;
	uint32_t high = m->count - 1;
	uint64_t drawn;

	if (m->equal)
		return rng_below(rng, m->count);
	/* The product's high half: the bias is below 2^-20 for any sum that fits a region. */
	drawn = (uint64_t)((unsigned __int128)rng_next(rng) * m->upto[high] >> 64);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (drawn < m->upto[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
add_member(struct members *m, uint32_t index, unsigned word)
{
	uint32_t weight = m->region->weights[index] * endpoint_word_weight(word);
	uint32_t last = m->count;

	if (weight == 0)
		weight = 1;
	m->index[last] = index;
	m->weight[last] = weight;
	m->upto[last] = weight + (last > 0 ? m->upto[last - 1] : 0);
	m->equal = last == 0 || (m->equal && weight == m->weight[0]);
	m->count++;
}

static void
begin(struct members *m, enum members_level level)
{
	m->level = level;
	m->count = 0;
	m->equal = true;
	m->risk = PERMILLE;
}

static void
collect(struct members *m, enum members_level level)
{
	begin(m, level);
	for (uint32_t i = 0; i < m->region->endpoint_count; i++) {
		unsigned word =
		    atomic_load_explicit(&m->region->endpoints[i]->word, memory_order_relaxed);

		if (members_accept(level, word))
			add_member(m, i, word);
	}
}

/* Makes the members from this one on weigh less, so that they get so many of 1000 picks. */
static void
lighten(struct members *m, uint32_t first, unsigned permille)
{
	uint64_t before = first > 0 ? m->upto[first - 1] : 0;
	uint64_t now = m->count > first ? m->upto[m->count - 1] - before : 0;
	uint64_t due;

	if (before == 0 || now == 0 || permille >= PERMILLE)
		return;
	due = before * permille / (PERMILLE - permille);
	if (due >= now)
		return;
	m->risk = (uint32_t)(due * PERMILLE / now);
	m->equal = false;
	for (uint32_t i = first; i < m->count; i++) {
		uint32_t weight = (uint32_t)((double)m->weight[i] * (double)due / (double)now);

		m->weight[i] = weight > 0 ? weight : 1;
		m->upto[i] = m->weight[i] + m->upto[i - 1];
	}
}

/* What is up first, then what is not and does not drain; a word that changes meanwhile is seen once
 * more, or not until the next rebuild. */
static void
collect_blindly(struct members *m, unsigned permille)
{
	uint32_t up = 0;

	begin(m, MEMBERS_NOT_DRAINING);
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < m->region->endpoint_count; i++) {
			unsigned word = atomic_load_explicit(
			    &m->region->endpoints[i]->word, memory_order_relaxed);

			if (m->count < m->region->endpoint_count &&
			    members_accept(MEMBERS_NOT_DRAINING, word) &&
			    members_accept(MEMBERS_UP, word) == (pass == 0))
				add_member(m, i, word);
		}
		up = pass == 0 ? m->count : up;
	}
	lighten(m, up, permille);
}

/*
 * Unknown before down: what was not probed yet is likelier to answer than what was probed and did
 * not.
 */
static void
rebuild(struct balancer *b)
{
	unsigned blind =
	    atomic_load_explicit(&b->members.region->steering->blind, memory_order_relaxed);

	if (blind > 0) {
		collect_blindly(&b->members, blind);
	} else {
		collect(&b->members, MEMBERS_UP);
		if (b->members.count == 0)
			collect(&b->members, MEMBERS_UNKNOWN);
		if (b->members.count == 0)
			collect(&b->members, MEMBERS_NOT_DRAINING);
	}
	if (b->ops->rebuilt != NULL && b->members.count > 0)
		b->ops->rebuilt(b);
}

/* An untried endpoint at this level, found by walking from a random place. */
static struct endpoint *
search(const struct table_region *region, enum members_level level, const struct pick *pick)
{
	uint32_t start = rng_below(pick->rng, region->endpoint_count);

	for (uint32_t i = 0; i < region->endpoint_count; i++) {
		struct endpoint *e = region->endpoints[(start + i) % region->endpoint_count];
		unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

		if (members_accept(level, word) && !pick_was_tried(pick, e))
			return e;
	}
	return NULL;
}

/* An untried member, found by walking from a random place: past the tried ones at most. */
static struct endpoint *
search_members(const struct members *m, const struct pick *pick)
{
	uint32_t start = rng_below(pick->rng, m->count);

	for (uint32_t i = 0; i < m->count; i++) {
		struct endpoint *e = members_endpoint(m, (start + i) % m->count);

		if (!pick_was_tried(pick, e))
			return e;
	}
	return NULL;
}

struct endpoint *
balancer_pick(struct balancer *b, const struct pick *pick)
{
	const struct table_region *region = b->members.region;
	/* Acquire: pairs with steering_changed(), so that the words read below are as new. */
	unsigned generation =
	    atomic_load_explicit(&region->steering->generation, memory_order_acquire);
	struct endpoint *e;

	if (!b->built || generation != b->generation) {
		b->built = true;
		b->generation = generation;
		rebuild(b);
	}
	if (b->members.count == 0)
		return NULL;
	for (unsigned i = 0; i < DRAWS; i++) {
		e = b->ops->draw(b, pick);
		if (!pick_was_tried(pick, e))
			return e;
	}
	e = search_members(&b->members, pick);
	if (e == NULL && b->members.level == MEMBERS_UNKNOWN)
		e = search(region, MEMBERS_NOT_DRAINING, pick);
	return e;
}

bool
balancer_may_pick(const struct balancer *b, const struct pick *pick, const struct endpoint *e)
{
	unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

	return members_accept(MEMBERS_UP, word) && !pick_was_tried(pick, e) &&
	    table_region_index(b->members.region, e->id) >= 0;
}

bool
balancer_has_part(
    const struct balancer *b, const struct endpoint *e, unsigned most_in_flight, unsigned beside)
{
	const struct members *m = &b->members;
	int at = table_region_index(m->region, e->id);
	unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);
	double weight, part;

	if (at < 0 || m->count < 2)
		return true;
	weight = (double)m->region->weights[at] * endpoint_word_weight(word);
	part = weight / (double)m->upto[m->count - 1];
	if (part >= 1)
		return true;
	return endpoint_waiting(e) < ceil(part * (2 - part) * most_in_flight + part * beside);
}

static struct endpoint *
random_draw(struct balancer *b, const struct pick *pick)
{
	return members_endpoint(&b->members, members_draw(&b->members, pick->rng));
}

static const struct balancer_ops random_ops = { .draw = random_draw };

static const struct balancer_ops *
ops_for(enum conf_balance balance)
{
	switch (balance) {
	case BALANCE_LEAST_REQUEST:
		return &least_request_ops;
	case BALANCE_ROUND_ROBIN:
		return &round_robin_ops;
	case BALANCE_RANDOM:
		return &random_ops;
	case BALANCE_MAGLEV:
		return &maglev_ops;
	}
	abort();
}

struct balancer *
balancer_new(
    enum conf_balance balance, const struct table_region *region, unsigned worker, struct rng *rng)
{
	struct balancer *b = mem_new(sizeof *b);
	size_t room = region->endpoint_count;

	b->ops = ops_for(balance);
	b->worker = worker;
	b->rng = rng;
	b->members.region = region;
	b->members.index = mem_array(room, sizeof b->members.index[0]);
	b->members.weight = mem_array(room, sizeof b->members.weight[0]);
	b->members.upto = mem_array(room, sizeof b->members.upto[0]);
	if (b->ops->open != NULL)
		b->ops->open(b);
	return b;
}

void
balancer_free(struct balancer *b)
{
	if (b->ops->close != NULL)
		b->ops->close(b);
	mem_free(b->members.index);
	mem_free(b->members.weight);
	mem_free(b->members.upto);
	mem_free(b);
}
