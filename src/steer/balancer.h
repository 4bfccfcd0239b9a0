/*
 * The inside of a balancer: what the algorithms share, and the seam that each of them fills.
 */
#ifndef STEER_BALANCER_H
#define STEER_BALANCER_H

#include "steer/balance.h"

/* Whom a balancer may pick: the best of these that any endpoint of the region reaches. */
enum members_level { MEMBERS_UP, MEMBERS_UNKNOWN, MEMBERS_NOT_DRAINING };

/* The region's endpoints that may be picked, as of one generation; arrays have room for all. */
struct members {
	const struct table_region *region; /* borrowed */
	enum members_level level;
	uint32_t *index; /* in region->endpoints */
	uint32_t *weight; /* configured times effective, at least 1 */
	uint64_t *upto; /* sums of the weights up to and with this one */
	uint32_t count;
	bool equal; /* all weights are */
	uint32_t risk; /* blind: of 1000 keys that maglev gives to one that is not up, these stay */
};

/* One by weight; count must not be 0. */
uint32_t members_draw(const struct members *, struct rng *);
struct endpoint *members_endpoint(const struct members *, uint32_t member);
/* May an endpoint with this word be picked at this level? */
bool members_accept(enum members_level, unsigned word);

bool pick_was_tried(const struct pick *, const struct endpoint *);

/*
 * An algorithm. draw() names a candidate, and another one, as far as it can tell, when it is called
 * again; it may name one that was tried. Only called with at least one member.
 */
struct balancer_ops {
	void (*open)(struct balancer *); /* NULL: keeps nothing of its own */
	void (*close)(struct balancer *);
	void (*rebuilt)(struct balancer *); /* the members changed; NULL: does not matter */
	struct endpoint *(*draw)(struct balancer *, const struct pick *);
};

extern const struct balancer_ops round_robin_ops;
extern const struct balancer_ops least_request_ops;
extern const struct balancer_ops maglev_ops;

struct balancer {
	const struct balancer_ops *ops;
	struct members members;
	unsigned worker;
	struct rng *rng; /* borrowed; picks bring their own */
	unsigned generation; /* of the steering words the members were read at */
	bool built;
	struct round_robin *round_robin; /* owned by its ops */
};

#endif
