/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/null, zero, full, random, urandom, kmsg. [man null(4), full(4), random(4); Linux: Documentation/ABI/testing/dev-kmsg]
 */
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/shmem.h>
#include <debug/log.h>
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <security/random.h>
#include <sched/sched.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/stat.h>
#include <vfs/sysfs.h>

#define MEM_MAJOR   1
#define KMSG_RECORD 2048

static s64 null_lseek(struct file *f, s64 off, int whence)
{
	return f->pos = 0;
}

static ssize_t null_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	size_t n = from->left;

	iobuf_advance(from, n);
	return (ssize_t)n;
}

static ssize_t zero_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	ssize_t done = 0;

	while (to->left) {
		size_t want = min_t(size_t, to->left, 64 * PAGE_SIZE), n = iobuf_zero(to, want);

		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (thread_kill_pending())
			break;
	}
	return done;
}

static ssize_t full_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	return -ENOSPC;
}

/* The mapping takes a reference of its own; the maker's goes when the call returns to user mode. */
struct put_later {
	struct task_work work;
	struct file *file;
};

static void put_later_fn(struct task_work *w)
{
	struct put_later *p = container_of(w, struct put_later, work);

	file_put(p->file);
	kfree(p);
}

static int zero_mmap(struct file *f, struct vm_map_args *args)
{
	struct put_later *p;
	int err;

	if (!(args->flags & VM_SHARED)) { /* anonymous memory with a name */
		args->backing_ops = &file_backing_ops;
		args->backing = f;
		return 0;
	}
	p = kmalloc(sizeof(*p), 0);
	if (!p)
		return -ENOMEM;
	err = shmem_create("dev/zero", args->pgoff * PAGE_SIZE + args->len, &p->file);
	if (!err)
		err = p->file->ops->mmap(p->file, args);
	if (err) {
		kfree(p);
		return err;
	}
	p->work.fn = put_later_fn;
	if (!task_work_add(task_current(), &p->work)) {
		file_put(p->file);
		kfree(p);
		return -EINTR; /* exiting */
	}
	return 0;
}

/* ---- random ---- */

static int wait_ready(unsigned rwf)
{
	while (!random_is_ready()) {
		if (rwf & RWF_NOWAIT)
			return -EAGAIN;
		if (thread_signal_pending())
			return -ERESTARTSYS;
		thread_prepare_wait(THREAD_SLEEP_INTR);
		(void)schedule_deadline(clock_monotonic() + 10000000, 0);
		thread_finish_wait();
	}
	return 0;
}

static ssize_t urandom_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	u8 buf[256];
	ssize_t done = 0;

	while (to->left) {
		size_t want = min(to->left, sizeof(buf)), n;

		random_bytes(buf, want);
		n = iobuf_put(to, buf, want);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (done % PAGE_SIZE == 0 && thread_signal_pending())
			break;
	}
	memzero_explicit(buf, sizeof(buf));
	return done;
}

static ssize_t random_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	int err = wait_ready(rwf);

	return err ? err : urandom_read(f, to, pos, rwf);
}

static ssize_t random_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	u8 buf[256];
	ssize_t done = 0;

	while (from->left) {
		size_t want = min(from->left, sizeof(buf)), n = iobuf_get(from, buf, want);

		random_mix(buf, n, 0);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
	}
	return done;
}

static u32 random_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLOUT | EPOLLWRNORM | (random_is_ready() ? EPOLLIN | EPOLLRDNORM : 0);
}

static s64 random_add(struct uptr arg)
{
	s32 head[2]; /* struct rand_pool_info: entropy_count, buf_size */
	u8 buf[256];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(head, arg, sizeof(head)))
		return -EFAULT;
	if (head[0] < 0 || head[1] < 0)
		return -EINVAL;
	for (s32 at = 0; at < head[1];) {
		size_t n = min_t(size_t, (size_t)(head[1] - at), sizeof(buf));

		if (copy_from_user(buf, uptr_add(arg, sizeof(head) + (u64)at), n))
			return -EFAULT;
		random_mix(buf, n, at ? 0 : (unsigned)head[0]);
		at += (s32)n;
	}
	return 0;
}

static s64 random_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct uptr p = {arg};
	u32 n;

	switch (cmd) {
	case RNDGETENTCNT: return user_store32(p, random_is_ready() ? 256 : 0);
	case RNDADDTOENTCNT:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		if (user_load32(&n, p))
			return -EFAULT;
		if ((s32)n < 0)
			return -EINVAL;
		random_mix(&n, sizeof(n), n);
		return 0;
	case RNDADDENTROPY: return random_add(p);
	case RNDZAPENTCNT:
	case RNDCLEARPOOL: return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	case RNDRESEEDCRNG: return !capable(CAP_SYS_ADMIN) ? -EPERM : random_is_ready() ? 0 : -ENODATA;
	default: return -EINVAL;
	}
}

/* ---- kmsg ---- */

struct kmsg {
	struct mutex lock;
	u64 seq;
	char record[KMSG_RECORD];
};

LOCK_CLASS(kmsg, RANK_TTY, "one reader of /dev/kmsg");

static int kmsg_open(struct inode *inode, struct file *f)
{
	struct kmsg *k;

	f->private = NULL;
	if (!(f->mode & FMODE_READ))
		return 0;
	if (READ_ONCE(log_restricted) && !capable(CAP_SYSLOG))
		return -EPERM;
	k = kmalloc(sizeof(*k), 0);
	if (!k)
		return -ENOMEM;
	mutex_init(&k->lock, kmsg);
	k->seq = log_first_seq();
	f->private = k;
	return 0;
}

static void kmsg_release(struct file *f)
{
	kfree(f->private);
}

static ssize_t kmsg_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct kmsg *k = f->private;
	ssize_t len;
	u64 next;
	int err;

	err = mutex_lock_interruptible(&k->lock);
	if (err)
		return -ERESTARTSYS;
	for (;;) {
		next = k->seq;
		len = log_read(&next, k->record, sizeof(k->record));
		if (len != -EAGAIN || (rwf & RWF_NOWAIT))
			break;
		err = wait_event_interruptible(log_wait_queue(), log_next_seq() > k->seq);
		if (err) {
			len = err;
			break;
		}
	}
	if (len == -EPIPE) {
		k->seq = next; /* the oldest that is left */
	} else if (len >= 0) {
		k->seq = next; /* also when the caller does not get this one */
		if ((size_t)len > to->left)
			len = -EINVAL;
		else if (iobuf_put(to, k->record, (size_t)len) < (size_t)len)
			len = -EFAULT;
	}
	mutex_unlock(&k->lock);
	return len;
}

static ssize_t kmsg_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	size_t len = from->left;
	const char *text, *end;
	unsigned prio = 1 << 3 | LOG_INFO; /* facility user */
	char *buf;
	u64 n;

	if (len > 992)
		return -EINVAL;
	buf = kmalloc(len + 1, 0);
	if (!buf)
		return -ENOMEM;
	if (iobuf_get(from, buf, len) < len) {
		kfree(buf);
		return -EFAULT;
	}
	buf[len] = '\0';
	text = buf;
	if (*text == '<' && strtou64_prefix(text + 1, 10, &end, &n) == 0 && *end == '>') {
		/* The kernel's own facility is not for users. */
		prio = (unsigned)(n & 7) | (n >> 3 ? (unsigned)n & 0xf8 : 1 << 3);
		text = end + 1;
	}
	log_user(prio, text, strlen(text));
	kfree(buf);
	return (ssize_t)len;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct kmsg *k = f->private;
	u32 ready = EPOLLOUT | EPOLLWRNORM;

	poll_wait(pt, f, log_wait_queue());
	if (!k)
		return ready;
	if (READ_ONCE(k->seq) < log_first_seq())
		return ready | EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
	return READ_ONCE(k->seq) < log_next_seq() ? ready | EPOLLIN | EPOLLRDNORM : ready;
}

static s64 kmsg_lseek(struct file *f, s64 off, int whence)
{
	struct kmsg *k = f->private;
	u64 seq;

	if (!k)
		return -EBADF;
	if (off)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET: seq = log_first_seq(); break;
	case SEEK_DATA: seq = log_clear_seq(); break;
	case SEEK_END: seq = log_next_seq(); break;
	default: return -EINVAL;
	}
	mutex_lock(&k->lock);
	k->seq = seq;
	mutex_unlock(&k->lock);
	return 0;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .lseek = null_lseek};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .lseek = null_lseek, .mmap = zero_mmap};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .lseek = null_lseek};
static const struct file_ops random_ops = {
	.read = random_read, .write = random_write, .lseek = null_lseek, .poll = random_poll, .ioctl = random_ioctl};
static const struct file_ops urandom_ops = {
	.read = urandom_read, .write = random_write, .lseek = null_lseek, .ioctl = random_ioctl};
static const struct file_ops kmsg_ops = {.open = kmsg_open, .release = kmsg_release, .read = kmsg_read, .write = kmsg_write,
	.poll = kmsg_poll, .lseek = kmsg_lseek, .no_splice = true};

static struct chrdev devices[] = {
	{.major = MEM_MAJOR, .minor = 3, .nminors = 1, .ops = &null_ops, .name = "mem"},
	{.major = MEM_MAJOR, .minor = 5, .nminors = 1, .ops = &zero_ops, .name = "mem"},
	{.major = MEM_MAJOR, .minor = 7, .nminors = 1, .ops = &full_ops, .name = "mem"},
	{.major = MEM_MAJOR, .minor = 8, .nminors = 1, .ops = &random_ops, .name = "mem"},
	{.major = MEM_MAJOR, .minor = 9, .nminors = 1, .ops = &urandom_ops, .name = "mem"},
	{.major = MEM_MAJOR, .minor = 11, .nminors = 1, .ops = &kmsg_ops, .name = "mem"},
};

static int memdev_init(void)
{
	static const struct {
		const char *name;
		u32 minor, mode;
	} nodes[] = {{"null", 3, 0666}, {"zero", 5, 0666}, {"full", 7, 0666}, {"random", 8, 0666}, {"urandom", 9, 0666}, {"kmsg", 11, 0644}};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(devices) && !err; i++)
		err = chrdev_register(&devices[i]);
	for (size_t i = 0; i < ARRAY_SIZE(nodes) && !err; i++)
		err = device_node_add(&(struct device_node){
			.class = "mem", .name = nodes[i].name, .mode = nodes[i].mode, .rdev = vfs_mkdev(MEM_MAJOR, nodes[i].minor)});
	return err;
}

INITCALL(memdev, "vfs", memdev_init);
