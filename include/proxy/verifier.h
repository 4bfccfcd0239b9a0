/*
 * Passwords verified beside a worker: what is slow by design runs on a thread of its own, which is
 * started at the first need and yields to everything else.
 *
 * Worker thread only; the thread behind it touches nothing but the slots it is told of.
 */
#ifndef PROXY_VERIFIER_H
#define PROXY_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct loop;
struct verifier;

enum { VERIFIER_SLOTS = 64, VERIFIER_TEXT = 256 };

/* From the loop, once for each verifier_ask() that gave a slot. */
typedef void verified_fn(void *arg, unsigned slot, bool good);

struct verifier *verifier_new(struct loop *, unsigned worker, verified_fn *, void *arg);
void verifier_free(struct verifier *); /* waits for what is being verified */

/* A slot's number; -1: there are as many questions as there may be. Texts are cut to VERIFIER_TEXT. */
int verifier_ask(struct verifier *, struct slice hash, struct slice password);

#endif
