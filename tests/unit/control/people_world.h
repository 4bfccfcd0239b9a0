/*
 * Main's and control's side of what people do, on one thread: a topology, how its services are
 * steered, all endpoints up, the desk between them, a journal and a store of wishes.
 */
#ifndef TEST_PEOPLE_WORLD_H
#define TEST_PEOPLE_WORLD_H

#include "control/desk.h"
#include "control/journal.h"
#include "control/wish_store.h"
#include "steer/steer.h"

/* shop: east 70 (1000/s), west 30 (500/s), far in tier 1 (800/s); blog: west alone, nothing stated.
 */
enum { SHOP, BLOG };
enum { EAST, WEST, FAR };

extern struct event_base *people_base;
extern struct desk *people_desk;
extern struct journal *people_journal;
extern struct wish_store *people_store;
extern char people_dir[48]; /* a state_dir, made and removed here */

/* safety: the list of rules as in a configuration, or "". */
void people_make(const char *safety);
void people_free(void);
/* Loads a configuration of one service, shop, in one region, east. */
struct topology *people_smaller(void);
struct topology *people_topology(void);

/* The store as after a restart: what is on disk is read. */
void people_restart(void);
/* Control serves the desk, decides once a tick for so long, main takes the answers. */
void people_turn(unsigned ticks);
/* The same without control: it hangs. */
void people_turn_main(void);
struct steer *people_steer(unsigned service);
void people_demand(unsigned service, double requests_per_s);
/* Control's word on its endpoints. */
void people_region_down(unsigned service, unsigned region);
void people_region_up(unsigned service, unsigned region);

/* The facts told so far of this kind; the newest one's member, or "". */
unsigned people_facts(const char *kind);
const char *people_fact_text(const char *kind, const char *member);

#endif
