/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as files, and the table of families. [man socket(2), socket(7)]
 */
#include <net/socket.h>
#include <net/filter.h>
#include <net/inet.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <time/clock.h>
#include <vfs/file.h>
#include <vfs/fown.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <asm/ioctls.h>
#include "net_impl.h"

static const struct socket_family *families[AF_MAX]; /* written at boot */
static const struct file_ops socket_file_ops;
static struct pseudo_node *proc_net;

void socket_family_register(unsigned family, const struct socket_family *f)
{
	families[family] = f;
}

void socket_init(struct socket *s, const struct socket_ops *ops, u32 family, u32 type, u32 protocol)
{
	*s = (struct socket){.ops = ops,
		.family = (u16)family,
		.type = (u8)type,
		.protocol = (u16)protocol,
		.sndbuf = (u32)READ_ONCE(net_wmem_default),
		.rcvbuf = (u32)READ_ONCE(net_rmem_default),
		.rcvlowat = 1,
		.peek_off = -1,
		.rcvtimeo = ~0ull,
		.sndtimeo = ~0ull};
	wait_queue_init(&s->rd_wait);
	wait_queue_init(&s->wr_wait);
	fasync_list_init(&s->async);
}

u64 socket_deadline(u64 timeo, bool nonblock)
{
	if (nonblock || !timeo)
		return 0;
	return timeo == ~0ull ? ~0ull : deadline_after(timeo);
}

int socket_broken(unsigned flags)
{
	siginfo_t info;

	if (!(flags & MSG_NOSIGNAL)) {
		siginfo_user(&info, SIGPIPE);
		(void)signal_send_task(task_current(), &info);
	}
	return -EPIPE;
}

void socket_send_urg(struct socket *s)
{
	struct file *f;

	rcu_read_lock();
	f = rcu_dereference(s->file);
	if (f && !file_tryget(f))
		f = NULL;
	rcu_read_unlock();
	if (!f)
		return;
	file_send_signal(f, SIGURG, POLL_PRI, EPOLLPRI | EPOLLRDBAND);
	file_put(f);
}

/* ---- the attribute of the inode: Linux' name of the protocol ---- */

#define PROTONAME "system.sockprotoname"

static const char *protocol_name(const struct socket *s)
{
	bool v6 = s->family == AF_INET6;

	switch (s->family) {
	case AF_UNIX: return s->type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
	case AF_NETLINK: return "NETLINK";
	case AF_PACKET: return "PACKET";
	default: break;
	}
	if (s->type == SOCK_STREAM)
		return v6 ? "TCPv6" : "TCP";
	if (s->type == SOCK_RAW)
		return v6 ? "RAWv6" : "RAW";
	if (s->protocol == IPPROTO_UDPLITE)
		return v6 ? "UDPLITEv6" : "UDP-Lite";
	if (s->protocol == IPPROTO_UDP)
		return v6 ? "UDPv6" : "UDP";
	return v6 ? "PINGv6" : "PING";
}

/* Size 0 asks for the length. */
static ssize_t put_attribute(void *buf, size_t size, const char *text)
{
	size_t n = strlen(text) + 1;

	if (!size)
		return (ssize_t)n;
	if (size < n)
		return -ERANGE;
	memcpy(buf, text, n);
	return (ssize_t)n;
}

static ssize_t socket_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return strcmp(name, PROTONAME) ? -EOPNOTSUPP : put_attribute(buf, size, inode->private);
}

static ssize_t socket_listxattr(struct inode *inode, char *buf, size_t size)
{
	return put_attribute(buf, size, PROTONAME);
}

/* ---- life ---- */

static const struct inode_ops socket_inode_ops = {
	.getattr = anon_inode_getattr, .getxattr = socket_getxattr, .listxattr = socket_listxattr};

/* @like: a socket of the kind; @s: the one itself, NULL: it comes later. */
static int make_file(const struct socket *like, struct socket *s, unsigned o_flags, struct file **out)
{
	struct inode *inode;
	int err = inode_create_anon("socket", S_IFSOCK | 0777, &inode);

	if (err)
		return err;
	inode->ops = &socket_inode_ops;
	inode->private = (void *)(unsigned long)protocol_name(like);
	err = file_create_inode(inode, "socket", &socket_file_ops, s, O_RDWR | (o_flags & O_NONBLOCK), out);
	inode_put(inode);
	if (!err && s)
		STORE_RELEASE(s->file, *out);
	return err;
}

static int create(int family, u32 type, int protocol, struct socket **out)
{
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type >= SOCK_TYPES)
		return -EINVAL;
	if (!families[family])
		return -EAFNOSUPPORT;
	return families[family]->create(type, (u32)protocol, out);
}

int socket_create(int family, u32 type, int protocol, unsigned o_flags, struct file **out)
{
	struct socket *s;
	int err = create(family, type, protocol, &s);

	if (err)
		return err;
	err = make_file(s, s, o_flags, out);
	if (err)
		s->ops->release(s);
	return err;
}

int socket_create_pair(int family, u32 type, int protocol, unsigned o_flags, struct file **out_a, struct file **out_b)
{
	struct file *a, *b;
	int err = socket_create(family, type, protocol, o_flags, &a);

	if (err)
		return err;
	err = socket_create(family, type, protocol, o_flags, &b);
	if (!err) {
		struct socket *sa = a->private, *sb = b->private;

		err = sa->ops->pair ? sa->ops->pair(sa, sb) : -EOPNOTSUPP;
		if (!err) {
			*out_a = a;
			*out_b = b;
			return 0;
		}
		file_put_sync(b);
	}
	file_put_sync(a);
	return err;
}

/* The file comes first: a connection that was taken cannot be given back. */
int socket_accept(struct file *f, unsigned o_flags, struct file **out, struct socket_addr *peer)
{
	struct socket *s = f->private, *fresh;
	struct file *nf;
	int err;

	if (!s->ops->accept)
		return -EOPNOTSUPP;
	err = make_file(s, NULL, o_flags, &nf);
	if (err)
		return err;
	err = s->ops->accept(s, READ_ONCE(f->flags) & O_NONBLOCK, &fresh);
	if (!err) {
		nf->private = fresh;
		STORE_RELEASE(fresh->file, nf);
		if (peer) {
			err = fresh->ops->name(fresh, true, peer);
			if (err)
				err = -ECONNABORTED;
		}
	}
	if (err)
		file_put_sync(nf);
	else
		*out = nf;
	return err;
}

static void socket_release(struct file *f)
{
	struct socket *s = f->private;

	if (!s)
		return;
	WRITE_ONCE(s->file, NULL);
	if (unlikely(s->filter))
		socket_filter_release(s);
	s->ops->release(s);
}

struct socket *file_socket(struct file *f)
{
	return f->ops == &socket_file_ops ? f->private : NULL;
}

/* ---- the file ---- */

static inline u32 flags_of(const struct file *f, unsigned rwf)
{
	return (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT) ? MSG_DONTWAIT : 0;
}

static ssize_t socket_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct socket *s = f->private;
	struct socket_msg m = {.data = to, .flags = flags_of(f, rwf)};

	return likely(to->left) ? s->ops->receive(s, &m) : 0;
}

static ssize_t socket_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct socket *s = f->private;
	struct socket_msg m = {.data = from, .flags = flags_of(f, rwf) | (s->type == SOCK_SEQPACKET ? MSG_EOR : 0)};

	return s->ops->send(s, &m);
}

static u32 socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->private;

	poll_wait(pt, f, &s->rd_wait);
	poll_wait(pt, f, &s->wr_wait);
	return s->ops->poll(s, pt);
}

static s64 socket_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct socket *s = f->private;
	struct uptr p = {arg};
	enum pid_type type;
	s64 ret;
	s32 who;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		if (user_load32((u32 *)&who, p))
			return -EFAULT;
		return file_set_owner(f, who, PID_TGID);
	case FIOGETOWN:
	case SIOCGPGRP:
		who = file_get_owner(f, &type);
		return user_store32(p, (u32)(type == PID_PGID ? -who : who));
	default: break;
	}
	ret = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOIOCTLCMD;
	return ret == -ENOIOCTLCMD && s->family != AF_INET && s->family != AF_INET6 ? inet_device_ioctl(cmd, arg) : ret;
}

static int socket_mmap(struct file *f, struct vm_map_args *args)
{
	struct socket *s = f->private;

	return s->ops->mmap ? s->ops->mmap(s, f, args) : -ENODEV;
}

static int socket_fasync(struct file *f, int fd, bool on)
{
	struct socket *s = f->private;

	return fasync_set(&s->async, f, fd, on);
}

static size_t socket_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct socket *s = f->private;

	return s->ops->show_fdinfo ? s->ops->show_fdinfo(s, buf, size) : 0;
}

static const struct file_ops socket_file_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.mmap = socket_mmap,
	.fasync = socket_fasync,
	.release = socket_release,
	.show_fdinfo = socket_show_fdinfo,
};

/* ---- /proc ---- */

int net_proc_add(const struct pseudo_file *file)
{
	return pseudo_add_file(proc_net, file, NULL, NULL);
}

s32 net_wmem_default = 212992, net_rmem_default = 212992, net_wmem_max = 212992, net_rmem_max = 212992;
s32 socket_somaxconn = 4096, socket_optmem_max = 131072;

static const struct sysctl net_table[] = {
	{"net/core/wmem_default", 0644, SYSCTL_INT, .var = &net_wmem_default, .min = SOCKET_MIN_SNDBUF, .max = S32_MAX},
	{"net/core/rmem_default", 0644, SYSCTL_INT, .var = &net_rmem_default, .min = SOCKET_MIN_RCVBUF, .max = S32_MAX},
	{"net/core/wmem_max", 0644, SYSCTL_INT, .var = &net_wmem_max, .min = SOCKET_MIN_SNDBUF, .max = S32_MAX},
	{"net/core/rmem_max", 0644, SYSCTL_INT, .var = &net_rmem_max, .min = SOCKET_MIN_RCVBUF, .max = S32_MAX},
	{"net/core/somaxconn", 0644, SYSCTL_INT, .var = &socket_somaxconn, .min = 0, .max = 65535},
	{"net/core/optmem_max", 0644, SYSCTL_INT, .var = &socket_optmem_max, .min = 0, .max = S32_MAX},
};

static int net_init(void)
{
	sysctl_register(net_table, ARRAY_SIZE(net_table));
	return pseudo_make_path(procfs_root, "net", &proc_net);
}

INITCALL(net, "vfs procfs", net_init);
