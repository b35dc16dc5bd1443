/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system as a whole: random bytes, rebooting, barriers.
 */
#include <linux/syscall.h>
#include <env/iobuf.h>
#include <linux/membarrier.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <arch/boot.h>
#include <debug/log.h>
#include <init/main.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <io/tty_session.h>
#include <proc/cred.h>
#include <proc/reboot.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <sched/smp_call.h>
#include <security/random.h>
#include <sync/wait.h>
#include <vfs/mount.h>
#include "syscalls.h"

SYSCALL3(getrandom, struct uptr, buf, size_t, len, unsigned, flags)
{
	u8 chunk[256];
	struct iobuf to;
	size_t done = 0;
	int err;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_INSECURE | GRND_RANDOM)) == (GRND_INSECURE | GRND_RANDOM))
		return -EINVAL;
	if (!random_is_ready() && !(flags & GRND_INSECURE)) {
		if (flags & GRND_NONBLOCK)
			return -EAGAIN;
		err = random_wait_ready();
		if (err)
			return err;
	}
	err = iobuf_init_user(&to, buf, min(len, (size_t)S32_MAX));
	if (err)
		return err;
	while (to.left) {
		size_t want = min(to.left, sizeof(chunk)), n;

		random_bytes(chunk, want);
		n = iobuf_put(&to, chunk, want);
		done += n;
		if (n < want)
			return done ? (s64)done : -EFAULT;
		/* a long read can be interrupted; a short one is whole */
		if (done >= sizeof(chunk) && thread_signal_pending())
			break;
	}
	return (s64)done;
}

/* ---- reboot(2) ---- */

SYSCALL4(reboot, u32, magic1, u32, magic2, u32, cmd, struct uptr, arg)
{
	char text[256];
	ssize_t n;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 || (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
						     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF: reboot_keys_set(cmd == LINUX_REBOOT_CMD_CAD_ON); return 0;
	case LINUX_REBOOT_CMD_RESTART2:
		n = arch_strncpy_from_user(text, arg, sizeof(text));
		if (n < 0 && n != -ENAMETOOLONG)
			return -EFAULT;
		text[sizeof(text) - 1] = 0;
		vfs_shutdown();
		klog(LOG_EMERG, "restarting with command '%s'", text);
		arch_reboot();
	case LINUX_REBOOT_CMD_RESTART:
		vfs_shutdown();
		klog(LOG_EMERG, "restarting");
		arch_reboot();
	case LINUX_REBOOT_CMD_POWER_OFF:
		vfs_shutdown();
		klog(LOG_EMERG, "power down");
		arch_power_off();
	case LINUX_REBOOT_CMD_HALT:
		vfs_shutdown();
		klog(LOG_EMERG, "system halted");
		cpu_halt_forever();
	default: return -EINVAL; /* kexec and suspend are not there */
	}
}

SYSCALL0(vhangup)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	tty_hangup_current();
	return 0;
}

/* ---- membarrier(2) ---- */

#define MEMBARRIER_REGISTER                                                                        \
	(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |    \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)
#define MEMBARRIER_EXPEDITED                                                                       \
	(MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)

static void barrier_here(void *arg)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A thread of the space @arg leaves its restartable sequence before its next instruction in user mode. */
static void restart_here(void *arg)
{
	struct thread *t = thread_current();

	if (t->space == arg)
		__atomic_or_fetch(&t->user_work, t->switch_work, __ATOMIC_SEQ_CST);
}

/* An interrupt on a CPU is a full barrier for whatever runs there, and its return serialises the instruction stream. */
static s64 barrier_everywhere(void)
{
	smp_call(&cpus_online, barrier_here, NULL);
	return 0;
}

static s64 barrier_rseq(struct vm_space *s, int cpu)
{
	struct cpumask one = {0};

	if (cpu < 0) {
		smp_call(&cpus_online, restart_here, s);
	} else if (cpu < MAX_CPUS && cpumask_test(&cpus_online, (unsigned)cpu)) {
		cpumask_set(&one, (unsigned)cpu);
		smp_call(&one, restart_here, s);
	}
	return 0;
}

/* What was registered, and what that includes. */
static s64 registrations(struct vm_space *s)
{
	u32 done = READ_ONCE(s->membarrier);

	return done & (MEMBARRIER_REGISTER & ~MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) ?
		       done | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED : done;
}

SYSCALL3(membarrier, int, cmd, unsigned, flags, int, cpu)
{
	struct vm_space *s = thread_current()->space;

	if (flags && !(cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ && flags == MEMBARRIER_CMD_FLAG_CPU))
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_REGISTER |
		       MEMBARRIER_EXPEDITED | MEMBARRIER_CMD_GET_REGISTRATIONS;
	case MEMBARRIER_CMD_GLOBAL: rcu_synchronize(); return 0;
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED: return barrier_everywhere(); /* every process is reached, registered or not */
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		__atomic_or_fetch(&s->membarrier, cmd, __ATOMIC_SEQ_CST);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
		/* the number behind a command is the one that registers for it */
		if (!(READ_ONCE(s->membarrier) & (u32)cmd << 1))
			return -EPERM;
		return cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ ? barrier_rseq(s, flags ? cpu : -1) : barrier_everywhere();
	case MEMBARRIER_CMD_GET_REGISTRATIONS: return registrations(s);
	default: return -EINVAL;
	}
}
