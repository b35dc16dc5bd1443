/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd: expirations of a timer, counted and read from a descriptor. [man timerfd_create(2)]
 *
 * t->lock guards the count and the settings. The timer is armed for one expiration at a time; of an interval, those that have passed are counted
 * when somebody asks or when it fires, so a tiny interval costs no more interrupts than there are reads.
 */
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <io/timerfd.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/printf.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <time/timer.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/time.h>
#include <linux/timerfd.h>

/* clang-format off */
LOCK_CLASS(timerfd, RANK_TIMER - 2, "one timerfd");
LOCK_CLASS(timerfd_list, RANK_WAITQ - 2, "timerfds to be told of changes of the clock");
/* clang-format on */

struct timerfd {
	struct timer timer;
	struct spinlock lock;
	struct wait_queue wait;
	int clockid;
	u32 settime_flags;
	u64 interval;
	u64 next;		/* when it expires next, in its clock; 0: disarmed */
	u64 ticks;		/* expired and not read */
	bool cancel_on_set, canceled;
	struct list_head cancel_link; /* list_lock */
};

static struct spinlock list_lock = SPINLOCK_INIT(timerfd_list);
static LIST_HEAD(cancel_list);

static u64 clock_now(const struct timerfd *t)
{
	switch (t->timer.clock) {
	case TIMER_REALTIME: return (u64)clock_realtime();
	case TIMER_BOOTTIME: return clock_boottime();
	case TIMER_TAI: return (u64)clock_tai();
	default: return clock_monotonic();
	}
}

/* Count what has expired by now. Lock held. */
static void catch_up(struct timerfd *t)
{
	u64 now;

	if (!t->next)
		return;
	now = clock_now(t);
	if (now < t->next)
		return;
	if (!t->interval) {
		t->ticks++;
		t->next = 0;
		return;
	}
	u64 n = (now - t->next) / t->interval + 1;

	t->ticks += n;
	t->next += n * t->interval;
}

static void rearm(struct timerfd *t)
{
	if (t->next && !t->ticks)
		timer_arm(&t->timer, t->next, 0);
}

static void fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	bool ready;

	catch_up(t);
	ready = t->ticks;
	rearm(t); /* the clock was set back, or nothing has expired yet */
	spin_unlock_irqrestore(&t->lock, flags);
	if (ready)
		wait_wake(&t->wait, 0, EPOLLIN | EPOLLRDNORM);
}

/* The clock was set. */
static void clock_changed(struct clock_change_hook *hook)
{
	irqflags_t flags = spin_lock_irqsave(&list_lock);
	struct timerfd *t;

	list_for_each_entry(t, &cancel_list, cancel_link) {
		WRITE_ONCE(t->canceled, true);
		wait_wake(&t->wait, 0, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock_irqrestore(&list_lock, flags);
}

static void watch_clock(struct timerfd *t, bool on)
{
	irqflags_t flags;

	if (READ_ONCE(t->cancel_on_set) == on)
		return;
	flags = spin_lock_irqsave(&list_lock);
	if (on && !t->cancel_on_set)
		list_add_tail(&t->cancel_link, &cancel_list);
	else if (!on && t->cancel_on_set)
		list_del(&t->cancel_link);
	WRITE_ONCE(t->cancel_on_set, on);
	spin_unlock_irqrestore(&list_lock, flags);
}

static u64 saturating_add(u64 a, u64 b)
{
	return b > (u64)S64_MAX - min_t(u64, a, S64_MAX) ? (u64)S64_MAX : a + b;
}

/* Lock held. */
static void get_locked(struct timerfd *t, u64 *out_value, u64 *out_interval)
{
	u64 now = clock_now(t);

	catch_up(t);
	*out_value = !t->next ? 0 : t->next > now ? t->next - now : 1;
	*out_interval = t->interval;
}

int timerfd_set(struct file *f, u32 tfd_flags, u64 value, u64 interval, u64 *out_value, u64 *out_interval)
{
	struct timerfd *t = f->private;
	bool abs = tfd_flags & TFD_TIMER_ABSTIME;
	bool cancel = (tfd_flags & TFD_TIMER_CANCEL_ON_SET) && abs && t->timer.clock == TIMER_REALTIME;
	irqflags_t flags;

	watch_clock(t, cancel);
	flags = spin_lock_irqsave(&t->lock);
	if (out_value)
		get_locked(t, out_value, out_interval);
	t->settime_flags = tfd_flags;
	t->ticks = 0;
	t->interval = interval;
	t->next = !value ? 0 : abs ? value : saturating_add(clock_now(t), value);
	/* A firing of the old setting waits for the lock, and then finds nothing expired. */
	if (t->next)
		rearm(t);
	else
		timer_cancel(&t->timer);
	spin_unlock_irqrestore(&t->lock, flags);
	/* Set over a change that nobody has read: it applies all the same, and says so. */
	if (cancel && __atomic_exchange_n(&t->canceled, false, __ATOMIC_ACQ_REL))
		return -ECANCELED;
	return 0;
}

void timerfd_get(struct file *f, u64 *out_value, u64 *out_interval)
{
	struct timerfd *t = f->private;
	irqflags_t flags = spin_lock_irqsave(&t->lock);

	get_locked(t, out_value, out_interval);
	spin_unlock_irqrestore(&t->lock, flags);
}

/* Expirations; -ECANCELED; 0: none yet. */
static s64 take(struct timerfd *t)
{
	irqflags_t flags = spin_lock_irqsave(&t->lock);
	s64 n;

	catch_up(t);
	if (t->cancel_on_set && __atomic_exchange_n(&t->canceled, false, __ATOMIC_ACQ_REL)) {
		t->ticks = 0;
		n = -ECANCELED;
	} else {
		n = (s64)t->ticks;
		t->ticks = 0;
	}
	rearm(t);
	spin_unlock_irqrestore(&t->lock, flags);
	return n;
}

static bool ready(struct timerfd *t)
{
	return READ_ONCE(t->ticks) || (READ_ONCE(t->cancel_on_set) && READ_ONCE(t->canceled));
}

static ssize_t timerfd_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct timerfd *t = f->private;
	s64 n;
	int err;

	if (to->left < sizeof(u64))
		return -EINVAL;
	while (!(n = take(t))) {
		if ((READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT))
			return -EAGAIN;
		err = wait_event_interruptible(&t->wait, ready(t));
		if (err)
			return err;
	}
	if (n < 0)
		return n;
	return iobuf_put(to, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(pt, f, &t->wait);
	return ready(t) ? EPOLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	watch_clock(t, false);
	(void)timer_cancel_sync(&t->timer);
	kfree(t);
}

static s64 timerfd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	return -ENOTTY;
}

static size_t timerfd_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct timerfd *t = f->private;
	u64 value, interval;

	timerfd_get(f, &value, &interval);
	return (size_t)scnprintf(buf, size, "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
		t->clockid, t->ticks, t->settime_flags, value / 1000000000, value % 1000000000, interval / 1000000000, interval % 1000000000);
}

static const struct file_ops timerfd_ops = {
	.no_splice = true,
	.read = timerfd_read,
	.lseek = file_lseek_noop,
	.poll = timerfd_poll,
	.ioctl = timerfd_ioctl,
	.release = timerfd_release,
	.show_fdinfo = timerfd_show_fdinfo,
};

bool file_is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

int timerfd_create_file(int clockid, unsigned o_flags, struct file **out)
{
	enum timer_clock clock = clockid == CLOCK_REALTIME || clockid == CLOCK_REALTIME_ALARM ? TIMER_REALTIME
		: clockid == CLOCK_BOOTTIME || clockid == CLOCK_BOOTTIME_ALARM		       ? TIMER_BOOTTIME
											       : TIMER_MONOTONIC;
	struct timerfd *t = kzalloc(sizeof(*t), 0);
	int err;

	if (!t)
		return -ENOMEM;
	t->clockid = clockid;
	spin_init(&t->lock, timerfd);
	wait_queue_init(&t->wait);
	timer_init(&t->timer, clock, fired);
	err = file_create_anon("[timerfd]", &timerfd_ops, t, O_RDWR | o_flags, out);
	if (err)
		kfree(t);
	return err;
}

static int timerfd_init(void)
{
	static struct clock_change_hook hook = {.fn = clock_changed};

	clock_change_register(&hook);
	return 0;
}

INITCALL(timerfd, "vfs", timerfd_init);
