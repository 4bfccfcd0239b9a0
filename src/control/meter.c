/* SPDX-License-Identifier: Apache-2.0 */
#include "control/meter.h"

#include <stddef.h>
#include <string.h>

#include "steer/endpoint.h"
#include "steer/steering.h"

static uint64_t
load(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void
endpoint_meter_begin(struct endpoint_meter *m, const struct endpoint *e)
{
	*m = (struct endpoint_meter){ 0 };
	for (unsigned i = 0; i < e->workers; i++) {
		const struct endpoint_shard *s =
		    atomic_load_explicit(&e->shards[i], memory_order_acquire);

		if (s == NULL)
			continue;
		m->tries += load(&s->tries);
		m->answered += load(&s->answered);
		m->not_sent += load(&s->not_sent);
		m->broken += load(&s->broken);
		m->timeouts += load(&s->timeouts);
		m->aged += load(&s->aged);
		m->errors += load(&s->errors);
		m->cut += atomic_load_explicit(&s->cut, memory_order_relaxed);
	}
}

void
endpoint_meter_fetch(const struct endpoint *e)
{
	__builtin_prefetch(&e->workers); /* the shards' slots follow it */
}

void
endpoint_meter_fetch_shards(const struct endpoint *e)
{
	for (unsigned i = 0; i < e->workers; i++) {
		const struct endpoint_shard *s =
		    atomic_load_explicit(&e->shards[i], memory_order_relaxed);

		if (s != NULL)
			__builtin_prefetch(&s->tries);
	}
}

bool
endpoint_meter_read(struct endpoint_meter *m, const struct endpoint *e, struct evidence *delta)
{
	struct endpoint_meter now;

	endpoint_meter_begin(&now, e);
	if (memcmp(&now, m, sizeof now) == 0)
		return false;
	*delta = (struct evidence){
		.tries = (uint32_t)(now.tries - m->tries),
		.answered = (uint32_t)(now.answered - m->answered),
		.not_sent = (uint32_t)(now.not_sent - m->not_sent),
		.broken = (uint32_t)(now.broken - m->broken),
		.timeouts = (uint32_t)(now.timeouts - m->timeouts),
		.aged = (uint32_t)(now.aged - m->aged),
		.errors = (uint32_t)(now.errors - m->errors),
		.cut = (uint32_t)(now.cut - m->cut),
	};
	*m = now;
	return true;
}

uint32_t
endpoint_meter_news(
    struct endpoint_meter *m, const struct endpoint_meter *now, enum fault why, uint32_t count)
{
	bool not_sent = fault_class(why) == FAULT_NOT_SENT;
	uint64_t unread = not_sent ? now->not_sent - m->not_sent : now->broken - m->broken;
	uint64_t *told = not_sent ? &m->told_not_sent : &m->told_broken;

	if (count > unread - *told)
		count = (uint32_t)(unread - *told);
	*told += count;
	return count;
}

static const struct region_shard *
shard_of(const struct steering *s, unsigned worker)
{
	return atomic_load_explicit(&s->shards[worker], memory_order_acquire);
}

uint64_t
region_meter_answered(const struct steering *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->workers; i++) {
		const struct region_shard *shard = shard_of(s, i);

		if (shard != NULL)
			sum += load(&shard->answered);
	}
	return sum;
}

uint32_t
region_meter_completions(struct region_meter *m, const struct steering *s)
{
	uint64_t now = 0;
	uint32_t delta;

	for (unsigned i = 0; i < s->workers; i++) {
		const struct region_shard *shard = shard_of(s, i);

		if (shard != NULL)
			now += load(&shard->completions);
	}
	delta = (uint32_t)(now - m->completions);
	m->completions = now;
	return delta;
}

uint32_t
region_meter_in_flight(const struct steering *s)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < s->workers; i++) {
		const struct region_shard *shard = shard_of(s, i);

		if (shard != NULL)
			sum += atomic_load_explicit(&shard->in_flight, memory_order_relaxed);
	}
	return sum;
}

const struct histogram_sum *
region_meter_second(struct region_meter *m, const struct steering *s)
{
	static const struct histogram_sum none;
	struct histogram_sum now = { .total = 0 };

	/* Most regions of most services are idle most of the time: their buckets are not read. */
	if (m->completions == m->completions_then)
		return &none;
	m->completions_then = m->completions;
	for (unsigned i = 0; i < s->workers; i++) {
		const struct region_shard *shard = shard_of(s, i);

		if (shard != NULL)
			histogram_merge(&now, &shard->first_byte);
	}
	m->second = now;
	histogram_subtract(&m->second, &m->then);
	m->then = now;
	return &m->second;
}

/* A worker's counter by its place in the shard, which not every worker has. */
static uint64_t
count_at(const void *shard, size_t offset)
{
	return shard == NULL ? 0 : load((const void *)((const char *)shard + offset));
}

static uint64_t
sum_of_region(const struct steering *s, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->workers; i++)
		sum += count_at(shard_of(s, i), offset);
	return sum;
}

uint64_t
region_meter_shed_by_rate(const struct steering *s)
{
	return sum_of_region(s, offsetof(struct region_shard, shed_by_rate));
}

uint64_t
region_meter_shed_in_flight(const struct steering *s)
{
	return sum_of_region(s, offsetof(struct region_shard, shed_in_flight));
}

static uint64_t
sum_of_service(const struct service_steering *s, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->workers; i++)
		sum += count_at(atomic_load_explicit(&s->shards[i], memory_order_acquire), offset);
	return sum;
}

uint64_t
service_meter_requests(const struct service_steering *s)
{
	return sum_of_service(s, offsetof(struct service_shard, requests));
}

uint64_t
service_meter_shed(const struct service_steering *s)
{
	return sum_of_service(s, offsetof(struct service_shard, shed));
}

uint64_t
service_meter_shed_for_memory(const struct service_steering *s)
{
	return sum_of_service(s, offsetof(struct service_shard, shed_for_memory));
}

uint64_t
service_meter_refused(const struct service_steering *s)
{
	return sum_of_service(s, offsetof(struct service_shard, refused));
}

uint64_t
service_meter_paced(const struct service_steering *s)
{
	return sum_of_service(s, offsetof(struct service_shard, paced));
}

static const struct rate_slot *
slot_before(const struct rate_meter *m, unsigned readings)
{
	return &m->slots[(m->newest + RATE_SLOTS - readings) % RATE_SLOTS];
}

double
rate_meter_read(struct rate_meter *m, uint64_t requests, uint64_t now_us)
{
	struct rate_slot oldest = { 0, now_us };

	/* Once the ring is full, the oldest slot is the one that is written next. */
	m->newest = (m->newest + 1) % RATE_SLOTS;
	if (m->count > 0)
		oldest = *slot_before(m, m->count);
	m->slots[m->newest] = (struct rate_slot){ requests, now_us };
	if (m->count < RATE_SLOTS)
		m->count++;
	if (now_us <= oldest.at_us)
		return 0;
	return (double)(requests - oldest.requests) * 1e6 / (double)(now_us - oldest.at_us);
}

uint32_t
rate_meter_news(const struct rate_meter *m)
{
	if (m->count < 2)
		return 0;
	return (uint32_t)(m->slots[m->newest].requests - slot_before(m, 1)->requests);
}
