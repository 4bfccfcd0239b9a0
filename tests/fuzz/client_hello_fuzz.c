/*
 * A ClientHello's verdict does not depend on how it was cut, and a name that is read is one.
 */
#include "net/client_hello.h"
#include "oracle.h"

static void
check_name(const struct client_hello *h)
{
	must(strlen(h->name) == h->name_len, "the name is one text");
	for (unsigned i = 0; i < h->name_len; i++)
		must(strchr("abcdefghijklmnopqrstuvwxyz0123456789-.", h->name[i]) != NULL,
		    "letters, digits, hyphens and dots");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_hello whole, part;
	char *copy = exact_copy(data, size);
	enum client_hello_result r = client_hello_parse(&whole, copy, size);
	size_t step = size / 16 + 1;

	must(r != CLIENT_HELLO_MORE || size < CLIENT_HELLO_MAX, "there is an end to it");
	must((r == CLIENT_HELLO_BAD) == (whole.why != NULL), "a refusal has its reason");
	if (r == CLIENT_HELLO_DONE)
		check_name(&whole);
	for (size_t len = 0; len < size; len += step) {
		enum client_hello_result early = client_hello_parse(&part, copy, len);

		if (early == CLIENT_HELLO_MORE)
			continue;
		must(early == r, "more bytes change no verdict");
		must(strcmp(part.name, whole.name) == 0, "nor the name");
	}
	free(copy);
	return 0;
}
