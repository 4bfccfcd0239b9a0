/*
 * Several services that count on the capacity of the same regions: what each of them may count on
 * when a region is lost. By the rule that control goes by in each tick (control/region_use.h): its
 * part of the demand of all that are there, or what the others leave, if that is more; here until
 * nobody moves any more. Pure.
 *
 *   part(s, r) = max( D_s / sum of D, 1 - sum of x_o,r / C_r ) over the others o that are in r
 */
#ifndef STEER_TOGETHER_H
#define STEER_TOGETHER_H

#include <stdbool.h>

struct steer;

struct together;

/* Parts of a service's regions' capacities, 0..1, in their order; borrowed. */
struct together_parts {
	const double *now, *after; /* as things are, and after the loss; NULL: it shares none */
};

/* services: borrowed, by index. */
struct together *together_new(struct steer *const *services, unsigned count);
void together_free(struct together *); /* NULL is fine */
/*
 * How many services count on the capacity of this region of this service every day, since it is of
 * their first tier; 1: at most this one.
 */
unsigned together_sharers(const struct together *, unsigned service, unsigned region);

/* Requests per second; 0 until said. */
void together_set_demand(struct together *, unsigned service, double per_s);
/*
 * Where all services settle as things are, and without the region of that name (NULL: nothing is
 * lost). After all demands were set. settled: ramps and waits are over, as whatif_lose() has it.
 */
void together_lose(struct together *, const char *region, bool settled);
/* The same at half the cost, for who wants to know of after only. */
void together_look(struct together *, const char *region, bool settled);
/* Until the next together_lose(). */
struct together_parts together_parts_of(const struct together *, unsigned service);

#endif
