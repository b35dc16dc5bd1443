/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctls of terminals. [man ioctl_tty(2)]
 *
 * tty_common_ioctl serves the slave and, for most settings, the master of a pty too: they share one struct tty.
 */
#include "tty_impl.h"
#include <time/clock.h>
#include <linux/tty.h>
#include <linux/serial.h>

#define DRAIN_LIMIT_NS 30000000000ull

/* ---- speeds ---- */

static const u32 speeds[] = {0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
static const u32 speeds_ext[] = {57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000,
	2500000, 3000000, 3500000, 4000000};

/* The number behind the CBAUD bits @code; @other for BOTHER. */
static u32 speed_of(u32 code, u32 other)
{
	if (code == BOTHER)
		return other;
	if (code & CBAUDEX)
		return (code & ~(u32)CBAUDEX) - 1 < ARRAY_SIZE(speeds_ext) ? speeds_ext[(code & ~(u32)CBAUDEX) - 1] : 38400;
	return speeds[code];
}

static u32 speed_code(u32 speed)
{
	for (u32 i = 0; i < ARRAY_SIZE(speeds); i++) {
		if (speeds[i] == speed)
			return i;
	}
	for (u32 i = 0; i < ARRAY_SIZE(speeds_ext); i++) {
		if (speeds_ext[i] == speed)
			return CBAUDEX | (i + 1);
	}
	return BOTHER;
}

static void derive_speeds(struct termios2 *t)
{
	u32 in = t->c_cflag >> IBSHIFT & CBAUD;

	t->c_ospeed = speed_of(t->c_cflag & CBAUD, t->c_ospeed);
	t->c_ispeed = in ? speed_of(in, t->c_ispeed) : t->c_ospeed;
}

/* ---- draining ---- */

int tty_drain(struct tty *tty, bool hardware)
{
	int err;

	if (tty_flag(tty, TTY_IS_PTY)) /* what is written has reached the other side */
		return 0;
	err = wait_event_state(&tty->write_wait, !ldisc_outq(tty->ld), THREAD_SLEEP_INTR, deadline_after(DRAIN_LIMIT_NS), false);
	if (err == -ETIMEDOUT)
		err = 0;
	if (!err && hardware && tty->ops->wait_sent)
		tty->ops->wait_sent(tty);
	return err;
}

/* ---- termios ---- */

enum set_how { SET_NOW, SET_DRAIN, SET_FLUSH };

/* What is locked stays as it is. termios_mutex held. */
static void keep_locked(struct tty *tty, struct termios2 *t)
{
	const struct termios2 *old = &tty->ld->t, *locked = &tty->locked;

	t->c_iflag = (t->c_iflag & ~locked->c_iflag) | (old->c_iflag & locked->c_iflag);
	t->c_oflag = (t->c_oflag & ~locked->c_oflag) | (old->c_oflag & locked->c_oflag);
	t->c_cflag = (t->c_cflag & ~locked->c_cflag) | (old->c_cflag & locked->c_cflag);
	t->c_lflag = (t->c_lflag & ~locked->c_lflag) | (old->c_lflag & locked->c_lflag);
	for (unsigned i = 0; i < NCCS; i++)
		t->c_cc[i] = locked->c_cc[i] ? old->c_cc[i] : t->c_cc[i];
}

static void apply_termios(struct tty *tty, struct termios2 *t)
{
	mutex_lock(&tty->termios_mutex);
	derive_speeds(t);
	t->c_line = 0;
	keep_locked(tty, t);
	if (tty->ops->set_termios)
		tty->ops->set_termios(tty, t);
	TTY_LDISC(tty, {
		if (!(t->c_cflag & CBAUD) && !tty_flag(tty, TTY_IS_PTY))
			t->c_cflag = (t->c_cflag & ~(u32)CBAUD) | speed_code(t->c_ospeed);
		ldisc_set_termios(tty->ld, t);
	});
	mutex_unlock(&tty->termios_mutex);
}

static s64 set_termios(struct tty *tty, struct termios2 *t, enum set_how how)
{
	int err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	if (how == SET_FLUSH)
		TTY_LDISC(tty, ldisc_flush_in(tty->ld));
	if (how != SET_NOW) {
		err = tty_drain(tty, true);
		if (err)
			return err;
	}
	apply_termios(tty, t);
	return 0;
}

static struct termios2 current_termios(struct tty *tty)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	struct termios2 t = tty->ld->t;

	spin_unlock_irqrestore(&tty->lock, flags);
	return t;
}

static s64 set_from_user(struct tty *tty, struct uptr arg, size_t size, enum set_how how)
{
	struct termios2 t = current_termios(tty);

	if (copy_from_user(&t, arg, size))
		return -EFAULT;
	return set_termios(tty, &t, how);
}

static s64 get_to_user(struct tty *tty, struct uptr arg, size_t size)
{
	struct termios2 t = current_termios(tty);

	return copy_to_user(arg, &t, size);
}

/* The System V form: the low 16 bits of the flags, eight control characters. */
static s64 get_termio(struct tty *tty, struct uptr arg)
{
	struct termios2 t = current_termios(tty);
	struct termio io;

	memset(&io, 0, sizeof(io));
	io.c_iflag = (unsigned short)t.c_iflag;
	io.c_oflag = (unsigned short)t.c_oflag;
	io.c_cflag = (unsigned short)t.c_cflag;
	io.c_lflag = (unsigned short)t.c_lflag;
	memcpy(io.c_cc, t.c_cc, NCC);
	return copy_to_user(arg, &io, sizeof(io));
}

static s64 set_termio(struct tty *tty, struct uptr arg, enum set_how how)
{
	struct termios2 t = current_termios(tty);
	struct termio io;

	if (copy_from_user(&io, arg, sizeof(io)))
		return -EFAULT;
	t.c_iflag = (t.c_iflag & 0xffff0000u) | io.c_iflag;
	t.c_oflag = (t.c_oflag & 0xffff0000u) | io.c_oflag;
	t.c_cflag = (t.c_cflag & 0xffff0000u) | io.c_cflag;
	t.c_lflag = (t.c_lflag & 0xffff0000u) | io.c_lflag;
	memcpy(t.c_cc, io.c_cc, NCC);
	return set_termios(tty, &t, how);
}

static s64 get_locked(struct tty *tty, struct uptr arg)
{
	struct termios2 t;

	mutex_lock(&tty->termios_mutex);
	t = tty->locked;
	mutex_unlock(&tty->termios_mutex);
	return copy_to_user(arg, &t, sizeof(struct termios));
}

static s64 set_locked(struct tty *tty, struct uptr arg)
{
	struct termios2 t = {0};

	if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	if (copy_from_user(&t, arg, sizeof(struct termios)))
		return -EFAULT;
	mutex_lock(&tty->termios_mutex);
	tty->locked = t;
	mutex_unlock(&tty->termios_mutex);
	return 0;
}

static s64 termios_ioctl(struct tty *tty, unsigned cmd, struct uptr arg)
{
	switch (cmd) {
	case TCGETS: return get_to_user(tty, arg, sizeof(struct termios));
	case TCGETS2: return get_to_user(tty, arg, sizeof(struct termios2));
	case TCSETS: return set_from_user(tty, arg, sizeof(struct termios), SET_NOW);
	case TCSETSW: return set_from_user(tty, arg, sizeof(struct termios), SET_DRAIN);
	case TCSETSF: return set_from_user(tty, arg, sizeof(struct termios), SET_FLUSH);
	case TCSETS2: return set_from_user(tty, arg, sizeof(struct termios2), SET_NOW);
	case TCSETSW2: return set_from_user(tty, arg, sizeof(struct termios2), SET_DRAIN);
	case TCSETSF2: return set_from_user(tty, arg, sizeof(struct termios2), SET_FLUSH);
	case TIOCGLCKTRMIOS: return get_locked(tty, arg);
	case TIOCSLCKTRMIOS: return set_locked(tty, arg);
	case TCGETA: return get_termio(tty, arg);
	case TCSETA: return set_termio(tty, arg, SET_NOW);
	case TCSETAW: return set_termio(tty, arg, SET_DRAIN);
	case TCSETAF: return set_termio(tty, arg, SET_FLUSH);
	default: return -ENOIOCTLCMD;
	}
}

/* ---- flow, flushing, breaks ---- */

static s64 send_xchar(struct tty *tty, unsigned which)
{
	u8 c = tty->ld->t.c_cc[which];

	if (!c)
		return 0;
	if (tty->ops->send_xchar)
		tty->ops->send_xchar(tty, c);
	else
		TTY_LDISC(tty, ldisc_put_now(tty->ld, c));
	return 0;
}

static s64 tcxonc(struct tty *tty, u64 arg)
{
	int err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	switch (arg) {
	case TCOOFF: TTY_LDISC(tty, ldisc_tc_stop(tty->ld, true)); return 0;
	case TCOON: TTY_LDISC(tty, ldisc_tc_stop(tty->ld, false)); return 0;
	case TCIOFF: return send_xchar(tty, VSTOP);
	case TCION: return send_xchar(tty, VSTART);
	default: return -EINVAL;
	}
}

static s64 tcflsh(struct tty *tty, u64 arg)
{
	int err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	if (arg > TCIOFLUSH)
		return -EINVAL;
	TTY_LDISC(tty, {
		if (arg == TCIFLUSH || arg == TCIOFLUSH)
			ldisc_flush_in(tty->ld);
		if (arg == TCOFLUSH || arg == TCIOFLUSH)
			ldisc_flush_out(tty->ld);
	});
	return 0;
}

static s64 send_break(struct tty *tty, u64 ms)
{
	s64 err;

	if (!tty->ops->break_ctl)
		return 0;
	err = mutex_lock_interruptible(&tty->write_mutex) ? -ERESTARTSYS : 0;
	if (err)
		return err;
	err = tty->ops->break_ctl(tty, true);
	if (!err) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (!thread_signal_pending())
			(void)schedule_deadline(deadline_after(ms * 1000000), 0);
		thread_finish_wait();
		err = tty->ops->break_ctl(tty, false);
	}
	mutex_unlock(&tty->write_mutex);
	return err;
}

/* What begins with waiting for the output: breaks. */
static s64 break_ioctl(struct tty *tty, unsigned cmd, u64 arg)
{
	int err = tty_check_change(tty, SIGTTOU);

	if (!err)
		err = tty_drain(tty, true);
	if (err)
		return err;
	switch (cmd) {
	case TIOCSBRK: return tty->ops->break_ctl ? tty->ops->break_ctl(tty, true) : 0;
	case TIOCCBRK: return tty->ops->break_ctl ? tty->ops->break_ctl(tty, false) : 0;
	case TCSBRK: return arg ? 0 : send_break(tty, 250);
	default: return send_break(tty, arg ? arg * 100 : 250);
	}
}

static s64 line_ioctl(struct tty *tty, unsigned cmd, u64 arg)
{
	switch (cmd) {
	case TCXONC: return tcxonc(tty, arg);
	case TCFLSH: return tcflsh(tty, arg);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK:
	case TIOCCBRK: return break_ioctl(tty, cmd, arg);
	default: return -ENOIOCTLCMD;
	}
}

/* ---- small state ---- */

static s64 put_int(struct uptr arg, s32 v)
{
	return copy_to_user(arg, &v, sizeof(v));
}

s64 tty_set_winsize(struct tty *tty, struct uptr arg)
{
	struct winsize ws;
	irqflags_t flags;
	bool same;

	if (copy_from_user(&ws, arg, sizeof(ws)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	same = !memcmp(&ws, &tty->winsize, sizeof(ws));
	tty->winsize = ws;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (!same)
		tty_signal_pgrp(tty, SIGWINCH);
	return 0;
}

static s64 get_winsize(struct tty *tty, struct uptr arg)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	struct winsize ws = tty->winsize;

	spin_unlock_irqrestore(&tty->lock, flags);
	return copy_to_user(arg, &ws, sizeof(ws));
}

static s64 tiocsti(struct tty *tty, struct uptr arg)
{
	u8 c;

	if (READ_ONCE(task_current()->proc->tty) != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&c, arg, 1))
		return -EFAULT;
	TTY_LDISC(tty, (void)ldisc_receive(tty->ld, &c, 1));
	return 0;
}

static s64 soft_carrier(struct tty *tty, struct uptr arg)
{
	struct termios2 t = current_termios(tty);
	s32 on;

	if (copy_from_user(&on, arg, sizeof(on)))
		return -EFAULT;
	t.c_cflag = (t.c_cflag & ~(u32)CLOCAL) | (on ? CLOCAL : 0);
	apply_termios(tty, &t);
	return 0;
}

static s64 modem_ioctl(struct tty *tty, unsigned cmd, struct uptr arg)
{
	s32 bits = 0;

	if (!tty->ops->tiocmget)
		return cmd == TIOCMGET ? -ENOTTY : -ENOIOCTLCMD;
	if (cmd == TIOCMGET) {
		bits = tty->ops->tiocmget(tty);
		return bits < 0 ? bits : put_int(arg, bits);
	}
	if (copy_from_user(&bits, arg, sizeof(bits)))
		return -EFAULT;
	bits &= TIOCM_DTR | TIOCM_RTS | TIOCM_OUT1 | TIOCM_OUT2 | TIOCM_LOOP;
	return tty->ops->tiocmset(tty, cmd == TIOCMBIC ? 0 : (unsigned)bits,
		cmd == TIOCMBIS ? 0 : cmd == TIOCMBIC ? (unsigned)bits : ~(unsigned)bits);
}

static s64 set_ldisc(struct uptr arg)
{
	s32 n;

	if (copy_from_user(&n, arg, sizeof(n)))
		return -EFAULT;
	return n == N_TTY ? 0 : -EINVAL;
}

static s64 queue_length(struct tty *tty, unsigned cmd, struct uptr arg)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	size_t n = cmd == TIOCINQ ? ldisc_inq(tty->ld) : tty_flag(tty, TTY_IS_PTY) ? 0 : ldisc_outq(tty->ld);

	spin_unlock_irqrestore(&tty->lock, flags);
	return put_int(arg, (s32)n);
}

static s64 state_ioctl(struct tty *tty, unsigned cmd, struct uptr arg)
{
	switch (cmd) {
	case TIOCOUTQ:
	case TIOCINQ: return queue_length(tty, cmd, arg);
	case TIOCGWINSZ: return get_winsize(tty, arg);
	case TIOCSWINSZ: return tty_set_winsize(tty, arg);
	case TIOCSTI: return tiocsti(tty, arg);
	case TIOCEXCL: tty_set_flag(tty, TTY_EXCLUSIVE, true); return 0;
	case TIOCNXCL: tty_set_flag(tty, TTY_EXCLUSIVE, false); return 0;
	case TIOCGEXCL: return put_int(arg, tty_flag(tty, TTY_EXCLUSIVE) != 0);
	case TIOCGETD: return put_int(arg, N_TTY);
	case TIOCSETD: return set_ldisc(arg);
	case TIOCGDEV: return put_int(arg, (s32)tty->rdev);
	case TIOCGSOFTCAR: return put_int(arg, (current_termios(tty).c_cflag & CLOCAL) != 0);
	case TIOCSSOFTCAR: return soft_carrier(tty, arg);
	case TIOCGPTPEER: return -EIO; /* a master's */
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC: return modem_ioctl(tty, cmd, arg);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	default: return -ENOIOCTLCMD;
	}
}

s64 tty_common_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg)
{
	s64 ret = termios_ioctl(tty, cmd, uptr_make(arg));

	if (ret == -ENOIOCTLCMD)
		ret = tty_job_ioctl(tty, f, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = line_ioctl(tty, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = state_ioctl(tty, cmd, uptr_make(arg));
	if (ret == -ENOIOCTLCMD && tty->ops->ioctl)
		ret = tty->ops->ioctl(tty, f, cmd, arg);
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}

s64 tty_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct tty_file *tf = tty_file(f);

	if (tty_file_dead(tf))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	return tty_common_ioctl(tf->tty, f, cmd, arg);
}
