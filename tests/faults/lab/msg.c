/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 64 * 1024 };

void
msg_begin(struct msg *m, bool answer, const char *id)
{
	memset(m, 0, sizeof *m);
	m->answer = answer;
	pattern_begin(&m->body, id != NULL ? id : "");
}

static bool
is_field(const char *line, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	*value = line + n + 1 + strspn(line + n + 1, " \t");
	return true;
}

static void
take_field(struct msg *m, const char *line)
{
	const char *value;

	if (is_field(line, "content-length", &value)) {
		m->left = strtoull(value, NULL, 10);
		m->state = MSG_LENGTH;
	} else if (is_field(line, "transfer-encoding", &value)) {
		m->state = MSG_CHUNK_SIZE;
	} else if (is_field(line, "connection", &value)) {
		m->closes = strcasecmp(value, "close") == 0;
	} else if (is_field(line, "upgrade", &value)) {
		m->upgrades = true;
	} else if (is_field(line, "sec-websocket-key", &value)) {
		snprintf(m->key, sizeof m->key, "%s", value);
	} else if (is_field(line, "x-id", &value)) {
		snprintf(m->id, sizeof m->id, "%s", value);
	} else if (is_field(line, "x-origin", &value)) {
		snprintf(m->origin, sizeof m->origin, "%s", value);
	}
}

static bool
take_start(struct msg *m, const char *line)
{
	if (m->answer) {
		m->state = MSG_UNTIL_CLOSE;
		if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12)
			return false;
		m->status = (int)strtol(line + 9, NULL, 10);
		return m->status >= 100;
	}
	m->state = MSG_DONE;
	return sscanf(line, "%15s %255s HTTP/1.1", m->method, m->target) == 2;
}

/* Interim answers and those without a body end here. */
static void
end_head(struct msg *m)
{
	if (m->answer && m->status == 101)
		m->state = MSG_DONE;
	else if (m->answer && m->status < 200)
		m->state = MSG_HEAD;
	else if (m->answer && (m->status == 204 || m->status == 304))
		m->state = MSG_DONE;
	else if (m->state == MSG_LENGTH && m->left == 0)
		m->state = MSG_DONE;
	if (!m->answer)
		pattern_begin(&m->body, m->id);
}

/* Returns whether it is worth to go on reading. */
static bool
read_head(struct msg *m, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char *line;
	bool first = true;

	if (end.pos < 0) {
		if (evbuffer_get_length(in) > HEAD_MAX)
			m->state = MSG_BAD;
		return false;
	}
	while (
	    (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT)) != NULL && *line != '\0') {
		if (!first)
			take_field(m, line);
		else if (!take_start(m, line))
			m->state = MSG_BAD;
		first = false;
		free(line);
		if (m->state == MSG_BAD)
			return false;
	}
	free(line);
	end_head(m);
	return true;
}

/* Returns whether it is worth to go on reading. */
static bool
read_body(struct msg *m, struct evbuffer *in)
{
	uint64_t most = m->state == MSG_UNTIL_CLOSE ? UINT64_MAX : m->left;

	while (most > 0 && evbuffer_get_length(in) > 0) {
		size_t n = evbuffer_get_contiguous_space(in);
		const char *data;

		if (n > most)
			n = (size_t)most;
		data = (const char *)evbuffer_pullup(in, (ev_ssize_t)n);
		pattern_read(&m->body, data, n);
		evbuffer_drain(in, n);
		most -= n;
	}
	if (m->state == MSG_UNTIL_CLOSE)
		return false;
	m->left = most;
	if (most > 0)
		return false;
	m->state = m->state == MSG_LENGTH ? MSG_DONE : MSG_CHUNK_END;
	return true;
}

/* Returns whether it is worth to go on reading. */
static bool
read_line(struct msg *m, struct evbuffer *in)
{
	char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT);
	char *end;

	if (line == NULL)
		return false;
	if (m->state == MSG_CHUNK_END) {
		m->state = *line == '\0' ? MSG_CHUNK_SIZE : MSG_BAD;
	} else if (m->state == MSG_TRAILERS) {
		if (*line == '\0')
			m->state = MSG_DONE;
	} else {
		m->left = strtoull(line, &end, 16);
		m->state = end == line ? MSG_BAD : m->left == 0 ? MSG_TRAILERS : MSG_CHUNK_DATA;
	}
	free(line);
	return m->state != MSG_BAD;
}

enum msg_state
msg_read(struct msg *m, struct evbuffer *in)
{
	bool on = true;

	if (evbuffer_get_length(in) > 0)
		m->begun = true;
	while (on) {
		switch (m->state) {
		case MSG_HEAD:
			on = read_head(m, in);
			break;
		case MSG_LENGTH:
		case MSG_UNTIL_CLOSE:
		case MSG_CHUNK_DATA:
			on = read_body(m, in);
			break;
		case MSG_CHUNK_SIZE:
		case MSG_CHUNK_END:
		case MSG_TRAILERS:
			on = read_line(m, in);
			break;
		case MSG_DONE:
		case MSG_BAD:
			on = false;
			break;
		}
	}
	return m->state;
}

bool
msg_closed(struct msg *m)
{
	if (m->state == MSG_UNTIL_CLOSE)
		m->state = MSG_DONE;
	return m->state == MSG_DONE;
}
