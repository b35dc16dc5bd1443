/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo terminals. [man pty(7), pts(4), ioctl_tty(2)]
 *
 * One struct tty, the slave's, serves both sides: what the master writes is received by its line discipline, what the master reads is taken from its
 * output. So the master has no settings of its own: its ioctls show the slave's.
 *
 *	master write ─► tty_receive ─► in ─► slave read
 *	master read ◄─ tty_output_take ◄─ out ◄─ slave write
 *
 * Closing the master hangs the slave up and takes its name away; the number is free again when the last slave is closed.
 */
#include "pty.h"
#include "tty_impl.h"
#include <init/initcall.h>
#include <lib/printf.h>
#include <vfs/namei.h>
#include <linux/fs.h>
#include <vfs/sysfs.h>

#define CHUNK 512

static struct pty *pty_of(struct tty *tty)
{
	return container_of(tty, struct pty, tty);
}

/* ---- the slave's driver ---- */

static void wake_master(struct pty *pty, u32 key)
{
	wait_wake(&pty->master_wait, 0, key);
	tty_async(&pty->tty, true, key & EPOLLIN);
}

static void pty_start(struct tty *tty)
{
	wake_master(pty_of(tty), EPOLLIN | EPOLLRDNORM);
}

static void pty_unthrottle(struct tty *tty)
{
	wake_master(pty_of(tty), EPOLLOUT | EPOLLWRNORM);
}

static void pty_packet(struct tty *tty)
{
	wake_master(pty_of(tty), EPOLLIN | EPOLLPRI | EPOLLRDNORM);
}

static int pty_slave_open(struct tty *tty)
{
	if (tty_flag(tty, TTY_OTHER_CLOSED))
		return -EIO;
	pty_of(tty)->slave_closed = false;
	return 0;
}

static void pty_slave_close(struct tty *tty)
{
	pty_of(tty)->slave_closed = true;
	wake_master(pty_of(tty), EPOLLIN | EPOLLHUP | EPOLLRDNORM);
}

static void pty_set_termios(struct tty *tty, struct termios2 *t)
{
	t->c_cflag &= ~(u32)(CSIZE | PARENB);
	t->c_cflag |= CS8 | CREAD;
}

static void pty_free(struct tty *tty)
{
	struct pty *pty = pty_of(tty);

	devpts_detach(pty);
	tty_fini(tty);
	kfree(pty);
}

static const struct tty_ops pty_ops = {
	.start = pty_start,
	.unthrottle = pty_unthrottle,
	.open = pty_slave_open,
	.close = pty_slave_close,
	.set_termios = pty_set_termios,
	.packet = pty_packet,
	.free = pty_free,
};

static int pts_open(struct inode *inode, struct file *f)
{
	struct tty *tty = devpts_find_get(inode);

	if (!tty)
		return -EIO;
	if (tty_flag(tty, TTY_LOCKED | TTY_OTHER_CLOSED)) {
		tty_put(tty);
		return -EIO;
	}
	return tty_open_file(tty, f, f->flags & O_NOCTTY, false);
}

/* ---- the master ---- */

static bool nonblocking(const struct file *f, unsigned rwf)
{
	return (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
}

static bool master_readable(struct pty *pty)
{
	return tty_output_pending(&pty->tty) || READ_ONCE(pty->tty.ld->packet) || READ_ONCE(pty->slave_closed);
}

/* The packet status, if there is news; *out_mode: packet mode is on. */
static u8 take_packet(struct tty *tty, bool *out_mode)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	u8 status = tty->ld->packet;

	*out_mode = tty->ld->packet_mode;
	WRITE_ONCE(tty->ld->packet, 0);
	spin_unlock_irqrestore(&tty->lock, flags);
	return status;
}

/* What is there now; 0: nothing. */
static ssize_t master_take(struct pty *pty, struct iobuf *to)
{
	u8 buf[CHUNK], status, data = TIOCPKT_DATA;
	ssize_t total = 0;
	bool packets;

	status = take_packet(&pty->tty, &packets);
	if (status)
		return iobuf_put(to, &status, 1) == 1 ? 1 : -EFAULT;
	while (to->left > (packets && !total)) {
		size_t n = tty_output_take(&pty->tty, buf, min_t(size_t, to->left - (packets && !total), sizeof(buf)));

		if (!n)
			break;
		if (packets && !total) {
			if (iobuf_put(to, &data, 1) != 1)
				return -EFAULT;
			total++;
		}
		if (iobuf_put(to, buf, n) != n)
			return total > packets ? total : -EFAULT;
		total += (ssize_t)n;
	}
	return total;
}

static ssize_t master_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct pty *pty = f->private;
	ssize_t n;
	int err;

	if (!to->left)
		return 0;
	for (;;) {
		n = master_take(pty, to);
		if (n)
			return n;
		if (READ_ONCE(pty->slave_closed) && !tty_output_pending(&pty->tty))
			return -EIO;
		if (nonblocking(f, rwf))
			return -EAGAIN;
		err = wait_event_interruptible(&pty->master_wait, master_readable(pty));
		if (err)
			return err;
	}
}

static bool slave_has_room(struct tty *tty)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	bool room = ldisc_receive_room(tty->ld);

	spin_unlock_irqrestore(&tty->lock, flags);
	return room;
}

/* Room for the master; if there is none, the slave's next reader is told to wake him. */
static bool master_writable(struct tty *tty)
{
	if (slave_has_room(tty))
		return true;
	tty_set_flag(tty, TTY_THROTTLED, true);
	return slave_has_room(tty); /* who made room before the flag was up has woken nobody */
}

static ssize_t master_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct pty *pty = f->private;
	ssize_t total = 0;
	u8 buf[CHUNK];
	int err;

	while (from->left) {
		struct iobuf at = *from;
		size_t n = iobuf_get(&at, buf, min_t(size_t, from->left, sizeof(buf))), put;

		if (!n)
			return total ? total : -EFAULT;
		put = tty_receive(&pty->tty, buf, n);
		iobuf_advance(from, put);
		total += (ssize_t)put;
		if (put == n)
			continue;
		if (nonblocking(f, rwf))
			return total ? total : -EAGAIN;
		err = wait_event_interruptible(&pty->master_wait, master_writable(&pty->tty));
		if (err)
			return total ? total : err;
	}
	return total;
}

static int master_fasync(struct file *f, int fd, bool on)
{
	struct pty *pty = f->private;

	return tty_fasync_set(&pty->tty, &pty->tty.master_async, f, fd, on);
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *pty = f->private;
	u32 mask = 0;

	poll_wait(pt, f, &pty->master_wait);
	if (tty_output_pending(&pty->tty))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(pty->tty.ld->packet))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLPRI;
	if (READ_ONCE(pty->slave_closed))
		mask |= EPOLLHUP;
	if (master_writable(&pty->tty))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static s64 get_int(struct uptr arg, s32 *out)
{
	return copy_from_user(out, arg, sizeof(*out));
}

static s64 set_packet_mode(struct tty *tty, struct uptr arg)
{
	irqflags_t flags;
	s32 on;

	if (get_int(arg, &on))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	if (!tty->ld->packet_mode)
		tty->ld->packet = 0;
	tty->ld->packet_mode = on != 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

/* Signals that the master may ask for. */
static s64 send_signal(struct tty *tty, u64 signo)
{
	if (signo != SIGINT && signo != SIGQUIT && signo != SIGTSTP)
		return -EINVAL;
	tty_signal_pgrp(tty, (int)signo);
	return 0;
}

/* Open the slave, whatever name it has now or where. */
static s64 open_peer(struct pty *pty, struct file *master, unsigned o_flags)
{
	struct path slave;
	struct file *f;
	int err, fd;

	err = devpts_path(pty, master, &slave);
	if (err)
		return err;
	err = file_open_path(&slave, o_flags & ~(unsigned)O_CREAT, &f);
	path_put(&slave);
	if (err)
		return err;
	fd = fd_add(f, o_flags & O_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

static s64 put_int(struct uptr arg, s32 v)
{
	return copy_to_user(arg, &v, sizeof(v));
}

static s64 master_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct pty *pty = f->private;
	struct tty *tty = &pty->tty;
	struct uptr p = uptr_make(arg);
	s32 v;

	switch (cmd) {
	case TIOCGPTN: return put_int(p, (s32)pty->index);
	case TIOCSPTLCK:
		if (get_int(p, &v))
			return -EFAULT;
		tty_set_flag(tty, TTY_LOCKED, v);
		return 0;
	case TIOCGPTLCK: return put_int(p, tty_flag(tty, TTY_LOCKED) != 0);
	case TIOCPKT: return set_packet_mode(tty, p);
	case TIOCGPKT: return put_int(p, READ_ONCE(tty->ld->packet_mode));
	case TIOCSIG: return send_signal(tty, arg);
	case TIOCGPTPEER: return open_peer(pty, f, (unsigned)arg);
	case TIOCINQ: return put_int(p, (s32)ldisc_outq(tty->ld));
	case TIOCOUTQ: return put_int(p, 0);
	case TIOCNOTTY: return -ENOTTY;
	case TIOCGDEV: return put_int(p, (s32)f->inode->rdev);
	case TCFLSH: /* seen from here the two directions change places */
		arg = arg == TCIFLUSH ? TCOFLUSH : arg == TCOFLUSH ? TCIFLUSH : arg;
		break;
	}
	return tty_common_ioctl(tty, f, cmd, arg);
}

static void master_release(struct file *f)
{
	struct pty *pty = f->private;

	tty_set_flag(&pty->tty, TTY_OTHER_CLOSED, true);
	devpts_remove(pty);
	tty_hangup(&pty->tty);
	tty_put(&pty->tty);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.fasync = master_fasync,
	.ioctl = master_ioctl,
	.release = master_release,
};

static int pty_create(struct file *f, struct pty **out)
{
	struct termios2 t = tty_std_termios; /* a line that is never hung up by its user */
	struct pty *pty = kzalloc(sizeof(*pty), 0);
	char name[12];
	int err;

	if (!pty)
		return -ENOMEM;
	t.c_cflag &= ~(u32)HUPCL;
	err = devpts_attach(f, pty);
	if (err)
		goto no_number;
	scnprintf(name, sizeof(name), "pts/%u", pty->index);
	err = tty_init(&pty->tty, &pty_ops, &t, name, vfs_mkdev(UNIX98_PTY_SLAVE_MAJOR, pty->index));
	if (err)
		goto no_tty;
	pty->tty.flags = TTY_IS_PTY | TTY_LOCKED;
	pty->tty.ld->direct = true;
	wait_queue_init(&pty->master_wait);
	err = devpts_add(pty);
	if (!err) {
		*out = pty;
		return 0;
	}
	tty_fini(&pty->tty);
no_tty:
	devpts_detach(pty);
no_number:
	kfree(pty);
	return err;
}

static int ptmx_open(struct inode *inode, struct file *f)
{
	struct pty *pty;
	int err = pty_create(f, &pty);

	if (err)
		return err;
	f->ops = &master_ops;
	f->private = pty;
	return 0;
}

static const struct file_ops ptmx_ops = {.open = ptmx_open};
static const struct file_ops pts_ops = {.open = pts_open};
static struct chrdev ptmx_dev = {.major = TTYAUX_MAJOR, .minor = 2, .nminors = 1, .ops = &ptmx_ops, .name = "/dev/ptmx"};
static struct chrdev pts_dev = {.major = UNIX98_PTY_SLAVE_MAJOR, .minor = 0, .nminors = PTY_NUMBERS, .ops = &pts_ops, .name = "pts"};

static int pty_init(void)
{
	int err = chrdev_register(&ptmx_dev);

	if (!err)
		err = chrdev_register(&pts_dev);
	return err ? err : device_node_add(&(struct device_node){
			      .class = "tty", .name = "ptmx", .mode = 0666, .rdev = vfs_mkdev(TTYAUX_MAJOR, 2)});
}

INITCALL(pty, "vfs tty devpts", pty_init);
