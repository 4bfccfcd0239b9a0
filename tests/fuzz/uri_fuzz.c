/*
 * Paths have one normal form, in which nothing is left to interpret; authorities split into a
 * host that splits into itself. Media preferences just must not read too far.
 */
#include "http/forward.h"
#include "http/uri.h"
#include "oracle.h"

static bool
has_dot_segment(struct slice path)
{
	for (size_t i = 0; i < path.len; i++) {
		struct slice rest = { path.at + i + 1, path.len - i - 1 };
		size_t dots = 0;

		if (path.at[i] != '/')
			continue;
		while (dots < rest.len && rest.at[dots] == '.')
			dots++;
		if ((dots == 1 || dots == 2) && (dots == rest.len || rest.at[dots] == '/'))
			return true;
	}
	return false;
}

static void
check_path(struct slice path)
{
	char *once = malloc(path.len + 1), *twice = malloc(path.len + 1);
	size_t len, again;
	bool changed;

	if (uri_normalize_path(path, once, &len, &changed)) {
		struct slice normal = { once, len };

		must(len <= path.len, "a path never grows");
		must(len > 0 && once[0] == '/', "a path begins with a slash");
		must(changed != slice_eq(path, normal), "changed says so");
		must(!has_dot_segment(normal), "no dot segments are left");
		must(memchr(once, '\0', len) == NULL && memchr(once, '\\', len) == NULL,
		    "nothing that was to be refused");
		must(uri_normalize_path(normal, twice, &again, &changed), "good again");
		must(!changed && slice_eq(normal, (struct slice){ twice, again }), "idempotent");
		must(uri_prefix_matches(normal, normal), "a path is its own prefix");
	}
	free(once);
	free(twice);
}

static void
check_authority(struct slice text)
{
	char *once = malloc(text.len + 1), *twice = malloc(text.len + 1);
	size_t len, again;
	unsigned port, none;
	bool good = uri_split_authority(text, once, &len, &port);

	must(good == uri_authority_is_valid(text), "both judge alike");
	if (good) {
		struct slice host = { once, len };

		must(len > 0 && len <= text.len && port <= UINT16_MAX, "host and port");
		must(uri_split_authority(host, twice, &again, &none), "a host is an authority");
		must(none == 0 && slice_eq(host, (struct slice){ twice, again }), "idempotent");
	}
	free(once);
	free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy(data, size);
	struct slice text = { copy, size };

	check_path(text);
	check_authority(text);
	must(!accept_prefers_json(text) || size >= strlen("*/*"), "JSON was asked for");
	free(copy);
	return 0;
}
