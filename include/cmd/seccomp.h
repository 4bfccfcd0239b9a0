/*
 * The filter on system calls: what Detour has no use for, whoever took it over may not do either.
 *
 * What is not in cmd/syscalls.def is refused, not fatal: the kernel raises SIGSYS, whose handler
 * makes the call fail with EPERM or ENOSYS, as on a kernel without it, and counts it. A call that a
 * library makes once a year must not end the traffic. A few no library has a reason for (exec,
 * ptrace, mount, modules, BPF) end the process at once: that thread is no longer ours.
 *
 * A successor started by exec would be such a call, and would inherit the filter of its
 * predecessor besides. Whoever adds one must start it from a helper forked before the filter is
 * set, and hand it the sockets.
 */
#ifndef CMD_SECCOMP_H
#define CMD_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/topology.h"

/*
 * Main, once, after PR_SET_NO_NEW_PRIVS: for all threads there are and will be, for good. Where it
 * cannot be had that is logged, and the process goes on without. Off in a sanitizer's build.
 */
void seccomp_start(enum conf_seccomp);
/* An eventfd that is readable after a call was refused; -1: no filter that refuses. */
int seccomp_fd(void);
/* Logs each call that was refused for the first time. Main, when the eventfd is readable. */
void seccomp_report(void);
uint64_t seccomp_refused(void);

#endif
