/*
 * What differs between two configurations, key by key: the table of keys knows where each lies.
 * Pure; any thread.
 */
#ifndef CONF_DIFFER_H
#define CONF_DIFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/schema.h"

/*
 * Do two blocks of one kind differ in a key but this one (NULL: in any)? Then path gets the first
 * that does: "failover.hold_down". Of named things that are referred to only the names count; of
 * files in them, what was read from them. Values are never told.
 */
bool differ(enum schema_block, const void *a, const void *b, const struct schema_key *but,
    char *path, size_t size);
/* The same for one key of two blocks. */
bool differ_in(const struct schema_key *, const void *a, const void *b, char *path, size_t size);
/* What an element of a list is known by: its name, what it refers to, its URL; "" if by nothing. */
const char *differ_name(enum schema_block, const void *element);

#endif
