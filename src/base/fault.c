/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <assert.h>
#include <errno.h>

struct fault_row {
	const char *word;
	const char *text;
	unsigned short status;
	unsigned char class;
	unsigned char origin;
};

#define FAULT(name, word, status, class, origin, text)                                             \
	[FAULT_##name] = { word, text, status, class, origin },
static const struct fault_row rows[FAULT_COUNT] = {
#include "base/fault.def"
};
#undef FAULT

static const struct fault_row *
row_of(enum fault f)
{
	assert((unsigned)f < FAULT_COUNT);
	return &rows[f];
}

const char *
fault_word(enum fault f)
{
	return row_of(f)->word;
}

const char *
fault_text(enum fault f)
{
	return row_of(f)->text;
}

unsigned
fault_status(enum fault f)
{
	return row_of(f)->status;
}

enum fault_class
fault_class(enum fault f)
{
	return (enum fault_class)row_of(f)->class;
}

enum fault_origin
fault_origin(enum fault f)
{
	return (enum fault_origin)row_of(f)->origin;
}

/*
 * Running out of descriptors or memory is our own failure: blaming it on the endpoint would
 * drive traffic out of a healthy region. So are ports, though those are per endpoint: where all of
 * them lead to it, it is busy with us.
 */
static bool
ours(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS;
}

enum fault
fault_from_connect_errno(int err)
{
	if (ours(err))
		return FAULT_NO_RESOURCES; /* a kept connection to another endpoint may still serve */
	switch (err) {
	case EADDRNOTAVAIL: /* socket_connect() says it of ports only */
		return FAULT_NO_PORTS;
	case ECONNREFUSED:
		return FAULT_CONNECT_REFUSED;
	case ETIMEDOUT:
		return FAULT_CONNECT_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return FAULT_CONNECT_RESET;
	default: /* ENETUNREACH, EHOSTUNREACH, EACCES from a firewall, ... */
		return FAULT_CONNECT_UNREACHABLE;
	}
}

enum fault
fault_from_io_errno(int err)
{
	if (ours(err))
		return FAULT_INTERNAL;
	switch (err) {
	case 0: /* the end of the stream where none was due */
		return FAULT_CLOSED;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH: /* what the kernel says when it gives up retransmitting after an ICMP */
		return FAULT_UNACKNOWLEDGED;
	default: /* ECONNRESET, EPIPE, ECONNABORTED, ... */
		return FAULT_RESET;
	}
}
