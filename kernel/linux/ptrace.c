/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace(2): the requests. What makes a tracee hold still for them is in proc/ptrace.c.
 */
#include <linux/syscall.h>
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <linux/uio.h>
#include <asm/ptrace-abi.h>
#include <lib/string.h>
#include <arch/context.h>
#include <arch/elf.h>
#include <arch/trap.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/ptrace.h>
#include <proc/signal.h>
#include <proc/user_dispatch.h>
#include <security/seccomp.h>

/* ---- memory ---- */

static s64 access_word(struct task *t, u64 va, u64 *word, bool write)
{
	struct vm_space *s = task_space_get(t);
	ssize_t n;

	if (!s)
		return -EIO;
	n = vm_access(s, va, word, sizeof(*word), write, true);
	vm_space_put(s);
	return n == sizeof(*word) ? 0 : -EIO;
}

static s64 peek(struct task *t, u64 va, struct uptr to)
{
	u64 word;
	s64 err = access_word(t, va, &word, false);

	return err ? err : user_store64(to, word);
}

/* ---- registers ---- */

static s64 regset(struct task *t, bool set, u64 note_type, struct uptr uiov)
{
	ssize_t size = note_type > ~0u ? -EINVAL : arch_regset_size((u32)note_type);
	struct iovec iov;
	struct uptr base;
	size_t len;
	int err;

	if (copy_from_user(&iov, uiov, sizeof(iov)))
		return -EFAULT;
	if (size < 0)
		return size;
	if (iov.iov_len % 8)
		return -EINVAL;
	len = min((size_t)iov.iov_len, (size_t)size);
	base = uptr_make((u64)iov.iov_base);
	err = set ? arch_regset_from_user(&t->thread, (u32)note_type, base, len) : arch_regset_to_user(&t->thread, (u32)note_type, base, len);
	return err ? err : user_store64(uptr_field(uiov, struct iovec, iov_len), len);
}

/* ---- signals ---- */

static s64 get_siginfo(struct task *t, struct uptr to)
{
	return t->trap_info ? siginfo_to_user(to, t->trap_info) : -EINVAL;
}

static s64 set_siginfo(struct task *t, struct uptr from)
{
	siginfo_t info;

	if (siginfo_from_user(&info, from))
		return -EFAULT;
	if (!t->trap_info)
		return -EINVAL;
	*t->trap_info = info;
	return 0;
}

/* The @nth queued signal. */
static bool peek_queued(struct task *t, bool shared, u64 nth, siginfo_t *out)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(t->proc, &flags);
	struct sigqueue *q;
	bool found = false;

	list_for_each_entry(q, shared ? &t->proc->pending.queue : &t->pending.queue, link)
	{
		if (nth--)
			continue;
		*out = q->info;
		found = true;
		break;
	}
	sighand_unlock(s, flags);
	return found;
}

static s64 peek_siginfo(struct task *t, struct uptr uargs, struct uptr to)
{
	struct ptrace_peeksiginfo_args args;
	siginfo_t info;
	s32 i;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	if ((args.flags & ~(u32)PTRACE_PEEKSIGINFO_SHARED) || args.nr < 0)
		return -EINVAL;
	for (i = 0; i < args.nr && !(i && thread_signal_pending()); i++) {
		if (!peek_queued(t, args.flags & PTRACE_PEEKSIGINFO_SHARED, args.off + (u64)i, &info))
			break;
		if (siginfo_to_user(uptr_add(to, (u64)i * sizeof(info)), &info))
			return i ? i : -EFAULT;
	}
	return i;
}

static s64 get_sigmask(struct task *t, u64 size, struct uptr to)
{
	if (size != sizeof(u64))
		return -EINVAL;
	return user_store64(to, t->restore_mask ? t->saved_mask : t->blocked);
}

static s64 set_sigmask(struct task *t, u64 size, struct uptr from)
{
	irqflags_t flags;
	struct sighand *s;
	u64 mask;

	if (size != sizeof(u64))
		return -EINVAL;
	if (user_load64(&mask, from))
		return -EFAULT;
	/* it looks at what is pending when it goes on */
	s = sighand_lock(t->proc, &flags);
	t->blocked = mask & ~SIG_UNBLOCKABLE;
	t->restore_mask = false;
	sighand_unlock(s, flags);
	return 0;
}

/* ---- what the stop is about ---- */

static size_t call_entered(const struct trapframe *tf, struct ptrace_syscall_info *info)
{
	info->op = PTRACE_SYSCALL_INFO_ENTRY;
	info->entry.nr = tf_syscall_nr(tf);
	for (unsigned i = 0; i < 6; i++)
		info->entry.args[i] = tf_syscall_arg(tf, i);
	return offsetof(struct ptrace_syscall_info, entry) + sizeof(info->entry);
}

static size_t call_left(const struct trapframe *tf, struct ptrace_syscall_info *info)
{
	info->op = PTRACE_SYSCALL_INFO_EXIT;
	info->exit.rval = tf_ret(tf);
	info->exit.is_error = tf_ret(tf) < 0 && tf_ret(tf) >= -4095;
	return offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof(info->exit.is_error);
}

static s64 syscall_info(struct task *t, u64 size, struct uptr to)
{
	const struct trapframe *tf = arch_trapframe(&t->thread);
	size_t len = offsetof(struct ptrace_syscall_info, entry);
	struct ptrace_syscall_info info;

	memset(&info, 0, sizeof(info));
	info.op = PTRACE_SYSCALL_INFO_NONE;
	info.arch = EM_X86_64 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE;
	info.instruction_pointer = tf_pc(tf);
	info.stack_pointer = tf_sp(tf);
	if (t->trap_info && t->trap_info->si_code == (SIGTRAP | 0x80)) {
		if (t->trap_message == PTRACE_EVENTMSG_SYSCALL_ENTRY)
			len = call_entered(tf, &info);
		else if (t->trap_message == PTRACE_EVENTMSG_SYSCALL_EXIT)
			len = call_left(tf, &info);
	}
	return copy_to_user(to, &info, min((size_t)size, len)) ? -EFAULT : (s64)len;
}

static s64 rseq_config(struct task *t, u64 size, struct uptr to)
{
	struct ptrace_rseq_configuration c = {
		.rseq_abi_pointer = t->rseq.va,
		.rseq_abi_size = t->rseq_len,
		.signature = t->rseq_sig,
	};

	return copy_to_user(to, &c, min((size_t)size, sizeof(c))) ? -EFAULT : (s64)sizeof(c);
}

static int check_options(u64 options)
{
	if (options & ~(u64)PTRACE_O_MASK)
		return -EINVAL;
	return (options & PTRACE_O_SUSPEND_SECCOMP) && !capable(CAP_SYS_ADMIN) ? -EPERM : 0;
}

static s64 set_options(struct task *t, u64 options)
{
	irqflags_t flags;
	struct sighand *s;
	int err = check_options(options);

	if (err)
		return err;
	s = sighand_lock(t->proc, &flags);
	WRITE_ONCE(t->ptrace, (t->ptrace & ~(u32)PT_OPTIONS) | (u32)options << PT_OPTIONS_SHIFT);
	sighand_unlock(s, flags);
	return 0;
}

/* ---- going on ---- */

static s64 resume(struct task *t, s64 request, u64 signo)
{
	enum arch_step step = request == PTRACE_SINGLEBLOCK ? ARCH_STEP_BLOCK :
		request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP ? ARCH_STEP_INSN : ARCH_STEP_NONE;
	u32 calls = 0;

	if (signo > SIG_MAX)
		return -EIO;
	if (request == PTRACE_SYSCALL)
		calls = TRACE_CALLS;
	else if (request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP)
		calls = TRACE_CALLS_EMULATED;
	ptrace_resume(t, (int)signo, calls, step);
	return 0;
}

static s64 detach(struct task *t, u64 signo)
{
	if (signo > SIG_MAX)
		return -EIO;
	ptrace_detach(t, (int)signo);
	return 0;
}

static s64 kill_tracee(struct task *t)
{
	siginfo_t info;

	siginfo_user(&info, SIGKILL);
	(void)signal_send_task(t, &info);
	return 0;
}

/* @t is frozen, or for KILL and INTERRUPT at least our tracee. */
static s64 serve(struct task *t, s64 request, u64 addr, u64 data)
{
	struct uptr user = uptr_make(data);
	u64 word = data;

	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA: return peek(t, addr, user);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA: return access_word(t, addr, &word, true);
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SYSEMU:
	case PTRACE_SINGLESTEP:
	case PTRACE_SINGLEBLOCK:
	case PTRACE_SYSEMU_SINGLESTEP: return resume(t, request, data);
	case PTRACE_DETACH: return detach(t, data);
	case PTRACE_KILL: return kill_tracee(t);
	case PTRACE_INTERRUPT: return ptrace_interrupt(t);
	case PTRACE_LISTEN: return ptrace_listen(t);
	case PTRACE_OLDSETOPTIONS:
	case PTRACE_SETOPTIONS: return set_options(t, data);
	case PTRACE_GETEVENTMSG: return user_store64(user, t->trap_message);
	case PTRACE_GETSIGINFO: return get_siginfo(t, user);
	case PTRACE_SETSIGINFO: return set_siginfo(t, user);
	case PTRACE_PEEKSIGINFO: return peek_siginfo(t, uptr_make(addr), user);
	case PTRACE_GETSIGMASK: return get_sigmask(t, addr, user);
	case PTRACE_SETSIGMASK: return set_sigmask(t, addr, user);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET: return regset(t, request == PTRACE_SETREGSET, addr, user);
	case PTRACE_GET_SYSCALL_INFO: return syscall_info(t, addr, user);
	case PTRACE_GET_RSEQ_CONFIGURATION: return rseq_config(t, addr, user);
	case PTRACE_SECCOMP_GET_FILTER: return seccomp_show_filter(t, addr, user);
	case PTRACE_SECCOMP_GET_METADATA: return seccomp_show_metadata(t, addr, user);
	case PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG: return user_dispatch_get_config(t, addr, user);
	case PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG: return user_dispatch_set_config(t, addr, user);
	default: return arch_ptrace(&t->thread, (u64)request, addr, data);
	}
}

static s64 attach(struct task *t, s64 request, u64 addr, u64 options)
{
	int err;

	if (request == PTRACE_ATTACH)
		return ptrace_attach(t, 0);
	if (addr || (options & ~(u64)PTRACE_O_MASK))
		return -EIO;
	err = check_options(options);
	return err ? err : ptrace_attach(t, PT_SEIZED | (u32)options << PT_OPTIONS_SHIFT);
}

SYSCALL4(ptrace, s64, request, s64, pid, u64, addr, u64, data)
{
	bool any_state = request == PTRACE_KILL || request == PTRACE_INTERRUPT;
	struct task *t;
	s64 ret;

	if (request == PTRACE_TRACEME)
		return ptrace_traceme();
	t = task_find_get((s32)pid, PID_TID);
	if (!t)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE) {
		ret = attach(t, request, addr, data);
	} else {
		ret = ptrace_freeze(t, any_state);
		if (!ret) {
			ret = serve(t, request, addr, data);
			if (!any_state)
				ptrace_thaw(t);
		}
	}
	task_put(t);
	return ret;
}
