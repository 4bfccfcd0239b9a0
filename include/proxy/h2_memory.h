/*
 * What nghttp2 allocates for one connection: from the worker's cache, counted, and bounded. Beyond
 * the bound nghttp2 hears that there is no memory, and the connection ends.
 *
 * Embedded in its connection, which outlives the session. Worker thread only.
 */
#ifndef PROXY_H2_MEMORY_H
#define PROXY_H2_MEMORY_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

struct cache;

struct h2_memory {
	struct cache *cache;
	size_t used; /* bytes */
	size_t limit;
	nghttp2_mem mem; /* for nghttp2_session_*_new3() */
};

void h2_memory_begin(struct h2_memory *, struct cache *, size_t limit);

#endif
