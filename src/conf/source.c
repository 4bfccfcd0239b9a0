/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "conf/file.h"
#include "conf/report.h"

#define MAX_DEPTH 16
#define MAX_TEXT ((size_t)256 << 20)

/* Where in a file's syntax the next character stands. */
enum lexis { LEXIS_CODE, LEXIS_STRING, LEXIS_COMMENT };

struct source_file {
	const char *name;
	const char *dir;
};

/* A run of lines of one file. */
struct segment {
	unsigned first;     /* in the whole text */
	unsigned file_line; /* the same line in its file */
	bool opens;         /* the file, whose first run it is */
	struct source_file file;
};

struct source {
	struct arena *arena;
	struct report *report;
	char *text;
	size_t len;
	size_t room;
	unsigned line; /* that the next character belongs to */
	struct segment *segments;
	unsigned segment_count;
	unsigned depth;
	struct conf_where long_string; /* the first one of several lines; file NULL: none */
	unsigned long_string_end;      /* the line of the whole text that it ends on */
};

/* A file while it is copied. */
struct reading {
	struct source_file file;
	const char *at;
	const char *end;
	unsigned line;
	bool begun;
	enum lexis lexis;
	unsigned opened; /* the line on which the string or comment began */
};

struct source *
source_new(struct arena *arena, struct report *report)
{
	struct source *s = mem_new(sizeof *s);

	s->arena = arena;
	s->report = report;
	s->line = 1;
	s->room = 4096;
	s->text = mem_new(s->room);
	return s;
}

void
source_free(struct source *s)
{
	mem_free(s->segments);
	mem_free(s->text);
	mem_free(s);
}

static void
append(struct source *s, const char *bytes, size_t len)
{
	if (s->room - s->len <= len) {
		while (s->room - s->len <= len)
			s->room *= 2;
		s->text = mem_resize(s->text, s->room);
	}
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static void
begin_segment(struct source *s, struct reading *r)
{
	struct segment *segment;

	/* The list doubles: its length is a power of two whenever it is full. */
	if ((s->segment_count & (s->segment_count - 1)) == 0)
		s->segments = mem_resize(s->segments,
		    (s->segment_count == 0 ? 1 : s->segment_count * (size_t)2) *
			sizeof *s->segments);
	segment = &s->segments[s->segment_count++];
	*segment = (struct segment){ s->line, r->line, !r->begun, r->file };
	r->begun = true;
}

static struct conf_where
here(const struct reading *r)
{
	return (struct conf_where){ .file = r->file.name, .line = r->line };
}

/* Would the library, which keeps 32 bits of it without a word, get this number right? */
static bool
fits(const char *token, size_t len)
{
	const char *digits = token + (*token == '-' || *token == '+');
	char text[32];

	len -= (size_t)(digits - token);
	if (memchr(digits, '.', len) != NULL)
		return true;
	if (len > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		return len <= 2 + 8;
	if (memchr(digits, 'e', len) != NULL || memchr(digits, 'E', len) != NULL)
		return true;
	if (len >= sizeof text)
		return false;
	memcpy(text, digits, len);
	text[len] = '\0';
	/* An L makes it 64 bits. */
	return strtoull(text, NULL, 10) <= (text[len - 1] == 'L' ? INT64_MAX : INT32_MAX);
}

/* The length of the name or number at "at", or 0. */
static size_t
follow_token(struct source *s, const struct reading *r, const char *at, const char *end)
{
	const char *start = at;
	struct conf_where where = here(r);

	while (at < end &&
	    (isalnum((unsigned char)*at) || (*at != '\0' && strchr("_.+-", *at) != NULL)))
		at++;
	if (at > start &&
	    (isdigit((unsigned char)start[0]) ||
		(at - start > 1 && isdigit((unsigned char)start[1]))) &&
	    !isalpha((unsigned char)start[0]) && !fits(start, (size_t)(at - start)))
		report_error(s->report, &where,
		    "%.*s is too large for an integer; write one up to 2147483647",
		    (int)(at - start), start);
	return (size_t)(at - start);
}

static void
end_string(struct source *s, struct reading *r)
{
	r->lexis = LEXIS_CODE;
	if (r->opened == r->line || s->long_string.file != NULL)
		return;
	s->long_string = (struct conf_where){ .file = r->file.name, .line = r->opened };
	s->long_string_end = s->line;
}

/*
 * Follows strings and comments through one line, so that an @include inside one is none, and
 * looks at the numbers outside of them.
 */
static void
follow(struct source *s, struct reading *r, const char *at, const char *end)
{
	size_t len;

	for (; at < end; at++) {
		switch (r->lexis) {
		case LEXIS_CODE:
			if (*at == '#' || (*at == '/' && at + 1 < end && at[1] == '/'))
				return;
			if (*at == '"' || (*at == '/' && at + 1 < end && at[1] == '*')) {
				r->lexis = *at == '"' ? LEXIS_STRING : LEXIS_COMMENT;
				r->opened = r->line;
				at += *at == '/';
			} else if ((len = follow_token(s, r, at, end)) > 0) {
				at += len - 1;
			}
			break;
		case LEXIS_STRING:
			if (*at == '\\')
				at++;
			else if (*at == '"')
				end_string(s, r);
			break;
		case LEXIS_COMMENT:
			if (*at == '*' && at + 1 < end && at[1] == '/') {
				r->lexis = LEXIS_CODE;
				at++;
			}
			break;
		}
	}
}

static bool copy(struct source *, struct reading *);

static bool
include(struct source *s, const struct reading *from, const char *name)
{
	const char *path = source_join(s->arena, from->file.dir, name);
	struct conf_where where = here(from);
	struct conf_file file = { .path = path };
	struct reading r = { .line = 1 };
	struct error e;
	bool good;

	if (s->depth == MAX_DEPTH) {
		report_error(s->report, &where,
		    "\"%s\" is included more than %d files deep; does a file include itself?", path,
		    MAX_DEPTH);
		return false;
	}
	if (!file_read(&file, FILE_REGULAR, &e)) {
		report_error(s->report, &where,
		    "%s; paths in @include are relative to the file they stand in", e.text);
		return false;
	}
	r.file.name = path;
	r.file.dir = file_dir(s->arena, path);
	r.at = file.bytes;
	r.end = file.bytes + file.len;
	s->depth++;
	begin_segment(s, &r);
	good = copy(s, &r);
	s->depth--;
	file_forget(&file);
	return good;
}

/* An @include at the beginning of a line: what it names, and where the rest of the line begins. */
static bool
parse_include(struct source *s, struct reading *r, const char *end, char **name, const char **rest)
{
	static const char directive[] = "@include";
	struct conf_where where = here(r);
	const char *at = r->at, *close;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	*name = NULL;
	if ((size_t)(end - at) < sizeof directive - 1 ||
	    memcmp(at, directive, sizeof directive - 1) != 0)
		return true;
	at += sizeof directive - 1;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	close = at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
	if (close == NULL || close == at + 1) {
		report_error(s->report, &where,
		    "@include names no file; write @include \"FILE\" on one line");
		return false;
	}
	*name = arena_strndup(s->arena, at + 1, (size_t)(close - at - 1));
	*rest = close + 1;
	return true;
}

/* One line, with its end; in the place of each @include at its beginning stands that file. */
static bool
copy_line(struct source *s, struct reading *r, const char *end)
{
	const char *rest = r->at;
	char *name = NULL;

	while (r->lexis == LEXIS_CODE) {
		if (!parse_include(s, r, end, &name, &rest))
			return false;
		if (name == NULL)
			break;
		if (!include(s, r, name))
			return false;
		begin_segment(s, r);
		r->at = rest;
	}
	follow(s, r, rest, end);
	append(s, rest, (size_t)(end - rest));
	append(s, "\n", 1);
	s->line++;
	r->line++;
	return true;
}

static bool
copy(struct source *s, struct reading *r)
{
	struct conf_where where;

	while (r->at < r->end) {
		const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));

		if (end == NULL)
			end = r->end;
		where = here(r);
		if (memchr(r->at, '\0', (size_t)(end - r->at)) != NULL) {
			report_error(s->report, &where,
			    "the line holds a NUL byte; a configuration is plain text");
			return false;
		}
		if (s->len + (size_t)(end - r->at) > MAX_TEXT) {
			report_error(s->report, &where,
			    "the configuration is larger than 256 MiB; does a file include "
			    "itself?");
			return false;
		}
		if (!copy_line(s, r, end))
			return false;
		r->at = end < r->end ? end + 1 : end;
	}
	if (r->lexis == LEXIS_CODE)
		return true;
	where = (struct conf_where){ .file = r->file.name, .line = r->opened };
	report_error(s->report, &where, "the %s that begins here does not end in this file; add %s",
	    r->lexis == LEXIS_STRING ? "string" : "comment",
	    r->lexis == LEXIS_STRING ? "\"" : "*/");
	return false;
}

bool
source_read_text(struct source *s, const char *text, const char *name, const char *dir)
{
	struct reading r = { .line = 1, .at = text, .end = text + strlen(text) };

	r.file.name = arena_strdup(s->arena, name);
	r.file.dir = arena_strdup(s->arena, strcmp(dir, ".") == 0 ? "" : dir);
	begin_segment(s, &r);
	return copy(s, &r);
}

bool
source_read_file(struct source *s, const char *path)
{
	struct reading r = { .line = 1 };
	struct conf_file file = { .path = path };
	struct error e;
	bool good;

	r.file.name = arena_strdup(s->arena, path);
	r.file.dir = file_dir(s->arena, path);
	if (!file_read(&file, FILE_ANY, &e)) {
		struct conf_where whole = { .file = r.file.name };

		report_error(s->report, &whole, "%s; name a readable file", e.text);
		return false;
	}
	r.at = file.bytes;
	r.end = file.bytes + file.len;
	begin_segment(s, &r);
	good = copy(s, &r);
	file_forget(&file);
	return good;
}

const char *
source_text(const struct source *s)
{
	return s->text;
}

/* The last segment that begins at line or before it. */
static const struct segment *
find_segment(const struct source *s, unsigned line)
{
	unsigned low = 0, high = s->segment_count;

	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (s->segments[middle].first <= line)
			low = middle;
		else
			high = middle;
	}
	return &s->segments[low];
}

struct conf_where
source_where(const struct source *s, unsigned line)
{
	const struct segment *segment = find_segment(s, line);

	return (struct conf_where){ .file = segment->file.name,
		.line = segment->file_line + (line > segment->first ? line - segment->first : 0) };
}

const struct conf_where *
source_long_string(const struct source *s, unsigned line)
{
	return s->long_string.file != NULL && s->long_string_end <= line ? &s->long_string : NULL;
}

const char *
source_dir(const struct source *s, unsigned line)
{
	return find_segment(s, line)->file.dir;
}

unsigned
source_position(const struct source *s, const struct conf_where *where)
{
	for (unsigned i = 0; i < s->segment_count; i++) {
		const struct segment *segment = &s->segments[i];
		unsigned end = i + 1 < s->segment_count ? segment[1].first : s->line + 1;
		unsigned line = segment->first + where->line - segment->file_line;

		if (segment->file.name == where->file && where->line >= segment->file_line &&
		    line < end)
			return line;
	}
	return 0;
}

const char *
source_file(const struct source *s, unsigned *at)
{
	while (*at < s->segment_count) {
		const struct segment *segment = &s->segments[(*at)++];

		if (segment->opens)
			return segment->file.name;
	}
	return NULL;
}

const char *
source_join(struct arena *arena, const char *dir, const char *path)
{
	if (dir[0] == '\0' || path[0] == '/')
		return arena_strdup(arena, path);
	return arena_printf(arena, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", path);
}
