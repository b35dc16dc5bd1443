/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu.stat: what the tasks in and below a group have used, those included that are gone. A task's time counts for a group from when it came; it is added to the group
 * when it leaves (to the next one above that is still there), so nothing is counted while tasks run.
 */
#include "cgroup_impl.h"
#include <lib/strbuf.h>
#include <sched/cpumask.h>
#include <sched/sched.h>

/* What @t has used since it came; tree lock. */
static void add_since(const struct task *t, struct cgroup_cpu *sum)
{
	struct proc_usage u;

	task_usage_get((struct task *)t, &u);
	sum->user_ns += u.utime_ns - t->cgroup_user_ns;
	sum->system_ns += u.stime_ns - t->cgroup_system_ns;
}

void cgroup_cpu_enter(struct task *t)
{
	struct proc_usage u;

	task_usage_get(t, &u);
	t->cgroup_user_ns = u.utime_ns;
	t->cgroup_system_ns = u.stime_ns;
}

void cgroup_cpu_leave(const struct task *t, struct cgroup *cg)
{
	while (cg->dead)
		cg = cg->parent;
	add_since(t, &cg->past);
}

void cgroup_cpu_remove(const struct cgroup *cg)
{
	cg->parent->past.user_ns += cg->past.user_ns;
	cg->parent->past.system_ns += cg->past.system_ns;
}

static void sum_machine(struct cgroup_cpu *sum)
{
	unsigned cpu;

	cpumask_for_each(cpu, &cpus_online)
	{
		struct sched_stats one;

		sched_stats(cpu, &one);
		sum->user_ns += one.user_ns;
		sum->system_ns += one.system_ns;
	}
}

static void sum_below(struct cgroup *top, struct cgroup_cpu *sum)
{
	spin_lock(&proc_tree_lock);
	for (struct cgroup *cg = NULL; (cg = cgroup_next(cg, top));) {
		struct task *t;

		sum->user_ns += cg->past.user_ns;
		sum->system_ns += cg->past.system_ns;
		list_for_each_entry(t, &cg->tasks, cgroup_link)
			add_since(t, sum);
	}
	spin_unlock(&proc_tree_lock);
}

int cgroup_show_cpu_stat(struct pseudo_text *t)
{
	struct cgroup *cg = cgroup_of(t);
	struct cgroup_cpu sum = {0};

	if (cg->parent)
		sum_below(cg, &sum);
	else
		sum_machine(&sum);
	strbuf_printf(&t->sb, "usage_usec %llu\nuser_usec %llu\nsystem_usec %llu\n", (sum.user_ns + sum.system_ns) / 1000, sum.user_ns / 1000,
		sum.system_ns / 1000);
	return 0;
}
