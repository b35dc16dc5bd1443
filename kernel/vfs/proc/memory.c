/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/meminfo, vmstat, buddyinfo, zoneinfo, slabinfo. Only lines that are true: what is counted, and 0 for what cannot be (there is no swap). Absent ones read as 0 by the programs that want them.
 */
#include "proc_fs.h"
#include <arch/context.h>
#include <debug/panic.h>
#include <lib/string.h>
#include <vm/hugetlb.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/percpu.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <vfs/shmem.h>
#include <vfs/writeback.h>
#include <vm/pages.h>

#define KIB (PAGE_SIZE / 1024)

static void put_kib(struct strbuf *sb, const char *name, u64 pages)
{
	strbuf_printf(sb, "%-15s %8llu kB\n", name, pages * KIB);
}

struct slab_sums {
	u64 all, reclaimable;
};

/* Caches whose objects the shrinkers of the name cache give back. */
static void sum_slab(const struct slab_info *i, void *arg)
{
	struct slab_sums *s = arg;

	s->all += i->pages;
	if (strcmp(i->name, "dentry") == 0 || strcmp(i->name, "inode") == 0)
		s->reclaimable += i->pages;
}

static bool count_thread(struct thread *t, void *arg)
{
	++*(u64 *)arg;
	return true;
}

/* Where the next locked area is, if there is one. */
static bool find_locked(struct vm_area *a, void *arg)
{
	struct vm_area *out = arg;

	if (!(a->flags & VM_LOCKED))
		return true;
	out->start = a->start;
	out->end = a->end;
	return false;
}

static u64 locked_bytes(struct vm_space *s)
{
	struct vm_usage u = {0};
	struct vm_area at = {.end = 0};
	vaddr_t from;

	do {
		from = at.end;
		at.start = at.end = 0;
		vm_for_each_area(s, from, find_locked, &at);
		if (at.end)
			vm_usage(s, at.start, at.end, &u);
	} while (at.end);
	return u.locked;
}

/* Resident pages of locked areas, over all processes: nothing else is kept from being reclaimed. */
static u64 locked_pages(void)
{
	struct pid *pid;
	u64 bytes = 0;
	s32 nr = 1;

	while ((pid = pid_next_get(nr))) {
		struct task *t = pid_task_get(pid, PID_TGID);
		struct vm_space *s = t ? task_space_get(t) : NULL;

		nr = pid_nr(pid) + 1;
		pid_put(pid);
		if (s && READ_ONCE(s->locked_pages))
			bytes += locked_bytes(s);
		if (s)
			vm_space_put(s);
		if (t)
			task_put(t);
	}
	return bytes / PAGE_SIZE;
}

static void put_direct_map(struct strbuf *sb)
{
	u64 pages[DIRECT_LEVELS];

	kmap_direct_usage(pages);
	strbuf_printf(sb, "DirectMap4k:    %8llu kB\nDirectMap2M:    %8llu kB\nDirectMap1G:    %8llu kB\n", pages[0] * KIB, pages[1] * KIB,
		pages[2] * KIB);
}

/* Pages of the pool are not counted as what they are used for. */
static u64 without(u64 pages, u64 blocks)
{
	return pages - min(pages, blocks << PT_SHIFT);
}

static void put_pool(struct strbuf *sb, const struct hugetlb_stats *pool)
{
	strbuf_printf(sb, "HugePages_Total:   %5llu\nHugePages_Free:    %5llu\nHugePages_Rsvd:    %5llu\nHugePages_Surp:    %5llu\n", pool->total,
		pool->free, pool->reserved, pool->surplus);
	put_kib(sb, "Hugepagesize:", HUGETLB_SIZE / PAGE_SIZE);
	put_kib(sb, "Hugetlb:", pool->total << PT_SHIFT);
}

static int show_meminfo(struct pseudo_text *t)
{
	struct slab_sums slab = {0};
	struct hugetlb_stats pool;
	struct page_stats ps;
	u64 threads = 0, locked = locked_pages(), anon, cache, shmem, vmalloc, vmalloc_used, dirty, writing, written;
	struct reclaim_counts rc;
	s64 committed = vm_committed();

	page_stats(&ps);
	hugetlb_stats(&pool);
	anon = without(ps.by_kind[PAGE_ANON], pool.anon);
	cache = without(ps.by_kind[PAGE_CACHE], pool.cached);
	shmem = min(vfs_shmem_pages(), cache);
	slab_for_each(sum_slab, &slab);
	thread_for_each(count_thread, &threads);
	kmap_usage(&vmalloc, &vmalloc_used);
	reclaim_counts(&rc);
	(void)bdi_counts(&dirty, &writing, &written);
	put_kib(&t->sb, "MemTotal:", ps.total);
	put_kib(&t->sb, "MemFree:", ps.free);
	put_kib(&t->sb, "MemAvailable:", min(reclaim_available(), ps.total));
	put_kib(&t->sb, "Buffers:", 0);
	put_kib(&t->sb, "Cached:", cache);
	put_kib(&t->sb, "SwapCached:", 0);
	put_kib(&t->sb, "Active:", anon + shmem + rc.active);
	put_kib(&t->sb, "Inactive:", rc.inactive);
	put_kib(&t->sb, "Active(anon):", anon + shmem);
	put_kib(&t->sb, "Inactive(anon):", 0);
	put_kib(&t->sb, "Active(file):", rc.active);
	put_kib(&t->sb, "Inactive(file):", rc.inactive);
	put_kib(&t->sb, "Unevictable:", locked);
	put_kib(&t->sb, "Mlocked:", locked);
	put_kib(&t->sb, "SwapTotal:", 0);
	put_kib(&t->sb, "SwapFree:", 0);
	put_kib(&t->sb, "Dirty:", dirty);
	put_kib(&t->sb, "Writeback:", writing);
	put_kib(&t->sb, "AnonPages:", anon);
	put_kib(&t->sb, "Mapped:", vm_mapped());
	put_kib(&t->sb, "Shmem:", shmem);
	put_kib(&t->sb, "KReclaimable:", slab.reclaimable);
	put_kib(&t->sb, "Slab:", slab.all);
	put_kib(&t->sb, "SReclaimable:", slab.reclaimable);
	put_kib(&t->sb, "SUnreclaim:", slab.all - slab.reclaimable);
	put_kib(&t->sb, "KernelStack:", threads * (KSTACK_SIZE / PAGE_SIZE));
	put_kib(&t->sb, "PageTables:", ps.by_kind[PAGE_TABLE]);
	put_kib(&t->sb, "SecPageTables:", 0);
	put_kib(&t->sb, "NFS_Unstable:", 0);
	put_kib(&t->sb, "Bounce:", 0);
	put_kib(&t->sb, "WritebackTmp:", 0);
	put_kib(&t->sb, "CommitLimit:", vm_commit_limit());
	put_kib(&t->sb, "Committed_AS:", (u64)max(committed, 0ll));
	put_kib(&t->sb, "VmallocTotal:", vmalloc);
	put_kib(&t->sb, "VmallocUsed:", vmalloc_used);
	put_kib(&t->sb, "VmallocChunk:", 0);
	put_kib(&t->sb, "Percpu:", percpu_bytes() / PAGE_SIZE);
	put_kib(&t->sb, "AnonHugePages:", vm_huge_mapped());
	put_kib(&t->sb, "ShmemHugePages:", 0);
	put_kib(&t->sb, "ShmemPmdMapped:", 0);
	put_kib(&t->sb, "FileHugePages:", 0);
	put_kib(&t->sb, "FilePmdMapped:", 0);
	put_pool(&t->sb, &pool);
	put_direct_map(&t->sb);
	return 0;
}

static int show_vmstat(struct pseudo_text *t)
{
	u64 dirty, writing, written, background, limit;
	struct slab_sums slab = {0};
	struct reclaim_counts rc;
	struct page_stats ps;

	page_stats(&ps);
	reclaim_counts(&rc);
	(void)bdi_counts(&dirty, &writing, &written);
	writeback_limits(&background, &limit);
	slab_for_each(sum_slab, &slab);
	strbuf_printf(&t->sb, "nr_free_pages %llu\nnr_anon_pages %llu\nnr_file_pages %llu\nnr_slab_reclaimable %llu\nnr_slab_unreclaimable %llu\n",
		ps.free, ps.by_kind[PAGE_ANON], ps.by_kind[PAGE_CACHE], slab.reclaimable, slab.all - slab.reclaimable);
	strbuf_printf(&t->sb, "nr_page_table_pages %llu\nnr_inactive_file %llu\nnr_active_file %llu\nnr_mapped %llu\n", ps.by_kind[PAGE_TABLE],
		rc.inactive, rc.active, vm_mapped());
	strbuf_printf(&t->sb, "nr_dirty %llu\nnr_writeback %llu\nnr_written %llu\nnr_dirty_threshold %llu\nnr_dirty_background_threshold %llu\n",
		dirty, writing, written, limit, background);
	strbuf_printf(&t->sb, "workingset_refault_file %llu\npgscan_file %llu\npgsteal_file %llu\npgactivate %llu\n", rc.refaults, rc.scanned,
		rc.evicted, rc.activations);
	return 0;
}

/* One line a zone, as Linux calls them. */
static const char *zone_name(const struct page_zone_info *z)
{
	return z->high ? "Normal" : "DMA32";
}

static int show_buddyinfo(struct pseudo_text *t)
{
	struct page_zone_info z;

	for (unsigned i = 0; page_zone_info(i, &z); i++) {
		if (!z.total)
			continue;
		strbuf_printf(&t->sb, "Node %u, zone %8s ", z.node, zone_name(&z));
		for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++)
			strbuf_printf(&t->sb, "%6llu ", z.blocks[order]);
		strbuf_putc(&t->sb, '\n');
	}
	return 0;
}

static int show_zoneinfo(struct pseudo_text *t)
{
	struct page_zone_info z;

	for (unsigned i = 0; page_zone_info(i, &z); i++) {
		if (!z.total)
			continue;
		strbuf_printf(&t->sb, "Node %u, zone %8s\n  pages free     %llu\n        min      %llu\n        low      %llu\n        high     %llu\n",
			z.node, zone_name(&z), z.free, z.reserve, z.reserve, z.reserve);
		strbuf_printf(&t->sb, "        spanned  %llu\n        present  %llu\n        managed  %llu\n      nr_free_pages %llu\n", z.total, z.total,
			z.total, z.free);
	}
	return 0;
}

static void put_slab(const struct slab_info *i, void *arg)
{
	size_t per_page = max(PAGE_SIZE / max_t(u64, i->size, 1), 1ull);

	strbuf_printf(arg, "%-17s %6zu %6zu %6zu %4zu %4d : tunables    0    0    0 : slabdata %6zu %6zu      0\n", i->name, i->live, i->total,
		i->size, per_page, 1, i->pages, i->pages);
}

static int show_slabinfo(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
			    " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	slab_for_each(put_slab, &t->sb);
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "meminfo", .mode = 0444, .show = show_meminfo},
	{.name = "vmstat", .mode = 0444, .show = show_vmstat},
	{.name = "buddyinfo", .mode = 0444, .show = show_buddyinfo},
	{.name = "zoneinfo", .mode = 0444, .show = show_zoneinfo},
	{.name = "slabinfo", .mode = 0400, .show = show_slabinfo},
};

void proc_memory_init(void)
{
	if (pseudo_add_files(procfs_root, files, ARRAY_SIZE(files), NULL))
		panic("no memory for /proc");
}
