// SPDX-License-Identifier: Apache-2.0
#include "proxy/pace.h"

#include "base/clock.h"
#include "base/stat.h"
#include "base/timer.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "proxy/worker_state.h"

enum { US_PER_MS = 1000 };

void
pace_end(struct exchange *x)
{
	if (x->pace.began_us == 0)
		return;
	x->pace.waited_us += (uint32_t)(clock_now_us() - x->pace.began_us);
	x->pace.began_us = 0;
	x->alternative = (struct choice){ 0 };
}

static void
on_turn(void *arg)
{
	struct exchange *x = arg;
	struct choice c = x->alternative;

	pace_end(x);
	if (tries_redeem(x, tries_class(x), &c))
		x->alternative = c;
	x->state = X_PICK;
	exchange_run(x);
}

/* May it wait so long? */
static bool
has_time(const struct exchange *x, uint32_t us)
{
	if (us > ADMISSION_WAIT_US - x->pace.waited_us)
		return false;
	return x->call.timeout_ms == 0 || clock_now_ms() + us / US_PER_MS < x->call.due_ms;
}

bool
pace_begin(struct exchange *x, const struct choice *sooner)
{
	uint32_t us;

	if (sooner->region == NULL || x->mirror_of != NULL ||
	    x->pace.waited_us >= ADMISSION_WAIT_US ||
	    !has_time(x, tries_wait_us(sooner, tries_class(x))))
		return false;
	x->alternative = *sooner;
	us = tries_reserve(&x->alternative, tries_class(x));
	if (us == ADMISSION_NEVER) {
		x->alternative = (struct choice){ 0 };
		return false;
	}
	x->pace.began_us = clock_now_us();
	stat_add(&x->service->counts->paced, 1);
	timer_start(
	    x->worker->loop->timers, &x->deadline, (us + US_PER_MS - 1) / US_PER_MS, on_turn, x);
	return true;
}
