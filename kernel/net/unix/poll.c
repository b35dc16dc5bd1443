/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness, and ioctl. [man unix(7)]
 */
#include "unix_impl.h"
#include <lib/printf.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/namei.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

u32 unix_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(s);
	u8 how = READ_ONCE(s->how), state = READ_ONCE(u->state);
	u32 mask = 0;

	if (READ_ONCE(s->err))
		mask |= EPOLLERR;
	if (how == (SOCKET_RCV_SHUT | SOCKET_SEND_SHUT))
		mask |= EPOLLHUP;
	if (how & SOCKET_RCV_SHUT)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(u->nmsgs))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(u->oob))
		mask |= EPOLLPRI;
	if (!unix_is_dgram(u) && state == UNIX_CLOSED)
		mask |= EPOLLHUP;
	if (state != UNIX_LISTENING && unix_writable(u))
		mask |= UNIX_WRITE_EVENTS;
	return mask;
}

/* Bytes that a read finds: of all messages, or of the next datagram. */
static s64 inq(struct unix_sock *u)
{
	struct unix_msg *msg;
	s64 n = 0;

	if (READ_ONCE(u->state) == UNIX_LISTENING)
		return -EINVAL;
	spin_lock(&u->lock);
	list_for_each_entry(msg, &u->msgs, link) {
		n += unix_msg_left(msg);
		if (unix_is_dgram(u))
			break;
	}
	spin_unlock(&u->lock);
	return n;
}

/* Is the next byte the urgent one, or the one behind it? */
static u32 at_mark(struct unix_sock *u)
{
	struct unix_msg *msg;
	bool mark = false;

	spin_lock(&u->lock);
	msg = list_first_entry_or_null(&u->msgs, struct unix_msg, link);
	if (msg)
		mark = msg == u->oob || (!unix_msg_left(msg) && (!u->oob || list_next_entry(msg, link) == u->oob));
	spin_unlock(&u->lock);
	return mark;
}

static s64 open_path(struct unix_sock *u)
{
	struct file *f;
	int err, fd;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!LOAD_ACQUIRE(u->addr) || !u->path.dentry)
		return -ENOENT;
	err = file_open_path(&u->path, O_PATH, &f);
	if (err)
		return err;
	fd = fd_add(f, true);
	if (fd < 0)
		file_put(f);
	return fd;
}

s64 unix_ioctl(struct socket *s, unsigned cmd, u64 arg)
{
	struct unix_sock *u = unix_of(s);
	struct uptr p = {arg};
	s64 n;

	switch (cmd) {
	case SIOCINQ:
		n = inq(u);
		return n < 0 ? n : user_store32(p, (u32)n);
	case SIOCOUTQ: return user_store32(p, unix_outq(u));
	case SIOCATMARK: return user_store32(p, at_mark(u));
	case SIOCUNIXFILE: return open_path(u);
	default: return -ENOIOCTLCMD;
	}
}

static u32 count_fds(struct unix_sock *u)
{
	struct unix_msg *msg;
	u32 n = 0;

	spin_lock(&u->lock);
	list_for_each_entry(msg, &u->msgs, link)
		n += msg->scm.fds ? msg->scm.fds->count : 0;
	spin_unlock(&u->lock);
	return n;
}

size_t unix_show_fdinfo(struct socket *s, char *buf, size_t size)
{
	return (size_t)scnprintf(buf, size, "scm_fds: %u\n", count_fds(unix_of(s)));
}
