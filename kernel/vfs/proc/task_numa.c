/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/numa_maps: of each area the policy, what it maps, and how many of its pages lie on which node.
 */
#include "format.h"
#include "proc_fs.h"
#include <linux/mempolicy.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/policy.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <vm/pages.h>

struct numa_area {
	vaddr_t start, end;
	char *what;	/* PATH_MAX: " file=...", " heap", " stack" or nothing */
	bool own, found;
	u16 mode, flags;
	u64 nodes;
};

static bool copy_area(struct vm_area *a, void *arg)
{
	struct numa_area *n = arg;

	n->found = true;
	n->start = a->start;
	n->end = a->end;
	n->what[0] = '\0';
	if (a->label && strcmp(a->label, "[heap]") == 0) {
		strscpy(n->what, " heap", PATH_MAX);
	} else if (a->label && strcmp(a->label, "[stack]") == 0) {
		strscpy(n->what, " stack", PATH_MAX);
	} else if (a->backing && a->backing_ops && a->backing_ops->name) {
		size_t len;

		strscpy(n->what, " file=", PATH_MAX);
		len = a->backing_ops->name(a->backing, n->what + 6, PATH_MAX - 7);
		n->what[min_t(size_t, len + 6, PATH_MAX - 1)] = '\0';
	}
	n->own = a->policy;
	if (a->policy) {
		n->mode = a->policy->mode;
		n->flags = a->policy->flags;
		n->nodes = a->policy->nodes;
	}
	return false;
}

static void put_policy(struct strbuf *sb, u16 mode, u16 flags, u64 nodes)
{
	static const char *const names[] = {[MPOL_DEFAULT] = "default", [MPOL_PREFERRED] = "prefer", [MPOL_BIND] = "bind",
		[MPOL_INTERLEAVE] = "interleave", [MPOL_LOCAL] = "local", [MPOL_PREFERRED_MANY] = "prefer (many)",
		[MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave"};
	const char *sep = ":";

	strbuf_puts(sb, names[mode]);
	if (flags & MPOL_F_STATIC_NODES)
		strbuf_puts(sb, "=static");
	else if (flags & MPOL_F_RELATIVE_NODES)
		strbuf_puts(sb, "=relative");
	for (unsigned first = 0; first < 64; first++) {
		unsigned last = first;

		if (!(nodes >> first & 1))
			continue;
		while (last < 63 && (nodes >> (last + 1) & 1))
			last++;
		strbuf_printf(sb, last > first ? "%s%u-%u" : "%s%u", sep, first, last);
		sep = ",";
		first = last;
	}
}

/* The thread's own policy: what areas without one have. */
static void task_policy(struct task *t, struct numa_area *n)
{
	const struct vm_policy *p;

	rcu_read_lock();
	p = LOAD_ACQUIRE(t->thread.mempolicy);
	n->mode = p ? p->mode : MPOL_DEFAULT;
	n->flags = p ? p->flags : 0;
	n->nodes = p ? p->nodes : 0;
	rcu_read_unlock();
}

static void put_pages(struct strbuf *sb, const struct vm_usage *u)
{
	u64 pages = u->rss / PAGE_SIZE, anon = u->anonymous / PAGE_SIZE, dirty = (u->shared_dirty + u->private_dirty) / PAGE_SIZE;

	if (!pages)
		return;
	if (anon)
		strbuf_printf(sb, " anon=%llu", anon);
	if (dirty)
		strbuf_printf(sb, " dirty=%llu", dirty);
	if (pages != anon && pages != dirty)
		strbuf_printf(sb, " mapped=%llu", pages);
	if (u->most_maps > 1)
		strbuf_printf(sb, " mapmax=%u", u->most_maps);
	for (unsigned node = 0; node < VM_USAGE_NODES; node++) {
		if (u->on_node[node])
			strbuf_printf(sb, " N%u=%llu", node, u->on_node[node] / PAGE_SIZE);
	}
	strbuf_printf(sb, " kernelpagesize_kB=%lu", PAGE_SIZE / 1024);
}

int proc_next_numa_maps(struct pseudo_text *t)
{
	struct numa_area n = {.what = kmalloc(PATH_MAX, 0)};
	struct vm_usage u = {0};

	if (!n.what)
		return -ENOMEM;
	if (t->space)
		vm_for_each_area(t->space, t->cursor, copy_area, &n);
	if (n.found) {
		t->cursor = n.end;
		if (!n.own)
			task_policy(t->task, &n);
		vm_usage(t->space, n.start, n.end, &u);
		strbuf_printf(&t->sb, "%08llx ", n.start);
		put_policy(&t->sb, n.mode, n.flags, n.nodes);
		strbuf_puts(&t->sb, n.what);
		put_pages(&t->sb, &u);
		strbuf_putc(&t->sb, '\n');
	}
	kfree(n.what);
	return n.found;
}
