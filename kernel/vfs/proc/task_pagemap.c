/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/{pagemap,clear_refs}: a word of bits for each page of the address space, PAGEMAP_SCAN; and forgetting which were used.
 *
 *	63 present, 62 a marker of userfaultfd, 61 of a file or shared, 57 guarded by userfaultfd, 56 mapped once, 55 soft-dirty; 54..0 the frame's number, for who
 *	may know it.
 */
#include "proc_fs.h"
#include <env/iobuf.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vm/pages.h>

#define WORDS	256u
#define REGIONS 512u

static int pagemap_open(struct inode *inode, struct file *f)
{
	struct task *t = proc_inode_task(inode);
	struct vm_space *s = NULL;
	int err;

	if (!t)
		return -ESRCH;
	err = proc_space_open(t, false, &s);
	task_put(t);
	f->private = s;
	f->mode &= ~(u32)FMODE_NOWAIT;
	return err;
}

static void pagemap_release(struct file *f)
{
	if (f->private)
		vm_space_put(f->private);
}

static ssize_t pagemap_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct vm_space *s = f->private;
	bool frames = capable(CAP_SYS_ADMIN);
	ssize_t done = 0;
	u64 *words;

	if (!s)
		return 0;
	if ((*pos | (s64)to->left) & 7)
		return -EINVAL;
	words = kmalloc(WORDS * sizeof(*words), 0);
	if (!words)
		return -ENOMEM;
	while (to->left && (u64)*pos / 8 < USER_VA_END / PAGE_SIZE) {
		u64 first = (u64)*pos / 8, n = min_t(u64, min_t(u64, to->left / 8, WORDS), USER_VA_END / PAGE_SIZE - first);
		size_t got;

		if (thread_signal_pending()) {
			done = done ? done : -EINTR;
			break;
		}
		vm_pagemap(s, first * PAGE_SIZE, n, words, frames);
		got = iobuf_put(to, words, n * 8);
		*pos += (s64)got;
		done += (ssize_t)got;
		if (got < n * 8) {
			done = done ? done : -EFAULT;
			break;
		}
	}
	kfree(words);
	return done;
}

static int scan_args(struct pm_scan_arg *a, struct uptr uarg)
{
	const u64 known = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_FILE | PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_PFNZERO | PAGE_IS_HUGE |
		PAGE_IS_SOFT_DIRTY;

	if (copy_from_user(a, uarg, sizeof(*a)))
		return -EFAULT;
	if (a->size != sizeof(*a) || (a->flags & ~(u64)(PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC)))
		return -EINVAL;
	if ((a->category_inverted | a->category_mask | a->category_anyof_mask | a->return_mask) & ~known)
		return -EINVAL;
	if (a->start & (PAGE_SIZE - 1))
		return -EINVAL;
	if (a->start > USER_VA_END || a->end - a->start > USER_VA_END - a->start)
		return -EFAULT;
	if (!a->vec && a->vec_len)
		return -EINVAL;
	if (a->vec && (a->vec > USER_VA_END || a->vec_len > (USER_VA_END - a->vec) / sizeof(struct page_region)))
		return -EFAULT;
	a->end = align_up(a->end, PAGE_SIZE);
	if (!a->max_pages)
		a->max_pages = ~0ull;
	return 0;
}

/* Regions found, or an error. A region that goes on over the end of our buffer is given in two parts. */
static s64 scan_pages(struct vm_space *s, const struct pm_scan_arg *a, struct vm_scan *scan)
{
	u64 given = 0;
	int more = 0;

	while (!more) {
		if (thread_kill_pending())
			return -EINTR;
		scan->n = 0;
		scan->room = (u32)min_t(u64, REGIONS, a->vec_len - given);
		more = vm_scan_pages(s, scan);
		if (scan->n && copy_to_user(uptr_add((struct uptr){a->vec}, given * sizeof(struct page_region)), scan->regions,
					scan->n * sizeof(struct page_region)))
			return -EFAULT;
		given += scan->n;
		if (given == a->vec_len || scan->found == scan->max_pages)
			break;
	}
	return more < 0 ? more : (s64)given;
}

static s64 pagemap_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct vm_space *s = f->private;
	struct pm_scan_arg a;
	struct vm_scan scan;
	s64 ret;

	if (cmd != PAGEMAP_SCAN)
		return -EINVAL;
	ret = s ? scan_args(&a, (struct uptr){arg}) : -EINVAL;
	if (ret)
		return ret;
	scan = (struct vm_scan){.flags = a.flags, .inverted = a.category_inverted, .mask = a.category_mask, .anyof = a.category_anyof_mask,
		.returned = a.return_mask, .max_pages = a.max_pages, .at = a.start, .end = a.end};
	if (a.vec_len) {
		scan.regions = kmalloc(REGIONS * sizeof(*scan.regions), 0);
		if (!scan.regions)
			return -ENOMEM;
	}
	ret = scan_pages(s, &a, &scan);
	kfree(scan.regions);
	a.walk_end = ret < 0 ? a.end : scan.at;
	if (user_store64(uptr_add((struct uptr){arg}, offsetof(struct pm_scan_arg, walk_end)), a.walk_end))
		return -EFAULT;
	return ret;
}

const struct file_ops proc_pagemap_fops = {
	.open = pagemap_open, .read = pagemap_read, .lseek = proc_mem_lseek, .ioctl = pagemap_ioctl, .release = pagemap_release,
	.no_splice = true};

int proc_store_clear_refs(struct pseudo_text *t, char *text, size_t len)
{
	struct vm_space *s;
	s32 what;

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (strtos32(text, 10, &what) || what < 1 || what > 5)
		return -EINVAL;
	s = task_space_get(t->task);
	if (!s)
		return 0;
	if (what == 5)
		vm_reset_peak(s);
	else if (what == 4)
		vm_clear_soft_dirty(s);
	else
		vm_clear_referenced(s, what != 3, what != 2);
	vm_space_put(s);
	return 0;
}
