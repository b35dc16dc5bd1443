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
