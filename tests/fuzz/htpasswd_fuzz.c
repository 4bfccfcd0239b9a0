/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an htpasswd file: it is taken or refused with a reason; who was taken is found by
 * name, once. Hashes that are quick to compute are tried.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/password.h"
#include "conf/topology.h"
#include "oracle.h"

static void
look_up(const struct conf_basic_auth *auth)
{
	for (unsigned i = 0; i < auth->user_count; i++) {
		const struct conf_user *user = &auth->users[i];

		must(conf_user_find(auth, user->name) == user, "who is there is found");
		must(password_is_known(user->hash), "by a hash of a known form");
		if (strncmp(user->hash, "{SHA}", 5) == 0 || strncmp(user->hash, "$apr1$", 6) == 0)
			(void)password_matches(user->hash, "password");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_problems problems;
	struct topology *t;
	char text[512];
	int fd = memfd_create("htpasswd", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file");
	snprintf(text, sizeof text,
	    "listeners = ( { name = \"a\"; bind = \"127.0.0.1:1\"; } ); regions = ( { name = "
	    "\"r\"; } );"
	    "services = ( { name = \"s\"; regions = ( { region = \"r\"; endpoints = ( "
	    "\"http://h:1\" ); "
	    "} ); } ); routes = ( { service = \"s\"; basic_auth = { file = \"%s%d\"; realm = "
	    "\"%s\"; }; } );",
	    size > 0 ? "/proc/self/fd/" : "/nonexistent/", fd,
	    size > 0 && data[0] == '"' ? "a\\\"b" : "a b");
	t = conf_load_text(text, "fuzz.conf", "/nonexistent", &problems);
	must((t == NULL) == (problems.errors > 0), "a reason is given");
	if (t != NULL)
		look_up(t->routes[0].basic_auth);
	conf_problems_free(&problems);
	topology_unref(t);
	close(fd);
	return 0;
}
