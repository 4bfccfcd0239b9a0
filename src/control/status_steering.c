/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status_steering.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conf/topology.h"
#include "control/view.h"
#include "control/wish_file.h"
#include "steer/fact.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"
#include "steer/wish.h"

static unsigned
get(const atomic_uint *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static json_t *
rounded(double value, double digits)
{
	return json_real(round(value * digits) / digits);
}

static json_t *
ratio(unsigned word)
{
	return rounded((double)word / SHARE_WHOLE, 10000);
}

static void
add_since(json_t *into, const struct view *v, uint64_t since_ms)
{
	uint64_t held_ms = v->now_ms > since_ms ? v->now_ms - since_ms : 0;
	char text[32];

	if (since_ms == 0) {
		json_object_set_new(into, "since", json_null());
		json_object_set_new(into, "since_s", json_null());
		return;
	}
	json_object_set_new(into, "since",
	    json_string(clock_format_wall(v->now_wall_us - held_ms * 1000, text, sizeof text)));
	json_object_set_new(into, "since_s", rounded((double)held_ms / 1000.0, 1000));
}

/* What a region that is well again waits for: the end of its hold-down, or a person. */
static void
add_hold(json_t *into, const struct view *v, const struct table_service *service,
    const struct steering *s)
{
	uint64_t until_ms = atomic_load_explicit(&s->hold_until_ms, memory_order_relaxed);
	uint64_t left_ms = until_ms > v->now_ms ? until_ms - v->now_ms : 0;
	bool holds = get(&s->state) == REGION_HOLD;
	bool manual = service->conf->failover.failback == FAILBACK_MANUAL;

	json_object_set_new(into, "hold_left_s",
	    holds && !manual ? rounded((double)left_ms / 1000.0, 1000) : json_null());
	json_object_set_new(into, "waits_for_person", json_boolean(holds && manual));
}

static void
add_wish(json_t *list, const struct wish *w)
{
	if (w != NULL)
		json_array_append_new(list, wish_file_json_one(w));
}

void
status_add_region(json_t *into, const struct view *v, const struct table_service *service,
    const struct table_region *r)
{
	const struct steering *s = r->steering;
	json_t *wishes = json_array();
	double limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
	unsigned most = get(&s->admission.most_in_flight);

	json_object_set_new(into, "region_state",
	    json_string(region_state_name((enum region_state)get(&s->state))));
	add_since(into, v, atomic_load_explicit(&s->since_ms, memory_order_relaxed));
	add_hold(into, v, service, s);
	json_object_set_new(
	    into, "signal", json_string(fact_signal_word((enum fact_signal)get(&s->signal))));
	json_object_set_new(
	    into, "value", rounded(atomic_load_explicit(&s->value, memory_order_relaxed), 1000));
	json_object_set_new(into, "threshold",
	    rounded(atomic_load_explicit(&s->threshold, memory_order_relaxed), 1000));
	json_object_set_new(into, "target", ratio(get(&s->target)));
	json_object_set_new(into, "limit", limit > 0 ? rounded(limit, 10) : json_null());
	json_object_set_new(into, "in_flight_limit", most > 0 ? json_integer(most) : json_null());
	json_object_set_new(into, "shed_by_rate",
	    rounded(atomic_load_explicit(&s->shed_by_rate, memory_order_relaxed), 10));
	json_object_set_new(into, "shed_in_flight",
	    rounded(atomic_load_explicit(&s->shed_in_flight, memory_order_relaxed), 10));
	json_object_set_new(
	    into, "loss", rounded(atomic_load_explicit(&s->loss, memory_order_relaxed), 10000));
	json_object_set_new(into, "panic", json_boolean(get(&s->blind) != 0));
	if (v->wishes != NULL) {
		add_wish(wishes, wishes_evacuation(v->wishes, r->name));
		add_wish(wishes, wishes_pin(v->wishes, service->conf->name, r->name));
	}
	json_object_set_new(into, "wishes", wishes);
}

const char *
status_mode_word(const struct service_steering *s)
{
	switch ((enum share_mode)get(&s->mode)) {
	case SHARE_NORMAL:
		return "normal";
	case SHARE_UNPROVEN:
		return "unproven";
	case SHARE_FAIL_OPEN:
		return "fail_open";
	case SHARE_FAIL_CLOSED:
		return "fail_closed";
	case SHARE_NOTHING:
		return "nothing";
	}
	abort();
}

void
status_add_service(json_t *into, const struct view *v, const struct table_service *service)
{
	const struct service_steering *s = service->steering;
	uint64_t since_ms = atomic_load_explicit(&s->shed_since_ms, memory_order_relaxed);
	json_t *wishes = json_array();

	json_object_set_new(into, "mode", json_string(status_mode_word(s)));
	json_object_set_new(into, "demand", json_integer(get(&s->demand)));
	json_object_set_new(into, "shed", ratio(get(&s->shed)));
	json_object_set_new(into, "shed_rate",
	    rounded(atomic_load_explicit(&s->shed_rate, memory_order_relaxed), 10));
	json_object_set_new(into, "shed_since_s",
	    since_ms == 0
		? json_null()
		: rounded((double)(v->now_ms > since_ms ? v->now_ms - since_ms : 0) / 1000, 1000));
	json_object_set_new(into, "refused_rate",
	    rounded(atomic_load_explicit(&s->refused_rate, memory_order_relaxed), 10));
	json_object_set_new(into, "self_suspect", json_boolean(get(&s->self_suspect) != 0));
	if (v->wishes != NULL)
		add_wish(wishes, wishes_freeze(v->wishes, service->conf->name));
	json_object_set_new(into, "wishes", wishes);
}
