/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling calls: who may change what, and the formats; the work is in kernel/sched. [man sched(7)]
 */
#include <linux/syscall.h>
#include <linux/ioprio.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/futex.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <sched/sched.h>
#include <sched/smp_call.h>
#include "syscalls.h"

struct sched_param_user {
	int prio;
};

#define NICE_MIN -20
#define NICE_MAX 19

SYSCALL0(sched_yield)
{
	sched_yield_now();
	return 0;
}

/* A thread by number (0: the caller), referenced. */
static struct task *target_get(s32 pid)
{
	struct task *t = task_current();

	if (pid)
		return task_find_get(pid, PID_TID);
	task_get(t);
	return t;
}

static bool same_owner(struct task *t)
{
	const struct cred *me = cred_current(), *c;
	bool same;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	same = me->euid == c->euid || me->euid == c->uid;
	rcu_read_unlock();
	return same;
}

static u64 task_limit(struct task *t, int res)
{
	return READ_ONCE(t->proc->rlimits[res].cur);
}

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* The nice value that RLIMIT_NICE admits is 20 - limit. */
static bool nice_allowed(struct task *t, int nice)
{
	return (u64)(20 - nice) <= task_limit(t, RLIMIT_NICE) || capable(CAP_SYS_NICE);
}

static int MUST_CHECK check_rights(struct task *t, const struct sched_params *old, const struct sched_params *p)
{
	if (capable(CAP_SYS_NICE))
		return 0;
	if (!same_owner(t))
		return -EPERM;
	if (p->policy == SCHED_DEADLINE)
		return -EPERM;
	if (is_rt(p->policy)) {
		u64 limit = task_limit(t, RLIMIT_RTPRIO);

		if (p->policy != old->policy && !limit)
			return -EPERM;
		if (p->rt_prio > old->rt_prio && p->rt_prio > limit)
			return -EPERM;
	} else if (p->nice < old->nice && !nice_allowed(t, p->nice)) {
		return -EPERM;
	}
	if (old->policy == SCHED_IDLE && p->policy != SCHED_IDLE && !nice_allowed(t, old->nice))
		return -EPERM;
	if ((old->flags & SCHED_FLAG_RESET_ON_FORK) && !(p->flags & SCHED_FLAG_RESET_ON_FORK))
		return -EPERM;
	return 0;
}

static int MUST_CHECK check_values(const struct sched_params *p)
{
	switch (p->policy) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE: return p->rt_prio ? -EINVAL : 0;
	case SCHED_FIFO:
	case SCHED_RR: return p->rt_prio < 1 || p->rt_prio > 99 ? -EINVAL : 0;
	case SCHED_DEADLINE: return p->rt_prio ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

/* policy < 0: keep the thread's. */
static s64 change(s32 pid, int policy, struct sched_params *p, bool keep_nice)
{
	struct sched_params old;
	struct task *t;
	int err;

	if (pid < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	sched_get_params(&t->thread, &old);
	p->policy = policy < 0 ? old.policy : policy;
	if (policy < 0)
		p->flags |= old.flags & SCHED_FLAG_RESET_ON_FORK;
	if (keep_nice)
		p->nice = old.nice;
	err = check_values(p);
	if (!err)
		err = check_rights(t, &old, p);
	if (!err)
		err = sched_set_params(&t->thread, p);
	if (!err)
		futex_pi_reprioritise(t);
	task_put(t);
	return err;
}

SYSCALL3(sched_setscheduler, s32, pid, int, policy, struct uptr, uparam)
{
	struct sched_params p = {0};
	struct sched_param_user sp;

	if (policy < 0 || uptr_is_null(uparam))
		return -EINVAL;
	if (copy_from_user(&sp, uparam, sizeof(sp)))
		return -EFAULT;
	if (policy & SCHED_RESET_ON_FORK)
		p.flags = SCHED_FLAG_RESET_ON_FORK;
	p.rt_prio = (unsigned)sp.prio;
	policy &= ~SCHED_RESET_ON_FORK;

	if (policy == SCHED_DEADLINE)
		return -EINVAL; /* its parameters cannot be said in this call */
	return change(pid, policy, &p, true);
}

SYSCALL2(sched_setparam, s32, pid, struct uptr, uparam)
{
	struct sched_params p = {0};
	struct sched_param_user sp;

	if (uptr_is_null(uparam) || pid < 0)
		return -EINVAL;
	if (copy_from_user(&sp, uparam, sizeof(sp)))
		return -EFAULT;
	p.rt_prio = (unsigned)sp.prio;
	return change(pid, -1, &p, true);
}

/* What @pid has; -EINVAL -ESRCH. */
static int MUST_CHECK params_of(s32 pid, struct sched_params *out)
{
	struct task *t;

	if (pid < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	sched_get_params(&t->thread, out);
	task_put(t);
	return 0;
}

SYSCALL1(sched_getscheduler, s32, pid)
{
	struct sched_params p;
	int err = params_of(pid, &p);

	if (err)
		return err;
	return p.policy | (p.flags & SCHED_FLAG_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0);
}

SYSCALL2(sched_getparam, s32, pid, struct uptr, uparam)
{
	struct sched_params p;
	int err;

	if (uptr_is_null(uparam))
		return -EINVAL;
	err = params_of(pid, &p);
	return err ? err : user_store32(uparam, p.rt_prio);
}

#define ATTR_FLAGS (SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)

SYSCALL3(sched_setattr, s32, pid, struct uptr, uattr, unsigned, flags)
{
	struct sched_params p, old;
	struct sched_attr a;
	u32 size;
	int err;

	if (uptr_is_null(uattr) || pid < 0 || flags)
		return -EINVAL;
	if (user_load32(&size, uattr))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE) {
		err = user_store32(uattr, sizeof(a));
		return err ? err : -E2BIG;
	}
	err = copy_struct_from_user(&a, sizeof(a), uattr, size);
	if (err == -E2BIG && user_store32(uattr, sizeof(a)))
		return -EFAULT;
	if (err)
		return err;
	if ((s32)a.sched_policy < 0 || (a.sched_flags & ~(u64)ATTR_FLAGS))
		return -EINVAL;
	err = params_of(pid, &old);
	if (err)
		return err;
	p = (struct sched_params){
		.policy = (int)a.sched_policy,
		.nice = clamp(a.sched_nice, NICE_MIN, NICE_MAX),
		.rt_prio = a.sched_priority,
		.dl_runtime = a.sched_runtime,
		.dl_deadline = a.sched_deadline,
		.dl_period = a.sched_period,
		.flags = (u32)a.sched_flags & SCHED_FLAG_RESET_ON_FORK,
	};
	if (a.sched_policy != SCHED_DEADLINE)
		p.slice_ns = a.sched_runtime;
	if (a.sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		u32 keep = p.flags;

		p = old;
		p.flags = keep;
		p.policy = (int)a.sched_policy;
	}
	return change(pid, a.sched_flags & SCHED_FLAG_KEEP_POLICY ? old.policy : (int)a.sched_policy, &p, false);
}

SYSCALL4(sched_getattr, s32, pid, struct uptr, uattr, u32, size, u32, flags)
{
	struct sched_attr a;
	struct sched_params p;
	int err;

	if (uptr_is_null(uattr) || pid < 0 || flags || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0)
		return -EINVAL;
	err = params_of(pid, &p);
	if (err)
		return err;
	memset(&a, 0, sizeof(a));
	a.size = min(size, (u32)sizeof(a));
	a.sched_policy = (u32)p.policy;
	a.sched_flags = p.flags;
	a.sched_nice = is_rt(p.policy) || p.policy == SCHED_DEADLINE ? 0 : p.nice;
	a.sched_priority = p.rt_prio;
	if (p.policy == SCHED_DEADLINE) {
		a.sched_runtime = p.dl_runtime;
		a.sched_deadline = p.dl_deadline;
		a.sched_period = p.dl_period;
	} else {
		a.sched_runtime = p.slice_ns;
	}
	if (size > sizeof(a) && clear_user(uptr_add(uattr, sizeof(a)), size - sizeof(a)))
		return -EFAULT;
	return copy_to_user(uattr, &a, a.size);
}

SYSCALL1(sched_get_priority_max, int, policy)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR: return 99;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
	case SCHED_EXT: return 0;
	default: return -EINVAL;
	}
}

SYSCALL1(sched_get_priority_min, int, policy)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR: return 1;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
	case SCHED_EXT: return 0;
	default: return -EINVAL;
	}
}

SYSCALL2(sched_rr_get_interval, s32, pid, struct uptr, uts)
{
	struct task *t;
	u64 ns;

	if (pid < 0)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	ns = sched_rr_interval_ns(&t->thread);
	task_put(t);
	return timespec_to_user(uts, ns);
}

SYSCALL3(sched_setaffinity, s32, pid, u32, len, struct uptr, umask)
{
	struct cpumask mask;
	struct task *t;
	int err;

	memset(&mask, 0, sizeof(mask));
	/* What is beyond the processors there can be is not even read. */
	if (copy_from_user(&mask, umask, min_t(size_t, len, align_up(DIV_ROUND_UP(cpu_count(), 8), sizeof(long)))))
		return -EFAULT;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	err = same_owner(t) || capable(CAP_SYS_NICE) ? 0 : -EPERM;
	if (!err)
		err = sched_set_affinity(&t->thread, &mask);
	task_put(t);
	return err;
}

SYSCALL3(sched_getaffinity, s32, pid, u32, len, struct uptr, umask)
{
	struct cpumask mask;
	struct task *t;
	size_t size = align_up((size_t)DIV_ROUND_UP(cpu_count(), 8), sizeof(long));

	if (len < size || (len & (sizeof(long) - 1)) || len > U32_MAX / 8)
		return -EINVAL;
	t = target_get(pid);
	if (!t)
		return -ESRCH;
	sched_get_affinity(&t->thread, &mask);
	task_put(t);
	for (unsigned i = 0; i < ARRAY_SIZE(mask.bits); i++)
		mask.bits[i] &= cpus_online.bits[i];
	size = min((size_t)len, size);
	return copy_to_user(umask, &mask, size) ? -EFAULT : (s64)size;
}

/* ---- nice values: setpriority(2) addresses a process, a group or a user; its scale is 1..40 on the way out ---- */

struct prio_walk {
	void (*one)(struct task *t, struct prio_walk *w);
	int value;
	s64 ret;
	bool set, several;
};

static void nice_one(struct task *t, struct prio_walk *w)
{
	struct sched_params p;

	sched_get_params(&t->thread, &p);
	if (!w->set) {
		w->ret = max(w->ret, (s64)(20 - p.nice));
		return;
	}
	if (!same_owner(t) && !capable(CAP_SYS_NICE)) {
		w->ret = -EPERM;
	} else if (w->value < p.nice && !nice_allowed(t, w->value)) {
		w->ret = -EACCES;
	} else {
		p.nice = w->value;
		int err = sched_set_params(&t->thread, &p);

		if (w->ret == -ESRCH || err)
			w->ret = err;
	}
}

/* All processes; fn(leader) says which take part. Setting applies to the leader's thread only, as a thread has its own nice value. */
static void prio_all(struct prio_walk *w, bool (*match)(struct task *, u64), u64 arg)
{
	struct pid *pid;
	s32 nr = 1;

	while ((pid = pid_next_get(nr))) {
		struct task *t = pid_task_get(pid, PID_TID);

		nr = pid_nr(pid) + 1;
		pid_put(pid);
		if (!t)
			continue;
		if (match(t, arg))
			w->one(t, w);
		task_put(t);
	}
}

static bool in_group(struct task *t, u64 pgrp)
{
	return pid_nr(READ_ONCE(t->pids[PID_PGID])) == (s32)pgrp;
}

static bool of_user(struct task *t, u64 uid)
{
	bool is;

	rcu_read_lock();
	is = rcu_dereference(t->cred)->uid == (u32)uid;
	rcu_read_unlock();
	return is;
}

static s64 priority(int which, s32 who, struct prio_walk *w)
{
	struct task *t;

	switch (which) {
	case PRIO_PROCESS:
		t = target_get(who);
		if (t) {
			w->one(t, w);
			task_put(t);
		}
		return w->ret;
	case PRIO_PGRP: prio_all(w, in_group, who ? (u64)who : (u64)pid_nr(task_current()->pids[PID_PGID])); return w->ret;
	case PRIO_USER: prio_all(w, of_user, who ? (u64)(u32)who : cred_current()->uid); return w->ret;
	default: return -EINVAL;
	}
}

SYSCALL3(setpriority, int, which, s32, who, int, nice)
{
	struct prio_walk w = {.one = nice_one, .set = true, .value = clamp(nice, NICE_MIN, NICE_MAX), .ret = -ESRCH};

	return priority(which, who, &w);
}

SYSCALL2(getpriority, int, which, s32, who)
{
	struct prio_walk w = {.one = nice_one, .ret = -ESRCH};

	return priority(which, who, &w);
}

/* ---- I/O priorities [man ioprio_set(2)]: kept and told; nothing queues I/O yet ---- */

/* What one counts for who has not set his: by his policy and nice value. */
static u16 ioprio_by_cpu(struct task *t)
{
	struct sched_params p;
	int class;

	sched_get_params(&t->thread, &p);
	class = p.policy == SCHED_IDLE ? IOPRIO_CLASS_IDLE : p.policy == SCHED_FIFO || p.policy == SCHED_RR ? IOPRIO_CLASS_RT : IOPRIO_CLASS_BE;
	return (u16)IOPRIO_PRIO_VALUE(class, (p.nice + 20) / 5);
}

static void ioprio_one(struct task *t, struct prio_walk *w)
{
	u16 mine = READ_ONCE(t->ioprio);

	if (!w->set) {
		if (w->several && IOPRIO_PRIO_CLASS(mine) == IOPRIO_CLASS_NONE)
			mine = ioprio_by_cpu(t);
		w->ret = w->ret < 0 ? mine : min(w->ret, (s64)mine);
	} else if (!same_owner(t) && !capable(CAP_SYS_NICE)) {
		w->ret = -EPERM;
	} else {
		WRITE_ONCE(t->ioprio, (u16)w->value);
		if (w->ret == -ESRCH)
			w->ret = 0;
	}
}

int ioprio_check(int ioprio)
{
	switch (IOPRIO_PRIO_CLASS(ioprio)) {
	case IOPRIO_CLASS_RT: return capable(CAP_SYS_ADMIN) || capable(CAP_SYS_NICE) ? 0 : -EPERM;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE: return 0;
	case IOPRIO_CLASS_NONE: return IOPRIO_PRIO_LEVEL(ioprio) ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

static_assert(IOPRIO_WHO_PROCESS == PRIO_PROCESS + 1 && IOPRIO_WHO_PGRP == PRIO_PGRP + 1 && IOPRIO_WHO_USER == PRIO_USER + 1,
	"whom they address");

SYSCALL3(ioprio_set, int, which, s32, who, int, ioprio)
{
	struct prio_walk w = {.one = ioprio_one, .set = true, .value = ioprio, .ret = -ESRCH};
	int err = ioprio_check(ioprio);

	return err ? err : priority(which - 1, who, &w);
}

SYSCALL2(ioprio_get, int, which, s32, who)
{
	struct prio_walk w = {.one = ioprio_one, .several = which != IOPRIO_WHO_PROCESS, .ret = -ESRCH};

	return priority(which - 1, who, &w);
}
