// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool_path.h"

#include "base/bytes.h"
#include "proxy/connection.h"
#include "proxy/pool.h"

enum {
	RACE_AFTER_US = 50 * 1000,
	RACE_UNKNOWN_US = 300 * 1000, /* as long as the round trip is not known */
	RTT_EVERY_US = 1000 * 1000,
};

bool
pool_rtt_is_old(const struct pool_slot *slot, uint64_t now_us)
{
	return slot->whole->rtt_us == 0 || now_us - slot->whole->rtt_at_us >= RTT_EVERY_US;
}

void
pool_learn_rtt(struct pool_slot *slot, uint32_t rtt_us, uint64_t now_us)
{
	slot = slot->whole;
	slot->rtt_at_us = now_us;
	if (slot->rtt_us == 0)
		slot->rtt_us = rtt_us;
	else
		slot->rtt_us = (uint32_t)((7ull * slot->rtt_us + rtt_us) / 8);
}

bool
pool_is_late(const struct pool_slot *slot, uint64_t since_us, uint64_t now_us)
{
	uint64_t patience = RACE_UNKNOWN_US;
	uint32_t rtt_us = slot->whole->rtt_us;
	const struct connection *oldest;

	if (list_empty(&slot->opening) || now_us - since_us < RACE_AFTER_US)
		return false;
	oldest = container_of(slot->opening.next, struct connection, node);
	if (rtt_us != 0)
		patience = 4ull * rtt_us > RACE_AFTER_US ? 4ull * rtt_us : RACE_AFTER_US;
	/* It has answered once; what it does now costs it an effort. */
	if (oldest->stream.phase == STREAM_HANDSHAKING)
		patience *= 2;
	return now_us - since_us >= patience && now_us - oldest->connect_started_us >= patience;
}
