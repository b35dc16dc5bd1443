/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /sys/devices/system/cpu/cpuN/cache. Caches of one kind are alike on all processors; a cache that more than a core's threads share is shared by the package.
 */
#include "sysfs_impl.h"
#include "../proc/format.h"
#include <arch/boot.h>
#include <lib/printf.h>
#include <sched/cpumask.h>

#define MAX_CACHES 8

static unsigned cpu_of(const struct pseudo_text *t)
{
	return (unsigned)((unsigned long)t->arg / MAX_CACHES);
}

static struct cpu_cache cache_of(const struct pseudo_text *t)
{
	struct cpu_cache c = {0};

	(void)arch_cpu_cache((unsigned)((unsigned long)t->arg % MAX_CACHES), &c);
	return c;
}

static struct cpumask sharers(const struct pseudo_text *t)
{
	struct cpu_place mine = arch_cpu_place(cpu_of(t));
	bool of_package = cache_of(t).level >= 3;
	struct cpumask mask = {0};
	unsigned cpu;

	cpumask_for_each(cpu, &cpus_online) {
		struct cpu_place its = arch_cpu_place(cpu);

		if (its.package == mine.package && (of_package || its.core == mine.core))
			cpumask_set(&mask, cpu);
	}
	return mask;
}

static int show_number(struct pseudo_text *t, u32 n)
{
	strbuf_printf(&t->sb, "%u\n", n);
	return 0;
}

static int show_level(struct pseudo_text *t)
{
	return show_number(t, cache_of(t).level);
}

static int show_line(struct pseudo_text *t)
{
	return show_number(t, cache_of(t).line);
}

static int show_sets(struct pseudo_text *t)
{
	return show_number(t, cache_of(t).sets);
}

static int show_ways(struct pseudo_text *t)
{
	return show_number(t, cache_of(t).ways);
}

static int show_partition(struct pseudo_text *t)
{
	return show_number(t, 1);
}

/* The same for CPUs that share it, different for caches of a level. */
static int show_id(struct pseudo_text *t)
{
	struct cpu_place p = arch_cpu_place(cpu_of(t));

	return show_number(t, cache_of(t).level >= 3 ? p.package : p.core);
}

static int show_size(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%uK\n", cache_of(t).size / 1024);
	return 0;
}

static int show_type(struct pseudo_text *t)
{
	char type = cache_of(t).type;

	strbuf_puts(&t->sb, type == 'D' ? "Data\n" : type == 'I' ? "Instruction\n" : "Unified\n");
	return 0;
}

static int show_map(struct pseudo_text *t)
{
	struct cpumask mask = sharers(t);

	proc_put_mask(&t->sb, mask.bits, MAX_CPUS);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_list(struct pseudo_text *t)
{
	struct cpumask mask = sharers(t);

	proc_put_list(&t->sb, mask.bits, MAX_CPUS);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "coherency_line_size", .mode = 0444, .show = show_line},
	{.name = "id", .mode = 0444, .show = show_id},
	{.name = "level", .mode = 0444, .show = show_level},
	{.name = "number_of_sets", .mode = 0444, .show = show_sets},
	{.name = "physical_line_partition", .mode = 0444, .show = show_partition},
	{.name = "shared_cpu_list", .mode = 0444, .show = show_list},
	{.name = "shared_cpu_map", .mode = 0444, .show = show_map},
	{.name = "size", .mode = 0444, .show = show_size},
	{.name = "type", .mode = 0444, .show = show_type},
	{.name = "ways_of_associativity", .mode = 0444, .show = show_ways},
};

int sysfs_add_caches(struct pseudo_node *one, unsigned cpu)
{
	struct pseudo_node *dir, *index;
	struct cpu_cache c;
	int err;

	if (!arch_cpu_cache(0, &c))
		return 0;
	err = pseudo_add_dir(one, "cache", &dir);
	for (unsigned i = 0; !err && i < MAX_CACHES && arch_cpu_cache(i, &c); i++) {
		char name[12];

		scnprintf(name, sizeof(name), "index%u", i);
		err = pseudo_add_dir(dir, name, &index);
		if (!err)
			err = pseudo_add_files(index, files, ARRAY_SIZE(files), (void *)(unsigned long)(cpu * MAX_CACHES + i));
	}
	return err;
}
