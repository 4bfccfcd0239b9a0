/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf/topology.h"
#include "control/needle.h"
#include "control/site.h"
#include "net/socket.h"
#include "probe_parts.h"

void
probe_tcp_ask(struct probe *p)
{
	const char *send = p->site->check->send;

	/*
	 * Nothing is sent that could be lost, and a FIN each second from each endpoint's prober
	 * would leave a minute's worth of TIME_WAIT behind.
	 */
	if (send == NULL && p->site->needle == NULL) {
		socket_reset_at_close(p->stream.fd);
		probe_hang_up(p);
		probe_passed(p);
		return;
	}
	p->state = PROBE_SPEECH;
	p->matched = 0;
	p->body_seen = 0;
	/* Whether bytes wait or the stream failed: an event will tell, or the deadline. */
	if (send != NULL)
		(void)stream_write(&p->stream, send, strlen(send));
	if (p->site->needle == NULL) {
		probe_hang_up(p);
		probe_passed(p);
	}
}

void
probe_tcp_take(struct probe *p, const char *data, size_t len)
{
	uint64_t room = PROBE_BODY_MAX - p->body_seen;
	bool found = needle_feed(
	    p->site->needle, &p->matched, data, len < room ? len : (size_t)room);

	p->body_seen += len;
	if (!found && p->body_seen < PROBE_BODY_MAX)
		return;
	probe_hang_up(p);
	if (found)
		probe_passed(p);
	else
		probe_failed(p, REASON_CHECK_BODY, 0, true);
}
