/*
 * One key's value, from the file or the default, into its field: what the setters share.
 * Main thread.
 */
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/load.h"

/* A value on its way into a field. */
struct value {
	const struct schema_key *key;
	void *base; /* the struct */
	void *field; /* in it */
	struct config_setting_t *setting; /* NULL: a default */
	int type; /* CONFIG_TYPE_* */
	const char *text; /* of a string, variables of the environment put in */
	bool free_form; /* text from a default or a variable, which may hold any type */
	struct conf_where where;
	const char *dir; /* what relative paths are relative to */
};

/* Reads a setting into v, whose key stands already; false when something was reported. */
bool field_read(struct load *, struct config_setting_t *, struct value *);

/* Reports "key: what is wrong; what to do" where the value was written. */
void field_complain(struct load *, const struct value *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The value as its file has it: 30, "30s", a list ( ). */
const char *field_written(const struct value *, char *buf, size_t size);
bool field_is_integer(const struct value *);
bool field_wants_text(struct load *, const struct value *); /* Is it a text? Else it is reported. */
/* Is value, in the base unit of the key's type, within the key's range? Else it is reported. */
bool field_in_range(struct load *, const struct value *, double value);

/* Is text an RFC 9110 token? Else it is reported. */
bool field_is_token(struct load *, const struct value *, const char *text);

/* Lists of texts (field_texts.c): ( "a", "b" ), or "a, b". False when something was reported. */
bool field_read_texts(struct load *, const struct value *, const char ***list, unsigned *count);
void field_set_texts(struct load *, const struct value *);
void field_set_tokens(struct load *, const struct value *);

/* Hosts (field_host.c). */
void field_set_hostname(struct load *, const struct value *);
void field_set_authority(struct load *, const struct value *);
void field_set_route_host(struct load *, const struct value *);

/* Numbers (field_number.c), lists of statuses (field_status.c) and networks (field_network.c). */
void field_set_bool(struct load *, const struct value *);
void field_set_uint(struct load *, const struct value *);
void field_set_uint16(struct load *, const struct value *);
void field_set_float(struct load *, const struct value *);
void field_set_duration(struct load *, const struct value *);
void field_set_size(struct load *, const struct value *);
void field_set_ranges(struct load *, const struct value *);
void field_set_statuses(struct load *, const struct value *);
/* "keep", "drain(30s)", "reset" (field_on_down.c). */
void field_set_on_down(struct load *, const struct value *);
void field_set_networks(struct load *, const struct value *);

#endif
