/*
 * From the configuration to what the steering core works by: policies, regions, safety rules.
 *
 * Pure; any thread. What a plan names (service, regions, rules) is borrowed from the topology.
 */
#ifndef CONTROL_PLAN_H
#define CONTROL_PLAN_H

#include "steer/steer.h"

struct conf_service;
struct rules;
struct table_service;
struct topology;

/* The safety rules of a topology. */
struct rules *rules_new(const struct topology *);
void rules_free(struct rules *); /* NULL is fine */
const struct safety_rule *rules_list(const struct rules *, unsigned *count);

struct steer_policy plan_policy(const struct conf_service *, const struct rules *);

struct plan;

/*
 * The plan of one service with the endpoints a table gives it, by their ids. Table, topology and
 * rules must outlive it, and it the steering that is made from it.
 */
struct plan *plan_new(const struct table_service *, const struct rules *);
void plan_free(struct plan *); /* NULL is fine */
const struct steer_plan *plan_steer(const struct plan *);

#endif
