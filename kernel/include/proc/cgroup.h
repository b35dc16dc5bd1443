/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Control groups (the hierarchy of cgroup2): every task is in one, a child in its parent's. What they are and who locks what: kernel/proc/cgroup_impl.h.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct cgroup;
struct file;
struct strbuf;
struct task;

/*
 * A task's life; proc_tree_lock held. _fork puts @t into @cg, which is not removed (-ENODEV) and may take one more in it (-EAGAIN: pids.max); with it
 * come what the group says: a frozen one's new tasks stop before their first instruction. _exit: it runs no more. _release: nobody waits for it any more.
 */
int cgroup_fork_locked(struct task *t, struct cgroup *cg) MUST_CHECK;
void cgroup_exit_locked(struct task *t);
void cgroup_release_locked(struct task *t);
/* The first task's: it is put into the root. */
void cgroup_boot_locked(struct task *t);

/*
 * CLONE_INTO_CGROUP: the group whose directory is open as @fd, if the running task may put its child there (@thread: a thread of its own). A reference.
 * -EBADF -ENODEV -EACCES -EBUSY -EOPNOTSUPP
 */
int cgroup_clone_target(int fd, bool thread, struct cgroup **out) MUST_CHECK;
void cgroup_put(struct cgroup *cg); /* any context */

/* /proc/PID/cgroup, without the line's end. */
void cgroup_put_path(struct strbuf *sb, struct task *t);

/*
 * Freezing. A thread with JOBCTL_FREEZE stops on its way to user mode: cgroup_freeze_here, no locks, returns when it is thawed or killed. Between
 * _quiet_begin and _quiet_end it counts as frozen where it is (own thread: a stop, a parent that waits for vfork's child).
 */
void cgroup_freeze_here(void);
void cgroup_quiet_begin(void);
void cgroup_quiet_end(void);
