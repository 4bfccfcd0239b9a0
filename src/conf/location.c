/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/location.h"

#include <string.h>

#include "conf/variable.h"

const char *
location_authority(const char *template)
{
	static const struct slice begins[] = { SLICE("https://"), SLICE("http://"), SLICE("//") };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (strncmp(template, begins[i].at, begins[i].len) == 0)
			return template + begins[i].len;
	return NULL;
}

bool
location_authority_next(const char **at, struct template_piece *piece)
{
	const char *next = *at;
	size_t len = strcspn(next, "/?#");

	if (len == 0 || !template_next(&next, piece) || piece->variable == VARIABLE_PATH ||
	    piece->variable == VARIABLE_QUERY)
		return false;
	if (piece->variable == VARIABLE_NONE && piece->text.len > len) {
		piece->text.len = len;
		next = *at + len;
	}
	*at = next;
	return true;
}
