/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of kernel threads, so that they are listed where processes are. They have no task: nothing can be sent to them or asked of them but what /proc shows.
 */
#include <init/initcall.h>
#include <mm/slab.h>
#include <proc/pid.h>
#include <sched/thread.h>
#include <sync/rcu.h>

struct thread *pid_kthread_get(struct pid *pid)
{
	struct thread *t;

	rcu_read_lock();
	t = rcu_dereference(pid->kthread);
	if (t && !thread_tryget(t))
		t = NULL;
	rcu_read_unlock();
	return t;
}

/* Without a number, for want of memory, a thread is not listed. */
static void give_number(struct thread *t)
{
	struct pid *pid;
	u32 none = 0;

	if (t->id || pid_create(&pid_ns_init, NULL, 0, &pid))
		return;
	if (__atomic_compare_exchange_n(&t->id, &none, (u32)pid_nr_in(pid, &pid_ns_init), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		rcu_assign_pointer(pid->kthread, t);
	} else { /* its creator was faster */
		pid_free_numbers(pid);
		pid_put(pid);
	}
}

static void watch(struct thread *t, bool ends)
{
	struct pid *pid;

	if (!ends) {
		give_number(t);
		return;
	}
	pid = t->id ? pid_find_get((s32)t->id) : NULL;
	if (!pid)
		return;
	rcu_assign_pointer(pid->kthread, (struct thread *)NULL);
	pid_free_numbers(pid);
	pid_put(pid);
	pid_put(pid); /* the thread's own */
}

struct unnumbered {
	struct thread *found;
	const char *name; /* only this one; NULL: any */
};

/* A kernel thread has no number and no address space; process 1, which has neither yet when this runs, has started as a task: its number is 1. */
static bool find_unnumbered(struct thread *t, void *arg)
{
	struct unnumbered *u = arg;

	if (t->id || (u->name && __builtin_strcmp(t->name, u->name)) || !thread_tryget(t))
		return true;
	u->found = t;
	return false;
}

static void number_all(const char *name)
{
	for (;;) {
		struct unnumbered u = {.name = name};
		u32 before;

		thread_for_each(find_unnumbered, &u);
		if (!u.found)
			return;
		before = u.found->id;
		give_number(u.found);
		thread_put(u.found);
		if (u.found->id == before)
			return;
	}
}

static int kthread_init(void)
{
	thread_kernel_watch = watch;
	number_all("kthreadd"); /* who makes the others: 2, as on Linux */
	number_all(NULL);
	return 0;
}

INITCALL(kthread, "", kthread_init);
