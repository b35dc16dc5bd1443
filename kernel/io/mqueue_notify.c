/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is told that a message has come into an empty queue: once, by a signal or through a socket [man mq_notify(3)].
 */
#include <lib/errno.h>
#include <mm/uaccess.h>
#include <proc/pid.h>
#include <proc/task.h>
#include "mqueue_impl.h"

struct mq_notifier mqueue_notify_take(struct mqueue *q)
{
	struct mq_notifier n = q->notifier;

	q->notifier = (struct mq_notifier){0};
	return n;
}

/* SIGEV_THREAD: the cookie goes to the socket, and its last byte says why. */
static void send_cookie(struct netlink_cookie *c, char why)
{
	netlink_cookie_bytes(c)[NOTIFY_COOKIE_LEN - 1] = why;
	netlink_cookie_send(c);
}

/* It is withdrawn, or there was none. */
static void mqueue_notify_drop(struct mq_notifier n)
{
	if (n.cookie)
		send_cookie(n.cookie, NOTIFY_REMOVED);
	pid_put(n.pid);
}

void mqueue_notify_send(struct mq_notifier n)
{
	struct task *t = pid_task_get(n.pid, PID_TGID);
	siginfo_t info;

	if (t && n.ev.sigev_notify == SIGEV_SIGNAL && n.ev.sigev_signo) {
		siginfo_user(&info, n.ev.sigev_signo);
		info.si_code = SI_MESGQ;
		info.si_value = n.ev.sigev_value;
		(void)signal_send_proc(t->proc, &info);
	}
	if (t)
		task_put(t);
	if (n.cookie)
		send_cookie(n.cookie, NOTIFY_WOKENUP);
	pid_put(n.pid);
}

static int MUST_CHECK make_cookie(const struct sigevent *ev, struct netlink_cookie **out)
{
	char cookie[NOTIFY_COOKIE_LEN];

	*out = NULL;
	if (!ev || ev->sigev_notify != SIGEV_THREAD)
		return 0;
	if (copy_from_user(cookie, uptr_make((u64)ev->sigev_value.sival_ptr), sizeof(cookie)))
		return -EFAULT;
	return netlink_cookie_create(ev->sigev_signo, cookie, sizeof(cookie), out);
}

int mqueue_notify(struct file *f, const struct sigevent *ev)
{
	struct mqueue *q = mqueue_of(f);
	struct pid *mine = task_current()->proc->pid;
	struct mq_notifier old = {0};
	struct netlink_cookie *cookie;
	int err = make_cookie(ev, &cookie);

	if (err)
		return err;
	if (!q) {
		err = -EBADF;
		goto out;
	}
	spin_lock(&q->lock);
	if (!ev) {
		if (q->notifier.pid == mine)
			old = mqueue_notify_take(q);
	} else if (q->notifier.pid) {
		err = -EBUSY;
	} else {
		pid_get(mine);
		q->notifier = (struct mq_notifier){.pid = mine, .cookie = cookie, .ev = *ev};
	}
	spin_unlock(&q->lock);
	mqueue_notify_drop(old);
out:
	if (err && cookie)
		netlink_cookie_free(cookie);
	return err;
}
