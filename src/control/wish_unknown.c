/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_unknown.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/known.h"
#include "conf/topology.h"
#include "steer/wish.h"

static const struct conf_service *
find_service(const struct topology *t, const char *name)
{
	for (unsigned i = 0; i < t->service_count; i++) {
		if (strcmp(t->services[i].name, name) == 0)
			return &t->services[i];
	}
	return NULL;
}

static bool
has_region(const struct topology *t, const char *name)
{
	for (unsigned i = 0; i < t->region_count; i++) {
		if (strcmp(t->regions[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool
serves_in(const struct conf_service *service, const char *region)
{
	for (unsigned i = 0; i < service->region_count; i++) {
		if (strcmp(service->regions[i].region->name, region) == 0)
			return true;
	}
	return false;
}

const char *
wish_unknown(const struct topology *t, const struct wish *w, char *buf, size_t size)
{
	const struct conf_service *service =
	    w->service[0] != '\0' ? find_service(t, w->service) : NULL;

	if (w->service[0] != '\0' && service == NULL) {
		snprintf(buf, size, "there is no service '%s'", w->service);
		return buf;
	}
	if (w->kind == WISH_FREEZE)
		return NULL;
	if (!has_region(t, w->region)) {
		snprintf(buf, size, "there is no region '%s'", w->region);
		return buf;
	}
	if (w->kind == WISH_PIN && service == NULL) {
		snprintf(buf, size, "a pin needs a service");
		return buf;
	}
	if (w->kind == WISH_PIN && !serves_in(service, w->region)) {
		snprintf(buf, size, "%s is not served in %s", w->service, w->region);
		return buf;
	}
	return NULL;
}

void
wish_say_known(const struct topology *t, const struct wish *w, char *buf, size_t size)
{
	const struct conf_service *service =
	    w->service[0] != '\0' ? find_service(t, w->service) : NULL;
	struct known known = { .nearest.word = w->region };

	if (w->service[0] != '\0' && service == NULL) {
		known.nearest.word = w->service;
		for (unsigned i = 0; i < t->service_count; i++)
			known_offer(&known, t->services[i].name);
	} else if (service != NULL) {
		for (unsigned i = 0; i < service->region_count; i++)
			known_offer(&known, service->regions[i].region->name);
	} else {
		for (unsigned i = 0; i < t->region_count; i++)
			known_offer(&known, t->regions[i].name);
	}
	known_say(&known, buf, size);
}
