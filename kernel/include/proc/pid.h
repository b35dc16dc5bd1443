/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Process identifiers. A struct pid is a number's identity: it outlives the task (pidfd, waiters, F_SETOWN) and is found by number in O(1) under RCU.
 * It carries one number per pid-namespace level (level 0 is the initial one).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>
#include <lib/list.h>
#include <sync/rcu.h>
#include <sync/wait.h>

enum pid_type { PID_TID, PID_TGID, PID_PGID, PID_SID, PID_TYPES };

struct pid_namespace;

struct pid {
	struct refcount refs;
	struct list_head members[PID_TYPES]; /* tasks; tree lock to change or walk, RCU to look at the first */
	struct wait_queue wait;		/* pidfd pollers */
	struct thread *kthread;		/* the kernel thread that has this number; RCU */
	struct rcu_head rcu;
	u32 level;
	struct pid_number {
		s32 nr;
		struct pid_namespace *ns;
	} numbers[];
};

/* Allocate numbers in @ns and its ancestors; *set_tid as clone3's (may be NULL). -EAGAIN -ENOMEM -EEXIST -EINVAL. */
int pid_create(struct pid_namespace *ns, const s32 *set_tid, size_t nset, struct pid **out) MUST_CHECK;
/* Boot: the pid with number 0. It cannot be found and never goes. */
struct pid *pid_zero_init(void);
void pid_get(struct pid *p);
void pid_put(struct pid *p);
/* The numbers become free: no task, group or session has them any more. The struct lives while referenced. */
void pid_free_numbers(struct pid *p);
/* The kernel thread of this number, referenced (thread_put); NULL. */
struct thread *pid_kthread_get(struct pid *pid);
/* Number as the running task's namespace sees it; 0 if it does not. */
s32 pid_nr(const struct pid *p);
s32 pid_nr_in(const struct pid *p, const struct pid_namespace *ns);
/* By number in the running task's namespace; under rcu_read_lock; NULL. */
struct pid *pid_find_rcu(s32 nr);
struct pid *pid_find_get(s32 nr);
/* The next pid with number >= nr in the running task's namespace (for /proc), referenced; NULL. */
struct pid *pid_next_get(s32 nr);
/* The number given last; the limit of numbers (kernel.pid_max) and its change within 301..4194304: -EINVAL. Of the running task's namespace. */
s32 pid_last(void);
s32 pid_max(void);
int pid_set_max(s32 max) MUST_CHECK;
extern struct pid_namespace pid_ns_init;
struct pid_namespace *pid_ns_current(void);
