/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/banner.h"

#include <unistd.h>

#include "base/log.h"
#include "base/phrase.h"
#include "cmd/server.h"
#include "cmd/version.h"
#include "conf/topology.h"
#include "control/admin.h"

static void
append_listeners(char *text, size_t size, const struct server *s)
{
	const struct topology *t = server_topology(s);
	char address[128];

	for (unsigned i = 0; i < t->listener_count; i++)
		phrase_add(text, size, "%s%s %s://%s", i > 0 ? ", " : "", t->listeners[i].name,
		    conf_listener_scheme(&t->listeners[i]),
		    server_bound_text(s, i, address, sizeof address));
}

void
banner_log(const struct server *s, const struct admin *admin)
{
	const struct topology *t = server_topology(s);
	char text[2048] = "";

	append_listeners(text, sizeof text, s);
	if (admin != NULL && admin_bound_text(admin)[0] != '\0')
		phrase_add(text, sizeof text, "; admin http://%s", admin_bound_text(admin));
	if (admin != NULL && t->admin.socket[0] != '\0')
		phrase_add(text, sizeof text, "; admin socket %s", t->admin.socket);
	log_info("detour %s (%s) serves with %u workers, pid %d: %s", version_text(),
	    version_commit(), server_workers(s), (int)getpid(), text);
}
