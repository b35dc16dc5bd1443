/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /sys/devices/system/{cpu,node}: the processors, as programs count them, and what they are vulnerable to. All processors come up at boot and stay; memory is
 * one node.
 */
#include "sysfs_impl.h"
#include "../proc/format.h"
#include <arch/boot.h>
#include <arch/cpu.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <sched/cpumask.h>

static int show_online(struct pseudo_text *t)
{
	proc_put_list(&t->sb, cpus_online.bits, MAX_CPUS);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_cpumap(struct pseudo_text *t)
{
	proc_put_mask(&t->sb, cpus_online.bits, MAX_CPUS);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_none(struct pseudo_text *t)
{
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_kernel_max(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%d\n", MAX_CPUS - 1);
	return 0;
}

static const struct pseudo_file cpu_files[] = {
	{.name = "online", .mode = 0444, .show = show_online},
	{.name = "possible", .mode = 0444, .show = show_online},
	{.name = "present", .mode = 0444, .show = show_online},
	{.name = "offline", .mode = 0444, .show = show_none},
	{.name = "kernel_max", .mode = 0444, .show = show_kernel_max},
};

static int show_vulnerability(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%s\n", arch_vulnerability(t->arg));
	return 0;
}

static const struct pseudo_file vulnerability_file = {.show = show_vulnerability};

static int add_vulnerabilities(struct pseudo_node *cpu)
{
	static const char *const names[] = {"gather_data_sampling", "itlb_multihit", "l1tf", "mds", "meltdown", "mmio_stale_data",
		"reg_file_data_sampling", "retbleed", "spec_rstack_overflow", "spec_store_bypass", "spectre_v1", "spectre_v2", "srbds",
		"tsx_async_abort"};
	struct pseudo_node *dir;
	int err = pseudo_add_dir(cpu, "vulnerabilities", &dir);

	for (size_t i = 0; i < ARRAY_SIZE(names) && !err; i++) {
		if (arch_vulnerability(names[i]))
			err = pseudo_add_named(dir, names[i], 0444, &vulnerability_file, (void *)names[i], NULL);
	}
	return err;
}

/* ---- topology: which CPUs share a core, which a package ---- */

static unsigned cpu_of(const struct pseudo_text *t)
{
	return (unsigned)(unsigned long)t->arg;
}

static int show_package(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%u\n", arch_cpu_place(cpu_of(t)).package);
	return 0;
}

static int show_core(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%u\n", arch_cpu_place(cpu_of(t)).core);
	return 0;
}

static struct cpumask siblings(unsigned cpu, bool same_core)
{
	struct cpu_place mine = arch_cpu_place(cpu);
	struct cpumask mask = {0};
	unsigned other;

	cpumask_for_each(other, &cpus_online)
	{
		struct cpu_place its = arch_cpu_place(other);

		if (its.package == mine.package && (!same_core || its.core == mine.core))
			cpumask_set(&mask, other);
	}
	return mask;
}

static int put_siblings(struct pseudo_text *t, bool same_core, void (*put)(struct strbuf *, const unsigned long *, u32))
{
	struct cpumask mask = siblings(cpu_of(t), same_core);

	put(&t->sb, mask.bits, MAX_CPUS);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_core_map(struct pseudo_text *t)
{
	return put_siblings(t, true, proc_put_mask);
}

static int show_core_list(struct pseudo_text *t)
{
	return put_siblings(t, true, proc_put_list);
}

static int show_package_map(struct pseudo_text *t)
{
	return put_siblings(t, false, proc_put_mask);
}

static int show_package_list(struct pseudo_text *t)
{
	return put_siblings(t, false, proc_put_list);
}

static const struct pseudo_file topology_files[] = {
	{.name = "physical_package_id", .mode = 0444, .show = show_package},
	{.name = "core_id", .mode = 0444, .show = show_core},
	{.name = "core_cpus", .mode = 0444, .show = show_core_map},
	{.name = "core_cpus_list", .mode = 0444, .show = show_core_list},
	{.name = "thread_siblings", .mode = 0444, .show = show_core_map},
	{.name = "thread_siblings_list", .mode = 0444, .show = show_core_list},
	{.name = "package_cpus", .mode = 0444, .show = show_package_map},
	{.name = "package_cpus_list", .mode = 0444, .show = show_package_list},
	{.name = "core_siblings", .mode = 0444, .show = show_package_map},
	{.name = "core_siblings_list", .mode = 0444, .show = show_package_list},
};

static int add_topology(struct pseudo_node *one, unsigned cpu)
{
	struct pseudo_node *dir;
	int err = pseudo_add_dir(one, "topology", &dir);

	return err ? err : pseudo_add_files(dir, topology_files, ARRAY_SIZE(topology_files), (void *)(unsigned long)cpu);
}

/* ---- node ---- */

static int show_zero(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0\n");
	return 0;
}

static int show_distance(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "10\n");
	return 0;
}

static int show_node_meminfo(struct pseudo_text *t)
{
	struct page_stats ps;
	const u64 kib = PAGE_SIZE / 1024;

	page_stats(&ps);
	strbuf_printf(&t->sb, "Node 0 MemTotal:       %8llu kB\nNode 0 MemFree:        %8llu kB\nNode 0 MemUsed:        %8llu kB\n",
		ps.total * kib, ps.free * kib, (ps.total - ps.free) * kib);
	strbuf_printf(&t->sb, "Node 0 FilePages:      %8llu kB\nNode 0 AnonPages:      %8llu kB\nNode 0 PageTables:     %8llu kB\n",
		ps.by_kind[PAGE_CACHE] * kib, ps.by_kind[PAGE_ANON] * kib, ps.by_kind[PAGE_TABLE] * kib);
	return 0;
}

static const struct pseudo_file nodes_files[] = {
	{.name = "online", .mode = 0444, .show = show_zero},
	{.name = "possible", .mode = 0444, .show = show_zero},
	{.name = "has_cpu", .mode = 0444, .show = show_zero},
	{.name = "has_memory", .mode = 0444, .show = show_zero},
};

static const struct pseudo_file node_files[] = {
	{.name = "cpulist", .mode = 0444, .show = show_online},
	{.name = "cpumap", .mode = 0444, .show = show_cpumap},
	{.name = "distance", .mode = 0444, .show = show_distance},
	{.name = "meminfo", .mode = 0444, .show = show_node_meminfo},
};

static int add_nodes(struct pseudo_node *cpu)
{
	struct pseudo_node *dir, *node0, *one;
	unsigned nr;
	int err = pseudo_add_dir(sysfs_system, "node", &dir);

	if (!err)
		err = pseudo_add_files(dir, nodes_files, ARRAY_SIZE(nodes_files), NULL);
	if (!err)
		err = pseudo_add_dir(dir, "node0", &node0);
	if (!err)
		err = pseudo_add_files(node0, node_files, ARRAY_SIZE(node_files), NULL);
	if (!err)
		err = sysfs_add_pool(node0, true);
	if (err)
		return err;
	cpumask_for_each(nr, &cpus_online)
	{
		char name[12];

		scnprintf(name, sizeof(name), "cpu%u", nr);
		err = pseudo_add_dir(cpu, name, &one);
		if (!err)
			err = pseudo_add_link(one, "node0", node0);
		if (!err)
			err = pseudo_add_link(node0, name, one);
		if (!err)
			err = add_topology(one, nr);
		if (!err)
			err = sysfs_add_caches(one, nr);
		if (err)
			return err;
	}
	return 0;
}

int sysfs_cpu_init(void)
{
	struct pseudo_node *cpu;
	int err = pseudo_add_dir(sysfs_system, "cpu", &cpu);

	if (!err)
		err = pseudo_add_files(cpu, cpu_files, ARRAY_SIZE(cpu_files), NULL);
	if (!err)
		err = add_vulnerabilities(cpu);
	return err ? err : add_nodes(cpu);
}
