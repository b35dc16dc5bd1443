/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syslog(2): the kernel log as klogctl(3) and dmesg -S read it; and /proc/kmsg, its SYSLOG_ACTION_READ as a file. (/dev/kmsg: kernel/io.)
 */
#include <linux/syscall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <sync/wait.h>
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <vfs/file.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "syscalls.h"

enum {
	LOG_CLOSE, LOG_OPEN, LOG_READ, LOG_READ_ALL, LOG_READ_CLEAR, LOG_DO_CLEAR, LOG_CONSOLE_OFF, LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL, LOG_SIZE_UNREAD, LOG_SIZE_BUFFER,
};

#define RECORD_MAX 1200

/* Where the reader of SYSLOG_ACTION_READ is; all readers share it, as on Linux. */
static u64 syslog_seq;
static int saved_console_level = -1;

/* "<6>[    1.234567] text" from "6,seq,1234567,-;text" of /dev/kmsg; bytes, with a newline. */
static size_t record_format(const char *rec, size_t len, char *out, size_t size)
{
	const char *text = memchr(rec, ';', len), *time = memchr(rec, ',', len);
	const char *line_end = memchr(rec, '\n', len);
	unsigned prio = 0;
	u64 us = 0;

	if (!text || !time || !line_end || line_end < text)
		return 0;
	for (const char *p = rec; p < time; p++)
		prio = prio * 10 + (unsigned)(*p - '0');
	time = memchr(time + 1, ',', (size_t)(text - time - 1));
	for (const char *p = time ? time + 1 : text; p < text && *p >= '0' && *p <= '9'; p++)
		us = us * 10 + (u64)(*p - '0');
	text++;
	return (size_t)scnprintf(out, size, "<%u>[%5llu.%06llu] %.*s\n", prio, us / 1000000, us % 1000000,
		(int)(line_end - text), text);
}

static s64 read_all(struct uptr buf, size_t len, bool clear)
{
	u64 seq = log_clear_seq(), start;
	size_t total = 0, done = 0;
	char *rec = kmalloc(2 * RECORD_MAX, ALLOC_SLEEP), *text = rec + RECORD_MAX;
	s64 ret = 0;
	ssize_t n;

	if (!rec)
		return -ENOMEM;
	/* the newest records that fit */
	start = seq;
	for (u64 at = seq; (n = log_read(&at, rec, RECORD_MAX)) > 0;)
		total += record_format(rec, (size_t)n, text, RECORD_MAX);
	while (total > len && (n = log_read(&start, rec, RECORD_MAX)) > 0)
		total -= record_format(rec, (size_t)n, text, RECORD_MAX);
	while ((n = log_read(&start, rec, RECORD_MAX)) > 0) {
		size_t out = record_format(rec, (size_t)n, text, RECORD_MAX);

		if (done + out > len)
			break;
		if (copy_to_user(uptr_add(buf, done), text, out)) {
			ret = -EFAULT;
			break;
		}
		done += out;
	}
	kfree(rec);
	if (clear && !ret)
		log_clear();
	return ret ? ret : (s64)done;
}

static s64 read_some(struct iobuf *to, bool nonblock)
{
	char *rec = kmalloc(2 * RECORD_MAX, ALLOC_SLEEP), *text = rec + RECORD_MAX;
	size_t done = 0;
	s64 ret = 0;

	if (!rec)
		return -ENOMEM;
	if (!nonblock)
		ret = wait_event_interruptible(log_wait_queue(), READ_ONCE(syslog_seq) < log_next_seq());
	else if (READ_ONCE(syslog_seq) >= log_next_seq())
		ret = -EAGAIN;
	while (!ret) {
		u64 seq = READ_ONCE(syslog_seq);
		ssize_t n = log_read(&seq, rec, RECORD_MAX);
		size_t out;

		if (n == -EPIPE) {
			WRITE_ONCE(syslog_seq, seq);
			continue;
		}
		if (n <= 0)
			break;
		out = record_format(rec, (size_t)n, text, RECORD_MAX);
		if (out > to->left)
			break;
		if (iobuf_put(to, text, out) < out) {
			ret = -EFAULT;
			break;
		}
		done += out;
		WRITE_ONCE(syslog_seq, seq);
	}
	kfree(rec);
	return done ? (s64)done : ret;
}

static s64 read_user(struct uptr buf, size_t len)
{
	struct iobuf to;
	int err = iobuf_init_user(&to, buf, len);

	return err ? err : read_some(&to, false);
}

static s64 unread_size(void)
{
	char *rec = kmalloc(2 * RECORD_MAX, ALLOC_SLEEP);
	u64 seq = max(READ_ONCE(syslog_seq), log_first_seq());
	s64 total = 0;
	ssize_t n;

	if (!rec)
		return -ENOMEM;
	while ((n = log_read(&seq, rec, RECORD_MAX)) > 0)
		total += (s64)record_format(rec, (size_t)n, rec + RECORD_MAX, RECORD_MAX);
	kfree(rec);
	return total;
}

SYSCALL3(syslog, int, type, struct uptr, buf, int, len)
{
	bool harmless = type == LOG_READ_ALL || type == LOG_SIZE_BUFFER;

	if ((!harmless || READ_ONCE(log_restricted)) && !capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (type == LOG_READ || type == LOG_READ_ALL || type == LOG_READ_CLEAR) {
		if (uptr_is_null(buf) || len < 0)
			return -EINVAL;
		if (!len)
			return 0;
	}
	switch (type) {
	case LOG_CLOSE:
	case LOG_OPEN: return 0;
	case LOG_READ: return read_user(buf, (size_t)len);
	case LOG_READ_ALL: return read_all(buf, (size_t)len, false);
	case LOG_READ_CLEAR: return read_all(buf, (size_t)len, true);
	case LOG_DO_CLEAR: log_clear(); return 0;
	case LOG_CONSOLE_OFF:
		if (saved_console_level < 0)
			saved_console_level = log_console_level();
		log_set_console_level(1);
		return 0;
	case LOG_CONSOLE_ON:
		if (saved_console_level >= 0)
			log_set_console_level(saved_console_level);
		saved_console_level = -1;
		return 0;
	case LOG_CONSOLE_LEVEL:
		if (len < 1 || len > 8)
			return -EINVAL;
		log_set_console_level(len);
		saved_console_level = -1;
		return 0;
	case LOG_SIZE_UNREAD: return unread_size();
	case LOG_SIZE_BUFFER: return (s64)log_buffer_size();
	default: return -EINVAL;
	}
}

/* ---- /proc/kmsg ---- */

static int kmsg_open(struct inode *inode, struct file *f)
{
	f->mode &= ~(u32)FMODE_NOWAIT;
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static ssize_t kmsg_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return read_some(to, READ_ONCE(f->flags) & O_NONBLOCK);
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(pt, f, log_wait_queue());
	return READ_ONCE(syslog_seq) < log_next_seq() ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_ops kmsg_fops = {.open = kmsg_open, .read = kmsg_read, .poll = kmsg_poll, .no_splice = true};
static const struct pseudo_file kmsg_file = {.name = "kmsg", .mode = 0400, .fops = &kmsg_fops};

static int proc_kmsg_init(void)
{
	return pseudo_add_file(procfs_root, &kmsg_file, NULL, NULL);
}

INITCALL(proc_kmsg, "procfs", proc_kmsg_init);
