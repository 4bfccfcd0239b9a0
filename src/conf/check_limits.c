/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"
#include "conf/topology.h"

/* Of nghttp2's tables: each entry costs many times what HPACK says, and there are two. */
#define TABLE_PART 16

static void
check_http2(struct load *l, const struct conf_client_limits *c)
{
	if (c->h2_memory_bytes > 0 && c->h2_header_table_bytes > c->h2_memory_bytes / TABLE_PART)
		report_error(&l->report, &c->where,
		    "h2_header_table is more than a sixteenth of h2_memory, which could end an "
		    "honest connection; write a smaller one, or h2_memory = \"%uKiB\"",
		    c->h2_header_table_bytes / 1024 * TABLE_PART);
	if (c->h2_connection_window_bytes > 0 &&
	    c->h2_stream_window_bytes > c->h2_connection_window_bytes)
		report_error(&l->report, &c->where,
		    "h2_stream_window is larger than h2_connection_window, which bounds all "
		    "streams together; write a smaller one");
}

static void
check_memory(struct load *l, const struct conf_memory *m)
{
	if (m->shed > m->shrink || m->shrink > m->stop)
		report_error(&l->report, &m->where,
		    "shed, shrink and stop follow each other as memory runs out; write them in "
		    "that order, such as 0.85, 0.9 and 0.95");
}

static void
check_retry(struct load *l, const struct conf_retry *r)
{
	if (r->backoff_ms > r->backoff_max_ms)
		report_error(&l->report, &r->where,
		    "retry.backoff is longer than retry.backoff_max; write a shorter one");
}

void
check_limits(struct load *l)
{
	const struct topology *t = l->topology;

	if (t->client.where.file != NULL)
		check_http2(l, &t->client);
	if (t->memory.where.file != NULL)
		check_memory(l, &t->memory);
	for (unsigned i = 0; i < t->service_count; i++)
		if (t->services[i].retry.where.file != NULL)
			check_retry(l, &t->services[i].retry);
}
