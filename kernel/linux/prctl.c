/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prctl(2), personality(2), rseq(2).
 */
#include <linux/syscall.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <security/seccomp.h>
#include <lib/string.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/rseq.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <proc/user_dispatch.h>
#include "syscalls.h"

static s64 set_pdeathsig(u64 sig)
{
	if (sig > SIG_MAX)
		return -EINVAL;
	task_current()->pdeath_signal = (u32)sig;
	return 0;
}

static s64 set_name(struct uptr p)
{
	struct thread *t = thread_current();
	char name[sizeof(t->name)];
	ssize_t n = arch_strncpy_from_user(name, p, sizeof(name));

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[sizeof(name) - 1] = 0;
	strscpy(t->name, name, sizeof(t->name));
	return 0;
}

static s64 get_name(struct uptr p)
{
	char name[sizeof(thread_current()->name)] = {0};

	strscpy(name, thread_current()->name, sizeof(name));
	return copy_to_user(p, name, sizeof(name));
}

/* Replace credential bits by an edited copy. */
static s64 cred_edit(void (*edit)(struct cred *, u64), u64 arg)
{
	struct cred *c = cred_copy(cred_current());

	if (!c)
		return -ENOMEM;
	edit(c, arg);
	cred_commit(c);
	return 0;
}

static void edit_keepcaps(struct cred *c, u64 on)
{
	c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	if (on)
		c->securebits |= 1u << SECURE_KEEP_CAPS;
}

static void edit_bset_drop(struct cred *c, u64 cap)
{
	c->cap_bset &= ~(1ull << cap);
}

static void edit_securebits(struct cred *c, u64 bits)
{
	c->securebits = (u32)bits;
}

static void edit_ambient_raise(struct cred *c, u64 cap)
{
	c->cap_ambient |= 1ull << cap;
}

static void edit_ambient_lower(struct cred *c, u64 cap)
{
	c->cap_ambient &= ~(1ull << cap);
}

static void edit_ambient_clear(struct cred *c, u64 unused)
{
	c->cap_ambient = 0;
}

static s64 set_securebits(u64 bits)
{
	u32 old = cred_current()->securebits;
	u32 locks = (old & SECURE_ALL_LOCKS) >> 1;

	/* what is locked stays, locks are never opened, unknown bits do not exist */
	if ((locks & (old ^ bits)) || (old & SECURE_ALL_LOCKS & ~bits) || (bits & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)))
		return -EPERM;
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	return cred_edit(edit_securebits, bits);
}

static s64 ambient(u64 op, u64 cap, u64 a4, u64 a5)
{
	const struct cred *c = cred_current();

	if (a4 || a5)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : cred_edit(edit_ambient_clear, 0);
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET: return c->cap_ambient >> cap & 1;
	case PR_CAP_AMBIENT_LOWER: return cred_edit(edit_ambient_lower, cap);
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & 1ull << cap) ||
			(c->securebits & 1u << SECURE_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		return cred_edit(edit_ambient_raise, cap);
	default: return -EINVAL;
	}
}

static s64 set_flag(u32 flag, bool on)
{
	struct proc *p = task_current()->proc;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	p->flags = on ? p->flags | flag : p->flags & ~flag;
	sighand_unlock(s, flags);
	return 0;
}

static s64 set_timerslack(u64 ns)
{
	struct task *me = task_current();

	me->timer_slack_ns = (s64)ns <= 0 ? me->default_slack_ns : ns;
	return 0;
}

/* Once it is asked for, only the same can be asked for. */
static s64 set_exec_gain(struct vm_space *s, u64 bits)
{
	if ((bits & ~(u64)(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT)) || bits == PR_MDWE_NO_INHERIT)
		return -EINVAL;
	mutex_lock(&s->map_lock);
	bool may = !s->exec_gain || s->exec_gain == bits;

	if (may)
		s->exec_gain = (u8)bits;
	mutex_unlock(&s->map_lock);
	return may ? 0 : -EPERM;
}

/* What is to be done when memory turns out to be broken: kept and told, there is nobody to do it. */
static s64 set_mce_kill(struct task *me, u64 op, u64 how)
{
	if (op == PR_MCE_KILL_CLEAR && !how)
		me->mce_kill = 0;
	else if (op == PR_MCE_KILL_SET && how <= PR_MCE_KILL_DEFAULT)
		me->mce_kill = (u8)(PR_MCE_KILL_DEFAULT - how);
	else
		return -EINVAL;
	return 0;
}

static s64 io_flusher(struct task *me, bool set, u64 on, u64 rest)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (rest || on > set)
		return -EINVAL;
	if (!set)
		return me->io_flusher;
	me->io_flusher = on;
	return 0;
}

/* Speculation is what the command line says, for all. */
static s64 speculation(bool set, u64 which)
{
	switch (which) {
	case PR_SPEC_STORE_BYPASS:
	case PR_SPEC_INDIRECT_BRANCH: return set ? -ENXIO : (s64)PR_SPEC_ENABLE;
	case PR_SPEC_L1D_FLUSH: return set ? -EPERM : (s64)PR_SPEC_FORCE_DISABLE;
	default: return -ENODEV;
	}
}

static s64 get_auxv(const struct vm_space *s, struct uptr to, u64 len)
{
	return copy_to_user(to, s->auxv, min(len, (u64)sizeof(s->auxv))) ? -EFAULT : (s64)sizeof(s->auxv);
}

/* Those that mean something to few programs; their unused arguments are zero. */
static s64 prctl_rare(struct task *me, int op, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct vm_space *s = me->thread.space;

	if (op == PR_SET_IO_FLUSHER || op == PR_GET_IO_FLUSHER)
		return io_flusher(me, op == PR_SET_IO_FLUSHER, a2, a3 | a4 | a5);
	if (a4 || a5)
		return -EINVAL;
	switch (op) {
	case PR_GET_AUXV: return get_auxv(s, uptr_make(a2), a3);
	case PR_MCE_KILL: return set_mce_kill(me, a2, a3);
	case PR_SET_SPECULATION_CTRL: return speculation(true, a2);
	default: break;
	}
	if (a3)
		return -EINVAL;
	switch (op) {
	case PR_SET_MDWE: return set_exec_gain(s, a2);
	case PR_GET_SPECULATION_CTRL: return speculation(false, a2);
	default: break;
	}
	if (a2)
		return -EINVAL;
	switch (op) {
	case PR_GET_MDWE: return READ_ONCE(s->exec_gain);
	case PR_MCE_KILL_GET: return PR_MCE_KILL_DEFAULT - me->mce_kill;
	default: return -EINVAL;
	}
}

SYSCALL5(prctl, int, op, u64, a2, u64, a3, u64, a4, u64, a5)
{
	struct task *me = task_current();
	const struct cred *c = me->cred;
	struct vm_space *s = me->thread.space;

	switch (op) {
	case PR_SET_PDEATHSIG: return set_pdeathsig(a2);
	case PR_GET_PDEATHSIG: return user_store32(uptr_make(a2), me->pdeath_signal);
	case PR_GET_DUMPABLE: return READ_ONCE(s->dumpable);
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		WRITE_ONCE(s->dumpable, (u32)a2);
		return 0;
	case PR_GET_KEEPCAPS: return c->securebits >> SECURE_KEEP_CAPS & 1;
	case PR_SET_KEEPCAPS:
		if (a2 > 1)
			return -EINVAL;
		if (c->securebits & 1u << SECURE_KEEP_CAPS_LOCKED)
			return -EPERM;
		return cred_edit(edit_keepcaps, a2);
	case PR_SET_NAME: return set_name(uptr_make(a2));
	case PR_GET_NAME: return get_name(uptr_make(a2));
	case PR_CAPBSET_READ: return a2 > CAP_LAST_CAP ? -EINVAL : (s64)(c->cap_bset >> a2 & 1);
	case PR_CAPBSET_DROP:
		if (!capable(CAP_SETPCAP))
			return -EPERM;
		return a2 > CAP_LAST_CAP ? -EINVAL : cred_edit(edit_bset_drop, a2);
	case PR_GET_SECUREBITS: return c->securebits;
	case PR_SET_SECUREBITS: return set_securebits(a2);
	case PR_CAP_AMBIENT: return ambient(a2, a3, a4, a5);
	case PR_SET_NO_NEW_PRIVS:
		if (a2 != 1 || a3 || a4 || a5)
			return -EINVAL;
		WRITE_ONCE(me->no_new_privs, true);
		return 0;
	case PR_GET_NO_NEW_PRIVS: return a2 || a3 || a4 || a5 ? -EINVAL : me->no_new_privs;
	case PR_SET_CHILD_SUBREAPER: return set_flag(PROC_SUBREAPER, a2);
	case PR_GET_CHILD_SUBREAPER:
		return user_store32(uptr_make(a2), !!(READ_ONCE(me->proc->flags) & PROC_SUBREAPER));
	case PR_SET_TIMERSLACK: return set_timerslack(a2);
	case PR_GET_TIMERSLACK: return (s64)me->timer_slack_ns;
	case PR_GET_TIMING: return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING: return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC: return user_store32(uptr_make(a2), PR_TSC_ENABLE);
	case PR_SET_TSC: return a2 == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_GET_SECCOMP: return me->seccomp_mode;
	case PR_SET_SECCOMP:
		if (a2 == SECCOMP_MODE_STRICT)
			return seccomp_set(SECCOMP_SET_MODE_STRICT, 0, uptr_make(0));
		return a2 == SECCOMP_MODE_FILTER ? seccomp_set(SECCOMP_SET_MODE_FILTER, 0, uptr_make(a3)) : -EINVAL;
	case PR_GET_THP_DISABLE: return a2 || a3 || a4 || a5 ? -EINVAL : READ_ONCE(thread_current()->space->no_huge);
	case PR_SET_THP_DISABLE:
		if (a3 || a4 || a5)
			return -EINVAL;
		WRITE_ONCE(thread_current()->space->no_huge, a2 != 0);
		return 0;
	case PR_SET_SYSCALL_USER_DISPATCH: return user_dispatch_set(me, a2, a3, a4, uptr_make(a5));
	case PR_SET_MM: return prctl_set_mm(a2, a3, a4, a5);
	case PR_GET_TID_ADDRESS: return user_store64(uptr_make(a2), me->clear_child_tid.va);
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE: return 0; /* a task has none */
	default: return prctl_rare(me, op, a2, a3, a4, a5);
	}
}

SYSCALL1(personality, u32, persona)
{
	struct task *me = task_current();
	u32 old = me->personality;

	if (persona != 0xffffffff)
		me->personality = persona;
	return old;
}

SYSCALL4(rseq, struct uptr, area, u32, len, int, flags, u32, sig)
{
	if (flags & ~RSEQ_FLAG_UNREGISTER)
		return -EINVAL;
	return flags ? rseq_unregister(area, len, sig) : rseq_register(area, len, sig);
}
