/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

void
pattern_begin(struct pattern *p, const char *id)
{
	p->unit_len = (size_t)snprintf(p->unit, sizeof p->unit, "%.*s\n", LAB_ID_MAX, id);
	p->bytes = 0;
	p->good = true;
}

void
pattern_read(struct pattern *p, const char *data, size_t len)
{
	while (len > 0) {
		size_t at = p->bytes % p->unit_len;
		size_t n = p->unit_len - at < len ? p->unit_len - at : len;

		if (memcmp(p->unit + at, data, n) != 0)
			p->good = false;
		p->bytes += n;
		data += n;
		len -= n;
	}
}

void
pattern_fill(const struct pattern *p, uint64_t at, char *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = p->unit[(at + i) % p->unit_len];
}

void
pattern_write(struct evbuffer *out, const char *id, size_t bytes)
{
	struct pattern p;

	pattern_begin(&p, id);
	while (bytes > 0) {
		size_t n = p.unit_len < bytes ? p.unit_len : bytes;

		evbuffer_add(out, p.unit, n);
		bytes -= n;
	}
}
