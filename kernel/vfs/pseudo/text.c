/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open text.
 *
 *	0 ........ start ................ start + len ........ (not made yet)
 *	 forgotten      in buf                          record cursor comes next
 *
 * A read inside the buffer copies; behind it, the buffer is emptied and filled with the records that follow until one does not fit (that one is dropped and made
 * again next time; if the buffer was empty it grows instead). A read before it begins again at record 0. So any sequence of read, pread and lseek is served
 * with one page of memory, however long the text.
 */
#include "pseudo_impl.h"
#include <env/iobuf.h>
#include <io/poll.h>
#include <lib/ctype.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>

#define TEXT_ROOM     4096u
#define TEXT_ROOM_MAX (1u << 20)

/* Held while records are made and copied to the user, whose page faults take RANK_MAP, or to a pipe that is locked. */
LOCK_CLASS(pseudo_text, RANK_NAMESPACE - 4, "one open text of /proc or /sys: what is made of it");

struct text_state {
	struct mutex lock;
	const struct pseudo_file *file;
	const struct pseudo_guard *guard;
	struct pseudo_text t;	/* lock; t.space is constant */
	char *buf;
	size_t cap, len;
	u64 start;
	bool begun, ended;
};

int pseudo_text_open(struct file *f, const struct pseudo_file *text, const struct pseudo_guard *guard)
{
	struct text_state *st = kzalloc(sizeof(*st), 0);
	int err = 0;

	if (!st)
		return -ENOMEM;
	mutex_init(&st->lock, pseudo_text);
	st->file = text;
	st->guard = guard;
	st->t.file = f;
	if (guard->open)
		err = guard->open(f->inode, &st->t);
	if (err) {
		kfree(st);
		return err;
	}
	f->private = st;
	f->mode &= ~(u32)FMODE_NOWAIT;
	return 0;
}

void pseudo_text_release(struct file *f)
{
	struct text_state *st = f->private;

	if (st->t.space)
		vm_space_put(st->t.space);
	kfree(st->buf);
	kfree(st);
}

s64 pseudo_text_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct text_state *st = f->private;

	return st->file->ioctl ? st->file->ioctl(&st->t, cmd, arg) : -ENOTTY;
}

static int grow(struct text_state *st)
{
	size_t cap = st->cap ? 2 * st->cap : TEXT_ROOM;
	char *buf = cap <= TEXT_ROOM_MAX ? kmalloc(cap, 0) : NULL;

	if (!buf)
		return -ENOMEM;
	kfree(st->buf);
	st->buf = buf;
	st->cap = cap;
	return 0;
}

static int next_record(struct text_state *st)
{
	if (st->file->next)
		return st->file->next(&st->t);
	if (st->t.cursor++)
		return 0;
	return st->file->show(&st->t) ?: 1;
}

/* The buffer is used up: forget it and make what follows. The guard is held. */
static int fill_guarded(struct text_state *st)
{
	struct strbuf *sb = &st->t.sb;

	st->start += st->len;
	st->len = 0;
	if (!st->buf && grow(st))
		return -ENOMEM;
	strbuf_init(sb, st->buf, st->cap);
	for (;;) {
		size_t before = sb->len;
		u64 cursor = st->t.cursor;
		int more = next_record(st);

		if (more < 0 && !before)
			return more;
		if (more < 0)
			sb->len = before;
		if (more <= 0 && !strbuf_overflowed(sb)) {
			st->ended = more == 0;
			break;
		}
		if (!strbuf_overflowed(sb))
			continue;
		st->t.cursor = cursor;
		sb->len = before;
		if (before)
			break;
		if (grow(st))
			return -ENOMEM;
		strbuf_init(sb, st->buf, st->cap);
	}
	st->len = sb->len;
	return 0;
}

static int fill(struct text_state *st, struct file *f)
{
	int err = st->guard->enter(f->inode, &st->t);

	if (err)
		return err;
	err = fill_guarded(st);
	st->guard->leave(f->inode, &st->t);
	return err;
}

static void rewind(struct text_state *st)
{
	st->begun = true;
	st->ended = false;
	st->start = 0;
	st->len = 0;
	st->t.cursor = 0;
}

ssize_t pseudo_text_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct text_state *st = f->private;
	u64 at = (u64)*pos;
	ssize_t done = 0;
	int err = 0;

	if (!st->file->show && !st->file->next)
		return -EIO;
	err = mutex_lock_killable(&st->lock);
	if (err)
		return err;
	if (!at || at < st->start || !st->begun)
		rewind(st);
	while (to->left) {
		u64 off = at - st->start;
		size_t n, got;

		if (off >= st->len) {
			if (st->ended)
				break;
			err = thread_kill_pending() ? -EINTR : fill(st, f);
			if (err)
				break;
			continue;
		}
		n = min_t(u64, st->len - off, to->left);
		got = iobuf_put(to, st->buf + off, n);
		at += got;
		done += (ssize_t)got;
		if (got < n) {
			err = -EFAULT;
			break;
		}
	}
	mutex_unlock(&st->lock);
	*pos = (s64)at;
	return done ? done : err;
}

ssize_t pseudo_text_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct text_state *st = f->private;
	struct pseudo_text t = {.file = f, .space = st->t.space};
	size_t len = min_t(size_t, from->left, TEXT_ROOM - 1);
	char *text;
	int err;

	if (!st->file->store)
		return -EIO;
	text = kmalloc(len + 1, 0);
	if (!text)
		return -ENOMEM;
	err = -EFAULT;
	if (iobuf_get(from, text, len) == len) {
		text[len] = '\0';
		err = st->guard->enter(f->inode, &t);
		if (!err) {
			err = st->file->store(&t, text, len);
			st->guard->leave(f->inode, &t);
		}
	}
	kfree(text);
	if (err)
		return err;
	*pos += (s64)len;
	return (ssize_t)len;
}

s64 pseudo_text_lseek(struct file *f, s64 off, int whence)
{
	return whence == SEEK_END ? -EINVAL : lseek_size(f, off, whence, S64_MAX, 0);
}

u32 pseudo_text_poll(struct file *f, struct poll_table *pt)
{
	struct text_state *st = f->private;
	struct pseudo_text t = {.file = f, .space = st->t.space};
	u32 events = EPOLLERR | EPOLLHUP;

	if (!st->file->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	if (st->guard->enter(f->inode, &t) == 0) {
		events = st->file->poll(&t, pt);
		st->guard->leave(f->inode, &t);
	}
	return events;
}

char *pseudo_trim(char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len && is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}
