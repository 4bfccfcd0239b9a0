/*
 * How short memory is, and what a worker does about it. Control measures and tells every worker by
 * one word (worker_press()); a request reads its worker's own copy, no atomic.
 */
#ifndef PROXY_PRESSURE_H
#define PROXY_PRESSURE_H

struct worker;

/* Each does what those before it do as well. */
enum pressure {
	PRESSURE_NONE,
	PRESSURE_SHED,   /* requests of low priority are answered 503 */
	PRESSURE_SHRINK, /* connections are not kept for another request; reserves are given back */
	PRESSURE_STOP,   /* nobody new is accepted */
};

/* From the loop: the level is another one now. */
void pressure_feel(struct worker *, enum pressure);
/* Gives back what the worker has in reserve while that is called for; every second. */
void pressure_relieve(struct worker *);

#endif
