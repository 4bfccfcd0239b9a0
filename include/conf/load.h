/*
 * What the parts of loading a configuration share, and the order they run in: load_group() fills
 * the topology from the table of keys, derive() completes it, check() judges what one key alone
 * can't. Each reports what it finds and goes on, so that one run shows every problem; a field
 * that could not be read stays zero, its group and those around it are flawed (conf_where), and the
 * later steps pass over them: one mistake is told once. Main thread.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/report.h"
#include "conf/schema.h"

struct arena;
struct conf_cors;
struct conf_basic_auth;
struct conf_edits;
struct conf_sticky;
struct config_setting_t;
struct names;
struct source;
struct topology;

struct load {
	struct arena *arena; /* becomes the topology's */
	struct topology *topology;
	struct config_setting_t *root; /* while the text is loaded and checked; borrowed */
	struct report report;
	struct source *source;
	struct names *sets[SET_COUNT]; /* filled as names are read */
	bool partial[SET_COUNT];       /* a name of the set may be missing because of a mistake */
	struct load_file *files;       /* that a reload reads again */
	bool starts;                   /* no reload: nothing runs yet */
};

struct load_file {
	struct load_file *next;
	const char *path;
	struct conf_where where;
};

/* Fills the struct at base; setting NULL: the group is not there, all is default. */
void load_group(struct load *, enum schema_block, void *base, struct config_setting_t *);

/* One key's value into its field in the struct at base. */
void field_set(struct load *, const struct schema_key *, void *base, struct config_setting_t *);
void field_set_default(struct load *, const struct schema_key *, void *base);

/* Where bytes of secrets lie: made when there are any. */
struct arena *load_secrets(struct load *);
struct conf_where load_where(const struct load *, const struct config_setting_t *);
/* Of a key by its path, "log.access", while check() runs; of the file if it is not written. */
struct conf_where load_where_of(const struct load *, const char *path);

/* The path lasts as long as the load. */
void load_note_file(struct load *, const char *path, const struct conf_where *);

void derive(struct load *);
void derive_shaping(struct load *, struct conf_route *);
void htpasswd_read(struct load *, struct conf_basic_auth *);
void derive_sticky(struct conf_sticky *, const char *service);
void check(struct load *);
void check_service(struct load *, const struct conf_service *);
void check_routes(struct load *);
void check_access(struct load *);
void check_edits(struct load *, const struct conf_edits *);
void check_cors(struct load *, const struct conf_cors *);
void check_mirror(struct load *, const struct conf_route *);
void check_safety(struct load *);
void check_limits(struct load *);
void check_readers(struct load *);
/* Endpoints in two regions of a service, and those that are listeners of our own. */
void check_endpoints(struct load *);
/* Whether what is to be written has a directory to lie in. */
void check_places(struct load *);
/* What has to do with connections rather than requests (check_tunnel.c). */
void check_protocol(struct load *, const struct conf_service *);
void check_tunnel_listener(struct load *, const struct conf_listener *);
void check_tunnel_route(struct load *, const struct conf_route *);
void check_server_names(struct load *, const struct conf_listener *);
void check_redirects(struct load *);

#endif
