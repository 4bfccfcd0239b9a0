/*
 * Who may use a route or a listener, and how often: as people and scripts read it.
 */
#ifndef CMD_GUARDS_H
#define CMD_GUARDS_H

#include <jansson.h>

struct conf_access;
struct conf_basic_auth;

/*
 * To stdout, a line behind the indent that says all that guards it; none when nothing does. auth:
 * NULL: nobody is asked for a password.
 */
void guards_print(
    const char *indent, const struct conf_access *, const struct conf_basic_auth *auth);
/* Adds "deny" and "allow" (networks; allow null: everybody) and "rate_limit" (null) to the object.
 */
void guards_json(json_t *, const struct conf_access *);
/* {"file", "realm", "users"}, or null without one; a new reference. */
json_t *guards_auth_json(const struct conf_basic_auth *) __attribute__((warn_unused_result));

#endif
