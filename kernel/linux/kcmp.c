/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kcmp(2): do two tasks share an object? The answer orders the objects, by numbers that are no addresses.
 */
#include <linux/syscall.h>
#include <linux/kcmp.h>
#include <init/initcall.h>
#include <io/epoll.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <security/random.h>
#include <vfs/file.h>

static u64 mask, factor;

static int kcmp_init(void)
{
	mask = random_u64();
	factor = random_u64() | 1;
	return 0;
}
INITCALL(kcmp, "random", kcmp_init);

static u64 number_of(const void *p)
{
	return ((u64)(unsigned long)p ^ mask) * factor;
}

static s64 order(const void *a, const void *b)
{
	u64 x = number_of(a), y = number_of(b);

	return x == y ? 0 : x < y ? 1 : 2;
}

static struct file *file_of(struct task *t, u32 fd)
{
	struct files *files = task_files_get(t);
	struct file *f = NULL;

	if (files) {
		f = files_lookup(files, (int)fd);
		files_put(files);
	}
	return f;
}

static s64 compare_files(struct task *a, struct task *b, u32 fd_a, u32 fd_b)
{
	struct file *fa = file_of(a, fd_a), *fb = file_of(b, fd_b);
	s64 ret = fa && fb ? order(fa, fb) : -EBADF;

	if (fa)
		file_put(fa);
	if (fb)
		file_put(fb);
	return ret;
}

/* Is @a's file @fd what @b's epoll instance watches under a number? */
static s64 compare_epoll(struct task *a, struct task *b, u32 fd, struct uptr uslot)
{
	const struct file *target;
	struct kcmp_epoll_slot slot;
	struct file *f, *epf;
	s64 ret = -EBADF;

	if (copy_from_user(&slot, uslot, sizeof(slot)))
		return -EFAULT;
	f = file_of(a, fd);
	if (!f)
		return ret;
	epf = file_of(b, slot.efd);
	if (epf) {
		ret = epoll_target(epf, (int)slot.tfd, slot.toff, &target);
		file_put(epf);
	}
	if (!ret)
		ret = order(f, target);
	file_put(f);
	return ret;
}

/* Objects that are compared and not looked into: no reference is needed. */
static const void *shared_object(struct task *t, int type)
{
	switch (type) {
	case KCMP_VM: return READ_ONCE(t->thread.space);
	case KCMP_FILES: return READ_ONCE(t->files);
	case KCMP_FS: return READ_ONCE(t->fs);
	case KCMP_SIGHAND: return READ_ONCE(t->proc->sighand);
	case KCMP_SYSVSEM: return READ_ONCE(t->sem_undos);
	default: return READ_ONCE(t->ioprio) ? t : NULL; /* KCMP_IO: no two tasks share a context */
	}
}

static s64 compare(struct task *a, struct task *b, int type, u64 idx_a, u64 idx_b)
{
	s64 err = ptrace_may_access(a, PTRACE_READ | PTRACE_REALCREDS);

	if (!err)
		err = ptrace_may_access(b, PTRACE_READ | PTRACE_REALCREDS);
	if (err)
		return err;
	if (type == KCMP_FILE)
		return compare_files(a, b, (u32)idx_a, (u32)idx_b);
	if (type == KCMP_EPOLL_TFD)
		return compare_epoll(a, b, (u32)idx_a, uptr_make(idx_b));
	if (type < 0 || type >= KCMP_TYPES)
		return -EINVAL;
	return order(shared_object(a, type), shared_object(b, type));
}

SYSCALL5(kcmp, s32, pid_a, s32, pid_b, int, type, u64, idx_a, u64, idx_b)
{
	struct task *a = task_find_get(pid_a, PID_TID), *b = task_find_get(pid_b, PID_TID);
	s64 ret = a && b ? compare(a, b, type, idx_a, idx_b) : -ESRCH;

	if (a)
		task_put(a);
	if (b)
		task_put(b);
	return ret;
}
