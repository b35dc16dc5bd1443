/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll, ppoll, select, pselect6. [man poll(2), select(2)]
 */
#include <linux/syscall.h>
#include <io/poll.h>
#include <lib/bits.h>
#include <lib/string.h>
#include <mm/kmap.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <time/clock.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include <linux/personality.h>
#include <linux/poll.h>
#include <linux/time.h>
#include "syscalls.h"

#define FEW_FDS	   32
#define SLACK_MAX  100000000ull
#define NS_PER_SEC 1000000000ull

static u64 slack_for(u64 ns)
{
	u64 s = ns / 1000;

	return max_t(u64, min_t(u64, s, SLACK_MAX), task_current()->timer_slack_ns);
}

/* ---- poll ---- */

static u32 ask(int fd, u32 events, struct poll_table *pt)
{
	struct fd_ref r = fd_get(fd);
	u32 mask;

	if (!r.file)
		return POLLNVAL;
	events |= EPOLLERR | EPOLLHUP;
	if (pt)
		pt->events = events;
	mask = file_poll(r.file, pt) & events;
	fd_put(r);
	return mask;
}

/* How many have events. As soon as one has, no more queues are joined. */
static int poll_scan(struct pollfd *fds, u32 n, struct poll_table *pt)
{
	int count = 0;

	for (u32 i = 0; i < n; i++) {
		struct pollfd *p = &fds[i];

		p->revents = 0;
		if (p->fd < 0)
			continue;
		p->revents = (short)ask(p->fd, (u16)p->events, pt);
		if (p->revents) {
			count++;
			pt = NULL;
		}
	}
	return count;
}

/* Nothing was ready in time: a signal that is pending then is what ended the wait, even one of no length. */
static int ended_by(int count)
{
	return !count && thread_signal_pending() ? -ERESTARTNOHAND : count;
}

/* Ready descriptors, 0 when the deadline (0: do not wait) passed, -ERESTARTNOHAND, -ENOMEM. */
static int poll_loop(struct pollfd *fds, u32 n, u64 deadline, u64 slack)
{
	struct poll_waiter w;
	int count, err = 0;

	if (!deadline)
		return ended_by(poll_scan(fds, n, NULL));
	poll_waiter_init(&w);
	count = poll_scan(fds, n, &w.pt);
	while (!count && !w.err && err != -ETIMEDOUT) {
		err = poll_waiter_sleep(&w, deadline, slack);
		if (err && err != -ETIMEDOUT)
			break;
		count = poll_scan(fds, n, NULL);
	}
	if (!count && w.err)
		count = w.err;
	else if (!count && err != -ETIMEDOUT)
		count = err;
	poll_waiter_fini(&w);
	return ended_by(count);
}

static s64 poll_user(struct uptr ufds, u32 n, u64 deadline, u64 slack)
{
	struct pollfd few[FEW_FDS], *fds = few;
	size_t size = n * sizeof(*fds);
	s64 ret = -EFAULT;

	if (n > rlimit_cur(RLIMIT_NOFILE))
		return -EINVAL;
	if (n > FEW_FDS) {
		fds = size <= 65536 ? kmalloc(size, 0) : vmap_alloc(size);
		if (!fds)
			return -ENOMEM;
	}
	if (copy_from_user(fds, ufds, size))
		goto out;
	ret = poll_loop(fds, n, deadline, slack);
	if (ret < 0)
		goto out;
	/* Only revents is ours to write: the rest may be read-only data in effect (another thread changing it). */
	for (u32 i = 0; i < n; i++) {
		if (user_store16(uptr_add(ufds, i * sizeof(*fds) + offsetof(struct pollfd, revents)), (u16)fds[i].revents)) {
			ret = -EFAULT;
			break;
		}
	}
out:
	if (fds != few) {
		if (size <= 65536)
			kfree(fds);
		else
			vmap_free(fds);
	}
	return ret;
}

static s64 poll_restart(struct restart_block *r);

static s64 poll_until(struct uptr ufds, u32 n, u64 deadline, u64 slack)
{
	s64 ret = poll_user(ufds, n, deadline, slack);

	if (ret == -ERESTARTNOHAND) {
		task_current()->restart = (struct restart_block){.fn = poll_restart, .args = {ufds.va, n, deadline, slack}};
		return -ERESTART_RESTARTBLOCK;
	}
	return ret;
}

static s64 poll_restart(struct restart_block *r)
{
	return poll_until(uptr_make(r->args[0]), (u32)r->args[1], r->args[2], r->args[3]);
}

SYSCALL3(poll, struct uptr, ufds, u32, n, int, timeout)
{
	u64 ns = timeout > 0 ? (u64)timeout * 1000000 : 0;

	return poll_until(ufds, n, timeout < 0 ? ~0ull : timeout ? deadline_after(ns) : 0, slack_for(ns));
}

/* ---- timeouts that are written back, temporary masks ---- */

enum time_kind { TIME_SPEC, TIME_VAL };

struct call_time {
	struct uptr user;
	enum time_kind kind;
	u64 ns, deadline;
};

/* @user: NULL waits for ever. */
static int time_begin(struct call_time *t, struct uptr user, enum time_kind kind)
{
	struct __kernel_old_timeval tv;
	int err;

	*t = (struct call_time){.user = user, .kind = kind, .deadline = ~0ull};
	if (uptr_is_null(user))
		return 0;
	if (kind == TIME_SPEC) {
		err = timespec_from_user(&t->ns, user);
		if (err)
			return err;
	} else {
		if (copy_from_user(&tv, user, sizeof(tv)))
			return -EFAULT;
		tv.tv_sec += tv.tv_usec / 1000000;
		tv.tv_usec %= 1000000;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		t->ns = (u64)tv.tv_sec > (u64)S64_MAX / NS_PER_SEC - 1 ? (u64)S64_MAX
									: (u64)tv.tv_sec * NS_PER_SEC + (u64)tv.tv_usec * 1000;
	}
	t->deadline = t->ns ? deadline_after(t->ns) : 0;
	return 0;
}

/* The time that is left goes back to the caller; if it cannot, the call must not be restarted with the old one. */
static s64 time_end(const struct call_time *t, s64 ret)
{
	struct __kernel_old_timeval tv;
	u64 now = clock_monotonic(), left;
	int err;

	if (uptr_is_null(t->user) || !t->ns || (task_current()->personality & STICKY_TIMEOUTS))
		goto sticky;
	left = t->deadline > now ? t->deadline - now : 0;
	if (t->kind == TIME_SPEC) {
		err = timespec_to_user(t->user, left);
	} else {
		tv = (struct __kernel_old_timeval){.tv_sec = (long)(left / NS_PER_SEC), .tv_usec = (long)(left % NS_PER_SEC / 1000)};
		err = copy_to_user(t->user, &tv, sizeof(tv));
	}
	if (!err)
		return ret;
sticky:
	return ret == -ERESTARTNOHAND && !uptr_is_null(t->user) && t->ns ? -EINTR : ret;
}

static int mask_begin(struct uptr umask, size_t size)
{
	u64 mask;
	int err;

	if (uptr_is_null(umask))
		return 0;
	err = sigset_from_user(&mask, umask, size);
	if (!err)
		signal_set_temp_mask(mask);
	return err;
}

static void mask_end(struct uptr umask, s64 ret)
{
	if (!uptr_is_null(umask))
		signal_end_temp_mask(ret == -ERESTARTNOHAND);
}

SYSCALL5(ppoll, struct uptr, ufds, u32, n, struct uptr, utime, struct uptr, umask, size_t, size)
{
	struct call_time t;
	s64 ret = time_begin(&t, utime, TIME_SPEC);

	if (!ret)
		ret = mask_begin(umask, size);
	if (ret)
		return ret;
	ret = poll_user(ufds, n, t.deadline, slack_for(t.ns));
	mask_end(umask, ret);
	return time_end(&t, ret);
}

/* ---- select ---- */

#define SELECT_IN  (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define SELECT_EX  (EPOLLPRI)

/* Three sets asked for, three answered; each of `words` 64-bit words. */
struct select_sets {
	u32 n, words;
	u64 *ask[3], *got[3];
};

/* @n of word @i has the events @mask: in how many of the sets it is asked for. */
static int select_answer(struct select_sets *s, u32 i, unsigned n, u32 mask)
{
	static const u32 bits[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};
	int count = 0;

	for (unsigned k = 0; k < 3; k++) {
		if ((s->ask[k][i] >> n & 1) && (mask & bits[k])) {
			s->got[k][i] |= 1ull << n;
			count++;
		}
	}
	return count;
}

/* The descriptors of word @i. *@pt becomes NULL when one is ready. */
static int select_word(struct select_sets *s, u32 i, struct poll_table **pt)
{
	u64 in = s->ask[0][i], out = s->ask[1][i], ex = s->ask[2][i];
	int count = 0;

	for (u64 all = in | out | ex; all; all &= all - 1) {
		unsigned n = (unsigned)__builtin_ctzll(all);
		u32 want = (in >> n & 1 ? SELECT_IN : 0) | (out >> n & 1 ? SELECT_OUT : 0) | (ex >> n & 1 ? SELECT_EX : 0), mask;
		struct fd_ref r;

		if (i * 64 + n >= s->n)
			break;
		r = fd_get((int)(i * 64 + n));
		if (!r.file)
			return -EBADF;
		if (*pt)
			(*pt)->events = want;
		mask = file_poll(r.file, *pt) & want;
		fd_put(r);
		if (mask) {
			count += select_answer(s, i, n, mask);
			*pt = NULL;
		}
	}
	return count;
}

static int select_scan(struct select_sets *s, struct poll_table *pt)
{
	int count = 0;

	for (u32 i = 0; i < s->words; i++) {
		int got = select_word(s, i, &pt);

		if (got < 0)
			return got;
		count += got;
	}
	return count;
}

static int select_loop(struct select_sets *s, u64 deadline, u64 slack)
{
	struct poll_waiter w;
	int count, err = 0;

	if (!deadline)
		return ended_by(select_scan(s, NULL));
	poll_waiter_init(&w);
	count = select_scan(s, &w.pt);
	while (!count && !w.err && err != -ETIMEDOUT) {
		err = poll_waiter_sleep(&w, deadline, slack);
		if (err && err != -ETIMEDOUT)
			break;
		count = select_scan(s, NULL);
	}
	if (!count && w.err)
		count = w.err;
	else if (!count && err != -ETIMEDOUT)
		count = err;
	poll_waiter_fini(&w);
	return ended_by(count);
}

static s64 select_user(int n, const struct uptr user[3], u64 deadline, u64 slack)
{
	u64 few[6 * 4], *mem = few;
	struct select_sets s;
	size_t bytes;
	s64 ret = -EFAULT;

	if (n < 0)
		return -EINVAL;
	s.n = min_t(u32, (u32)n, fd_table_max());
	s.words = DIV_ROUND_UP(s.n, 64);
	bytes = s.words * sizeof(u64);
	if (s.words > 4) {
		mem = bytes * 6 <= 65536 ? kmalloc(bytes * 6, 0) : vmap_alloc(bytes * 6);
		if (!mem)
			return -ENOMEM;
	}
	memset(mem, 0, bytes * 6);
	for (unsigned k = 0; k < 3; k++) {
		s.ask[k] = mem + k * s.words;
		s.got[k] = mem + (3 + k) * s.words;
		if (!uptr_is_null(user[k]) && copy_from_user(s.ask[k], user[k], bytes))
			goto out;
	}
	ret = select_loop(&s, deadline, slack);
	if (ret < 0)
		goto out;
	for (unsigned k = 0; k < 3; k++) {
		if (!uptr_is_null(user[k]) && copy_to_user(user[k], s.got[k], bytes))
			ret = -EFAULT;
	}
out:
	if (mem != few) {
		if (bytes * 6 <= 65536)
			kfree(mem);
		else
			vmap_free(mem);
	}
	return ret;
}

SYSCALL5(select, int, n, struct uptr, in, struct uptr, out, struct uptr, ex, struct uptr, utime)
{
	struct uptr user[3] = {in, out, ex};
	struct call_time t;
	s64 ret = time_begin(&t, utime, TIME_VAL);

	if (ret)
		return ret;
	ret = select_user(n, user, t.deadline, slack_for(t.ns));
	return time_end(&t, ret);
}

SYSCALL6(pselect6, int, n, struct uptr, in, struct uptr, out, struct uptr, ex, struct uptr, utime, struct uptr, usig)
{
	struct uptr user[3] = {in, out, ex};
	struct call_time t;
	u64 sig[2] = {0, 0}; /* where the mask is, its size */
	s64 ret;

	if (!uptr_is_null(usig) && copy_from_user(sig, usig, sizeof(sig)))
		return -EFAULT;
	ret = time_begin(&t, utime, TIME_SPEC);
	if (!ret)
		ret = mask_begin(uptr_make(sig[0]), sig[1]);
	if (ret)
		return ret;
	ret = select_user(n, user, t.deadline, slack_for(t.ns));
	mask_end(uptr_make(sig[0]), ret);
	return time_end(&t, ret);
}
