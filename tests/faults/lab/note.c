/* SPDX-License-Identifier: Apache-2.0 */
#include "note.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 160,
	BINARY_FRAME = 0x82, /* the first and last of its message */
	MASKED = 0x80,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
};

static void
write_frame(struct evbuffer *out, bool masked, uint64_t len)
{
	static const uint8_t zeros[4];
	uint8_t head[10] = { BINARY_FRAME };
	size_t extra = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[1] = (uint8_t)(extra == 0 ? len : extra == 2 ? LENGTH_16 : LENGTH_64);
	if (masked)
		head[1] |= MASKED;
	for (size_t i = 0; i < extra; i++)
		head[2 + i] = (uint8_t)(len >> (8 * (extra - 1 - i)));
	evbuffer_add(out, head, 2 + extra);
	if (masked)
		evbuffer_add(out, zeros, sizeof zeros);
}

static void
write_note(struct evbuffer *out, bool framed, bool masked, const char *line, const char *id,
    unsigned bytes, unsigned written)
{
	if (framed)
		write_frame(out, masked, strlen(line) + bytes);
	evbuffer_add(out, line, strlen(line));
	pattern_write(out, id, written);
}

void
note_ask(struct evbuffer *out, bool framed, const char *id, unsigned bytes, unsigned answer_bytes)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof line, "ASK %s %u %u\n", id, bytes, answer_bytes);
	write_note(out, framed, true, line, id, bytes, bytes);
}

void
note_answer(struct evbuffer *out, bool framed, const char *id, const char *origin, unsigned bytes)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof line, "ANSWER %s %s %u\n", id, origin, bytes);
	write_note(out, framed, false, line, id, bytes, bytes);
}

void
note_answer_half(
    struct evbuffer *out, bool framed, const char *id, const char *origin, unsigned bytes)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof line, "ANSWER %s %s %u\n", id, origin, bytes);
	write_note(out, framed, false, line, id, bytes, bytes / 2);
}

void
note_begin(struct note *n, bool framed)
{
	memset(n, 0, sizeof *n);
	n->framed = framed;
	n->state = framed ? NOTE_FRAME : NOTE_LINE;
}

/* The length is the line's to say once more, so the frame's is only passed over. */
static bool
read_frame(struct note *n, struct evbuffer *in)
{
	const uint8_t *head = evbuffer_pullup(in, 2);
	size_t len = 2;

	if (head == NULL)
		return false;
	if (head[0] != BINARY_FRAME) {
		n->state = NOTE_BAD;
		return false;
	}
	if ((head[1] & ~MASKED) == LENGTH_16)
		len += 2;
	else if ((head[1] & ~MASKED) == LENGTH_64)
		len += 8;
	if (head[1] & MASKED)
		len += 4;
	if (evbuffer_get_length(in) < len)
		return false;
	evbuffer_drain(in, len);
	n->state = NOTE_LINE;
	return true;
}

static bool
read_line(struct note *n, struct evbuffer *in)
{
	char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
	unsigned bytes = 0;

	if (line == NULL) {
		if (evbuffer_get_length(in) >= LINE_MAX_BYTES)
			n->state = NOTE_BAD;
		return false;
	}
	if (sscanf(line, "ASK %48s %u %u", n->id, &bytes, &n->answer_bytes) != 3 &&
	    sscanf(line, "ANSWER %48s %48s %u", n->id, n->origin, &bytes) != 3)
		n->state = NOTE_BAD;
	else
		n->state = bytes > 0 ? NOTE_BODY : NOTE_DONE;
	free(line);
	n->left = bytes;
	pattern_begin(&n->body, n->id);
	return n->state == NOTE_BODY;
}

static void
read_body(struct note *n, struct evbuffer *in)
{
	while (n->left > 0 && evbuffer_get_length(in) > 0) {
		size_t size = evbuffer_get_contiguous_space(in);

		if (size > n->left)
			size = (size_t)n->left;
		pattern_read(&n->body, (const char *)evbuffer_pullup(in, (ev_ssize_t)size), size);
		evbuffer_drain(in, size);
		n->left -= size;
	}
	if (n->left == 0)
		n->state = NOTE_DONE;
}

enum note_state
note_read(struct note *n, struct evbuffer *in)
{
	if (n->state == NOTE_FRAME && !read_frame(n, in))
		return n->state;
	if (n->state == NOTE_LINE && !read_line(n, in))
		return n->state;
	if (n->state == NOTE_BODY)
		read_body(n, in);
	return n->state;
}
