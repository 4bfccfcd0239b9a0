// SPDX-License-Identifier: Apache-2.0
#include "http/grpc.h"

#include "chars.h"
#include "http/message.h"

enum {
	FRAME_HEAD = 5, /* compressed or not, and the message's length */
	TIMEOUT_DIGITS = 8,
	VARINT_MAX = 10,
	HEALTH_SERVING = 1,
	MOST_MS = 24 * 3600 * 1000, /* longer deadlines are taken for this */
};

bool
grpc_is(const struct head *h)
{
	static const struct slice type = { "application/grpc", 16 };
	const struct field *f = head_find(h, FIELD_CONTENT_TYPE);
	struct slice value, start;

	if (f == NULL)
		return false;
	value = field_value(h, f);
	start = value;
	if (start.len > type.len)
		start.len = type.len;
	/* "+proto" and parameters may follow; "application/grpc-web" is another protocol. */
	return slice_eq_nocase(start, type) &&
	    (value.len == type.len || value.at[type.len] == '+' || value.at[type.len] == ';' ||
		value.at[type.len] == ' ');
}

int
grpc_status_of(const struct head *h)
{
	const struct field *f = head_find(h, FIELD_GRPC_STATUS);
	struct slice value;

	if (f == NULL)
		return GRPC_STATUS_NONE;
	value = field_value(h, f);
	if (value.len == 1 && char_is_digit(value.at[0]))
		return value.at[0] - '0';
	if (value.len == 2 && value.at[0] == '1' && value.at[1] >= '0' && value.at[1] <= '6')
		return 10 + value.at[1] - '0';
	return GRPC_STATUS_NONE;
}

/* Units of grpc-timeout in nanoseconds; 0: not one. */
static uint64_t
unit_ns(char unit)
{
	switch (unit) {
	case 'H':
		return 3600ull * 1000 * 1000 * 1000;
	case 'M':
		return 60ull * 1000 * 1000 * 1000;
	case 'S':
		return 1000ull * 1000 * 1000;
	case 'm':
		return 1000ull * 1000;
	case 'u':
		return 1000;
	case 'n':
		return 1;
	default:
		return 0;
	}
}

/*
 * Clients pass on what is left of their own deadlines, and each duration in use is a queue of
 * timers (base/timer.h): sixteen of them for each power of two.
 */
uint32_t
grpc_timer_ms(uint32_t left_ms)
{
	enum { FINE_MS = 32, STEPS_BITS = 4 };
	uint32_t step;

	if (left_ms < FINE_MS)
		return left_ms > 0 ? left_ms : 1;
	step = 1u << (31 - __builtin_clz(left_ms) - STEPS_BITS);
	return left_ms & ~(step - 1);
}

uint32_t
grpc_timeout_ms(const struct head *h)
{
	const struct field *f = head_find(h, FIELD_GRPC_TIMEOUT);
	uint64_t amount = 0, unit, ms;
	struct slice value;

	if (f == NULL)
		return 0;
	value = field_value(h, f);
	if (value.len < 2 || value.len > TIMEOUT_DIGITS + 1)
		return 0;
	for (size_t i = 0; i + 1 < value.len; i++) {
		if (!char_is_digit(value.at[i]))
			return 0;
		amount = amount * 10 + (uint64_t)(value.at[i] - '0');
	}
	unit = unit_ns(value.at[value.len - 1]);
	if (unit == 0)
		return 0;
	/* Hours beyond 64 bits of nanoseconds are no deadline any more. */
	ms = amount > UINT64_MAX / unit ? MOST_MS : (amount * unit) / 1000000;
	if (ms >= MOST_MS)
		return MOST_MS;
	return ms > 0 ? (uint32_t)ms : 1;
}

/*
 * By the meaning of the fault where the codes tell it apart, else by the HTTP status it would have
 * had (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md). What may have
 * reached an application and what did not are both UNAVAILABLE: whether to try again is for the
 * client's policy, as it is for any connection that breaks.
 */
enum grpc_status
grpc_status_for(enum fault why, unsigned http_status)
{
	switch ((int)why) {
	case FAULT_DEADLINE:
	case FAULT_TRY_TIMEOUT:
	case FAULT_TOTAL_TIMEOUT:
	case FAULT_REQUEST_TIMEOUT:
		return GRPC_DEADLINE_EXCEEDED;
	case FAULT_QUEUE_FULL:
	case FAULT_SHED:
	case FAULT_BODY_TOO_LARGE:
	case FAULT_HEAD_TOO_LARGE:
		return GRPC_RESOURCE_EXHAUSTED;
	case FAULT_BAD_RESPONSE:
	case FAULT_BAD_REQUEST:
		return GRPC_INTERNAL;
	default:
		break;
	}
	switch (http_status) {
	case 400:
	case 500:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429: /* a limit of ours: not the endpoint's lack */
		return GRPC_RESOURCE_EXHAUSTED;
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

unsigned
grpc_http_status(int status)
{
	switch (status) {
	case GRPC_UNKNOWN: /* what servers make of an exception that nobody caught */
	case GRPC_INTERNAL:
	case GRPC_DATA_LOSS:
		return 500;
	case GRPC_UNAVAILABLE:
		return 503;
	default:
		return 200;
	}
}

/* Printable ASCII but for '%' stays as it is. */
size_t
grpc_write_message(struct slice text, char *out, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		bool plain = c >= ' ' && c <= '~' && c != '%';

		if (size - len < (plain ? 1u : 3u))
			break;
		if (plain) {
			out[len++] = (char)c;
			continue;
		}
		out[len++] = '%';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	return len;
}

/* HealthCheckRequest { string service = 1; } */
size_t
grpc_health_request(const char *service, char *out, size_t size)
{
	size_t name = strlen(service);
	size_t message = name == 0 ? 0 : 2 + name;

	if (name > 127 || FRAME_HEAD + message > size)
		return 0;
	memset(out, 0, FRAME_HEAD);
	out[FRAME_HEAD - 1] = (char)message;
	if (name > 0) {
		out[FRAME_HEAD] = 1 << 3 | 2; /* field 1, of known length */
		out[FRAME_HEAD + 1] = (char)name;
		memcpy(out + FRAME_HEAD + 2, service, name);
	}
	return FRAME_HEAD + message;
}

static bool
take_varint(const char **at, const char *end, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < VARINT_MAX && *at < end; i++) {
		unsigned char c = (unsigned char)*(*at)++;

		*value |= (uint64_t)(c & 127) << (7 * i);
		if (c < 128)
			return true;
	}
	return false;
}

/* HealthCheckResponse { ServingStatus status = 1; }; fields of later versions are passed over. */
bool
grpc_health_is_serving(const char *message, size_t len)
{
	const char *at = message + FRAME_HEAD, *end = message + len;
	uint64_t key, value, status = 0;

	if (len < FRAME_HEAD || message[0] != 0)
		return false;
	while (at < end) {
		if (!take_varint(&at, end, &key) || (key & 7) == 1 || (key & 7) > 2 ||
		    !take_varint(&at, end, &value))
			return false;
		if (key == (1 << 3 | 0))
			status = value;
		if ((key & 7) == 2) {
			if (value > (uint64_t)(end - at))
				return false;
			at += value;
		}
	}
	return status == HEALTH_SERVING;
}
