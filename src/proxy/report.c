// SPDX-License-Identifier: Apache-2.0
#include "proxy/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/ring.h"
#include "base/stat.h"
#include "proxy/access_log.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

enum {
	TEXT_MAX = 4096,
	ADDRESS_TEXT = sizeof((struct client_facts *)NULL)->ip + sizeof "[]:65535",
};

static uint64_t
between(uint64_t from, uint64_t to)
{
	return from == 0 || to < from ? 0 : to - from;
}

static struct slice
field_of(const struct head *h, enum field_id id)
{
	const struct field *f = head_find(h, id);

	return f != NULL ? field_value(h, f) : (struct slice){ "", 0 };
}

static void
count(struct worker *w, unsigned status, enum fault why, uint64_t duration_us)
{
	stat_add(&w->stats.status_class[status / 100 < 6 ? status / 100 : 0], 1);
	stat_add(&w->stats.faults[why], 1);
	histogram_add(&w->stats.duration, duration_us);
}

/* Writes record and texts into the ring; when that is full, the line is lost and counted there. */
static void
put(struct worker *w, struct access_record *r, const struct slice *texts)
{
	size_t len = sizeof *r;
	struct access_record *out;
	char *at;

	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		r->text_len[i] = (uint16_t)(texts[i].len < TEXT_MAX ? texts[i].len : TEXT_MAX);
		len += r->text_len[i];
	}
	out = ring_reserve(w->setup.access_log, len);
	if (out == NULL)
		return;
	*out = *r;
	at = (char *)(out + 1);
	for (unsigned i = 0; i < ACCESS_TEXTS; i++) {
		if (r->text_len[i] > 0)
			memcpy(at, texts[i].at, r->text_len[i]);
		at += r->text_len[i];
	}
	ring_commit(w->setup.access_log);
}

static size_t
put_port(char *at, uint16_t port)
{
	char digits[5];
	size_t n = 0;

	for (; port > 0; port /= 10)
		digits[n++] = (char)('0' + port % 10);
	for (size_t i = 0; i < n; i++)
		at[i] = digits[n - 1 - i];
	return n;
}

/*
 * "192.0.2.1:55555", "[2001:db8::1]:55555"; a port that is not known is left out. By hand: printf
 * would be a fifteenth of what a request costs in user space.
 */
static struct slice
address_text(const char *ip, size_t ip_len, uint16_t port, char buf[ADDRESS_TEXT])
{
	bool v6 = memchr(ip, ':', ip_len) != NULL;
	char *at = buf;

	if (v6)
		*at++ = '[';
	memcpy(at, ip, ip_len);
	at += ip_len;
	if (v6)
		*at++ = ']';
	if (port != 0) {
		*at++ = ':';
		at += put_port(at, port);
	}
	return (struct slice){ buf, (size_t)(at - buf) };
}

static struct slice
peer_text(const struct client_facts *f, char buf[ADDRESS_TEXT])
{
	return address_text(f->ip, f->ip_len, f->port, buf);
}

static bool
was_tunnel(const struct exchange *x)
{
	return x->tunnel.begun;
}

static uint8_t
protocol_of(const struct client_facts *f, uint8_t minor)
{
	if (f->raw)
		return ACCESS_TCP;
	return f->h2 ? ACCESS_HTTP2 : minor;
}

void
report_exchange(struct exchange *x)
{
	struct worker *w = x->worker;
	const struct try *t = x->try; /* the last one */
	uint64_t now = clock_now_us();
	char client[ADDRESS_TEXT], peer[ADDRESS_TEXT];
	struct slice texts[ACCESS_TEXTS];
	struct access_record r = { 0 };

	/* A client that left before its answer was sent none: 499, as nginx logs it. */
	if (x->status == 0 && !x->tunnel.raw)
		x->status = (uint16_t)fault_status(x->fault);
	/* How long a tunnel stays open is no measure of how quick anything was. */
	if (x->mirror_of == NULL)
		count(w, x->status, x->fault, (was_tunnel(x) ? x->at.answer : now) - x->at.first_byte);
	if (x->call.is && x->call.status >= 0)
		stat_add(&w->stats.grpc_status[x->call.status], 1);
	if (w->setup.access_log == NULL)
		return;
	r.wall_us = clock_wall_us() - (now - x->at.first_byte);
	r.bytes_in = x->body_in;
	r.bytes_out = x->body_out;
	r.total_us = between(x->at.first_byte, now);
	r.wait_us = between(x->at.first_byte, x->at.head);
	r.queue_us = x->pace.waited_us + between(t->at.lease, t->at.connected);
	r.connect_us = (uint32_t)t->at.connect_us;
	r.first_byte_us = between(t->at.sent, x->at.answer);
	r.body_us = between(x->at.answer, now);
	r.status = x->status;
	r.protocol_minor = protocol_of(x->facts, x->head.minor);
	r.tries = x->tries;
	r.fault = (uint8_t)x->fault;
	r.reused = t->reused;
	r.grpc = x->call.is ? (uint8_t)(x->call.status + 1) : 0;
	r.resumed = x->facts->resumed;
	r.mirrored = x->mirror_of != NULL;
	texts[ACCESS_CLIENT] =
	    address_text(x->who.text, x->who.text_len, x->who.port, client);
	texts[ACCESS_PEER] =
	    x->who.claimed ? peer_text(x->facts, peer) : (struct slice){ peer, 0 };
	texts[ACCESS_METHOD] = head_slice(&x->head, x->head.method_text);
	texts[ACCESS_HOST] = head_slice(&x->head, x->head.host);
	texts[ACCESS_PATH] = head_slice(&x->head, x->head.path);
	texts[ACCESS_REQUEST_ID] = (struct slice){ x->request_id, sizeof x->request_id };
	texts[ACCESS_ROUTE] = slice_of(x->route);
	texts[ACCESS_SERVICE] = slice_of(x->service != NULL ? x->service->name : "");
	texts[ACCESS_REGION] = slice_of(t->shard != NULL ? t->shard->endpoint->region : "");
	texts[ACCESS_ENDPOINT] = slice_of(t->shard != NULL ? t->shard->endpoint->url : "");
	texts[ACCESS_LISTENER] = slice_of(x->facts->listener);
	texts[ACCESS_USER_AGENT] = field_of(&x->head, FIELD_USER_AGENT);
	texts[ACCESS_REFERER] = field_of(&x->head, FIELD_REFERER);
	texts[ACCESS_TLS] = slice_of(x->facts->tls_version);
	put(w, &r, texts);
}

void
report_refused(struct worker *w, const struct client_facts *facts, enum fault why,
    struct slice request_id, uint64_t first_byte_us, const struct head *head)
{
	uint64_t now = clock_now_us();
	unsigned status = facts->raw ? 0 : fault_status(why);
	char client[ADDRESS_TEXT];
	struct slice texts[ACCESS_TEXTS] = { 0 };
	struct access_record r = { 0 };

	stat_add(&w->stats.requests, 1);
	count(w, status, why, now - first_byte_us);
	if (w->setup.access_log == NULL)
		return;
	r.wall_us = clock_wall_us() - (now - first_byte_us);
	r.total_us = r.wait_us = between(first_byte_us, now);
	r.status = (uint16_t)status;
	r.protocol_minor = protocol_of(facts, 1);
	r.fault = (uint8_t)why;
	texts[ACCESS_CLIENT] = peer_text(facts, client);
	if (head != NULL) {
		texts[ACCESS_METHOD] = head_slice(head, head->method_text);
		texts[ACCESS_HOST] = head_slice(head, head->host);
		texts[ACCESS_PATH] = head_slice(head, head->path);
	}
	texts[ACCESS_REQUEST_ID] = request_id;
	texts[ACCESS_LISTENER] = slice_of(facts->listener);
	texts[ACCESS_TLS] = slice_of(facts->tls_version);
	put(w, &r, texts);
}
