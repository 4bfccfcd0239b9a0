/*
 * Steering: what control tells all workers about a region of a service, as single words written
 * in place by control and read at each pick, so that a health flip rebuilds nothing.
 *
 * Lasting by (service, region) name and owned by the registry until the registry is freed: no
 * table counts them, so a table can be freed by any thread. What is kept is bounded by the names
 * ever configured in the life of the process, one cache line and the names each.
 */
#ifndef STEER_STEERING_H
#define STEER_STEERING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct steering {
	atomic_uint share; /* of the service's new requests, in 1/65536; 0: none */
	atomic_uint usable; /* endpoints up; 0 and share > 0: failing open, health is ignored */
	atomic_uint generation; /* grows with each change of an endpoint's word in the region */
	const char *service;
	const char *region;
};

/* Control thread only. */
struct steering_registry;

struct steering_registry *steering_registry_new(void);
void steering_registry_free(struct steering_registry *); /* no table may be left */
/* The steering of this name, made (no share, nothing usable) if there is none. Borrowed. */
struct steering *steering_registry_get(struct steering_registry *, const char *service,
    const char *region);

/*
 * Control: after the words of some of its endpoints were written, says how many are up now and
 * that balancers must look again (release: who sees the generation sees the words).
 */
void steering_changed(struct steering *, unsigned usable);
/*
 * Control: the shares of all regions of one service. Those that grow are written first, so that
 * at no moment a region has given up what no other has yet. Returns whether any changed.
 */
bool steering_set_shares(struct steering *const *regions, const uint32_t *shares, unsigned count);

#endif
