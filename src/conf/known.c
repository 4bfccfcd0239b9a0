/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/known.h"

#include <string.h>

#include "base/phrase.h"

void
known_offer(struct known *k, const char *name)
{
	nearest_offer(&k->nearest, name);
	/* half a name would be none */
	if (k->left_off > 0 || strlen(k->list) + strlen(name) + sizeof ", " > sizeof k->list)
		k->left_off++;
	else
		phrase_add(k->list, sizeof k->list, "%s%s", k->list[0] != '\0' ? ", " : "", name);
}

void
known_say(const struct known *k, char *buf, size_t size)
{
	if (k->list[0] == '\0') {
		phrase_add(buf, size, "; there are none");
		return;
	}
	if (k->nearest.best != NULL)
		phrase_add(buf, size, "; did you mean %s? There %s %s", k->nearest.best,
		    strchr(k->list, ',') != NULL ? "are" : "is", k->list);
	else
		phrase_add(buf, size, "; there %s %s", strchr(k->list, ',') != NULL ? "are" : "is",
		    k->list);
	if (k->left_off > 0)
		phrase_add(buf, size, " and %u more", k->left_off);
}
