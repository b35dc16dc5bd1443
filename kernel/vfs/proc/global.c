/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the whole system that are a list or a line.
 */
#include "proc_fs.h"
#include <arch/boot.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <irq/irq.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/uts.h>
#include <sched/cpumask.h>
#include <vfs/locks.h>

#define LIST_ROOM 4096u
#define CPU_ROOM  8192u

static int show_version(struct pseudo_text *t)
{
	struct new_utsname u;

	uts_read(&u);
	strbuf_printf(&t->sb, "%s version %s (nos@nos) (%s) %s\n", u.sysname, u.release,
#ifdef __clang__
		"clang " __clang_version__,
#else
		"gcc " __VERSION__,
#endif
		u.version);
	return 0;
}

static int show_cmdline(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%s\n", boot_info.cmdline);
	return 0;
}

/* One block per CPU. */
static int next_cpuinfo(struct pseudo_text *t)
{
	unsigned cpu = (unsigned)bitmap_find_next_set(cpus_online.bits, MAX_CPUS, t->cursor);
	char *buf;

	if (cpu >= MAX_CPUS)
		return 0;
	buf = kmalloc(CPU_ROOM, 0);
	if (!buf)
		return -ENOMEM;
	strbuf_write(&t->sb, buf, min_t(size_t, arch_cpuinfo(cpu, buf, CPU_ROOM), CPU_ROOM - 1));
	kfree(buf);
	t->cursor = cpu + 1;
	return 1;
}

/* Texts that others write into a buffer of fixed size. */
static int show_from(struct pseudo_text *t, size_t (*fill)(char *buf, size_t size))
{
	char *buf = kmalloc(LIST_ROOM, 0);

	if (!buf)
		return -ENOMEM;
	strbuf_write(&t->sb, buf, fill(buf, LIST_ROOM));
	kfree(buf);
	return 0;
}

static int show_filesystems(struct pseudo_text *t)
{
	return show_from(t, fs_show_types);
}

static int show_devices(struct pseudo_text *t)
{
	return show_from(t, chrdev_show);
}

static int next_locks(struct pseudo_text *t)
{
	char *buf = kmalloc(LIST_ROOM, 0);
	size_t len;

	if (!buf)
		return -ENOMEM;
	len = file_locks_show(&t->cursor, buf, LIST_ROOM);
	strbuf_write(&t->sb, buf, len);
	kfree(buf);
	return len != 0;
}

static void put_irq(const char *name, unsigned vector, const u64 *counts, void *arg)
{
	struct strbuf *sb = arg;
	unsigned cpu;

	strbuf_printf(sb, "%3u:", vector);
	cpumask_for_each(cpu, &cpus_online)
		strbuf_printf(sb, " %10llu", counts[cpu]);
	strbuf_printf(sb, "  %s\n", name);
}

static int show_interrupts(struct pseudo_text *t)
{
	unsigned cpu;

	strbuf_puts(&t->sb, "    ");
	cpumask_for_each(cpu, &cpus_online)
		strbuf_printf(&t->sb, "       CPU%-3u", cpu);
	strbuf_putc(&t->sb, '\n');
	irq_for_each(put_irq, &t->sb);
	return 0;
}

/* What interrupts leave for later is one list here, which has the name of the kind that is nearest to it; there are no others. */
static int show_softirqs(struct pseudo_text *t)
{
	static const char *const names[] = {"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"};
	unsigned cpu;

	strbuf_puts(&t->sb, "                    ");
	cpumask_for_each(cpu, &cpus_online)
		strbuf_printf(&t->sb, "CPU%-8u", cpu);
	strbuf_putc(&t->sb, '\n');
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		strbuf_printf(&t->sb, "%12s:", names[i]);
		cpumask_for_each(cpu, &cpus_online)
			strbuf_printf(&t->sb, " %10u", i == 6 ? soft_work_runs(cpu) : 0);
		strbuf_putc(&t->sb, '\n');
	}
	return 0;
}

static int show_misc(struct pseudo_text *t)
{
	return show_from(t, chrdev_show_misc);
}

static int show_swaps(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

/* The letters that make sense without a keyboard; others are passed over as on Linux. */
static int store_sysrq(struct pseudo_text *t, char *text, size_t len)
{
	switch (text[0]) {
	case 'b': klog(LOG_EMERG, "sysrq: resetting"); arch_reboot();
	case 'o': klog(LOG_EMERG, "sysrq: power off"); arch_power_off();
	case 'c': panic("sysrq triggered crash");
	case 'l': print_backtraces(); break;
	case 's': (void)vfs_sync_all(); break;
	default:
		if (text[0] >= '0' && text[0] <= '9')
			log_set_console_level(text[0] - '0');
	}
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "version", .mode = 0444, .show = show_version},
	{.name = "cmdline", .mode = 0444, .show = show_cmdline},
	{.name = "cpuinfo", .mode = 0444, .next = next_cpuinfo},
	{.name = "filesystems", .mode = 0444, .show = show_filesystems},
	{.name = "devices", .mode = 0444, .show = show_devices},
	{.name = "locks", .mode = 0444, .next = next_locks},
	{.name = "interrupts", .mode = 0444, .show = show_interrupts},
	{.name = "softirqs", .mode = 0444, .show = show_softirqs},
	{.name = "misc", .mode = 0444, .show = show_misc},
	{.name = "swaps", .mode = 0444, .show = show_swaps},
	{.name = "sysrq-trigger", .mode = 0200, .store = store_sysrq},
};

void proc_global_init(void)
{
	if (pseudo_add_files(procfs_root, files, ARRAY_SIZE(files), NULL))
		panic("no memory for /proc");
}
