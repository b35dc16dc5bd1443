/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits, usage, and what the machine is: prlimit, getrusage, times, sysinfo, uname.
 */
#include <linux/syscall.h>
#include <linux/personality.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/times.h>
#include <linux/utsname.h>
#include <arch/elf.h>
#include <arch/smp.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <proc/uts.h>
#include <sched/sched.h>
#include <time/clock.h>
#include <vfs/fdtable.h>
#include "syscalls.h"

#define USER_HZ	     100
#define NS_PER_TICK  (1000000000 / USER_HZ)

static int MUST_CHECK limit_get(struct proc *p, unsigned res, struct rlimit64 *out)
{
	if (res >= RLIM_NLIMITS)
		return -EINVAL;
	res = index_nospec(res, RLIM_NLIMITS);
	spin_lock(&p->lock);
	out->rlim_cur = p->rlimits[res].cur;
	out->rlim_max = p->rlimits[res].max;
	spin_unlock(&p->lock);
	return 0;
}

static int MUST_CHECK limit_set(struct proc *p, unsigned res, const struct rlimit64 *lim)
{
	bool raise_ok = capable(CAP_SYS_RESOURCE);
	int err = 0;

	if (res >= RLIM_NLIMITS || lim->rlim_cur > lim->rlim_max)
		return -EINVAL;
	if (res == RLIMIT_NOFILE && lim->rlim_max > READ_ONCE(vfs_nr_open))
		return -EPERM;
	res = index_nospec(res, RLIM_NLIMITS);
	spin_lock(&p->lock);
	if (lim->rlim_max > p->rlimits[res].max && !raise_ok) {
		err = -EPERM;
	} else {
		p->rlimits[res].cur = lim->rlim_cur;
		p->rlimits[res].max = lim->rlim_max;
	}
	spin_unlock(&p->lock);
	if (!err && res == RLIMIT_CPU)
		cpu_limit_changed(p);
	return err;
}

SYSCALL2(getrlimit, unsigned, res, struct uptr, ulim)
{
	struct rlimit64 lim;
	int err = limit_get(task_current()->proc, res, &lim);

	return err ? err : copy_to_user(ulim, &lim, sizeof(lim));
}

SYSCALL2(setrlimit, unsigned, res, struct uptr, ulim)
{
	struct rlimit64 lim;

	if (copy_from_user(&lim, ulim, sizeof(lim)))
		return -EFAULT;
	return limit_set(task_current()->proc, res, &lim);
}

/* May the caller change another process's limits? Same real, effective and saved ids, or the capability. */
static bool prlimit_allowed(struct task *t)
{
	const struct cred *me = cred_current(), *c;
	bool ok;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	ok = me->uid == c->euid && me->uid == c->suid && me->uid == c->uid && me->gid == c->egid && me->gid == c->sgid &&
	     me->gid == c->gid;
	rcu_read_unlock();
	return ok || capable(CAP_SYS_RESOURCE);
}

SYSCALL4(prlimit64, s32, pid, unsigned, res, struct uptr, unew, struct uptr, uold)
{
	struct rlimit64 lim, old;
	struct task *t = task_current();
	int err;

	if (!uptr_is_null(unew) && copy_from_user(&lim, unew, sizeof(lim)))
		return -EFAULT;
	if (pid) {
		t = task_find_get(pid, PID_TID);
		if (!t)
			return -ESRCH;
	} else {
		task_get(t);
	}
	err = t->proc == task_current()->proc || prlimit_allowed(t) ? 0 : -EPERM;
	if (!err)
		err = limit_get(t->proc, res, &old);
	if (!err && !uptr_is_null(unew))
		err = limit_set(t->proc, res, &lim);
	task_put(t);
	if (!err && !uptr_is_null(uold))
		err = copy_to_user(uold, &old, sizeof(old));
	return err;
}

static struct __kernel_old_timeval to_timeval(u64 ns)
{
	return (struct __kernel_old_timeval){.tv_sec = (long)(ns / 1000000000), .tv_usec = (long)(ns / 1000 % 1000000)};
}

int rusage_to_user(struct uptr p, const struct proc_usage *u)
{
	struct rusage r;

	memset(&r, 0, sizeof(r));
	r.ru_utime = to_timeval(u->utime_ns);
	r.ru_stime = to_timeval(u->stime_ns);
	r.ru_maxrss = (long)u->maxrss_kb;
	r.ru_minflt = (long)u->min_flt;
	r.ru_majflt = (long)u->maj_flt;
	r.ru_inblock = (long)u->inblock;
	r.ru_oublock = (long)u->oublock;
	r.ru_nvcsw = (long)u->nvcsw;
	r.ru_nivcsw = (long)u->nivcsw;
	return copy_to_user(p, &r, sizeof(r));
}

static void children_usage(struct proc *p, struct proc_usage *out)
{
	spin_lock(&proc_tree_lock);
	*out = p->children_usage;
	spin_unlock(&proc_tree_lock);
}

SYSCALL2(getrusage, int, who, struct uptr, uru)
{
	struct task *me = task_current();
	struct proc_usage u;

	switch (who) {
	case RUSAGE_SELF: proc_usage_get(me->proc, &u); break;
	case RUSAGE_CHILDREN: children_usage(me->proc, &u); break;
	case RUSAGE_THREAD:
		task_usage_get(me, &u);
		u.maxrss_kb = (u64)READ_ONCE(me->thread.space->peak_rss) * (PAGE_SIZE / 1024);
		break;
	default: return -EINVAL;
	}
	return rusage_to_user(uru, &u);
}

SYSCALL1(times, struct uptr, utms)
{
	struct proc *p = task_current()->proc;
	struct proc_usage self, kids;
	struct tms t;

	if (!uptr_is_null(utms)) {
		proc_usage_get(p, &self);
		children_usage(p, &kids);
		t.tms_utime = (long)(self.utime_ns / NS_PER_TICK);
		t.tms_stime = (long)(self.stime_ns / NS_PER_TICK);
		t.tms_cutime = (long)(kids.utime_ns / NS_PER_TICK);
		t.tms_cstime = (long)(kids.stime_ns / NS_PER_TICK);
		if (copy_to_user(utms, &t, sizeof(t)))
			return -EFAULT;
	}
	/* a count of ticks from an arbitrary start, as Linux has it: it may look like an error, and libc knows */
	return (s64)(clock_monotonic() / NS_PER_TICK);
}

SYSCALL1(sysinfo, struct uptr, uinfo)
{
	struct sysinfo info;
	struct page_stats st;
	u64 load[3];

	memset(&info, 0, sizeof(info));
	page_stats(&st);
	sched_loadavg(load);
	info.uptime = (long)DIV_ROUND_UP(clock_boottime(), 1000000000) /* one second from the start, as Linux */;
	for (int i = 0; i < 3; i++)
		info.loads[i] = load[i];
	info.totalram = st.total * PAGE_SIZE;
	info.freeram = st.free * PAGE_SIZE;
	info.sharedram = st.by_kind[PAGE_CACHE] * PAGE_SIZE;
	info.procs = (u16)proc_count_threads();
	info.mem_unit = 1;
	return copy_to_user(uinfo, &info, sizeof(info));
}

/* For programs that cannot count beyond Linux 2.6: 6.12 is 2.6.72 [man personality(2)]. */
static void release_as_2_6(char release[__NEW_UTS_LEN + 1])
{
	char old[__NEW_UTS_LEN + 1];
	const char *rest = old;
	u64 minor = 0;

	memcpy(old, release, sizeof(old));
	for (unsigned dots = 0; *rest == '.' || (*rest >= '0' && *rest <= '9'); rest++) {
		if (*rest == '.' && ++dots == 3)
			break;
		if (*rest == '.')
			continue;
		if (dots == 1)
			minor = minor * 10 + (u64)(*rest - '0');
	}
	snprintf(release, sizeof(old), "2.6.%llu%s", minor + 60, rest);
}

SYSCALL1(uname, struct uptr, ubuf)
{
	struct new_utsname n;

	uts_read(&n);
	if (task_current()->personality & UNAME26)
		release_as_2_6(n.release);
	return copy_to_user(ubuf, &n, sizeof(n));
}

static s64 set_name(struct uptr uname, int len, bool domain)
{
	char name[__NEW_UTS_LEN + 1];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, uname, (size_t)len))
		return -EFAULT;
	name[len] = 0;
	uts_write(domain, name, (size_t)len);
	return 0;
}

SYSCALL2(sethostname, struct uptr, name, int, len)
{
	return set_name(name, len, false);
}

SYSCALL2(setdomainname, struct uptr, name, int, len)
{
	return set_name(name, len, true);
}

SYSCALL3(getcpu, struct uptr, ucpu, struct uptr, unode, struct uptr, unused)
{
	unsigned cpu = cpu_id();

	if (!uptr_is_null(ucpu) && user_store32(ucpu, cpu))
		return -EFAULT;
	if (!uptr_is_null(unode) && user_store32(unode, cpu_node(cpu)))
		return -EFAULT;
	return 0;
}
