/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Core dumps: holding the process still, and where the dump goes.
 *
 * The thread that dies writes the dump. It begins a group exit, as any fatal signal does, with PROC_COREDUMP in proc->flags; the other threads, on
 * their way out, pass a point before they give anything up (coredump_pass). Two bits of task->core_state, changed atomically, say who was first there:
 * CORE_COUNTED, set by the dumper while the other is not, makes the thread park, and proc->core_wait counts those still to come; a thread with
 * CORE_PASSED alone is not waited for. Parked threads are off their CPUs, with their registers where ptrace(2) finds them. While
 * PROC_COREDUMP is set the process takes no signal but SIGKILL, which ends the dump: every wait of the writer is killable.
 *
 * A file is made with the rights of the process; what may be read by root only (fs.suid_dumpable 2) by root, under an absolute name. A program named by
 * core_pattern is started as a child of process 1, as root, with the dump as its standard input.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <debug/log.h>
#include <io/pipe.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/pidfd.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include "core_impl.h"

int core_pipe_limit;
int suid_dumpable = DUMPABLE_NOT;
static u32 dumps_by_pipe;

/* ---- the process stands still ---- */

void coredump_pass(struct task *me)
{
	struct proc *p = me->proc;

	if (likely(!(__atomic_fetch_or(&me->core_state, CORE_PASSED, __ATOMIC_ACQ_REL) & CORE_COUNTED)))
		return;
	if (!__atomic_sub_fetch(&p->core_wait, 1, __ATOMIC_ACQ_REL))
		wait_wake_all(&p->wait_child);
	wait_event(&p->wait_child, !(LOAD_ACQUIRE(p->flags) & PROC_COREDUMP));
}

/* The others die, but not quite. -EAGAIN: the process ends already. */
static int hold_others(int signo)
{
	struct task *me = task_current(), *t;
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	if (p->group_exit || p->exec_task) {
		sighand_unlock(s, flags);
		return -EAGAIN;
	}
	p->group_exit = true;
	p->group_exit_code = signo;
	p->flags |= PROC_COREDUMP;
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		u32 none = 0;

		if (t == me)
			continue;
		__atomic_add_fetch(&p->core_wait, 1, __ATOMIC_RELAXED);
		if (!__atomic_compare_exchange_n(&t->core_state, &none, CORE_COUNTED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			__atomic_sub_fetch(&p->core_wait, 1, __ATOMIC_RELAXED);
	}
	proc_kill_other_threads(p, me);
	me->jobctl &= ~(u32)JOBCTL_PENDING;
	/* what was pending is no reason not to sleep */
	__atomic_and_fetch(&me->thread.user_work, ~(u32)UW_SIGNAL, __ATOMIC_SEQ_CST);
	sighand_unlock(s, flags);
	wait_event(&p->wait_child, !LOAD_ACQUIRE(p->core_wait));
	return 0;
}

static void release_others(bool dumped)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	if (dumped && !(me->pending.mask & SIGMASK(SIGKILL)))
		p->group_exit_code |= 0x80;
	STORE_RELEASE(p->flags, p->flags & ~(u32)PROC_COREDUMP);
	sighand_unlock(s, flags);
	wait_wake_all(&p->wait_child);
}

/* ---- a file ---- */

static int check_file(const struct file *f)
{
	const struct inode *inode = f->inode;

	if (!S_ISREG(inode->mode) || inode->nlink != 1 || inode->uid != cred_current()->fsuid || (inode->mode & 0677) != 0600)
		return -EPERM;
	return 0;
}

static int make_file(const char *filename, bool replace, struct file **out)
{
	struct path_name *name;
	int err = path_name_kernel(filename, &name);

	if (err)
		return err;
	if (replace) {
		int ignored = vfs_unlinkat(AT_FDCWD, name); /* most often there is none */

		(void)ignored;
	}
	err = file_open(AT_FDCWD, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_LARGEFILE, 0600, 0, out);
	path_name_put(name);
	if (!err && check_file(*out)) {
		file_put(*out);
		err = -EPERM;
	}
	return err;
}

/* For root only: with root's rights as far as files go, and the first root directory. */
static int make_file_as_root(const char *filename, struct file **out)
{
	struct task *me = task_current();
	struct cred *c = cred_copy(me->cred), *back = cred_copy(me->cred);
	struct fs_context *fs = fs_context_fork(NULL), *own = me->fs;
	int err = -ENOMEM;

	if (c && back && fs) {
		c->fsuid = 0;
		cred_commit(c);
		c = NULL;
		spin_lock(&me->alloc_lock);
		me->fs = fs;
		spin_unlock(&me->alloc_lock);
		err = make_file(filename, false, out);
		spin_lock(&me->alloc_lock);
		me->fs = own;
		spin_unlock(&me->alloc_lock);
		cred_commit(back);
		back = NULL;
	}
	if (c)
		cred_put(c);
	if (back)
		cred_put(back);
	if (fs)
		fs_context_put(fs);
	return err;
}

static bool dump_to_file(struct core *c, const char *filename)
{
	int err;

	if (c->limit < PAGE_SIZE)
		return false;
	if (c->dumpable == DUMPABLE_ROOT) {
		if (filename[0] != '/') {
			klog(LOG_WARN, "core: %s[%d] can only be dumped to an absolute path", thread_current()->name,
				task_tgid(task_current()));
			return false;
		}
		err = make_file_as_root(filename, &c->file);
	} else {
		err = make_file(filename, true, &c->file);
	}
	if (err)
		return false;
	(void)core_write(c);
	file_put(c->file);
	return true;
}

/* ---- a program ---- */

static bool dump_to_program(struct core *c, struct core_name *name)
{
	u32 running = __atomic_add_fetch(&dumps_by_pipe, 1, __ATOMIC_RELAXED);
	s32 limit = READ_ONCE(core_pipe_limit);
	struct file *in = NULL;
	struct pid *pid = NULL;
	bool dumped = false;
	int err = -EAGAIN;

	/* a limit of 1 is that of such a program itself: its own end is not handed to another */
	if (c->limit != 1 && !(limit > 0 && running > (u32)limit))
		err = pipe_create_files(0, &in, &c->file);
	if (!err) {
		c->is_pipe = true;
		c->limit = ~0ull;
		err = proc_run_helper(name->argv, in, &pid);
		file_put(in);
		if (!err) {
			(void)core_write(c);
			dumped = true;
		}
		file_put_sync(c->file);
	}
	/* with a limit the process stays, to be looked at in /proc, until the program has ended */
	if (!err && limit > 0 && wait_event_killable(&pid->wait, pidfd_is_over(pid, false)))
		dumped = false;
	pid_put(pid);
	if (err)
		klog(LOG_WARN, "core: %s[%d]: |%s: error %d", thread_current()->name, task_tgid(task_current()), name->argv[0], err);
	__atomic_sub_fetch(&dumps_by_pipe, 1, __ATOMIC_RELAXED);
	return dumped;
}

/* Most processes have a limit of 0 and leave a file, that is, nothing. */
static bool is_wanted(const struct core *c)
{
	return c->dumpable && (READ_ONCE(core_pattern[0]) == '|' || c->limit >= PAGE_SIZE);
}

void coredump(const siginfo_t *info)
{
	struct vm_space *space = thread_current()->space;
	struct core c = {.info = info, .limit = rlimit_cur(RLIMIT_CORE), .dumpable = space ? READ_ONCE(space->dumpable) : 0};
	struct core_name *name;
	bool dumped = false;

	if (!is_wanted(&c) || hold_others(info->si_signo))
		return;
	name = kzalloc(sizeof(*name), ALLOC_SLEEP);
	if (name && !core_name_make(name, &c))
		dumped = name->is_pipe ? dump_to_program(&c, name) : dump_to_file(&c, name->buf);
	kfree(name);
	release_others(dumped);
}
