/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor of a userfaultfd, and /dev/userfaultfd. What it does to memory is vm/uffd.h. [man userfaultfd(2), ioctl_userfaultfd(2)]
 */
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <io/userfaultfd.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <vm/uffd.h>
#include <proc/cred.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/stat.h>
#include <linux/userfaultfd.h>
#include <vfs/sysfs.h>

#define UFFD_MINOR 126

static s32 unprivileged;
static const struct file_ops userfaultfd_ops;

/* ---- read ---- */

/* A descriptor for the object of a child, into the message. */
static int give_child(struct vm_uffd *u, struct vm_uffd_note *n)
{
	struct file *f;
	int fd, err;

	vm_uffd_get(n->child);
	err = file_create_anon("[userfaultfd]", &userfaultfd_ops, n->child, O_RDONLY | (n->child->flags & O_NONBLOCK), &f);
	if (err) {
		vm_uffd_put(n->child);
		return err;
	}
	fd = fd_reserve(0, n->child->flags & O_CLOEXEC);
	if (fd >= 0) {
		n->msg.arg.fork.ufd = (u32)fd;
		vm_uffd_forked(u, n, true);
		fd_install(fd, f);
		return 0;
	}
	/* Its release must not end what the event keeps. */
	f->private = NULL;
	file_put_sync(f);
	vm_uffd_put(n->child);
	return fd;
}

static int next_message(struct vm_uffd *u, bool nonblock, struct uffd_msg *out)
{
	struct vm_uffd_note n;
	int err = 0;

	while (!vm_uffd_next(u, &n)) {
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(&u->readers, vm_uffd_has_news(u));
		if (err)
			return err;
	}
	if (n.child) {
		err = give_child(u, &n);
		if (err)
			vm_uffd_forked(u, &n, false);
	}
	*out = n.msg;
	return err;
}

static ssize_t userfaultfd_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	bool nonblock = (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
	struct vm_uffd *u = f->private;
	struct uffd_msg msg;
	ssize_t total = 0;

	if (!READ_ONCE(u->watch.features))
		return -EINVAL;
	for (;;) {
		int err;

		if (to->left < sizeof(msg))
			return total ? total : -EINVAL;
		err = next_message(u, nonblock, &msg);
		if (err)
			return total ? total : err;
		if (iobuf_put(to, &msg, sizeof(msg)) != sizeof(msg))
			return total ? total : -EFAULT;
		total += (ssize_t)sizeof(msg);
		nonblock = true;
	}
}

static u32 userfaultfd_poll(struct file *f, struct poll_table *pt)
{
	struct vm_uffd *u = f->private;

	poll_wait(pt, f, &u->readers);
	if (!READ_ONCE(u->watch.features) || !(READ_ONCE(f->flags) & O_NONBLOCK))
		return EPOLLERR;
	return vm_uffd_has_news(u) ? EPOLLIN : 0;
}

static void userfaultfd_release(struct file *f)
{
	struct vm_uffd *u = f->private;

	if (!u)
		return;
	vm_uffd_release(u);
	vm_uffd_put(u);
}

static size_t userfaultfd_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct vm_uffd *u = f->private;
	u64 pending, total;

	vm_uffd_count(u, &pending, &total);
	return (size_t)scnprintf(buf, size, "pending:\t%llu\ntotal:\t%llu\nAPI:\t%llx:%x:%llx\n", pending, total, (u64)UFFD_API,
		READ_ONCE(u->watch.features) & ~UFFD_READY, (u64)(UFFD_API_IOCTLS | UFFD_API_RANGE_IOCTLS));
}

/* ---- ioctl ---- */

static int check_pages(u64 start, u64 len)
{
	if ((start | len) & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len || start < vm_mmap_min_addr || start >= USER_VA_END || len > USER_VA_END - start)
		return -EINVAL;
	return 0;
}

static s64 api(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_api api;
	u64 features;
	u32 none = 0;
	int err = -EINVAL;

	if (copy_from_user(&api, arg, sizeof(api)))
		return -EFAULT;
	features = api.features;
	if (api.api != UFFD_API)
		goto fail;
	err = -EPERM;
	if ((features & UFFD_FEATURE_EVENT_FORK) && !capable(CAP_SYS_PTRACE))
		goto fail;
	if (features & UFFD_FEATURE_WP_ASYNC)
		features |= UFFD_FEATURE_WP_UNPOPULATED;
	err = -EINVAL;
	if (features & ~(u64)UFFD_API_FEATURES)
		goto fail;
	api.features = UFFD_API_FEATURES;
	api.ioctls = UFFD_API_IOCTLS;
	if (copy_to_user(arg, &api, sizeof(api)))
		return -EFAULT;
	if (__atomic_compare_exchange_n(&u->watch.features, &none, (u32)features | UFFD_READY, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return 0;
fail:
	api = (struct uffdio_api){0};
	return copy_to_user(arg, &api, sizeof(api)) ? -EFAULT : err;
}

static s64 do_register(struct vm_uffd *u, struct uptr arg)
{
	const u64 known = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR;
	struct uffdio_register r;
	u64 ioctls;
	u32 modes;
	int err;

	if (copy_from_user(&r, arg, offsetof(struct uffdio_register, ioctls)))
		return -EFAULT;
	if (!r.mode || (r.mode & ~known))
		return -EINVAL;
	err = check_pages(r.range.start, r.range.len);
	if (err)
		return err;
	modes = (r.mode & UFFDIO_REGISTER_MODE_MISSING ? VM_UFFD_MISSING : 0) | (r.mode & UFFDIO_REGISTER_MODE_WP ? VM_UFFD_WP : 0) |
		(r.mode & UFFDIO_REGISTER_MODE_MINOR ? VM_UFFD_MINOR : 0);
	err = vm_uffd_register(u, r.range.start, r.range.len, modes, &ioctls);
	return err ? err : user_store64(uptr_add(arg, offsetof(struct uffdio_register, ioctls)), ioctls);
}

static s64 unregister(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_range r;
	int err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	err = check_pages(r.start, r.len);
	return err ? err : vm_uffd_unregister(u, r.start, r.len);
}

static s64 wake(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_range r;
	int err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	err = check_pages(r.start, r.len);
	if (!err)
		vm_uffd_wake(u, r.start, r.len);
	return err;
}

/* An answer has been given: @done bytes or an error, told at @out; the waiting faults are woken. */
static s64 answered(struct vm_uffd *u, s64 done, struct uptr out, u64 start, u64 len, bool dontwake)
{
	if (user_store64(out, (u64)done))
		return -EFAULT;
	if (done < 0)
		return done;
	if (!dontwake)
		vm_uffd_wake(u, start, (u64)done);
	return (u64)done == len ? 0 : -EAGAIN;
}

static s64 copy(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_copy c;
	s64 done;

	if (copy_from_user(&c, arg, offsetof(struct uffdio_copy, copy)))
		return -EFAULT;
	/* The source need not be aligned. */
	if (c.src >= USER_VA_END || !c.len || c.len > USER_VA_END - c.src || check_pages(c.dst, c.len))
		return -EINVAL;
	if (c.mode & ~(u64)(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP))
		return -EINVAL;
	done = vm_uffd_copy(u, c.dst, (struct uptr){c.src}, c.len, c.mode & UFFDIO_COPY_MODE_WP);
	return answered(u, done, uptr_add(arg, offsetof(struct uffdio_copy, copy)), c.dst, c.len, c.mode & UFFDIO_COPY_MODE_DONTWAKE);
}

static s64 zeropage(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_zeropage z;

	if (copy_from_user(&z, arg, offsetof(struct uffdio_zeropage, zeropage)))
		return -EFAULT;
	if (check_pages(z.range.start, z.range.len) || (z.mode & ~(u64)UFFDIO_ZEROPAGE_MODE_DONTWAKE))
		return -EINVAL;
	return answered(u, vm_uffd_zero(u, z.range.start, z.range.len), uptr_add(arg, offsetof(struct uffdio_zeropage, zeropage)),
		z.range.start, z.range.len, z.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE);
}

static s64 do_continue(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_continue c;
	s64 done;

	if (copy_from_user(&c, arg, offsetof(struct uffdio_continue, mapped)))
		return -EFAULT;
	if (check_pages(c.range.start, c.range.len) || (c.mode & ~(u64)(UFFDIO_CONTINUE_MODE_DONTWAKE | UFFDIO_CONTINUE_MODE_WP)))
		return -EINVAL;
	done = vm_uffd_continue(u, c.range.start, c.range.len, c.mode & UFFDIO_CONTINUE_MODE_WP);
	return answered(u, done, uptr_add(arg, offsetof(struct uffdio_continue, mapped)), c.range.start, c.range.len,
		c.mode & UFFDIO_CONTINUE_MODE_DONTWAKE);
}

static s64 poison(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_poison p;

	if (copy_from_user(&p, arg, offsetof(struct uffdio_poison, updated)))
		return -EFAULT;
	if (check_pages(p.range.start, p.range.len) || (p.mode & ~(u64)UFFDIO_POISON_MODE_DONTWAKE))
		return -EINVAL;
	return answered(u, vm_uffd_poison(u, p.range.start, p.range.len), uptr_add(arg, offsetof(struct uffdio_poison, updated)),
		p.range.start, p.range.len, p.mode & UFFDIO_POISON_MODE_DONTWAKE);
}

static s64 move(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_move m;
	s64 done;

	if (copy_from_user(&m, arg, offsetof(struct uffdio_move, move)))
		return -EFAULT;
	if (u->space != thread_current()->space || check_pages(m.dst, m.len) || check_pages(m.src, m.len) ||
		(m.mode & ~(u64)(UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES | UFFDIO_MOVE_MODE_DONTWAKE)))
		return -EINVAL;
	done = vm_uffd_move(u, m.dst, m.src, m.len, m.mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
	return answered(u, done, uptr_add(arg, offsetof(struct uffdio_move, move)), m.dst, m.len, m.mode & UFFDIO_MOVE_MODE_DONTWAKE);
}

static s64 writeprotect(struct vm_uffd *u, struct uptr arg)
{
	struct uffdio_writeprotect w;
	bool on, dontwake;
	int err;

	if (copy_from_user(&w, arg, sizeof(w)))
		return -EFAULT;
	err = check_pages(w.range.start, w.range.len);
	if (err || (w.mode & ~(u64)(UFFDIO_WRITEPROTECT_MODE_DONTWAKE | UFFDIO_WRITEPROTECT_MODE_WP)))
		return -EINVAL;
	on = w.mode & UFFDIO_WRITEPROTECT_MODE_WP;
	dontwake = w.mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
	if (on && dontwake)
		return -EINVAL;
	err = vm_uffd_guard(u, w.range.start, w.range.len, on);
	if (!err && !on && !dontwake)
		vm_uffd_wake(u, w.range.start, w.range.len);
	return err;
}

static const struct {
	unsigned cmd;
	bool settles;	/* not while the space is changing */
	s64 (*fn)(struct vm_uffd *u, struct uptr arg);
} commands[] = {
	{UFFDIO_REGISTER, false, do_register}, {UFFDIO_UNREGISTER, false, unregister}, {UFFDIO_WAKE, false, wake}, {UFFDIO_COPY, true, copy},
	{UFFDIO_ZEROPAGE, true, zeropage}, {UFFDIO_MOVE, true, move}, {UFFDIO_WRITEPROTECT, true, writeprotect},
	{UFFDIO_CONTINUE, true, do_continue}, {UFFDIO_POISON, true, poison},
};

static s64 run(struct vm_uffd *u, unsigned cmd, struct uptr arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		s64 ret = -ESRCH;

		if (commands[i].cmd != cmd)
			continue;
		if (commands[i].settles && READ_ONCE(u->watch.changing))
			return -EAGAIN;
		/* Waking needs no memory that is still there. */
		if (cmd == UFFDIO_WAKE)
			return wake(u, arg);
		if (vm_space_tryget_user(u->space)) {
			ret = commands[i].fn(u, arg);
			vm_space_put_user(u->space);
		} else if (cmd == UFFDIO_REGISTER || cmd == UFFDIO_UNREGISTER) {
			ret = -ENOMEM;
		}
		return ret;
	}
	return -EINVAL;
}

static s64 userfaultfd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct vm_uffd *u = f->private;

	if (cmd == UFFDIO_API)
		return api(u, (struct uptr){arg});
	return READ_ONCE(u->watch.features) ? run(u, cmd, (struct uptr){arg}) : -EINVAL;
}

static const struct file_ops userfaultfd_ops = {
	.read = userfaultfd_read,
	.lseek = file_lseek_noop,
	.poll = userfaultfd_poll,
	.ioctl = userfaultfd_ioctl,
	.release = userfaultfd_release,
	.show_fdinfo = userfaultfd_show_fdinfo,
};

/* ---- how one comes by it ---- */

int userfaultfd_open(int flags)
{
	struct vm_uffd *u;
	struct file *f;
	int fd, err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
		return -EINVAL;
	u = vm_uffd_create(thread_current()->space, (u32)flags);
	if (!u)
		return -ENOMEM;
	err = file_create_anon("[userfaultfd]", &userfaultfd_ops, u, O_RDONLY | (u32)(flags & O_NONBLOCK), &f);
	if (err) {
		vm_uffd_put(u);
		return err;
	}
	fd = fd_add(f, flags & O_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

bool userfaultfd_may_open(int flags)
{
	return (flags & UFFD_USER_MODE_ONLY) || READ_ONCE(unprivileged) || capable(CAP_SYS_PTRACE);
}

/* The permissions of the device decide. */
static s64 device_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	return cmd == USERFAULTFD_IOC_NEW ? userfaultfd_open((int)arg) : -EINVAL;
}

static const struct file_ops device_ops = {.ioctl = device_ioctl, .lseek = file_lseek_noop};
static struct chrdev device = {.major = MISC_MAJOR, .minor = UFFD_MINOR, .nminors = 1, .ops = &device_ops, .name = "misc", .misc_name = "userfaultfd"};
static const struct sysctl settings[] = {
	{"vm/unprivileged_userfaultfd", 0644, SYSCTL_INT, .var = &unprivileged, .max = 1},
};

static int userfaultfd_init(void)
{
	int err = chrdev_register(&device);

	sysctl_register(settings, ARRAY_SIZE(settings));
	return err ? err : device_node_add(&(struct device_node){
			      .class = "misc", .name = "userfaultfd", .mode = 0600, .rdev = vfs_mkdev(MISC_MAJOR, UFFD_MINOR)});
}

INITCALL(userfaultfd, "vfs procfs", userfaultfd_init);
