/*
 * gRPC's messages (gRPC over HTTP/2, "Length-Prefixed-Message"): bodies of the lab cut into
 * messages of equal size, each behind its five bytes. Both ways, at the load and at the origin.
 */
#ifndef LAB_GRPC_H
#define LAB_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pattern.h"

enum { GRPC_PREFIX = 5 };

/* A body that is written: bytes of payload in so many messages. */
struct grpc_out {
	struct pattern body;
	uint64_t bytes;
	unsigned messages;
	bool bare; /* no gRPC at all: the body as it is */
};

/* How long the whole is on the wire, or its first messages. */
uint64_t grpc_out_length(const struct grpc_out *, unsigned messages);
/* What stands from the byte at on. */
void grpc_out_fill(const struct grpc_out *, uint64_t at, char *to, size_t len);

/* A body that is read; all zero but the pattern to begin with. */
struct grpc_in {
	struct pattern body;
	bool bare;
	uint8_t prefix[GRPC_PREFIX];
	unsigned prefix_len;
	uint32_t left; /* of the message */
};

void grpc_in_read(struct grpc_in *, const char *data, size_t len);

#endif
