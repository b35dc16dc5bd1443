/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a task: cmdline, environ, auxv, mem.
 */
#include "proc_fs.h"
#include <env/iobuf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <linux/fs.h>

#define CHUNK 2048u

/* The next bytes of [start, end) as record: the cursor counts them. */
static int next_bytes(struct pseudo_text *t, struct vm_space *s, vaddr_t start, vaddr_t end)
{
	char *buf;
	ssize_t n;

	if (start + t->cursor >= end)
		return 0;
	buf = kmalloc(CHUNK, 0);
	if (!buf)
		return -ENOMEM;
	n = vm_access(s, start + t->cursor, buf, min_t(u64, CHUNK, end - start - t->cursor), false, true);
	if (n > 0) {
		strbuf_write(&t->sb, buf, (size_t)n);
		t->cursor += (u64)n;
	}
	kfree(buf);
	return n > 0 ? 1 : (int)n;
}

/* A program that overwrote the end of its arguments (setproctitle) goes on into its environment up to the first NUL. */
static int next_overwritten(struct pseudo_text *t, struct vm_space *s)
{
	size_t before = t->sb.len, len;
	char last = 0;
	int more;

	(void)vm_access(s, s->arg_end - 1, &last, 1, false, true);
	if (!last || s->env_start != s->arg_end || s->arg_start + t->cursor >= s->env_end)
		return 0;
	more = next_bytes(t, s, s->arg_start, s->env_end);
	len = strnlen(t->sb.buf + before, t->sb.len - before);
	if (more > 0 && before + len < t->sb.len) {
		t->sb.len = before + len;
		t->cursor = s->env_end - s->arg_start;
	}
	return more;
}

int proc_next_cmdline(struct pseudo_text *t)
{
	struct vm_space *s = task_space_get(t->task);
	int more = 0;

	if (!s)
		return 0;
	if (s->arg_start < s->arg_end) {
		if (s->arg_start + t->cursor < s->arg_end)
			more = next_bytes(t, s, s->arg_start, s->arg_end);
		else
			more = next_overwritten(t, s);
	}
	vm_space_put(s);
	return max(more, 0);
}

int proc_next_environ(struct pseudo_text *t)
{
	return t->space ? next_bytes(t, t->space, t->space->env_start, t->space->env_end) : 0;
}

int proc_show_auxv(struct pseudo_text *t)
{
	size_t n = 0;

	if (!t->space)
		return 0;
	while (n + 2 < ARRAY_SIZE(t->space->auxv) && t->space->auxv[n])
		n += 2;
	strbuf_write(&t->sb, t->space->auxv, (n + 2) * sizeof(u64));
	return 0;
}

/* ---- mem: file->private is the space as it was at open ---- */

static int mem_open(struct inode *inode, struct file *f)
{
	struct task *t = proc_inode_task(inode);
	struct vm_space *s = NULL;
	int err;

	if (!t)
		return -ESRCH;
	err = proc_space_open(t, true, &s);
	task_put(t);
	f->private = s;
	f->mode &= ~(u32)FMODE_NOWAIT;
	return err;
}

static void mem_release(struct file *f)
{
	if (f->private)
		vm_space_put(f->private);
}

static ssize_t mem_copy(struct file *f, struct iobuf *b, s64 *pos, bool write)
{
	struct vm_space *s = f->private;
	ssize_t done = 0, n = 0;
	char *buf;

	if (!s || !vm_space_tryget_user(s))
		return 0;
	buf = kmalloc(PAGE_SIZE, 0);
	if (!buf) {
		vm_space_put_user(s);
		return -ENOMEM;
	}
	while (b->left) {
		size_t want = min_t(size_t, b->left, PAGE_SIZE - (size_t)((u64)*pos % PAGE_SIZE));

		n = -EINTR;
		if (thread_kill_pending())
			break;
		n = -EFAULT;
		if (write && iobuf_get(b, buf, want) < want)
			break;
		n = vm_access(s, (vaddr_t)*pos, buf, want, write, true);
		if (n <= 0) {
			n = -EIO;
			break;
		}
		if (!write && iobuf_put(b, buf, (size_t)n) < (size_t)n) {
			n = -EFAULT;
			break;
		}
		done += n;
		*pos += n;
		if ((size_t)n < want)
			break;
	}
	kfree(buf);
	vm_space_put_user(s);
	return done ? done : n;
}

static ssize_t mem_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return mem_copy(f, to, pos, false);
}

static ssize_t mem_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	return mem_copy(f, from, pos, true);
}

/* Addresses: the whole range of positions, with the sign too. */
s64 proc_mem_lseek(struct file *f, s64 off, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	f->pos = whence == SEEK_CUR ? (s64)((u64)f->pos + (u64)off) : off;
	return f->pos;
}

const struct file_ops proc_mem_fops = {
	.open = mem_open, .read = mem_read, .write = mem_write, .lseek = proc_mem_lseek, .release = mem_release,
	.no_splice = true};
