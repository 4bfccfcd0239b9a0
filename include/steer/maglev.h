/*
 * Maglev tables (Eisenbud et al., NSDI 2016, section 3.4): a key's slot names its member; each
 * member has slots in proportion to its weight, and few slots move when the members change. Pure.
 */
#ifndef STEER_MAGLEV_H
#define STEER_MAGLEV_H

#include <stdint.h>

/*
 * The smallest listed prime >= 100 * members (the largest listed one, 4 million, beyond 41,000
 * members): no member's slots are then off its due by more than about a hundredth.
 */
uint32_t maglev_size_for(unsigned members);

/*
 * Fills slots[size] with indices of members. Equal names, weights and order give equal tables in
 * every process. Weight 0 gets no slot; members and the sum of weights must not be 0.
 */
void maglev_fill(uint32_t *slots, uint32_t size, const char *const *names,
    const uint16_t *weights, unsigned members);

#endif
