/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/{stat,statm,status}: what is collected of a task, each group of values under the lock that makes it consistent.
 */
#include "format.h"
#include "proc_fs.h"
#include <io/tty.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <security/seccomp.h>
#include <proc/cred.h>
#include <proc/signal.h>
#include <sched/sched.h>
#include <arch/context.h>
#include <arch/smp.h>
#include <arch/trap.h>

#define TASK_F_EXITING	  0x00000004u
#define TASK_F_FORKNOEXEC 0x00000040u
#define TASK_F_KTHREAD	  0x00200000u

static char task_state(const struct task *t)
{
	if (t->tree_exited)
		return READ_ONCE(t->proc->state) == PROC_REAPED ? 'X' : 'Z';
	switch (READ_ONCE(t->thread.state)) {
	case THREAD_SLEEP_INTR: return 'S';
	case THREAD_SLEEP_KILL:
	case THREAD_SLEEP_UNINTR: return 'D';
	case THREAD_STOPPED: return READ_ONCE(t->jobctl) & JOBCTL_TRACED ? 't' : 'T';
	case THREAD_DEAD: return 'Z';
	default: return 'R';
	}
}

/* Places in the tree. */
struct kinship {
	s32 tgid, ppid, pgrp, session, tty_nr, tpgid, tracer;
	u32 nthreads;
	s32 exit_signal;
};

static void get_kinship(struct task *t, struct kinship *k)
{
	struct proc *p = t->proc;

	spin_lock(&proc_tree_lock);
	k->tgid = pid_nr(p->pid);
	k->ppid = p->parent ? pid_nr(p->parent->pid) : 0;
	k->pgrp = pid_nr(t->pids[PID_PGID]);
	k->session = pid_nr(t->pids[PID_SID]);
	k->nthreads = p->nthreads;
	k->exit_signal = p->leader == t ? p->exit_signal : -1;
	k->tracer = t->tracer ? pid_nr(t->tracer->pids[PID_TID]) : 0;
	k->tty_nr = 0;
	k->tpgid = -1;
	if (p->tty) {
		k->tty_nr = (s32)p->tty->rdev;
		k->tpgid = p->tty->pgrp ? pid_nr(p->tty->pgrp) : -1;
	}
	spin_unlock(&proc_tree_lock);
}

struct signal_sets {
	u64 pending, shared, blocked, ignored, caught;
};

static void get_signals(struct task *t, struct signal_sets *s)
{
	irqflags_t flags;
	struct sighand *h = sighand_lock(t->proc, &flags);

	*s = (struct signal_sets){.pending = t->pending.mask, .shared = t->proc->pending.mask, .blocked = t->blocked};
	for (int i = 0; i < SIG_MAX; i++) {
		if (h->action[i].handler == (u64)SIG_IGN)
			s->ignored |= SIGMASK(i + 1);
		else if (h->action[i].handler != (u64)SIG_DFL)
			s->caught |= SIGMASK(i + 1);
	}
	sighand_unlock(h, flags);
}

static void put_sched(struct task *t, struct stat_fields *f)
{
	struct sched_params sp;

	sched_get_params(&t->thread, &sp);
	f->nice = sp.nice;
	f->policy = (u32)sp.policy;
	f->rt_priority = sp.rt_prio;
	f->priority = 20 + sp.nice;
	if (sp.rt_prio)
		f->priority = -1 - (s64)sp.rt_prio;
	else if (sp.dl_period || sp.dl_deadline)
		f->priority = -101;
	f->processor = (s32)READ_ONCE(t->thread.cpu);
}

static void put_usage(struct task *t, bool whole, struct stat_fields *f)
{
	struct proc_usage u, children;
	struct proc *p = t->proc;
	irqflags_t flags;
	struct sighand *h;

	if (whole)
		proc_usage_get(p, &u);
	else
		task_usage_get(t, &u);
	h = sighand_lock(p, &flags);
	children = p->children_usage;
	sighand_unlock(h, flags);
	f->minflt = u.min_flt;
	f->majflt = u.maj_flt;
	f->utime = u.utime_ns / NS_PER_TICK;
	f->stime = u.stime_ns / NS_PER_TICK;
	f->cminflt = children.min_flt;
	f->cmajflt = children.maj_flt;
	f->cutime = (s64)(children.utime_ns / NS_PER_TICK);
	f->cstime = (s64)(children.stime_ns / NS_PER_TICK);
}

/* Addresses only for who may look into the task. */
static void put_space(struct task *t, bool permitted, struct stat_fields *f)
{
	struct vm_space *s = task_space_get(t);
	struct vm_rss rss;
	s64 peak;

	if (!s)
		return;
	vm_space_rss(s, &rss, &peak);
	f->vsize = READ_ONCE(s->total_pages) * PAGE_SIZE;
	f->rss = (u64)(rss.anon + rss.file + rss.shmem);
	f->startcode = permitted ? s->code_start : 1;
	f->endcode = permitted ? s->code_end : 1;
	if (permitted) {
		f->startstack = s->stack_top;
		f->start_data = s->data_start;
		f->end_data = s->data_end;
		f->start_brk = s->brk_start;
		f->arg_start = s->arg_start;
		f->arg_end = s->arg_end;
		f->env_start = s->env_start;
		f->env_end = s->env_end;
	}
	vm_space_put(s);
}

static int show_stat(struct pseudo_text *text, bool whole)
{
	struct task *t = text->task;
	struct stat_fields f = {.pid = pid_nr(text->pid), .state = task_state(t)};
	bool permitted = ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS) == 0;
	char comm[sizeof(t->thread.name)];
	struct signal_sets sig;
	struct kinship k;

	strscpy(comm, t->thread.name, sizeof(comm));
	f.comm = comm;
	get_kinship(t, &k);
	f.ppid = k.ppid;
	f.pgrp = k.pgrp;
	f.session = k.session;
	f.tty_nr = k.tty_nr;
	f.tpgid = k.tpgid;
	f.num_threads = k.nthreads;
	f.exit_signal = k.exit_signal;
	get_signals(t, &sig);
	f.pending = sig.pending;
	f.blocked = sig.blocked;
	f.sigignore = sig.ignored;
	f.sigcatch = sig.caught;
	f.flags = (t->exiting ? TASK_F_EXITING : 0) | (t->did_exec ? 0 : TASK_F_FORKNOEXEC) | (t->is_kthread ? TASK_F_KTHREAD : 0);
	put_usage(t, whole, &f);
	put_sched(t, &f);
	put_space(t, permitted, &f);
	f.starttime = t->start_boottime / NS_PER_TICK;
	f.rsslim = READ_ONCE(t->proc->rlimits[RLIMIT_RSS].cur);
	f.wchan = permitted && f.state != 'R';
	f.exit_code = permitted ? (t->tree_exited ? t->exit_code : 0) : 0;
	proc_format_stat(&text->sb, &f);
	return 0;
}

int proc_show_stat(struct pseudo_text *t)
{
	return show_stat(t, true);
}

int proc_show_thread_stat(struct pseudo_text *t)
{
	return show_stat(t, false);
}

int proc_show_statm(struct pseudo_text *text)
{
	struct vm_space *s = task_space_get(text->task);
	struct vm_rss rss = {0};
	u64 size = 0, code = 0, data = 0;
	s64 peak;

	if (s) {
		vm_space_rss(s, &rss, &peak);
		size = READ_ONCE(s->total_pages);
		code = (align_up(s->code_end, PAGE_SIZE) - align_down(s->code_start, PAGE_SIZE)) / PAGE_SIZE;
		data = READ_ONCE(s->data_pages) + READ_ONCE(s->stack_pages);
		vm_space_put(s);
	}
	strbuf_printf(&text->sb, "%llu %lld %lld %llu 0 %llu 0\n", size, rss.anon + rss.file + rss.shmem, rss.file + rss.shmem, code, data);
	return 0;
}

static void get_mem(struct vm_space *s, struct status_mem *m)
{
	const u64 kib = PAGE_SIZE / 1024;
	struct vm_rss rss;
	s64 peak;
	u64 code = align_up(s->code_end, PAGE_SIZE) - align_down(s->code_start, PAGE_SIZE);

	vm_space_rss(s, &rss, &peak);
	m->peak = READ_ONCE(s->peak_total) * kib;
	m->size = READ_ONCE(s->total_pages) * kib;
	m->lck = READ_ONCE(s->locked_pages) * kib;
	m->hwm = (u64)peak * kib;
	m->anon = (u64)rss.anon * kib;
	m->file = (u64)rss.file * kib;
	m->shmem = (u64)rss.shmem * kib;
	m->rss = m->anon + m->file + m->shmem;
	m->data = READ_ONCE(s->data_pages) * kib;
	m->stk = READ_ONCE(s->stack_pages) * kib;
	m->exe = min(code / 1024, READ_ONCE(s->exec_pages) * kib);
	m->lib = READ_ONCE(s->exec_pages) * kib - m->exe;
	m->pte = vm_space_tables(s) * kib;
	m->hugetlb = (u64)rss.hugetlb * kib;
}

static u32 count_fdsize(struct task *t)
{
	struct files *files = task_files_get(t);
	int last = -1;

	if (!files)
		return 0;
	for (int fd = 0; (fd = files_next(files, fd)) >= 0; fd++)
		last = fd;
	files_put(files);
	return align_up((u32)(last + 1), 64u) ?: 64;
}

static void put_ids(const struct cred *c, struct status_fields *f)
{
	f->uid[0] = c->uid;
	f->uid[1] = c->euid;
	f->uid[2] = c->suid;
	f->uid[3] = c->fsuid;
	f->gid[0] = c->gid;
	f->gid[1] = c->egid;
	f->gid[2] = c->sgid;
	f->gid[3] = c->fsgid;
	f->groups = c->groups;
	f->ngroups = c->ngroups;
	f->cap_inh = c->cap_inheritable;
	f->cap_prm = c->cap_permitted;
	f->cap_eff = c->cap_effective;
	f->cap_bnd = c->cap_bset;
	f->cap_amb = c->cap_ambient;
		f->sigq = (u64)atomic64_load_relaxed(&c->user->nsigpending);
}

static void put_tree_and_signals(struct task *t, struct status_fields *f)
{
	struct signal_sets sig;
	struct kinship k;

	get_kinship(t, &k);
	f->tgid = k.tgid;
	f->ppid = k.ppid;
	f->tracer = k.tracer;
	f->pgrp = k.pgrp;
	f->session = k.session;
	f->threads = k.nthreads;
	get_signals(t, &sig);
	f->pending = sig.pending;
	f->shared_pending = sig.shared;
	f->blocked = sig.blocked;
	f->ignored = sig.ignored;
	f->caught = sig.caught;
	f->sigq_limit = READ_ONCE(t->proc->rlimits[RLIMIT_SIGPENDING].cur);
}

int proc_show_status(struct pseudo_text *text)
{
	struct task *t = text->task;
	struct status_fields f = {.pid = pid_nr(text->pid), .state = task_state(t), .is_kthread = t->is_kthread};
	const struct cred *c = task_cred_get(t);
	struct vm_space *s = task_space_get(t);
	struct fs_context *fs = task_fs_get(t);
	char comm[sizeof(t->thread.name)];
	struct cpumask allowed;

	strscpy(comm, t->thread.name, sizeof(comm));
	f.comm = comm;
	put_ids(c, &f);
	put_tree_and_signals(t, &f);
	if (fs) {
		f.has_umask = true;
		f.umask = READ_ONCE(fs->umask);
		fs_context_put(fs);
	}
	if (s) {
		f.has_mem = true;
		f.core_dumping = READ_ONCE(t->proc->flags) & PROC_COREDUMP;
		get_mem(s, &f.mem);
		vm_space_put(s);
	}
	f.fdsize = count_fdsize(t);
	f.no_new_privs = READ_ONCE(t->no_new_privs);
	f.seccomp = READ_ONCE(t->seccomp_mode);
	f.seccomp_filters = seccomp_count(t);
	sched_get_affinity(&t->thread, &allowed);
	f.cpus = allowed.bits;
	f.ncpus = cpu_count();
	f.voluntary = READ_ONCE(t->thread.nr_voluntary);
	f.involuntary = READ_ONCE(t->thread.nr_involuntary);
	proc_format_status(&text->sb, &f);
	cred_put(c);
	return 0;
}
