/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/{pagemap,clear_refs}: a word of bits for each page of the address space; and forgetting which were used.
 *
 *	63 present, 61 of a file or shared, 56 mapped once; 54..0 the frame's number, for who may know it. Soft-dirty bits are not kept.
 */
#include "proc_fs.h"
#include <env/iobuf.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/cred.h>

#define WORDS 256u

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

const struct file_ops proc_pagemap_fops = {
	.open = pagemap_open, .read = pagemap_read, .lseek = proc_mem_lseek, .release = pagemap_release, .no_splice = true};

int proc_store_clear_refs(struct pseudo_text *t, char *text, size_t len)
{
	struct vm_space *s;
	s32 what;

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (strtos32(text, 10, &what) || what < 1 || what > 5 || what == 4)
		return -EINVAL;
	s = task_space_get(t->task);
	if (!s)
		return 0;
	if (what == 5)
		vm_reset_peak(s);
	else
		vm_clear_referenced(s, what != 3, what != 2);
	vm_space_put(s);
	return 0;
}
