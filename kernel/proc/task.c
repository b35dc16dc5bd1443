/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: how they are found, and what may be read of one that is not the running one.
 */
#include <proc/task.h>
#include <proc/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/policy.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <vfs/file.h>
#include <init/initcall.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <security/seccomp.h>
#include "proc_impl.h"

LOCK_CLASS(cpu_watches, RANK_CPU_WATCH, "what waits for CPU time of one process");
LOCK_CLASS(task_alloc, RANK_TASK_ALLOC, "what others may look up of a task: space, files, fs");
LOCK_CLASS(proc_exec, RANK_TASK_EXEC, "one execve at a time of a process, and no tracer comes meanwhile");
LOCK_CLASS(proc_limits, RANK_LEAF, "resource limits of a process");
LOCK_CLASS(proc_tree, RANK_TASK_TREE, "parents, children, threads, groups, sessions, exit state");

static struct atomic64 task_count;
struct spinlock proc_tree_lock = SPINLOCK_INIT(proc_tree);
struct task *init_task;

struct task *pid_task_rcu(struct pid *pid, enum pid_type type)
{
	struct list_head *first;

	if (!pid)
		return NULL;
	first = rcu_dereference(pid->members[type].next);
	return first == &pid->members[type] ? NULL : list_entry(first, struct task, pid_links[type]);
}

struct task *pid_task_get(struct pid *pid, enum pid_type type)
{
	struct task *t;

	rcu_read_lock();
	t = pid_task_rcu(pid, type);
	if (t && !thread_tryget(&t->thread))
		t = NULL;
	rcu_read_unlock();
	return t;
}

struct task *task_find_get(s32 nr, enum pid_type type)
{
	struct task *t;

	rcu_read_lock();
	t = pid_task_rcu(pid_find_rcu(nr), type);
	if (t && !thread_tryget(&t->thread))
		t = NULL;
	rcu_read_unlock();
	return t;
}

s32 task_tid(const struct task *t)
{
	return pid_nr(t->pids[PID_TID]);
}

s32 task_tgid(const struct task *t)
{
	return pid_nr(t->proc->pid);
}

struct vm_space *task_space_get(struct task *t)
{
	struct vm_space *s;

	spin_lock(&t->alloc_lock);
	s = t->thread.space;
	if (s)
		vm_space_get(s);
	spin_unlock(&t->alloc_lock);
	return s;
}

struct files *task_files_get(struct task *t)
{
	struct files *f;

	spin_lock(&t->alloc_lock);
	f = t->files;
	if (f)
		files_get(f);
	spin_unlock(&t->alloc_lock);
	return f;
}

struct fs_context *task_fs_get(struct task *t)
{
	struct fs_context *fs;

	spin_lock(&t->alloc_lock);
	fs = t->fs;
	if (fs)
		fs_context_get(fs);
	spin_unlock(&t->alloc_lock);
	return fs;
}

const struct cred *task_cred_get(struct task *t)
{
	const struct cred *c;

	rcu_read_lock();
	do
		c = rcu_dereference(t->cred);
	while (!refcount_inc_not_zero(&((struct cred *)c)->refs));
	rcu_read_unlock();
	return c;
}

u64 rlimit_cur(int resource)
{
	const struct task *t = task_current_or_null();

	return t ? READ_ONCE(t->proc->rlimits[resource].cur) : RLIM64_INFINITY;
}

bool task_work_add(struct task *t, struct task_work *w)
{
	struct task_work *old = READ_ONCE(t->work);

	do {
		if (old == TASK_WORK_CLOSED)
			return false;
		w->next = old;
	} while (!__atomic_compare_exchange_n(&t->work, &old, w, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	task_notify(t, UW_NOTIFY);
	return true;
}

static void task_work_run_list(struct task_work *w)
{
	struct task_work *fifo = NULL, *next;

	for (; w; w = next) {
		next = w->next;
		w->next = fifo;
		fifo = w;
	}
	for (w = fifo; w; w = next) {
		next = w->next;
		w->fn(w);
	}
}

void task_work_run(void)
{
	struct task *me = task_current();

	__atomic_and_fetch(&me->thread.user_work, ~(u32)UW_NOTIFY, __ATOMIC_SEQ_CST);
	task_work_run_list(__atomic_exchange_n(&me->work, NULL, __ATOMIC_ACQUIRE));
}

void task_work_close(void)
{
	struct task *me = task_current();
	struct task_work *w;

	/* what runs may queue more; only an empty list can be closed */
	for (;;) {
		struct task_work *empty = NULL;

		if (__atomic_compare_exchange_n(
			    &me->work, &empty, TASK_WORK_CLOSED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
		w = __atomic_exchange_n(&me->work, NULL, __ATOMIC_ACQUIRE);
		task_work_run_list(w);
	}
}

void task_notify(struct task *t, u32 work)
{
	struct thread *th = &t->thread;

	__atomic_or_fetch(&th->user_work, work, __ATOMIC_SEQ_CST);
	task_kick(t);
}

void task_kick(struct task *t)
{
	struct thread *th = &t->thread;
	unsigned cpu;

	if (th == thread_current() || !thread_is_running(th))
		return;
	preempt_disable();
	cpu = READ_ONCE(th->cpu);
	if (cpu != cpu_id())
		arch_ipi_send(cpu, IPI_RESCHED);
	preempt_enable();
}

struct task *task_alloc(void)
{
	struct task *t = kzalloc(sizeof(*t), ALLOC_SLEEP);

	if (!t)
		return NULL;
	spin_init(&t->alloc_lock, task_alloc);
	for (int i = 0; i < PID_TYPES; i++)
		list_init(&t->pid_links[i]);
	list_init(&t->thread_link);
	list_init(&t->cgroup_link);
	list_init(&t->pi_owned);
	list_init(&t->tracee_link);
	sigqueue_set_init(&t->pending);
	atomic64_add_relaxed(&task_count, 1);
	return t;
}

void task_free(struct task *t)
{
	atomic64_sub_relaxed(&task_count, 1);
	kfree(t);
}

/* thread->release: the last reference is gone, the thread is off its CPU, and nobody looks at it under RCU any more. */
void task_release(struct thread *th)
{
	struct task *t = thread_task(th);

	sigqueue_flush(&t->pending);
	vm_policy_put(th->mempolicy);
	cred_put(t->cred);
	seccomp_put(t->seccomp);
	for (int i = 0; i < PID_TYPES; i++)
		pid_put(t->pids[i]);
	if (t->proc)
		proc_put(t->proc);
	task_free(t);
}

struct task *task_current_or_null(void)
{
	struct thread *th = thread_current();

	return th->release == task_release ? thread_task(th) : NULL;
}

struct proc *proc_alloc(void)
{
	struct proc *p = kzalloc(sizeof(*p), ALLOC_SLEEP);

	if (!p)
		return NULL;
	refcount_set(&p->refs, 1);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->tracees);
	mutex_init(&p->exec_lock, proc_exec);
	list_init(&p->cpu_watches);
	spin_init(&p->cpu_lock, cpu_watches);
	wait_queue_init(&p->wait_child);
	sigqueue_set_init(&p->pending);
	spin_init(&p->lock, proc_limits);
	return p;
}

static void proc_free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct proc, rcu));
}

void proc_get(struct proc *p)
{
	refcount_inc(&p->refs);
}

void proc_put(struct proc *p)
{
	if (!refcount_dec_and_test(&p->refs))
		return;
	sigqueue_flush(&p->pending);
	if (p->sighand)
		sighand_put(p->sighand);
	if (p->exe)
		file_put(p->exe);
	pid_put(p->pid);
	kfree(p->cmdline_override);
	rcu_call(&p->rcu, proc_free_rcu);
}

u64 proc_count_threads(void)
{
	return (u64)atomic64_load_relaxed(&task_count);
}

void proc_usage_add(struct proc_usage *to, const struct proc_usage *from)
{
	to->utime_ns += from->utime_ns;
	to->stime_ns += from->stime_ns;
	to->min_flt += from->min_flt;
	to->maj_flt += from->maj_flt;
	to->nvcsw += from->nvcsw;
	to->nivcsw += from->nivcsw;
	to->inblock += from->inblock;
	to->oublock += from->oublock;
	to->maxrss_kb = max(to->maxrss_kb, from->maxrss_kb);
}

void task_usage_get(struct task *t, struct proc_usage *out)
{
	*out = (struct proc_usage){
		.min_flt = t->min_flt,
		.maj_flt = t->maj_flt,
		.nvcsw = t->thread.nr_voluntary,
		.nivcsw = t->thread.nr_involuntary,
	};
	sched_cputime(&t->thread, &out->utime_ns, &out->stime_ns);
}

void proc_usage_get_nolock(struct proc *p, struct proc_usage *out)
{
	struct proc_usage one;
	struct task *t;

	rcu_read_lock();
	*out = p->dead;
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		struct vm_space *s = READ_ONCE(t->thread.space);

		if (t->tree_exited)
			continue; /* a dead leader: counted already */
		task_usage_get(t, &one);
		proc_usage_add(out, &one);
		/* the space of another process may go at any moment; the one we run on stays */
		if (s && s == thread_current()->space)
			out->maxrss_kb = max(out->maxrss_kb, (u64)READ_ONCE(s->peak_rss) * (PAGE_SIZE / 1024));
	}
	rcu_read_unlock();
}

void proc_usage_get(struct proc *p, struct proc_usage *out)
{
	spin_lock(&proc_tree_lock);
	proc_usage_get_nolock(p, out);
	spin_unlock(&proc_tree_lock);
}

/* pivot_root: all whose root or working directory is @old. */
static void move_roots(const struct path *old, const struct path *new_root)
{
	struct fs_context *fs;
	struct pid *pid;
	struct task *t;
	s32 nr = 1;

	while ((pid = pid_next_get(nr))) {
		t = pid_task_get(pid, PID_TID);
		nr = pid_nr(pid) + 1;
		pid_put(pid);
		if (!t)
			continue;
		fs = task_fs_get(t);
		task_put(t);
		if (fs) {
			fs_context_replace(fs, old, new_root);
			fs_context_put(fs);
		}
	}
}

static int task_init(void)
{
	vfs_set_chroot_hook(move_roots);
	return 0;
}
INITCALL(task, "vfs", task_init);
