/* SPDX-License-Identifier: Apache-2.0 */
#include "http/uri.h"

#include "chars.h"
#include "values.h"

/* False: it is too long. */
static bool
decode(struct slice text, char *buf, size_t size, struct slice *out)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++, len++) {
		if (len == size)
			return false;
		if (text.at[i] == '%' && i + 2 < text.len && char_is(text.at[i + 1], CHAR_HEX) &&
		    char_is(text.at[i + 2], CHAR_HEX)) {
			buf[len] = (char)(char_hex_value(text.at[i + 1]) << 4 |
			    char_hex_value(text.at[i + 2]));
			i += 2;
		} else {
			buf[len] = text.at[i] == '+' ? ' ' : text.at[i];
		}
	}
	*out = (struct slice){ buf, len };
	return true;
}

bool
query_next(struct slice *rest, struct slice name, char *buf, size_t size, struct slice *value)
{
	struct slice pair;

	if (rest->len > 0 && rest->at[0] == '?') {
		rest->at++;
		rest->len--;
	}
	while (value_next_by(rest, '&', &pair)) {
		const char *equals = pair.len > 0 ? memchr(pair.at, '=', pair.len) : NULL;
		size_t name_len = equals != NULL ? (size_t)(equals - pair.at) : pair.len;
		struct slice came;

		if (pair.len == 0 || !decode((struct slice){ pair.at, name_len }, buf, size, &came) ||
		    !slice_eq(came, name))
			continue;
		*value = (struct slice){ buf, 0 };
		if (equals == NULL ||
		    decode((struct slice){ equals + 1, pair.len - name_len - 1 }, buf, size, value))
			return true;
	}
	return false;
}
