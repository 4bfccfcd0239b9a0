// SPDX-License-Identifier: Apache-2.0
#include "proxy/h1_out.h"

#include <string.h>

#include "http/h1.h"
#include "net/stream.h"

#define CRLF "\r\n"
#define LAST_CHUNK "0\r\n\r\n"

static void
put_before(struct span *s, const char *bytes, size_t len)
{
	s->at -= len;
	s->len += len;
	s->head_room -= len;
	memcpy(s->at, bytes, len);
}

static void
put_behind(struct span *s, const char *bytes, size_t len)
{
	memcpy(s->at + s->len, bytes, len);
	s->len += len;
	s->tail_room -= len;
}

bool
h1_out(struct stream *stream, const char *head, size_t head_len, struct span *body, bool chunked,
    bool end, bool close)
{
	char none[H1_CHUNK_HEAD_MAX + sizeof LAST_CHUNK];
	struct span s = { none + H1_CHUNK_HEAD_MAX, 0, H1_CHUNK_HEAD_MAX, sizeof LAST_CHUNK };
	char chunk_head[H1_CHUNK_HEAD_MAX];
	char *chunk = chunk_head + sizeof chunk_head;
	size_t behind = 0;
	bool wrote_all = true;

	if (body != NULL && body->len > 0) {
		s = *body;
		if (chunked) {
			chunk = h1_chunk_head_before(chunk, s.len);
			behind = sizeof CRLF - 1;
		}
	}
	if (chunked && end)
		behind += sizeof LAST_CHUNK - 1;

	/* No room around it: pieces, in order. Rare (a kept body, a very long head). */
	if (s.head_room < head_len + (size_t)(chunk_head + sizeof chunk_head - chunk)) {
		if (head_len > 0)
			wrote_all = stream_write(stream, head, head_len);
		head_len = 0;
	}
	put_before(&s, chunk, (size_t)(chunk_head + sizeof chunk_head - chunk));
	if (head_len > 0)
		put_before(&s, head, head_len);
	if (s.tail_room < behind) {
		wrote_all = stream_write(stream, s.at, s.len) && wrote_all;
		s = (struct span){ none + H1_CHUNK_HEAD_MAX, 0, H1_CHUNK_HEAD_MAX,
			sizeof LAST_CHUNK };
	}
	if (body != NULL && body->len > 0 && chunked)
		put_behind(&s, CRLF, sizeof CRLF - 1);
	if (chunked && end)
		put_behind(&s, LAST_CHUNK, sizeof LAST_CHUNK - 1);
	if (close)
		wrote_all = stream_write_last(stream, s.at, s.len) && wrote_all;
	else if (s.len > 0)
		wrote_all = stream_write(stream, s.at, s.len) && wrote_all;
	return wrote_all && stream_is_drained(stream);
}
