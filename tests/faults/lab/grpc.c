/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc.h"

#include <string.h>

static uint64_t
message_size(const struct grpc_out *o, unsigned index)
{
	uint64_t each = o->bytes / o->messages;

	return index + 1 < o->messages ? each : o->bytes - each * (o->messages - 1);
}

uint64_t
grpc_out_length(const struct grpc_out *o, unsigned messages)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < messages && i < o->messages; i++)
		len += message_size(o, i) + (o->bare ? 0 : GRPC_PREFIX);
	return len;
}

static char
prefix_byte(uint64_t size, uint64_t at)
{
	uint64_t byte = at == 0 ? 0 : size >> (8 * (GRPC_PREFIX - 1 - at)) & 0xff;

	return (char)byte;
}

void
grpc_out_fill(const struct grpc_out *o, uint64_t at, char *to, size_t len)
{
	unsigned index = 0;

	if (o->bare) {
		pattern_fill(&o->body, at, to, len);
		return;
	}
	while (index + 1 < o->messages && at >= GRPC_PREFIX + message_size(o, index))
		at -= GRPC_PREFIX + message_size(o, index++);
	for (size_t i = 0; i < len; i++) {
		uint64_t size = message_size(o, index);

		if (at < GRPC_PREFIX)
			to[i] = prefix_byte(size, at);
		else
			pattern_fill(
			    &o->body, o->bytes / o->messages * index + at - GRPC_PREFIX, &to[i], 1);
		if (++at == GRPC_PREFIX + size) {
			at = 0;
			index++;
		}
	}
}

void
grpc_in_read(struct grpc_in *in, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = in->bare || in->left > len ? len : in->left;

		if (n > 0) {
			pattern_read(&in->body, data, n);
			in->left -= in->bare ? 0 : (uint32_t)n;
			data += n;
			len -= n;
			continue;
		}
		in->prefix[in->prefix_len++] = (uint8_t)*data++;
		len--;
		if (in->prefix_len < GRPC_PREFIX)
			continue;
		in->prefix_len = 0;
		for (unsigned i = 1; i < GRPC_PREFIX; i++)
			in->left = in->left << 8 | in->prefix[i];
	}
}
