/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/seccomp.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/sanitized.h"

enum {
	CALLS_MAX = 1024,             /* numbers beyond share the last place */
	PR_SET_VMA_CALL = 0x53564d41, /* PR_SET_VMA: newer C libraries name their mappings */
};

/* Those that a proxy has never a reason for: who makes one has taken a thread over. */
static const int fatal[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
};

/* Written by the handler, in whatever thread; so only lock-free atomics. */
static atomic_ullong refused;
static atomic_bool refused_calls[CALLS_MAX];
static int refused_fd = -1;
static bool reported[CALLS_MAX]; /* main's */

static bool
is_allowed_with_other_arguments(int call)
{
	static const int some[] = {
#define CALL_IF(name, ...) SCMP_SYS(name),
#include "cmd/syscalls.def"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(some); i++)
		if (some[i] == call)
			return true;
	return false;
}

static void
set_result(ucontext_t *context, int error)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = -error;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long)-(long long)error;
#else
	/* the filter is not loaded on other machines: see start() */
	(void)context;
	(void)error;
#endif
}

static void
on_refused(int signal_number, siginfo_t *info, void *context)
{
	unsigned call = (unsigned)info->si_syscall;
	uint64_t one = 1;
	int before = errno;

	atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
	atomic_store_explicit(
	    &refused_calls[call < CALLS_MAX ? call : CALLS_MAX - 1], true, memory_order_relaxed);
	if (write(refused_fd, &one, sizeof one) < 0)
		one = 0; /* full: main will look anyway */
	errno = before;
	/* what a library finds missing it does without; what is there but refused it reports */
	set_result(context, is_allowed_with_other_arguments(info->si_syscall) ? EPERM : ENOSYS);
}

static int
add_rules(scmp_filter_ctx filter)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

#define CALL(name)                                                                                 \
	if (err == 0)                                                                              \
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), 0);
#define CALL_IF(name, ...)                                                                         \
	if (err == 0)                                                                              \
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), 1, __VA_ARGS__);
#include "cmd/syscalls.def"
	return err;
}

static int
add_fatal(scmp_filter_ctx filter)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(fatal); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, fatal[i], 0);
	return err;
}

static bool
handle_refusals(void)
{
	struct sigaction action = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO | SA_NODEFER };

	refused_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return refused_fd >= 0 && sigaction(SIGSYS, &action, NULL) == 0;
}

static int
load(bool enforce)
{
	scmp_filter_ctx filter = seccomp_init(enforce ? SCMP_ACT_TRAP : SCMP_ACT_LOG);
	int err;

	if (filter == NULL)
		return -ENOMEM;
	/* threads that run already come along; the kernel logs what a filter is asked to log */
	err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (err == 0)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
	if (err == 0)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (err == 0)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (err == 0) /* nobody's code runs here but ours: no slower loads on kernels before 5.16 */
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (err == 0) /* the kernel's own errors, for people */
		err = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (err == 0)
		err = add_rules(filter);
	if (err == 0 && enforce)
		err = add_fatal(filter);
	if (err == 0 && enforce && !handle_refusals())
		err = -errno;
	if (err == 0)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

void
seccomp_start(enum conf_seccomp mode)
{
	int err = -ENOSYS;

	if (mode == SECCOMP_OFF || SANITIZED)
		return;
#if defined(__x86_64__) || defined(__aarch64__)
	err = load(mode == SECCOMP_ENFORCE);
#endif
	if (err == 0)
		return;
	if (refused_fd >= 0)
		close(refused_fd);
	refused_fd = -1;
	log_warn(
	    "no filter on system calls here (%s); Detour runs without one, and process.seccomp = "
	    "\"off\" silences this",
	    strerror(-err));
}

int
seccomp_fd(void)
{
	return refused_fd;
}

void
seccomp_report(void)
{
	eventfd_t count;

	(void)eventfd_read(refused_fd, &count);
	for (unsigned i = 0; i < CALLS_MAX; i++) {
		char *name;

		if (reported[i] || !atomic_load_explicit(&refused_calls[i], memory_order_relaxed))
			continue;
		reported[i] = true;
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)i);
		log_error("refused a system call, %s (%u): Detour has no use for it, so either a "
			  "library has, or somebody else is at work; process.seccomp",
		    name != NULL ? name : "unknown", i);
		free(name);
	}
}

uint64_t
seccomp_refused(void)
{
	return atomic_load_explicit(&refused, memory_order_relaxed);
}
