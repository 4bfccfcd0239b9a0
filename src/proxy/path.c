// SPDX-License-Identifier: Apache-2.0
#include "proxy/path.h"

#include <string.h>

#include "conf/topology.h"
#include "http/message.h"
#include "http/uri.h"

/* What is left of runs of slashes is one of each. */
static size_t
merge_slashes(char *path, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++)
		if (path[i] != '/' || to == 0 || path[to - 1] != '/')
			path[to++] = path[i];
	return to;
}

/* After dot segments went: two readers might not agree which slashes they stood between. */
static bool
judge_slashes(enum conf_slashes slashes, char *at, size_t *len, bool *changed)
{
	if (slashes == SLASHES_KEEP || memmem(at, *len, "//", 2) == NULL)
		return true;
	if (slashes == SLASHES_REFUSE)
		return false;
	*len = merge_slashes(at, *len);
	*changed = true;
	return true;
}

bool
path_normalize(const struct head *head, const struct conf_client_limits *limits, char *out,
    size_t *len, bool *changed)
{
	struct slice raw = head_slice(head, head->path);

	*changed = false;
	if (raw.len == 1 && raw.at[0] == '*') {
		out[0] = '/';
		*len = 1;
		return true;
	}
	if (!uri_normalize_path(raw, out, len, changed))
		return false;
	if (limits->encoded_slash == ENCODED_SLASH_REFUSE && memmem(out, *len, "%2F", 3) != NULL)
		return false;
	return judge_slashes(limits->slashes, out, len, changed);
}
