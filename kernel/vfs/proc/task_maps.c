/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/{maps,smaps,smaps_rollup}. A record is an area; the cursor is the address from which the next one is looked for, so that a reader who comes back sees
 * no area twice, whatever was mapped meanwhile.
 */
#include "format.h"
#include "proc_fs.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <vm/hugetlb.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <asm/ioctl.h>
#include <linux/fs.h>
#include <vm/pages.h>

/* What is kept of an area after map_lock. */
struct area_copy {
	struct maps_line line;
	u32 flags;
	bool found, huge;
	char *name; /* PATH_MAX */
};

static void name_area(const struct vm_area *a, struct area_copy *c)
{
	size_t len;

	if (a->label) {
		strscpy(c->name, a->label, PATH_MAX);
	} else if (a->backing && a->backing_ops && a->backing_ops->name) {
		len = a->backing_ops->name(a->backing, c->name, PATH_MAX);
		c->name[min_t(size_t, len, PATH_MAX - 1)] = '\0';
	} else if (a->anon_name) {
		scnprintf(c->name, PATH_MAX, a->flags & VM_SHARED ? "[anon_shmem:%s]" : "[anon:%s]", a->anon_name);
	} else {
		c->name[0] = '\0';
	}
}

static bool copy_area(struct vm_area *a, void *arg)
{
	struct area_copy *c = arg;
	u32 dev = 0;

	c->found = true;
	c->flags = a->flags;
	c->huge = vm_huge_fits(a);
	c->line = (struct maps_line){
		.start = a->start,
		.end = a->end,
		.read = a->flags & VM_READ,
		.write = a->flags & VM_WRITE,
		.exec = a->flags & VM_EXEC,
		.shared = a->flags & VM_SHARED,
		.name = c->name,
	};
	if (a->backing && a->backing_ops && a->backing_ops->ident) {
		a->backing_ops->ident(a->backing, &dev, &c->line.ino);
		c->line.off = a->pgoff * PAGE_SIZE;
		c->line.major = vfs_major(dev);
		c->line.minor = vfs_minor(dev);
	}
	name_area(a, c);
	return false;
}

/* The area at or after the cursor: 1 with *c, its name to be freed; 0: none left. */
static int next_area(struct pseudo_text *t, struct area_copy *c)
{
	*c = (struct area_copy){0};
	if (!t->space)
		return 0;
	c->name = kmalloc(PATH_MAX, 0);
	if (!c->name)
		return -ENOMEM;
	vm_for_each_area(t->space, t->cursor, copy_area, c);
	if (!c->found) {
		kfree(c->name);
		return 0;
	}
	t->cursor = c->line.end;
	return 1;
}

int proc_next_maps(struct pseudo_text *t)
{
	struct area_copy c;
	int more = next_area(t, &c);

	if (more <= 0)
		return more;
	proc_format_maps(&t->sb, &c.line);
	kfree(c.name);
	return 1;
}

/* ---- PROCMAP_QUERY ---- */

struct area_query {
	u64 addr;
	u32 flags;		/* PROCMAP_QUERY_* */
	struct area_copy *copy;
};

static bool fits_query(const struct vm_area *a, u32 flags)
{
	u32 need = (flags & PROCMAP_QUERY_VMA_READABLE ? VM_READ : 0) | (flags & PROCMAP_QUERY_VMA_WRITABLE ? VM_WRITE : 0) |
		(flags & PROCMAP_QUERY_VMA_EXECUTABLE ? VM_EXEC : 0) | (flags & PROCMAP_QUERY_VMA_SHARED ? VM_SHARED : 0);

	return (a->flags & need) == need && (!(flags & PROCMAP_QUERY_FILE_BACKED_VMA) || a->backing);
}

/* The area at the address; with COVERING_OR_NEXT_VMA the first from there on that fits. */
static bool query_area(struct vm_area *a, void *arg)
{
	struct area_query *q = arg;
	bool or_next = q->flags & PROCMAP_QUERY_COVERING_OR_NEXT_VMA;

	if (!fits_query(a, q->flags) || (!or_next && a->start > q->addr))
		return or_next;
	return copy_area(a, q->copy);
}

static void fill_answer(struct procmap_query *q, const struct area_copy *c)
{
	const struct maps_line *l = &c->line;

	q->vma_start = l->start;
	q->vma_end = l->end;
	q->vma_flags = (l->read ? PROCMAP_QUERY_VMA_READABLE : 0) | (l->write ? PROCMAP_QUERY_VMA_WRITABLE : 0) |
		(l->exec ? PROCMAP_QUERY_VMA_EXECUTABLE : 0) | (l->shared ? PROCMAP_QUERY_VMA_SHARED : 0);
	q->vma_page_size = PAGE_SIZE;
	q->vma_offset = l->off;
	q->inode = l->ino;
	q->dev_major = l->major;
	q->dev_minor = l->minor;
	q->build_id_size = 0;
}

/* What is asked of @s, with @c's room for a name. */
static s64 answer_query(struct vm_space *s, struct procmap_query *q, struct area_copy *c, struct uptr to, size_t size)
{
	struct area_query search = {q->query_addr, (u32)q->query_flags, c};
	size_t len;

	vm_for_each_area(s, q->query_addr, query_area, &search);
	if (!c->found)
		return -ENOENT;
	fill_answer(q, c);
	if (q->vma_name_size) {
		len = strlen(c->name);
		len += len ? 1 : 0;
		if (len > q->vma_name_size)
			return -ENAMETOOLONG;
		q->vma_name_size = (u32)len;
		if (copy_to_user(uptr_make(q->vma_name_addr), c->name, len))
			return -EFAULT;
	}
	return copy_to_user(to, q, min(size, sizeof(*q)));
}

static s64 query_maps(struct vm_space *s, struct uptr user)
{
	struct area_copy c = {.found = false};
	struct procmap_query q;
	u64 size;
	s64 err;

	if (user_load64(&size, user))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < offsetof(struct procmap_query, query_addr) + sizeof(q.query_addr))
		return -EINVAL;
	err = copy_struct_from_user(&q, sizeof(q), user, size);
	if (err)
		return err;
	if ((q.query_flags & ~(u64)(PROCMAP_QUERY_VMA_READABLE | PROCMAP_QUERY_VMA_WRITABLE | PROCMAP_QUERY_VMA_EXECUTABLE |
		    PROCMAP_QUERY_VMA_SHARED | PROCMAP_QUERY_COVERING_OR_NEXT_VMA | PROCMAP_QUERY_FILE_BACKED_VMA)) ||
		!q.vma_name_size != !q.vma_name_addr || !q.build_id_size != !q.build_id_addr)
		return -EINVAL;
	if (!s)
		return -ESRCH;
	c.name = kmalloc(PATH_MAX, 0);
	if (!c.name)
		return -ENOMEM;
	err = answer_query(s, &q, &c, user, size);
	kfree(c.name);
	return err;
}

s64 proc_ioctl_maps(struct pseudo_text *t, unsigned cmd, u64 arg)
{
	return cmd == PROCMAP_QUERY ? query_maps(t->space, uptr_make(arg)) : -ENOTTY;
}

/* ---- smaps ---- */

struct area_usage {
	struct vm_usage u;
	u64 size;
};

static void put_kib(struct strbuf *sb, const char *name, u64 bytes)
{
	strbuf_printf(sb, "%-16s%8llu kB\n", name, bytes / 1024);
}

static void put_usage(struct strbuf *sb, const struct vm_usage *u, bool rollup)
{
	put_kib(sb, "Rss:", u->rss);
	put_kib(sb, "Pss:", u->pss >> VM_PSS_SHIFT);
	put_kib(sb, "Pss_Dirty:", u->pss_dirty >> VM_PSS_SHIFT);
	if (rollup) {
		put_kib(sb, "Pss_Anon:", u->pss_anon >> VM_PSS_SHIFT);
		put_kib(sb, "Pss_File:", u->pss_file >> VM_PSS_SHIFT);
		put_kib(sb, "Pss_Shmem:", (u->pss - u->pss_anon - u->pss_file) >> VM_PSS_SHIFT);
	}
	put_kib(sb, "Shared_Clean:", u->shared_clean);
	put_kib(sb, "Shared_Dirty:", u->shared_dirty);
	put_kib(sb, "Private_Clean:", u->private_clean);
	put_kib(sb, "Private_Dirty:", u->private_dirty);
	put_kib(sb, "Referenced:", u->referenced);
	put_kib(sb, "Anonymous:", u->anonymous);
	put_kib(sb, "KSM:", 0);
	put_kib(sb, "LazyFree:", u->lazy_free);
	put_kib(sb, "AnonHugePages:", u->anon_huge);
	put_kib(sb, "ShmemPmdMapped:", 0);
	put_kib(sb, "FilePmdMapped:", 0);
	put_kib(sb, "Shared_Hugetlb:", u->hugetlb_shared);
	put_kib(sb, "Private_Hugetlb:", u->hugetlb_private);
	put_kib(sb, "Swap:", 0);
	put_kib(sb, "SwapPss:", 0);
	put_kib(sb, "Locked:", u->locked);
}

#define SHARED_WRITER VM_UFFD_ASYNC
#define SOFT_DIRTY	VM_UNMAP_NOTE
#define IO_MEMORY	(1u << __builtin_ctz(VM_KEY))

/* Linux' letters in the order of Linux' bits. */
static void put_flags(struct strbuf *sb, u32 flags, bool is_stack)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {{VM_READ, "rd"}, {VM_WRITE, "wr"}, {VM_EXEC, "ex"}, {SHARED_WRITER, "sh"}, {VM_MAYREAD, "mr"}, {VM_MAYWRITE, "mw"},
		{VM_MAYEXEC, "me"}, {VM_SHARED, "ms"}, {VM_GROWSDOWN, "gd"}, {VM_UFFD_MISSING, "um"}, {IO_MEMORY, "pf"}, {VM_UFFD_WP, "uw"},
		{VM_LOCKED, "lo"}, {IO_MEMORY, "io"}, {VM_SEQ_READ, "sr"}, {VM_RAND_READ, "rr"}, {VM_DONTFORK, "dc"}, {VM_DEVICE | VM_HUGETLB, "de"},
		{VM_LOCKONFAULT, "lf"}, {VM_ACCOUNT, "ac"}, {VM_NORESERVE, "nr"}, {VM_HUGETLB, "ht"}, {VM_WIPEONFORK, "wf"}, {VM_DONTDUMP, "dd"},
		{SOFT_DIRTY, "sd"}, {VM_HUGE, "hg"}, {VM_NOHUGE, "nh"}, {VM_UFFD_MINOR, "ui"}, {VM_SEALED, "sl"}};

	/* Three that are not bits of ours, in the places of three that mean nothing here. */
	static_assert(!((SHARED_WRITER | SOFT_DIRTY | IO_MEMORY) & (VM_READ | VM_WRITE | VM_SHARED | VM_DEVICE | VM_SEALED)), "told apart");
	flags &= ~(SHARED_WRITER | SOFT_DIRTY | IO_MEMORY);
	flags |= (flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE) ? SHARED_WRITER : 0;
	flags |= (flags & VM_SOFTCLEAN) || is_stack ? 0 : SOFT_DIRTY; /* Linux' exec gives the stack its final flags without it */
	flags |= (flags & (VM_DEVICE | VM_DONTDUMP)) == (VM_DEVICE | VM_DONTDUMP) ? IO_MEMORY : 0; /* the vDSO's code is not */
	strbuf_puts(sb, "VmFlags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & names[i].flag)
			strbuf_printf(sb, "%s ", names[i].text);
	}
	strbuf_putc(sb, '\n');
}

int proc_next_smaps(struct pseudo_text *t)
{
	struct area_copy c;
	struct vm_usage u = {0};
	int more = next_area(t, &c);
	bool is_stack;

	if (more <= 0)
		return more;
	proc_format_maps(&t->sb, &c.line);
	is_stack = !strcmp(c.name, "[stack]");
	kfree(c.name);
	vm_usage(t->space, c.line.start, c.line.end, &u);
	put_kib(&t->sb, "Size:", c.line.end - c.line.start);
	put_kib(&t->sb, "KernelPageSize:", c.flags & VM_HUGETLB ? HUGETLB_SIZE : PAGE_SIZE);
	put_kib(&t->sb, "MMUPageSize:", c.flags & VM_HUGETLB ? HUGETLB_SIZE : PAGE_SIZE);
	put_usage(&t->sb, &u, false);
	strbuf_printf(&t->sb, "THPeligible:    %8u\n", c.huge);
	if (mmu_keys() > 1)
		strbuf_printf(&t->sb, "ProtectionKey:  %8u\n", (c.flags & VM_KEY) / (VM_KEY & -VM_KEY));
	put_flags(&t->sb, c.flags, is_stack);
	return 1;
}

int proc_show_smaps_rollup(struct pseudo_text *t)
{
	struct vm_usage sum = {0};
	struct area_copy c;
	struct maps_line line = {.name = "[rollup]"};
	bool any = false;
	int more;

	if (!t->space)
		return -ESRCH;
	t->cursor = 0;
	while ((more = next_area(t, &c)) > 0) {
		if (!any)
			line.start = c.line.start;
		any = true;
		line.end = c.line.end;
		kfree(c.name);
		vm_usage(t->space, c.line.start, c.line.end, &sum);
	}
	t->cursor = 1; /* of a whole text: made */
	if (more < 0)
		return more;
	proc_format_maps(&t->sb, &line);
	put_usage(&t->sb, &sum, true);
	return 0;
}
