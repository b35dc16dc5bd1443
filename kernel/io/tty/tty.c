/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals: life, opening, and the two ends that a driver holds.
 *
 *	open ──► tty_file ──► tty ──► line discipline ──► driver
 *
 * A tty lives while it is referenced: by its driver, each open file, and each process whose controlling terminal it is.
 */
#include "tty_impl.h"
#include <lib/printf.h>
#include <sync/lockdep.h>
#include <vfs/sysfs.h>

/* clang-format off */
LOCK_CLASS(tty, RANK_LEAF - 1, "line discipline of one terminal");
LOCK_CLASS(tty_open, RANK_TTY, "opening, closing and hanging up one terminal");
LOCK_CLASS(tty_termios, RANK_TTY + 1, "changing the settings of one terminal");
LOCK_CLASS(tty_read, RANK_TTY + 2, "readers of one terminal, one at a time");
LOCK_CLASS(tty_write, RANK_TTY + 3, "writers of one terminal, one at a time");
LOCK_CLASS(tty_registry, RANK_LEAF, "terminals by number and name");
/* clang-format on */

#define TTY_MAX 16

const struct termios2 tty_std_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {[VINTR] = 'C' - 64, [VQUIT] = '\\' - 64, [VERASE] = 0x7f, [VKILL] = 'U' - 64, [VEOF] = 'D' - 64, [VMIN] = 1,
		[VSTART] = 'Q' - 64, [VSTOP] = 'S' - 64, [VSUSP] = 'Z' - 64, [VREPRINT] = 'R' - 64, [VDISCARD] = 'O' - 64,
		[VWERASE] = 'W' - 64, [VLNEXT] = 'V' - 64},
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

/* Bits of tty->deferred above the line discipline's. */
#define TTY_ASYNC(master, readable) (1u << (24 + 2 * (master) + (readable)))

static struct spinlock registry_lock = SPINLOCK_INIT(tty_registry);
static struct tty *registry[TTY_MAX]; /* registry_lock */

/* ---- life ---- */

static void deferred_work(struct work *w)
{
	struct tty *tty = container_of(w, struct tty, work);
	u32 events = __atomic_exchange_n(&tty->deferred, 0, __ATOMIC_ACQUIRE);

	if (events & LDISC_EV_SIGINT)
		tty_signal_pgrp(tty, SIGINT);
	if (events & LDISC_EV_SIGQUIT)
		tty_signal_pgrp(tty, SIGQUIT);
	if (events & LDISC_EV_SIGTSTP)
		tty_signal_pgrp(tty, SIGTSTP);
	for (unsigned i = 0; i < 4; i++) {
		if (events & TTY_ASYNC(i >> 1, i & 1))
			fasync_send(i >> 1 ? &tty->master_async : &tty->async, i & 1 ? POLL_IN : POLL_OUT);
	}
	tty_put(tty);
}

static void defer(struct tty *tty, u32 events)
{
	__atomic_fetch_or(&tty->deferred, events, __ATOMIC_RELEASE);
	tty_get(tty);
	if (!work_queue(&tty->work))
		tty_put(tty);
}

void tty_async(struct tty *tty, bool master, bool readable)
{
	if (unlikely(fasync_wanted(master ? &tty->master_async : &tty->async)))
		defer(tty, TTY_ASYNC(master, readable));
}

int tty_init(struct tty *tty, const struct tty_ops *ops, const struct termios2 *t, const char *name, u32 rdev)
{
	memset(tty, 0, sizeof(*tty));
	refcount_set(&tty->refs, 1);
	tty->ops = ops;
	tty->rdev = rdev;
	scnprintf(tty->name, sizeof(tty->name), "%s", name);
	tty->init_termios = *t;
	spin_init(&tty->lock, tty);
	mutex_init(&tty->open_mutex, tty_open);
	mutex_init(&tty->termios_mutex, tty_termios);
	mutex_init(&tty->read_mutex, tty_read);
	mutex_init(&tty->write_mutex, tty_write);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	work_init(&tty->work, deferred_work);
	fasync_list_init(&tty->async);
	fasync_list_init(&tty->master_async);
	tty->ld = kmalloc(sizeof(*tty->ld), 0);
	tty->write_buf = kmalloc(TTY_WRITE_CHUNK, 0);
	if (!tty->ld || !tty->write_buf) {
		tty_fini(tty);
		return -ENOMEM;
	}
	ldisc_init(tty->ld, t);
	return 0;
}

void tty_fini(struct tty *tty)
{
	kfree(tty->ld);
	kfree(tty->write_buf);
	if (tty->session)
		pid_put(tty->session);
	if (tty->pgrp)
		pid_put(tty->pgrp);
}

void tty_get(struct tty *tty)
{
	refcount_inc(&tty->refs);
}

void tty_put(struct tty *tty)
{
	if (refcount_dec_and_test(&tty->refs) && tty->ops->free)
		tty->ops->free(tty);
}

int tty_register(struct tty *tty)
{
	int err = -ENOSPC;

	spin_lock(&registry_lock);
	for (unsigned i = 0; i < TTY_MAX; i++) {
		if (registry[i])
			continue;
		registry[i] = tty;
		err = 0;
		break;
	}
	spin_unlock(&registry_lock);
	return err ? err : device_node_add(&(struct device_node){.class = "tty", .name = tty->name, .mode = 0600, .rdev = tty->rdev});
}

struct tty *tty_find_get(u32 rdev)
{
	struct tty *tty = NULL;

	spin_lock(&registry_lock);
	for (unsigned i = 0; i < TTY_MAX && !tty; i++) {
		if (registry[i] && registry[i]->rdev == rdev)
			tty = registry[i];
	}
	if (tty)
		tty_get(tty);
	spin_unlock(&registry_lock);
	return tty;
}

struct tty *tty_find_name_get(const char *name, size_t len)
{
	struct tty *tty = NULL;

	spin_lock(&registry_lock);
	for (unsigned i = 0; i < TTY_MAX && !tty; i++) {
		if (registry[i] && (!name || (strlen(registry[i]->name) == len && !memcmp(registry[i]->name, name, len))))
			tty = registry[i];
	}
	if (tty)
		tty_get(tty);
	spin_unlock(&registry_lock);
	return tty;
}

/* ---- the driver's ends ---- */

void tty_handle_events(struct tty *tty, u32 events)
{
	u32 signals = events & (LDISC_EV_SIGINT | LDISC_EV_SIGQUIT | LDISC_EV_SIGTSTP);

	if (signals)
		defer(tty, signals);
	if (events & LDISC_EV_READABLE) {
		wait_wake(&tty->read_wait, 0, EPOLLIN | EPOLLRDNORM);
		tty_async(tty, false, true);
	}
	if (events & LDISC_EV_FLUSHED_OUT) {
		if (tty->ops->flush_output)
			tty->ops->flush_output(tty);
		wait_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
		tty_async(tty, false, false);
	}
	if (events & LDISC_EV_WRITABLE)
		wait_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
	if (events & LDISC_EV_OUTPUT)
		tty->ops->start(tty);
	if ((events & LDISC_EV_PACKET) && tty->ops->packet)
		tty->ops->packet(tty);
	if ((events & LDISC_EV_ROOM) && tty_flag(tty, TTY_THROTTLED)) {
		tty_set_flag(tty, TTY_THROTTLED, false);
		tty->ops->unthrottle(tty);
	}
}

size_t tty_receive(struct tty *tty, const u8 *s, size_t n)
{
	bool low = false;
	size_t done;

	TTY_LDISC(tty, {
		done = ldisc_receive(tty->ld, s, n);
		/* Under the lock, so that the reader that makes room sees it. */
		low = tty->ops->throttle && !tty_flag(tty, TTY_THROTTLED) && ldisc_receive_room(tty->ld) < TTY_LOW_ROOM &&
			ldisc_readable(tty->ld, 0); /* else nobody would make room */
		if (done < n || low)
			tty_set_flag(tty, TTY_THROTTLED, true);
	});
	if (low)
		tty->ops->throttle(tty);
	return done;
}

void tty_receive_error(struct tty *tty, u8 c, unsigned ldisc_flag)
{
	TTY_LDISC(tty, ldisc_receive_error(tty->ld, c, ldisc_flag));
}

size_t tty_output_take(struct tty *tty, u8 *buf, size_t n)
{
	irqflags_t flags = spin_lock_irqsave(&tty->lock);
	u32 before = ldisc_outq(tty->ld), after;

	n = ldisc_take(tty->ld, buf, n);
	after = ldisc_outq(tty->ld);
	spin_unlock_irqrestore(&tty->lock, flags);
	if ((before >= TTY_OUT_WAKE && after < TTY_OUT_WAKE) || (before && !after)) {
		wait_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
		tty_async(tty, false, false);
	}
	return n;
}

u8 tty_flow_char(struct tty *tty, bool stop)
{
	return READ_ONCE(tty->ld->t.c_cc[stop ? VSTOP : VSTART]);
}

bool tty_output_pending(struct tty *tty)
{
	return ldisc_ready(tty->ld); /* a look without the lock: who takes will see */
}

/* ---- open, close, hang up ---- */

static void last_close(struct tty *tty)
{
	tty_set_flag(tty, TTY_EXCLUSIVE, false);
	if (tty->ops->close)
		tty->ops->close(tty);
}

static int open_locked(struct tty *tty, bool is_console)
{
	int err = 0;

	if (tty_flag(tty, TTY_EXCLUSIVE) && tty->open_count && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	if (!tty->open_count && tty->ops->open)
		err = tty->ops->open(tty);
	if (!err) {
		tty->open_count++;
		tty->console_count += is_console;
	}
	return err;
}

int tty_open_file(struct tty *tty, struct file *f, bool noctty, bool is_console)
{
	struct tty_file *tf = kmalloc(sizeof(*tf), 0);
	int err;

	if (!tf) {
		tty_put(tty);
		return -ENOMEM;
	}
	mutex_lock(&tty->open_mutex);
	err = open_locked(tty, is_console);
	*tf = (struct tty_file){.tty = tty, .hangups = tty->hangups, .is_console = is_console};
	mutex_unlock(&tty->open_mutex);
	if (err) {
		kfree(tf);
		tty_put(tty);
		return err;
	}
	f->ops = &tty_file_ops;
	f->private = tf;
	f->mode &= ~(u32)FMODE_SEEK;
	if (!noctty && (f->mode & FMODE_READ))
		tty_acquire_on_open(tty, f);
	return 0;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = tty_file(f);
	struct tty *tty = tf->tty;

	mutex_lock(&tty->open_mutex);
	if (tty_flag(tty, TTY_IS_PTY) || !tty_file_dead(tf)) {
		tty->console_count -= tf->is_console;
		if (!--tty->open_count)
			last_close(tty);
	}
	mutex_unlock(&tty->open_mutex);
	kfree(tf);
	tty_put(tty);
}

/*
 * Dead files no longer count; those of /dev/console do not die, and the line under them stays open. A pty has no line
 * to close: its master sees the end when all files of the slave are closed, dead or not, and log-ins rely on that.
 */
static void forget_dead(struct tty *tty)
{
	if (tty->open_count && !tty->console_count)
		last_close(tty);
	tty->open_count = tty->console_count;
}

void tty_hangup_session(struct tty *tty, bool leader_ends)
{
	mutex_lock(&tty->open_mutex);
	WRITE_ONCE(tty->hangups, tty->hangups + 1);
	if (!tty_flag(tty, TTY_IS_PTY))
		forget_dead(tty);
	TTY_LDISC(tty, {
		ldisc_flush_in(tty->ld);
		ldisc_flush_out(tty->ld);
		ldisc_set_termios(tty->ld, &tty->init_termios);
	});
	mutex_unlock(&tty->open_mutex);
	tty_signal_session(tty, leader_ends);
	wait_wake(&tty->read_wait, 0, EPOLLIN | EPOLLHUP | EPOLLERR);
	wait_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLHUP | EPOLLERR);
}

/* Who has named nobody to hear the signal means the foreground group, or himself. */
int tty_fasync_set(struct tty *tty, struct fasync_list *l, struct file *f, int fd, bool on)
{
	struct pid *pid;
	enum pid_type type;
	int err = fasync_set(l, f, fd, on);

	if (err || !on || file_get_owner(f, &type))
		return err;
	spin_lock(&proc_tree_lock);
	pid = tty->pgrp;
	type = pid ? PID_PGID : PID_TGID;
	if (!pid)
		pid = task_current()->proc->pid;
	pid_get(pid);
	spin_unlock(&proc_tree_lock);
	return file_set_owner_pid(f, pid, type);
}

static int tty_fasync(struct file *f, int fd, bool on)
{
	struct tty_file *tf = tty_file(f);

	return tty_fasync_set(tf->tty, &tf->tty->async, f, fd, on);
}

const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.fasync = tty_fasync,
	.ioctl = tty_ioctl,
	.release = tty_release,
};
