/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "conf/file.h"
#include "conf/load.h"
#include "conf/password.h"
#include "conf/topology.h"

#define MOST_HASH 255 /* what a check has room for */

static int
compare_users(const void *a, const void *b)
{
	const struct conf_user *x = a;
	const struct conf_user *y = b;

	return strcmp(x->name, y->name);
}

const struct conf_user *
conf_user_find(const struct conf_basic_auth *auth, const char *name)
{
	struct conf_user key = { .name = name };

	if (auth->user_count == 0)
		return NULL;
	return bsearch(&key, auth->users, auth->user_count, sizeof key, compare_users);
}

/* One line, its end cut off. */
static void
take_line(struct load *l, struct conf_basic_auth *auth, const char *line, unsigned number)
{
	const char *colon = strchr(line, ':');
	const char *hash = colon != NULL ? colon + 1 : "";
	size_t len = strcspn(hash, ":"); /* some tools put a comment behind */
	struct conf_user *user = &auth->users[auth->user_count];

	if (*line == '\0' || *line == '#')
		return;
	user->name = arena_strndup(l->arena, line, colon != NULL ? (size_t)(colon - line) : 0);
	user->hash = arena_strndup(l->arena, hash, len);
	if (colon == NULL || colon == line || !password_is_known(user->hash) || len > MOST_HASH)
		report_error(&l->report, &auth->where,
		    "%s:%u: a name, a colon and a hash were expected; write the line with htpasswd "
		    "-B",
		    auth->file, number);
	else
		auth->user_count++;
}

static unsigned
count_lines(const char *bytes, size_t len)
{
	unsigned lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static void
check_users(struct load *l, const struct conf_basic_auth *auth)
{
	for (unsigned i = 1; i < auth->user_count; i++)
		if (strcmp(auth->users[i - 1].name, auth->users[i].name) == 0)
			report_error(&l->report, &auth->where,
			    "%s has the user \"%s\" twice; remove one", auth->file,
			    auth->users[i].name);
	if (auth->user_count == 0)
		report_error(&l->report, &auth->where,
		    "%s has no user, so nobody could pass; add one with htpasswd -B", auth->file);
	for (const char *at = auth->realm; at != NULL && *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\' || *at == 0x7f) {
			report_error(&l->report, &auth->where,
			    "the realm holds a quote, a backslash or a control character; remove it");
			return;
		}
}

void
htpasswd_read(struct load *l, struct conf_basic_auth *auth)
{
	struct conf_file file = { .path = auth->file };
	const char *at, *end;
	unsigned number = 0;
	struct error e;

	if (auth->file == NULL || auth->realm == NULL)
		return;
	if (!file_read(&file, FILE_REGULAR, &e)) {
		report_error(&l->report, &auth->where,
		    "file: %s; paths are relative to the file that names them", e.text);
		return;
	}
	file_keep(&file, l->arena, load_secrets(l));
	load_note_file(l, file.path, &auth->where);
	auth->users =
	    arena_array(l->arena, count_lines(file.bytes, file.len), sizeof auth->users[0]);
	end = file.bytes + file.len;
	for (at = file.bytes; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop != NULL ? stop : end) - at);

		while (len > 0 && (at[len - 1] == '\r' || at[len - 1] == ' '))
			len--;
		take_line(l, auth, arena_strndup(load_secrets(l), at, len), ++number);
		at = stop != NULL ? stop + 1 : end;
	}
	qsort(auth->users, auth->user_count, sizeof auth->users[0], compare_users);
	check_users(l, auth);
}
