/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unshare(2), setns(2).
 */
#include <linux/syscall.h>
#include <io/sysv.h>
#include <linux/sched.h>
#include <proc/cred.h>
#include <proc/ns.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/namei.h>

#define UNSHARE_FLAGS                                                                                                          \
	(CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | NS_CLONE_FLAGS)

static bool single_threaded(const struct task *me)
{
	return READ_ONCE(me->proc->nthreads) == 1;
}

/* What cannot be unshared may be asked for if nobody shares it. */
static int check_flags(const struct task *me, u64 flags)
{
	if (flags & ~(u64)UNSHARE_FLAGS)
		return -EINVAL;
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && !single_threaded(me))
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) && refcount_read(&me->proc->sighand->refs) > 1)
		return -EINVAL;
	return 0;
}

/* Everything new is made before anything is changed. */
struct fresh {
	struct fs_context *fs;
	struct files *files;
	struct nsproxy *ns;
};

static int make_fresh(const struct task *me, u64 flags, struct fresh *f)
{
	int err = 0;

	if ((flags & CLONE_FS) && READ_ONCE(me->fs->refs) > 1) {
		f->fs = fs_context_fork(me->fs);
		if (!f->fs)
			return -ENOMEM;
	}
	if ((flags & CLONE_FILES) && files_is_shared(me->files))
		err = files_fork(me->files, &f->files);
	if (!err && (flags & NS_CLONE_FLAGS))
		err = nsproxy_copy(nsproxy_current(), flags, f->fs ? f->fs : me->fs, &f->ns);
	return err;
}

/* The task takes what is there, and *f is what it had. */
static void take_fresh(struct task *me, struct fresh *f)
{
	spin_lock(&me->alloc_lock);
	if (f->fs)
		swap(me->fs, f->fs);
	if (f->files)
		swap(me->files, f->files);
	spin_unlock(&me->alloc_lock);
	if (f->ns)
		nsproxy_switch(f->ns);
	f->ns = NULL;
}

SYSCALL1(unshare, u64, flags)
{
	struct fresh f = {NULL, NULL, NULL};
	struct task *me = task_current();
	int err;

	if (flags & CLONE_NEWUSER)
		flags |= CLONE_THREAD | CLONE_FS;
	if (flags & CLONE_VM)
		flags |= CLONE_SIGHAND;
	if (flags & CLONE_SIGHAND)
		flags |= CLONE_THREAD;
	if (flags & CLONE_NEWNS)
		flags |= CLONE_FS;
	err = check_flags(me, flags);
	if (err)
		return err;
	err = make_fresh(me, flags, &f);
	if (!err) {
		if (flags & (CLONE_NEWIPC | CLONE_SYSVSEM))
			sysv_exit(me);
		take_fresh(me, &f);
	}
	if (f.fs)
		fs_context_put(f.fs);
	if (f.files)
		files_put(f.files);
	return err;
}

static int enter_of_file(struct ns *ns, int flags)
{
	if (flags && ns->type->flag != (u32)flags)
		return -EINVAL;
	return nsproxy_enter(&ns, 1);
}

/* Those of a task's namespaces that @flags name. */
static int enter_of_task(struct pid *pid, int flags)
{
	struct ns *list[NS_KINDS];
	struct task *t;
	size_t n = 0;
	int err;

	if (!flags || (flags & ~NS_CLONE_FLAGS))
		return -EINVAL;
	t = pid_task_get(pid, PID_TID);
	if (!t)
		return -ESRCH;
	err = ptrace_may_access(t, PTRACE_READ | PTRACE_REALCREDS) ? -EPERM : 0;
	for (unsigned i = 0; i < NS_KINDS && !err; i++) {
		struct ns *ns = task_ns_get(t, (enum ns_kind)i);

		if (!ns)
			err = -ESRCH;
		else if (ns->type->flag & (u32)flags)
			list[n++] = ns;
		else
			ns_put(ns);
	}
	task_put(t);
	if (!err)
		err = nsproxy_enter(list, n);
	while (n)
		ns_put(list[--n]);
	return err;
}

SYSCALL2(setns, int, fd, int, flags)
{
	struct fd_ref r = fd_get(fd);
	unsigned pidfd_flags;
	struct pid *pid;
	struct ns *ns;
	int err;

	if (!r.file)
		return -EBADF;
	ns = nsfs_file_ns(r.file);
	if (ns) {
		err = enter_of_file(ns, flags);
	} else if (pidfd_get(fd, &pid, &pidfd_flags) == 0) {
		err = enter_of_task(pid, flags);
		pid_put(pid);
	} else {
		err = -EINVAL;
	}
	fd_put(r);
	return err;
}
