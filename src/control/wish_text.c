/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_text.h"

/* U+0080 to U+009F are two bytes: 0xc2 and the number itself. */
static bool
is_control(const unsigned char *at)
{
	return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f);
}

bool
wish_text_is_plain(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		if (is_control(at))
			return false;
	}
	return true;
}

void
wish_text_make_plain(char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at != '\0'; at++) {
		bool control = is_control(at);

		at += control && at[0] == 0xc2; /* two bytes become one */
		*text++ = control ? '?' : (char)*at;
	}
	*text = '\0';
}
