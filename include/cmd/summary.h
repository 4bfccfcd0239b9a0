/*
 * What a configuration would serve, for people and for scripts.
 */
#ifndef CMD_SUMMARY_H
#define CMD_SUMMARY_H

#include <jansson.h>

struct topology;

/* To stdout; of many routes the first ones. */
void summary_print(const struct topology *);
/*
 * Adds "listeners" and "routes" (all of them) to the object, and "health_check" and "regions" to
 * each of its "services", which losses_json() made.
 */
void summary_json(const struct topology *, json_t *);

/* A text of the configuration, which may hold any bytes, where the JSON must stay valid. */
json_t *summary_text_json(const char *text) __attribute__((warn_unused_result));

#endif
