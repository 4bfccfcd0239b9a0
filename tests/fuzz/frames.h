/*
 * Sequences of HTTP/2 frames from few bytes, so that a fuzzer seldom breaks a length: each frame is
 * type, flags, stream and a payload of "len" bytes; the three lengths of type 0xff are raw bytes.
 */
#ifndef TESTS_FUZZ_FRAMES_H
#define TESTS_FUZZ_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t
put_frame(char *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t len)
{
	unsigned char head[9] = { (unsigned char)(len >> 16), (unsigned char)(len >> 8),
		(unsigned char)len, type, flags, (unsigned char)(stream >> 24),
		(unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
		(unsigned char)stream };

	memcpy(out, head, sizeof head);
	if (len > 0)
		memcpy(out + sizeof head, payload, len);
	return sizeof head + len;
}

/* out has room for three times the input. Returns how many bytes it is. */
static inline size_t
put_frames(char *out, const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (size >= 4) {
		size_t len = data[3] < size - 4 ? data[3] : size - 4;

		if (data[0] == 0xff) {
			memcpy(out + n, data + 4, len);
			n += len;
		} else {
			n += put_frame(out + n, data[0], data[1], data[2], data + 4, len);
		}
		data += 4 + len;
		size -= 4 + len;
	}
	return n;
}

#endif
