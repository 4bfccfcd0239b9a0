/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stat.h"

const char *
endpoint_state_name(enum endpoint_state state)
{
	switch (state) {
	case ENDPOINT_UNKNOWN:
		return "unknown";
	case ENDPOINT_UP:
		return "up";
	case ENDPOINT_DOWN:
		return "down";
	case ENDPOINT_DRAINING:
		return "draining";
	}
	abort();
}

static char *
format_times(unsigned times, const char *what, const char *result, char *buf, size_t size)
{
	snprintf(buf, size, "%u %s%s %s", times, what, times == 1 ? "" : "s", result);
	return buf;
}

static char *
format_text(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%s", text);
	return buf;
}

char *
endpoint_reason_format(enum endpoint_reason reason, unsigned detail, char *buf, size_t size)
{
	switch (reason) {
	case REASON_NOT_CHECKED:
		return format_text("no health check configured", buf, size);
	case REASON_FIRST_CHECK_PENDING:
		return format_text("waiting for its first check", buf, size);
	case REASON_CHECK_PASSED:
		return format_times(detail, "check", "passed", buf, size);
	case REASON_CHECK_REFUSED:
		return format_times(detail, "check", "failed: connection refused", buf, size);
	case REASON_CHECK_UNREACHABLE:
		return format_times(detail, "check", "failed: no way to the endpoint", buf, size);
	case REASON_CHECK_RESET:
		return format_times(detail, "check", "failed: connection reset", buf, size);
	case REASON_CHECK_TIMEOUT:
		snprintf(buf, size, "check had no answer after %u ms", detail);
		return buf;
	case REASON_CHECK_TLS:
		return format_times(detail, "check", "failed: TLS handshake", buf, size);
	case REASON_CHECK_EXPIRED:
		return format_times(
		    detail, "check", "failed: TLS, the certificate has expired", buf, size);
	case REASON_CHECK_TOO_EARLY:
		return format_times(
		    detail, "check", "failed: TLS, the certificate is not valid yet", buf, size);
	case REASON_CHECK_UNTRUSTED:
		return format_times(
		    detail, "check", "failed: TLS, the certificate is not trusted", buf, size);
	case REASON_CHECK_WRONG_NAME:
		return format_times(
		    detail, "check", "failed: TLS, the certificate is for another name", buf, size);
	case REASON_CHECK_NO_H2:
		return format_times(detail, "check", "failed: TLS, no HTTP/2 is spoken", buf, size);
	case REASON_CHECK_STATUS:
		snprintf(buf, size, "check answered %u", detail);
		return buf;
	case REASON_CHECK_BODY:
		return format_times(detail, "check", "failed: expected text missing", buf, size);
	case REASON_CHECK_MALFORMED:
		return format_times(detail, "check", "failed: malformed answer", buf, size);
	case REASON_CHECK_GRPC:
		snprintf(buf, size, "check answered gRPC status %u", detail);
		return buf;
	case REASON_CHECK_NOT_SERVING:
		return format_times(
		    detail, "check", "failed: the service is not serving", buf, size);
	case REASON_CHECK_DOUBTED:
		return format_text("its checks fail, but its requests are answered", buf, size);
	case REASON_TRAFFIC_FAILED:
		return format_times(detail, "request", "in a row failed", buf, size);
	case REASON_TRAFFIC_MOSTLY:
		snprintf(buf, size, "%.3g %% of its requests failed", detail / 10.0);
		return buf;
	case REASON_REMOVED:
		return format_text("removed from the configuration or from DNS", buf, size);
	case REASON_RESTORED:
		snprintf(buf, size, "as it was %u s ago, before the restart", detail);
		return buf;
	}
	abort();
}

char *
endpoint_reason(const struct endpoint *e, char *buf, size_t size)
{
	unsigned reason = atomic_load_explicit(&e->reason, memory_order_relaxed);
	unsigned detail = atomic_load_explicit(&e->reason_detail, memory_order_relaxed);

	return endpoint_reason_format((enum endpoint_reason)reason, detail, buf, size);
}

bool
endpoint_reason_counts(enum endpoint_reason reason)
{
	switch (reason) {
	case REASON_CHECK_PASSED:
	case REASON_CHECK_REFUSED:
	case REASON_CHECK_UNREACHABLE:
	case REASON_CHECK_RESET:
	case REASON_CHECK_TLS:
	case REASON_CHECK_EXPIRED:
	case REASON_CHECK_TOO_EARLY:
	case REASON_CHECK_UNTRUSTED:
	case REASON_CHECK_WRONG_NAME:
	case REASON_CHECK_NO_H2:
	case REASON_CHECK_BODY:
	case REASON_CHECK_MALFORMED:
	case REASON_CHECK_NOT_SERVING:
	case REASON_TRAFFIC_FAILED:
		return true;
	case REASON_NOT_CHECKED:
	case REASON_FIRST_CHECK_PENDING:
	case REASON_CHECK_TIMEOUT:
	case REASON_CHECK_STATUS:
	case REASON_CHECK_GRPC:
	case REASON_CHECK_DOUBTED:
	case REASON_TRAFFIC_MOSTLY:
	case REASON_REMOVED:
	case REASON_RESTORED:
		return false;
	}
	abort();
}

enum endpoint_reason
endpoint_reason_of(enum fault f)
{
	switch ((int)f) {
	case FAULT_CONNECT_REFUSED:
		return REASON_CHECK_REFUSED;
	case FAULT_CONNECT_UNREACHABLE:
		return REASON_CHECK_UNREACHABLE;
	case FAULT_CONNECT_TIMEOUT:
	case FAULT_UNACKNOWLEDGED:
		return REASON_CHECK_TIMEOUT;
	case FAULT_TLS_FAILED:
		return REASON_CHECK_TLS;
	case FAULT_TLS_UNTRUSTED:
		return REASON_CHECK_UNTRUSTED;
	default:
		return REASON_CHECK_RESET;
	}
}

static void
format_url(const struct endpoint_identity *id, char *buf, size_t size)
{
	static const char *const schemes[2][2] = { { "http", "https" }, { "tcp", "tls" } };
	const char *scheme = schemes[id->raw][id->tls];
	char text[INET6_ADDRSTRLEN] = "?";

	if (id->addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)id->addr;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
		snprintf(buf, size, "%s://[%s]:%u", scheme, text, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)id->addr;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
		snprintf(buf, size, "%s://%s:%u", scheme, text, ntohs(in->sin_port));
	}
}

/* Copies text to *room, which moves on; the endpoint's strings live in its own block. */
static const char *
put(char **room, const char *text)
{
	size_t size = strlen(text) + 1;
	char *at = memcpy(*room, text, size);

	*room += size;
	return at;
}

struct endpoint *
endpoint_new(const struct endpoint_identity *id, uint32_t number, unsigned workers)
{
	char url[sizeof "https://[]:65535" + INET6_ADDRSTRLEN];
	struct endpoint *e;
	char *room;

	assert(id->addr->sa_family == AF_INET || id->addr->sa_family == AF_INET6);
	assert(id->addr_len <= sizeof e->addr);
	format_url(id, url, sizeof url);
	e = mem_lines(sizeof *e + workers * sizeof e->shards[0] + strlen(id->service) +
	    strlen(id->region) + strlen(id->host) + strlen(url) + 4);
	room = (char *)e + sizeof *e + workers * sizeof e->shards[0];
	e->id = number;
	e->service = put(&room, id->service);
	e->region = put(&room, id->region);
	e->host = put(&room, id->host);
	e->url = put(&room, url);
	e->tls = id->tls;
	e->raw = id->raw;
	memcpy(&e->addr, id->addr, id->addr_len);
	e->addr_len = id->addr_len;
	e->workers = workers;
	atomic_init(&e->word, endpoint_word(ENDPOINT_UNKNOWN, ENDPOINT_WEIGHT_FULL));
	atomic_init(&e->reason, REASON_FIRST_CHECK_PENDING);
	return e;
}

void
endpoint_free(struct endpoint *e)
{
	for (unsigned i = 0; i < e->workers; i++)
		mem_free(atomic_load_explicit(&e->shards[i], memory_order_acquire));
	mem_free(e);
}

void
endpoint_ref(struct endpoint *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void
endpoint_unref(struct endpoint *e)
{
	/* Release: all that this holder did is before the sweep that finds no holder. */
	unsigned was = atomic_fetch_sub_explicit(&e->refs, 1, memory_order_release);

	assert(was > 0);
}

struct endpoint_shard *
endpoint_shard(struct endpoint *e, unsigned worker)
{
	struct endpoint_shard *s;

	assert(worker < e->workers);
	/* Relaxed is enough to read: only this worker ever writes its slot. */
	s = atomic_load_explicit(&e->shards[worker], memory_order_relaxed);
	if (s == NULL) {
		s = mem_lines(sizeof *s);
		s->endpoint = e;
		atomic_store_explicit(&e->shards[worker], s, memory_order_release);
	}
	if (!s->referenced) {
		endpoint_ref(e);
		s->referenced = true;
	}
	return s;
}

void
endpoint_shard_release(struct endpoint_shard *s)
{
	assert(s->referenced && s->held == 0 && s->in_flight == 0);
	s->referenced = false;
	/* Last: without the reference the endpoint, and this shard with it, may be gone at once. */
	endpoint_unref(s->endpoint);
}

static bool
is_deadline(enum fault why)
{
	return why == FAULT_CONNECT_TIMEOUT || why == FAULT_TRY_TIMEOUT ||
	    why == FAULT_TOTAL_TIMEOUT || why == FAULT_UNACKNOWLEDGED;
}

unsigned
endpoint_waiting(const struct endpoint *e)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < e->workers; i++) {
		const struct endpoint_shard *s =
		    atomic_load_explicit(&e->shards[i], memory_order_acquire);

		if (s != NULL)
			sum += atomic_load_explicit(&s->waiting, memory_order_relaxed);
	}
	return sum;
}

void
endpoint_shard_failed(struct endpoint_shard *s, enum fault why)
{
	stat_add(&s->faults[why], 1);
	switch (fault_origin(why)) {
	case FAULT_LOCAL:
		stat_add(fault_class(why) == FAULT_NOT_SENT ? &s->not_sent : &s->broken, 1);
		if (is_deadline(why))
			stat_add(&s->timeouts, 1);
		return;
	case FAULT_UPSTREAM:
		/* A bad status has been counted with its answer. */
		if (why != FAULT_STATUS)
			stat_add(&s->errors, 1);
		return;
	case FAULT_NOBODY:
	case FAULT_CLIENT:
	case FAULT_PROXY:
		return;
	}
	abort();
}

void
endpoint_shard_aged(struct endpoint_shard *s)
{
	stat_add(&s->aged, 1);
}

void
endpoint_shard_cut(struct endpoint_shard *s)
{
	stat_step(&s->cut, 1);
}

void
endpoint_shard_failed_long_ago(struct endpoint_shard *s, enum fault why)
{
	stat_add(&s->faults[why], 1);
}

bool
endpoint_is_up_since(const struct endpoint *e, uint64_t then_ms)
{
	unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

	return endpoint_word_state(word) == ENDPOINT_UP &&
	    atomic_load_explicit(&e->since_ms, memory_order_relaxed) > then_ms;
}

void
endpoint_shard_bad_status(struct endpoint_shard *s)
{
	stat_add(&s->errors, 1);
}
