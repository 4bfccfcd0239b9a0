/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

bool
privileges_find(const char *user, struct privileges *p, struct error *error)
{
	const struct passwd *entry;

	*p = (struct privileges){ .name = NULL };
	if (user == NULL)
		return true;
	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL) {
		error_set(error,
		    "there is no user '%s'%s%s; create it, or remove 'user' from the "
		    "configuration",
		    user, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
		return false;
	}
	if (geteuid() != 0) {
		if (entry->pw_uid != geteuid())
			log_warn("only root can become user '%s'; staying uid %u", user, geteuid());
		return true;
	}
	p->name = user;
	p->uid = entry->pw_uid;
	p->gid = entry->pw_gid;
	return true;
}

/* No wrapper in libc, and not worth a library. */
static bool
keep_only(uint32_t capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	data[0].permitted = data[0].effective = capabilities;
	return syscall(SYS_capset, &header, data) == 0;
}

bool
privileges_drop(const struct privileges *p, struct error *error)
{
	if (p->name == NULL)
		return true;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || initgroups(p->name, p->gid) != 0 ||
	    setresgid(p->gid, p->gid, p->gid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0) {
		error_errno(error, "cannot become user", p->name);
		return false;
	}
	/* a container may have taken this one from root already: then there is nothing to keep */
	if (!keep_only(1u << CAP_NET_BIND_SERVICE) && !keep_only(0)) {
		error_errno(error, "cannot give up the capabilities of", "root");
		return false;
	}
	if (p->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		error_set(error, "became user %s, but could become root again", p->name);
		return false;
	}
	return true;
}

bool
privileges_forbid_new(struct error *error)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return true;
	error_errno(error, "cannot set", "PR_SET_NO_NEW_PRIVS");
	return false;
}

void
privileges_guard_memory(bool core_dumps)
{
	struct rlimit size = { .rlim_cur = 0, .rlim_max = 0 };

	if (core_dumps && getrlimit(RLIMIT_CORE, &size) == 0)
		size.rlim_cur = size.rlim_max;
	/* the limit alone would not do: a core that goes to a program's pipe has none */
	if (setrlimit(RLIMIT_CORE, &size) != 0 || prctl(PR_SET_DUMPABLE, core_dumps, 0, 0, 0) != 0)
		log_warn(
		    "cannot switch core dumps %s: %s", core_dumps ? "on" : "off", strerror(errno));
}
