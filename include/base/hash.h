/*
 * One hash for indices and for maglev: equal in every process and on every machine. Pure.
 *
 * Not keyed: who can choose the keys of an index here is who writes the configuration, and a
 * client that chooses its maglev key chooses an endpoint for itself only.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
