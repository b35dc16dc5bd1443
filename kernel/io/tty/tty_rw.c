/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read, write and poll of a terminal.
 */
#include "tty_impl.h"
#include <time/clock.h>
#include <linux/fs.h>

#define READ_CHUNK 256

static bool nonblocking(const struct file *f, unsigned rwf)
{
	return (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
}

/* What ends a wait besides data. */
static bool line_gone(const struct tty_file *tf)
{
	return tty_file_dead(tf) || tty_flag(tf->tty, TTY_OTHER_CLOSED);
}

/* How long raw mode waits [posix 11.1.7]: for how many bytes, until when for the first, between two. */
struct patience {
	size_t min;
	u64 first_deadline, between_ns;
	bool poll_only; /* VMIN 0 VTIME 0 */
};

static struct patience patience_of(const struct ldisc *ld)
{
	struct patience p = {.first_deadline = ~0ull};
	u64 time_ns = ld->t.c_cc[VTIME] * 100000000ull;

	if ((ld->t.c_lflag & (ICANON | EXTPROC)) == ICANON)
		return p;
	p.min = ld->t.c_cc[VMIN];
	if (p.min) {
		p.between_ns = time_ns;
	} else {
		p.min = 1;
		p.poll_only = !time_ns;
		if (time_ns)
			p.first_deadline = deadline_after(time_ns);
	}
	return p;
}

static size_t take(struct tty *tty, u8 *buf, size_t n, bool whole, bool *out_done)
{
	size_t got;

	TTY_LDISC(tty, got = ldisc_read(tty->ld, buf, n, whole, out_done));
	return got;
}

static bool readable(struct tty *tty)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	bool yes = ldisc_readable(tty->ld, 0);

	spin_unlock_irqrestore(&tty->lock, flags);
	return yes;
}

/* Copy what is there, at most to the end of a line. *out_line: a line, or end of file, ended. -EFAULT. */
static ssize_t read_available(struct tty *tty, struct iobuf *to, bool *out_line)
{
	u8 buf[READ_CHUNK];
	ssize_t total = 0;
	bool done = false;

	while (to->left && !done) {
		size_t want = min_t(size_t, to->left, sizeof(buf));
		size_t got = take(tty, buf, want, want == to->left, &done);

		if (got && iobuf_put(to, buf, got) != got)
			return -EFAULT;
		total += (ssize_t)got;
	}
	*out_line = done;
	return total;
}

static int wait_input(struct tty_file *tf, struct file *f, unsigned rwf, const struct patience *p, u64 deadline)
{
	struct tty *tty = tf->tty;

	if (p->poll_only)
		return -ETIMEDOUT;
	if (nonblocking(f, rwf))
		return -EAGAIN;
	return wait_event_state(&tty->read_wait, readable(tty) || line_gone(tf), THREAD_SLEEP_INTR, deadline, false);
}

static ssize_t read_locked(struct tty_file *tf, struct file *f, struct iobuf *to, unsigned rwf)
{
	struct tty *tty = tf->tty;
	struct patience p = patience_of(tty->ld);
	u64 deadline = p.first_deadline;
	ssize_t total = 0;
	bool line;
	int err;

	for (;;) {
		if (readable(tty)) {
			ssize_t n = read_available(tty, to, &line);

			if (n < 0)
				return total ? total : n;
			total += n;
			if (!to->left || !p.min || (size_t)total >= p.min)
				return total;
			if (p.between_ns)
				deadline = deadline_after(p.between_ns);
			continue;
		}
		if (tty_file_dead(tf))
			return total;
		if (tty_flag(tty, TTY_OTHER_CLOSED))
			return total ? total : -EIO;
		err = wait_input(tf, f, rwf, &p, deadline);
		if (err)
			return total ? total : err == -ETIMEDOUT ? 0 : err;
	}
}

ssize_t tty_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct tty_file *tf = tty_file(f);
	ssize_t n;
	int err;

	if (tty_file_dead(tf))
		return 0;
	if (!tf->is_console) {
		err = tty_check_change(tf->tty, SIGTTIN);
		if (err)
			return err;
	}
	if (!to->left)
		return 0;
	if (nonblocking(f, rwf)) {
		if (!mutex_trylock(&tf->tty->read_mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&tf->tty->read_mutex)) {
		return -ERESTARTSYS;
	}
	n = read_locked(tf, f, to, rwf);
	mutex_unlock(&tf->tty->read_mutex);
	return n;
}

/* ---- writing ---- */

static bool has_room(struct tty *tty)
{
	/* A look without the lock: who put nothing will look again. */
	return ldisc_outq(tty->ld) < TTY_OUT_WAKE && ldisc_write_room(tty->ld);
}

/* Put @n bytes of write_buf on the line; sleeps for room. Bytes, or -errno if none. */
static ssize_t write_chunk(struct tty_file *tf, struct file *f, size_t n, unsigned rwf)
{
	struct tty *tty = tf->tty;
	size_t done = 0;
	int err;

	for (;;) {
		size_t put;

		if (line_gone(tf))
			return done ? (ssize_t)done : -EIO;
		TTY_LDISC(tty, put = ldisc_write(tty->ld, tty->write_buf + done, n - done));
		done += put;
		if (done == n)
			return (ssize_t)n;
		if (put)
			continue; /* start may have made room at once */
		if (nonblocking(f, rwf))
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event_interruptible(&tty->write_wait, has_room(tty) || line_gone(tf));
		if (err)
			return done ? (ssize_t)done : err;
	}
}

static ssize_t write_locked(struct tty_file *tf, struct file *f, struct iobuf *from, unsigned rwf)
{
	ssize_t total = 0;

	while (from->left) {
		size_t n = iobuf_get(from, tf->tty->write_buf, min_t(size_t, from->left, TTY_WRITE_CHUNK));
		ssize_t put = n ? write_chunk(tf, f, n, rwf) : -EFAULT;

		if (put < 0)
			return total ? total : put;
		total += put;
		if ((size_t)put < n)
			break;
		if (from->left && thread_signal_pending())
			break;
	}
	return total;
}

ssize_t tty_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct tty_file *tf = tty_file(f);
	struct tty *tty = tf->tty;
	ssize_t n;
	int err;

	if (line_gone(tf))
		return -EIO;
	if ((READ_ONCE(tty->ld->t.c_lflag) & TOSTOP) && !tf->is_console) {
		err = tty_check_change(tty, SIGTTOU);
		if (err)
			return err;
	}
	if (nonblocking(f, rwf)) {
		if (!mutex_trylock(&tty->write_mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&tty->write_mutex)) {
		return -ERESTARTSYS;
	}
	n = write_locked(tf, f, from, rwf);
	mutex_unlock(&tty->write_mutex);
	return n;
}

u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty_file *tf = tty_file(f);
	struct tty *tty = tf->tty;
	irqflags_t flags;
	u32 mask = 0;

	poll_wait(pt, f, &tty->read_wait);
	poll_wait(pt, f, &tty->write_wait);
	if (tty_file_dead(tf))
		return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
	flags = spin_lock_irqsave(&tty->lock);
	if (ldisc_readable(tty->ld, tty->ld->t.c_cc[VTIME] ? 1 : tty->ld->t.c_cc[VMIN]))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (has_room(tty))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (tty_flag(tty, TTY_OTHER_CLOSED))
		mask |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	return mask;
}
