/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process_vm_readv(2), process_vm_writev(2): bytes between our memory and that of another process. process_madvise(2).
 *
 * The two vectors are walked side by side, through one page of the kernel's. What has been moved before an address that is not there counts.
 */
#include <linux/syscall.h>
#include <linux/mman.h>
#include <linux/uio.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include "syscalls.h"

struct span {
	u64 va, len;
};

#define SPANS_MAX 0x7ffff000ull /* bytes of one call, as of read(2) */

struct spans {
	struct span *at;
	u64 n, i, done; /* the current span, and how far into it */
	u64 total;
};

/* @mine: ranges of our own memory, which must be such, and are cut where a call ends. */
static int MUST_CHECK spans_import(struct spans *s, struct uptr iov, u64 count, bool mine)
{
	bool bad_range = false;

	*s = (struct spans){.n = count};
	if (count > UIO_MAXIOV)
		return -EINVAL;
	s->at = kcalloc(count ? count : 1, sizeof(*s->at), ALLOC_SLEEP);
	if (!s->at)
		return -ENOMEM;
	for (u64 i = 0; i < count; i++) {
		struct iovec e;

		if (copy_from_user(&e, uptr_add(iov, i * sizeof(e)), sizeof(e)))
			return -EFAULT;
		if ((ssize_t)e.iov_len < 0)
			return -EINVAL;
		s->at[i] = (struct span){(u64)(unsigned long)e.iov_base, e.iov_len};
		bad_range |= e.iov_len > USER_VA_END || s->at[i].va > USER_VA_END - e.iov_len;
		if (mine)
			s->at[i].len = min(s->at[i].len, SPANS_MAX - s->total);
		s->total = min(s->total + s->at[i].len, (u64)S64_MAX);
	}
	return mine && bad_range ? -EFAULT : 0;
}

/* What is left of the current span; 0: all done. */
static u64 spans_left(struct spans *s)
{
	while (s->i < s->n && s->done == s->at[s->i].len) {
		s->i++;
		s->done = 0;
	}
	return s->i < s->n ? s->at[s->i].len - s->done : 0;
}

static u64 spans_va(const struct spans *s)
{
	return s->at[s->i].va + s->done;
}

/* Up to @n bytes through @page; how many arrived. */
static size_t move_some(struct vm_space *other, struct spans *mine, struct spans *theirs, void *page, size_t n, bool write)
{
	struct uptr here = uptr_make(spans_va(mine));
	ssize_t got;

	if (write) {
		n -= arch_copy_from_user(page, here, n);
		got = n ? vm_access(other, spans_va(theirs), page, n, true, false) : 0;
		return got < 0 ? 0 : (size_t)got;
	}
	got = vm_access(other, spans_va(theirs), page, n, false, false);
	return got <= 0 ? 0 : (size_t)got - arch_copy_to_user(here, page, (size_t)got);
}

static s64 move_all(struct vm_space *other, struct spans *mine, struct spans *theirs, bool write)
{
	void *page = kmalloc(PAGE_SIZE, ALLOC_SLEEP);
	s64 moved = 0;

	if (!page)
		return -ENOMEM;
	while (spans_left(mine) && spans_left(theirs)) {
		size_t n = min(min(spans_left(mine), spans_left(theirs)), PAGE_SIZE);
		size_t got = move_some(other, mine, theirs, page, n, write);

		moved += (s64)got;
		mine->done += got;
		theirs->done += got;
		if (got < n) {
			moved = moved ? moved : -EFAULT;
			break;
		}
		if (thread_kill_pending())
			break;
	}
	kfree(page);
	return moved;
}

static s64 with_process(s32 pid, struct spans *mine, struct spans *theirs, bool write)
{
	struct task *t = task_find_get(pid, PID_TID);
	struct vm_space *other;
	s64 ret;

	if (!t)
		return -ESRCH;
	ret = ptrace_may_access(t, PTRACE_ATTACH_MODE | PTRACE_REALCREDS);
	other = ret ? NULL : task_space_get(t);
	if (other) {
		ret = move_all(other, mine, theirs, write);
		vm_space_put(other);
	} else if (!ret) {
		ret = -ESRCH;
	}
	task_put(t);
	return ret;
}

static s64 process_vm(s32 pid, struct uptr lvec, u64 nl, struct uptr rvec, u64 nr, u64 flags, bool write)
{
	struct spans mine, theirs = {0};
	s64 ret;

	if (flags)
		return -EINVAL;
	ret = spans_import(&mine, lvec, nl, true);
	if (!ret && mine.total) {
		ret = spans_import(&theirs, rvec, nr, false);
		if (!ret && theirs.total)
			ret = with_process(pid, &mine, &theirs, write);
		kfree(theirs.at);
	}
	kfree(mine.at);
	return ret;
}

SYSCALL6(process_vm_readv, s32, pid, struct uptr, lvec, u64, nl, struct uptr, rvec, u64, nr, u64, flags)
{
	return process_vm(pid, lvec, nl, rvec, nr, flags, false);
}

SYSCALL6(process_vm_writev, s32, pid, struct uptr, lvec, u64, nl, struct uptr, rvec, u64, nr, u64, flags)
{
	return process_vm(pid, lvec, nl, rvec, nr, flags, true);
}

/* What may be said of another's memory: nothing that changes what is in it. */
static bool is_for_others(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED || advice == MADV_COLLAPSE;
}

/* Bytes that were advised; an error only if there were none. */
static s64 advise_all(struct vm_space *s, const struct spans *spans, int advice)
{
	s64 done = 0;

	for (u64 i = 0; i < spans->n; i++) {
		int err = vm_madvise(s, spans->at[i].va, spans->at[i].len, advice);

		if (err)
			return done ? done : err;
		done += (s64)spans->at[i].len;
	}
	return done;
}

static s64 advise_process(int pidfd, const struct spans *spans, int advice)
{
	struct vm_space *s = NULL;
	unsigned pidfd_flags;
	struct pid *pid;
	struct task *t;
	s64 ret = pidfd_get(pidfd, &pid, &pidfd_flags);

	if (ret)
		return ret;
	t = pid_task_get(pid, PID_TID);
	pid_put(pid);
	if (!t)
		return -ESRCH;
	if (!is_for_others(advice))
		ret = -EINVAL;
	if (!ret)
		ret = ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS);
	if (!ret) {
		s = task_space_get(t);
		ret = s ? 0 : -ESRCH;
	}
	task_put(t);
	if (s && s != thread_current()->space && !capable(CAP_SYS_NICE))
		ret = -EPERM;
	if (!ret && vm_space_tryget_user(s)) {
		ret = advise_all(s, spans, advice);
		vm_space_put_user(s);
	}
	if (s)
		vm_space_put(s);
	return ret;
}

/* [man process_mrelease(2)]: of a process that a SIGKILL has already doomed. */
SYSCALL2(process_mrelease, int, pidfd, unsigned, flags)
{
	unsigned pidfd_flags;
	struct vm_space *s;
	struct pid *pid;
	struct task *t;
	s64 ret;

	if (flags)
		return -EINVAL;
	ret = pidfd_get(pidfd, &pid, &pidfd_flags);
	if (ret)
		return ret;
	t = pid_task_get(pid, PID_TGID);
	pid_put(pid);
	if (!t)
		return -ESRCH;
	s = task_space_get(t);
	if (!s)
		ret = -ESRCH;
	else
		ret = READ_ONCE(t->proc->group_exit) ? vm_space_reap(s) : -EINVAL;
	if (s)
		vm_space_put(s);
	task_put(t);
	return ret;
}

SYSCALL5(process_madvise, int, pidfd, struct uptr, vec, u64, n, int, advice, unsigned, flags)
{
	struct spans spans;
	s64 ret;

	if (flags)
		return -EINVAL;
	ret = spans_import(&spans, vec, n, true);
	if (!ret)
		ret = advise_process(pidfd, &spans, advice);
	kfree(spans.at);
	return ret;
}
