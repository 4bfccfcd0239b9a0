/*
 * Passwords as htpasswd files keep them: bcrypt ($2y$ and kin), what else crypt(3) knows ($5$, $6$,
 * $1$, $y$), Apache's $apr1$, and {SHA}.
 */
#ifndef CONF_PASSWORD_H
#define CONF_PASSWORD_H

#include <stdbool.h>

/* Is it a form that password_matches() knows? */
bool password_is_known(const char *hash);

/* Any thread; slow on purpose, up to a second: not for one that serves. */
bool password_matches(const char *hash, const char *password);

#endif
