/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone(2): a new task that shares with the running one what the flags say, and copies the rest.
 *
 * Everything that can fail happens before the child is linked into the tree; from there on it exists for others.
 */
#include <io/sysv.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/sched.h>
#include <mm/policy.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include <time/clock.h>
#include <arch/trap.h>
#include <io/tty_session.h>
#include <proc/cgroup.h>
#include <proc/futex.h>
#include <proc/ns.h>
#include <proc/pidfd.h>
#include <security/seccomp.h>
#include "proc_impl.h"

static int clone_check_flags(const struct clone_params *p)
{
	u64 f = p->flags;

	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & CLONE_FS) && (f & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((f & CLONE_THREAD) && (f & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	if ((f & CLONE_CLEAR_SIGHAND) && (f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PARENT) && (READ_ONCE(task_current()->proc->flags) & PROC_INIT))
		return -EINVAL;
	if ((f & CLONE_PIDFD) && (f & CLONE_DETACHED))
		return -EINVAL;
	return 0;
}

/* Counts the child at once: of those who ask at the same time no more pass than the limit allows. Undone by clone_uncharge(). */
static int clone_charge(const struct cred *cred)
{
	u64 count = (u64)atomic64_fetch_add_relaxed(&cred->user->nprocs, 1) + 1;

	if (count <= rlimit_cur(RLIMIT_NPROC) || cred->user->uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return 0;
	atomic64_sub_relaxed(&cred->user->nprocs, 1);
	return -EAGAIN;
}

static void clone_uncharge(const struct cred *cred)
{
	atomic64_sub_relaxed(&cred->user->nprocs, 1);
}

static int clone_files(struct task *t, const struct task *me, u64 flags)
{
	int err;

	if (flags & CLONE_FILES) {
		files_get(me->files);
		t->files = me->files;
	} else {
		err = files_fork(me->files, &t->files);
		if (err)
			return err;
	}
	if (flags & CLONE_FS) {
		fs_context_get(me->fs);
		t->fs = me->fs;
	} else {
		t->fs = fs_context_fork(me->fs);
		if (!t->fs)
			return -ENOMEM;
	}
	return 0;
}

static int clone_space(struct task *t, struct task *me, u64 flags)
{
	struct vm_space *s;
	int err;

	if (flags & CLONE_VM) {
		vm_space_get_user(me->thread.space);
		t->thread.space = me->thread.space;
		return 0;
	}
	err = vm_space_fork(me->thread.space, &s);
	if (!err)
		t->thread.space = s;
	return err;
}

static struct proc *clone_proc(const struct task *me, u64 flags, s32 exit_signal)
{
	struct proc *p = proc_alloc(), *parent = me->proc;

	if (!p)
		return NULL;
	if (flags & CLONE_SIGHAND) {
		refcount_inc(&parent->sighand->refs);
		p->sighand = parent->sighand;
	} else {
		p->sighand = sighand_create(parent->sighand, flags & CLONE_CLEAR_SIGHAND);
		if (!p->sighand) {
			proc_put(p);
			return NULL;
		}
	}
	spin_lock(&parent->lock);
	memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
	spin_unlock(&parent->lock);
	p->start_boottime = clock_boottime();
	if (parent->exe) {
		file_get(parent->exe);
		p->exe = parent->exe;
	}
	p->exit_signal = exit_signal;
	p->live = 1;
	p->in_memory = 1;
	return p;
}

static void clone_task_fields(struct task *t, const struct task *me, const struct clone_params *p)
{
	cred_get(me->cred);
	t->cred = me->cred;
	t->blocked = me->blocked;
	if (!(p->flags & CLONE_VM) || (p->flags & CLONE_VFORK))
		t->altstack = me->altstack;
	else
		t->altstack.ss_flags = SS_DISABLE;
	if (p->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = p->child_tid;
	if (p->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = p->child_tid;
	if (!(p->flags & CLONE_VM)) {
		t->rseq = me->rseq;
		t->rseq_len = me->rseq_len;
		t->rseq_sig = me->rseq_sig;
		t->thread.switch_work = me->thread.switch_work;
	}
	t->timer_slack_ns = t->default_slack_ns = me->timer_slack_ns;
	t->oom_score_adj = me->oom_score_adj;
	t->ioprio = READ_ONCE(me->ioprio);
	vm_policy_get(me->thread.mempolicy);
	t->thread.mempolicy = me->thread.mempolicy;
	t->personality = me->personality;
	t->login_uid = me->login_uid;
	t->login_session = me->login_session;
	t->mce_kill = me->mce_kill;
	t->io_flusher = me->io_flusher;
	t->start_boottime = clock_boottime();
}

static int clone_frame(struct task *t, const struct clone_params *p)
{
	struct trapframe *tf = arch_trapframe(&t->thread);
	int err;

	*tf = *arch_trapframe(thread_current());
	tf_set_ret(tf, 0);
	if (!uptr_is_null(p->stack))
		tf_set_sp(tf, p->stack.va + p->stack_size);
	err = arch_thread_fork(&t->thread);
	if (!err && (p->flags & CLONE_SETTLS))
		err = arch_set_tls(&t->thread, p->tls.va);
	return err;
}

/* The child's first steps, in its own context. */
static void clone_child_start(void *arg)
{
	struct task *me = task_current();

	if (!uptr_is_null(me->set_child_tid)) {
		/* Linux ignores a bad address here as well */
		int ignored = user_store32(me->set_child_tid, (u32)task_tid(me));

		(void)ignored;
	}
}

/* Make the child visible. -ERESTARTNOINTR: a signal must be taken first, so that a kill of the group cannot miss the child. */
static int clone_link(struct task *t, struct task *me, struct proc *p, struct cgroup *cg, u64 flags, int event)
{
	struct proc *mine = me->proc;
	irqflags_t irq;
	struct sighand *s;
	int err = 0;

	spin_lock(&proc_tree_lock);
	/* what is sent to all threads from here on finds the new one, too */
	s = sighand_lock(mine, &irq);
	if (thread_signal_pending() || mine->group_exit) {
		err = -ERESTARTNOINTR;
		goto out;
	}
	t->proc = p;
	err = cgroup_fork_locked(t, cg);
	if (err) {
		t->proc = NULL;
		goto out;
	}
	ptrace_clone(t, me, event || (flags & CLONE_PTRACE));
	seccomp_fork_locked(t, me);
	if (flags & CLONE_THREAD) {
		proc_get(p);
		p->nthreads++;
		__atomic_add_fetch(&p->live, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&p->in_memory, 1, __ATOMIC_RELAXED);
		for (int type = PID_TGID; type < PID_TYPES; type++) {
			pid_get(me->pids[type]);
			t->pids[type] = me->pids[type];
		}
	} else {
		pid_get(t->pids[PID_TID]);
		p->pid = t->pids[PID_TID];
		p->leader = t;
		p->nthreads = 1;
		p->parent = flags & CLONE_PARENT ? mine->parent : mine;
		p->forker = flags & CLONE_PARENT ? mine->forker : me;
		if (flags & CLONE_PARENT)
			p->exit_signal = mine->exit_signal;
		list_add_tail(&p->sibling, &p->parent->children);
		p->tty = mine->tty;
		if (p->tty)
			tty_get(p->tty);
		task_attach_pid(t, PID_TGID, p->pid);
		task_attach_pid(t, PID_PGID, mine->leader->pids[PID_PGID]);
		task_attach_pid(t, PID_SID, mine->leader->pids[PID_SID]);
	}
	task_get(t); /* the tree's reference */
	list_add_tail_rcu(&t->thread_link, &p->threads);
	list_add_tail_rcu(&t->pid_links[PID_TID], &t->pids[PID_TID]->members[PID_TID]);
	if (flags & CLONE_THREAD)
		signal_stop_join(t, me);
out:
	sighand_unlock(s, irq);
	spin_unlock(&proc_tree_lock);
	return err;
}

/* The event that a tracer of @me is told of; 0: none. */
static int clone_event(const struct task *me, const struct clone_params *p)
{
	int event = p->flags & CLONE_VFORK	  ? PTRACE_EVENT_VFORK
		    : p->exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE
						: PTRACE_EVENT_FORK;

	return !(p->flags & CLONE_UNTRACED) && ptrace_event_is_on(me, event) ? event : 0;
}

/* Undo a child that never ran. */
static void clone_abort(struct task *t, struct proc *fresh)
{
	if (t->thread.space)
		vm_space_put_user(t->thread.space);
	if (t->files)
		files_put(t->files);
	if (t->fs)
		fs_context_put(t->fs);
	nsproxy_put(t->ns);
	sysv_exit(t);
	if (fresh)
		proc_put(fresh);
	if (t->pids[PID_TID]) {
		pid_free_numbers(t->pids[PID_TID]);
		pid_put(t->pids[PID_TID]);
	}
	vm_policy_put(t->thread.mempolicy);
	cred_put(t->cred);
	arch_thread_fini(&t->thread);
	thread_fini(&t->thread);
	task_free(t);
}

static int clone_alloc(const struct task *me, struct task **out)
{
	struct task *t = task_alloc();
	int err;

	if (!t)
		return -ENOMEM;
	err = thread_init(&t->thread, me->thread.name, task_release);
	if (err)
		task_free(t);
	else
		*out = t;
	return err;
}

static int clone_build(struct task *t, const struct clone_params *p, struct proc **out_proc)
{
	struct task *me = task_current();
	struct proc *fresh;
	int err;

	clone_task_fields(t, me, p);
	err = clone_files(t, me, p->flags);
	if (!err)
		err = sysv_clone(t, me, p->flags & CLONE_SYSVSEM);
	if (err)
		return err;
	if (!(p->flags & CLONE_THREAD)) {
		fresh = clone_proc(me, p->flags, p->exit_signal);
		if (!fresh)
			return -ENOMEM;
		*out_proc = fresh;
	}
	err = clone_space(t, me, p->flags);
	if (!err && (p->flags & CLONE_NEWIPC) && (p->flags & CLONE_SYSVSEM))
		err = -EINVAL;
	if (!err)
		err = nsproxy_copy(nsproxy_current(), p->flags, t->fs, &t->ns);
	if (err)
		return err;
	err = clone_frame(t, p);
	if (err)
		return err;
	err = pid_create(pid_ns_current(), p->set_tid, p->set_tid_size, &t->pids[PID_TID]);
	if (!err)
		t->thread.id = (u32)task_tid(t);
	return err;
}

/* A pidfd for the child, installed but announced only when nothing can fail any more. */
static int clone_pidfd(const struct clone_params *p, struct pid *pid, struct file **out_file, int *out_fd)
{
	int err, fd;

	err = pidfd_create(pid, p->flags & CLONE_THREAD ? PIDFD_THREAD_FLAG : 0, out_file);
	if (err)
		return err;
	fd = fd_reserve(0, true);
	if (fd < 0) {
		file_put(*out_file);
		return fd;
	}
	err = user_store32(p->pidfd, (u32)fd);
	if (err) {
		fd_cancel(fd);
		file_put(*out_file);
		return err;
	}
	*out_fd = fd;
	return 0;
}

/* A parent that forks with CLONE_VFORK runs again when the child has left its memory. */
static void clone_vfork_wait(struct task *t, struct completion *done, s64 nr)
{
	int err;

	cgroup_quiet_begin();
	err = completion_wait_killable(done);
	cgroup_quiet_end();
	if (!err) {
		ptrace_event(PTRACE_EVENT_VFORK_DONE, (u64)nr);
	} else {
		/* killed: the child must not complete a word of a stack that is gone */
		spin_lock(&t->alloc_lock);
		t->vfork_done = NULL;
		spin_unlock(&t->alloc_lock);
	}
}

/* Nothing can fail any more. */
static void clone_run(struct task *t, int event, struct completion *vfork_done, s64 nr)
{
	task_get(t);
	thread_start(&t->thread);
	if (unlikely(event))
		(void)ptrace_notify(SIGTRAP | event << 8, (u64)nr);
	if (vfork_done)
		clone_vfork_wait(t, vfork_done, nr);
	task_put(t);
}

s64 proc_clone(const struct clone_params *p)
{
	struct task *me = task_current(), *t;
	struct completion vfork_done;
	struct cgroup *cg = NULL;
	struct proc *fresh = NULL;
	struct file *pidfd = NULL;
	int err, fd = -1, event;
	s64 nr;

	err = clone_check_flags(p);
	if (!err)
		err = clone_charge(me->cred);
	if (err)
		return err;
	err = clone_alloc(me, &t);
	if (err)
		goto uncharge;
	err = clone_build(t, p, &fresh);
	if (!err && (p->flags & CLONE_INTO_CGROUP))
		err = cgroup_clone_target(p->cgroup, p->flags & CLONE_THREAD, &cg);
	if (err)
		goto abort;
	nr = pid_nr(t->pids[PID_TID]);
	if (p->flags & CLONE_PIDFD) {
		err = clone_pidfd(p, t->pids[PID_TID], &pidfd, &fd);
		if (err)
			goto abort;
	}
	if (p->flags & CLONE_VFORK) {
		completion_init(&vfork_done);
		t->vfork_done = &vfork_done;
	}
	if (p->flags & CLONE_PARENT_SETTID) {
		int ignored = user_store32(p->parent_tid, (u32)nr);

		(void)ignored;
	}
	arch_thread_init_user(&t->thread, clone_child_start, NULL);
	event = clone_event(me, p);
	err = clone_link(t, me, fresh ? fresh : me->proc, cg ? cg : me->cgroup, p->flags, event);
	if (err)
		goto abort_pidfd;
	if (cg)
		cgroup_put(cg);
	if (fd >= 0)
		fd_install(fd, pidfd);
	clone_run(t, event, p->flags & CLONE_VFORK ? &vfork_done : NULL, nr);
	return nr;

abort_pidfd:
	if (fd >= 0) {
		fd_cancel(fd);
		file_put(pidfd);
	}
abort:
	if (cg)
		cgroup_put(cg);
	clone_abort(t, fresh);
uncharge:
	clone_uncharge(me->cred);
	return err;
}
