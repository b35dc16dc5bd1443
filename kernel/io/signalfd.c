/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd: pending signals of the reading task, as records. [man signalfd(2)]
 *
 * The descriptor has only a mask; whose signals it shows depends on who reads or polls it. An epoll that watches it follows the process that added it.
 */
#include <env/iobuf.h>
#include <io/poll.h>
#include <io/signalfd.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/signalfd.h>

struct signalfd {
	u64 mask;
};

/* Which members of siginfo_t's union count, by code and signal [man sigaction(2)]. */
static void convert(struct signalfd_siginfo *out, const siginfo_t *in)
{
	memset(out, 0, sizeof(*out));
	out->ssi_signo = (u32)in->si_signo;
	out->ssi_errno = in->si_errno;
	out->ssi_code = in->si_code;
	if (in->si_code == SI_TIMER) {
		out->ssi_tid = (u32)in->si_tid;
		out->ssi_overrun = (u32)in->si_overrun;
		out->ssi_ptr = (u64)(unsigned long)in->si_ptr;
		out->ssi_int = in->si_int;
		return;
	}
	if (in->si_code < 0 || in->si_code == SI_USER) {
		out->ssi_pid = (u32)in->si_pid;
		out->ssi_uid = in->si_uid;
		if (in->si_code < 0) {
			out->ssi_ptr = (u64)(unsigned long)in->si_ptr;
			out->ssi_int = in->si_int;
		}
		return;
	}
	if (in->si_code == SI_KERNEL)
		return;
	switch (in->si_signo) {
	case SIGCHLD:
		out->ssi_pid = (u32)in->si_pid;
		out->ssi_uid = in->si_uid;
		out->ssi_status = in->si_status;
		out->ssi_utime = (u64)in->si_utime;
		out->ssi_stime = (u64)in->si_stime;
		break;
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		out->ssi_addr = (u64)(unsigned long)in->si_addr;
		out->ssi_addr_lsb = (u16)in->si_addr_lsb;
		break;
	case SIGSYS:
		out->ssi_call_addr = (u64)(unsigned long)in->si_call_addr;
		out->ssi_syscall = in->si_syscall;
		out->ssi_arch = in->si_arch;
		break;
	default: /* SIGIO, or F_SETSIG's choice */
		out->ssi_band = (u32)in->si_band;
		out->ssi_fd = in->si_fd;
	}
}

static bool pending(const struct signalfd *s)
{
	struct task *me = task_current();

	return (READ_ONCE(me->pending.mask) | READ_ONCE(me->proc->pending.mask)) & READ_ONCE(s->mask);
}

static ssize_t signalfd_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	bool nonblock = (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
	struct wait_queue *q = &task_current()->proc->sighand->signalfd_wait;
	struct signalfd *s = f->private;
	struct signalfd_siginfo record;
	ssize_t total = 0;
	siginfo_t info;
	int err;

	if (to->left < sizeof(record))
		return -EINVAL;
	while (to->left >= sizeof(record)) {
		if (!signal_dequeue(READ_ONCE(s->mask), &info)) {
			if (total)
				break;
			if (nonblock)
				return -EAGAIN;
			err = wait_event_interruptible(q, pending(s));
			if (err)
				return err;
			continue;
		}
		convert(&record, &info);
		if (iobuf_put(to, &record, sizeof(record)) != sizeof(record))
			return total ? total : -EFAULT;
		total += (ssize_t)sizeof(record);
	}
	return total;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(pt, f, &task_current()->proc->sighand->signalfd_wait);
	return pending(f->private) ? EPOLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static size_t signalfd_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct signalfd *s = f->private;

	return (size_t)scnprintf(buf, size, "sigmask:\t%016llx\n", READ_ONCE(s->mask));
}

static const struct file_ops signalfd_ops = {
	.no_splice = true,
	.read = signalfd_read,
	.lseek = file_lseek_noop,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_show_fdinfo,
};

bool file_is_signalfd(const struct file *f)
{
	return f->ops == &signalfd_ops;
}

int signalfd_create_file(u64 mask, unsigned o_flags, struct file **out)
{
	struct signalfd *s = kmalloc(sizeof(*s), 0);
	int err;

	if (!s)
		return -ENOMEM;
	s->mask = mask & ~SIG_UNBLOCKABLE;
	err = file_create_anon("[signalfd]", &signalfd_ops, s, O_RDWR | o_flags, out);
	if (err)
		kfree(s);
	return err;
}

int signalfd_set_mask(struct file *f, u64 mask)
{
	struct signalfd *s = f->private;

	if (!file_is_signalfd(f))
		return -EINVAL;
	WRITE_ONCE(s->mask, mask & ~SIG_UNBLOCKABLE);
	wait_wake(&task_current()->proc->sighand->signalfd_wait, 0, EPOLLIN | EPOLLRDNORM);
	return 0;
}
