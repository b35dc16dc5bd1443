/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/stat, uptime, loadavg: what the CPUs do.
 */
#include "proc_fs.h"
#include <debug/panic.h>
#include <irq/irq.h>
#include <lib/string.h>
#include <sched/cpumask.h>
#include <sched/sched.h>
#include <time/clock.h>

static void put_cpu(struct strbuf *sb, const struct sched_stats *s)
{
	/* user nice system idle iowait irq softirq steal guest guest_nice; niced time is not kept apart */
	strbuf_printf(sb, " %llu 0 %llu %llu 0 %llu 0 0 0 0\n", s->user_ns / NS_PER_TICK, s->system_ns / NS_PER_TICK,
		s->idle_ns / NS_PER_TICK, s->irq_ns / NS_PER_TICK);
}

static void sum_irq(const char *name, unsigned vector, const u64 *counts, void *arg)
{
	unsigned cpu;

	cpumask_for_each(cpu, &cpus_online)
		*(u64 *)arg += counts[cpu];
}

/* The kernel's own threads wait for work, which is no load. */
static bool count_blocked(struct thread *t, void *arg)
{
	if (READ_ONCE(t->state) == THREAD_SLEEP_UNINTR && READ_ONCE(t->space))
		++*(u64 *)arg;
	return true;
}

static void sum_cpus(struct sched_stats *sum)
{
	unsigned cpu;

	*sum = (struct sched_stats){0};
	cpumask_for_each(cpu, &cpus_online)
	{
		struct sched_stats one;

		sched_stats(cpu, &one);
		sum->user_ns += one.user_ns;
		sum->system_ns += one.system_ns;
		sum->idle_ns += one.idle_ns;
		sum->irq_ns += one.irq_ns;
		sum->switches += one.switches;
		sum->forks += one.forks;
		sum->running += one.running;
	}
}

static int show_stat(struct pseudo_text *t)
{
	struct sched_stats sum, one;
	u64 irqs = 0, blocked = 0;
	unsigned cpu;

	sum_cpus(&sum);
	strbuf_puts(&t->sb, "cpu ");
	put_cpu(&t->sb, &sum);
	cpumask_for_each(cpu, &cpus_online)
	{
		sched_stats(cpu, &one);
		strbuf_printf(&t->sb, "cpu%u", cpu);
		put_cpu(&t->sb, &one);
	}
	irq_for_each(sum_irq, &irqs);
	thread_for_each(count_blocked, &blocked);
	strbuf_printf(&t->sb, "intr %llu\nctxt %llu\nbtime %lld\nprocesses %llu\nprocs_running %llu\nprocs_blocked %llu\n", irqs, sum.switches,
		(clock_realtime() - (s64)clock_boottime()) / 1000000000, sum.forks, sum.running, blocked);
	return 0;
}

static int show_uptime(struct pseudo_text *t)
{
	u64 up = clock_boottime() / 10000000, idle;
	struct sched_stats sum;

	sum_cpus(&sum);
	idle = sum.idle_ns / 10000000;
	strbuf_printf(&t->sb, "%llu.%02llu %llu.%02llu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}

static int show_loadavg(struct pseudo_text *t)
{
	struct sched_stats sum;
	u64 load[3];

	sched_loadavg(load);
	sum_cpus(&sum);
	for (int i = 0; i < 3; i++) {
		u64 hundredths = (load[i] * 100 + 32768) >> 16;

		strbuf_printf(&t->sb, "%llu.%02llu ", hundredths / 100, hundredths % 100);
	}
	strbuf_printf(&t->sb, "%llu/%llu %d\n", sum.running, proc_count_threads(), pid_last());
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "stat", .mode = 0444, .show = show_stat},
	{.name = "uptime", .mode = 0444, .show = show_uptime},
	{.name = "loadavg", .mode = 0444, .show = show_loadavg},
};

void proc_stat_init(void)
{
	if (pseudo_add_files(procfs_root, files, ARRAY_SIZE(files), NULL))
		panic("no memory for /proc");
}
