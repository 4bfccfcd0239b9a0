/*
 * How much of its memory the process uses, and what that means. Control's; one read of /proc/self
 * each time, some microseconds.
 */
#ifndef CONTROL_MEMORY_WATCH_H
#define CONTROL_MEMORY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/topology.h"
#include "proxy/pressure.h"

struct memory_watch {
	int fd;              /* -1: it can't be known; then there never is any pressure */
	uint64_t used_bytes; /* resident, when last looked */
	enum pressure level;
};

void memory_watch_open(struct memory_watch *);
void memory_watch_close(struct memory_watch *);
/* True: it has another level now, which the log has been told. */
bool memory_watch_look(struct memory_watch *, const struct conf_memory *);

/*
 * Pure. A level that was reached is left only when use has fallen 2 % of the limit below it, so
 * that it does not flap.
 */
enum pressure memory_level(uint64_t used_bytes, const struct conf_memory *, enum pressure before);

#endif
