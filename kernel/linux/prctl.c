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
	case PR_GET_TID_ADDRESS: return user_store64(uptr_make(a2), me->clear_child_tid.va);
	default: return -EINVAL;
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
