/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink sockets: life, ports, groups, sending, options.
 */
#include "netlink_impl.h"
#include <env/iobuf.h>
#include <init/initcall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <net/netlink.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <security/random.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/pseudo.h>

LOCK_CLASS(netlink_proto, RANK_PIPE + 5, "sockets of one netlink protocol, and who may not go while it gets a message");
LOCK_CLASS(netlink_dump, RANK_PIPE + 4, "a dump that one netlink socket reads");
LOCK_CLASS(netlink_sock, RANK_SOCKET + 3, "queue of one netlink socket");

static const struct socket_ops netlink_ops;

/* Between users; the kernel has no side of it. */
struct nl_protocol nl_usersock = {.name = "usersock", .ngroups = 32, .nonroot_send = true};

static struct nl_protocol *const protocols[] = {
	[NETLINK_ROUTE] = &nl_route,
	[NETLINK_USERSOCK] = &nl_usersock,
	[NETLINK_SOCK_DIAG] = &nl_sock_diag,
	[NETLINK_KOBJECT_UEVENT] = &nl_uevent,
	[NETLINK_GENERIC] = &nl_generic,
};

struct nl_protocol *nl_protocol_find(u32 number)
{
	return number < ARRAY_SIZE(protocols) ? protocols[number] : NULL;
}

/* ---- life ---- */

static int netlink_create(u32 type, u32 protocol, struct socket **out)
{
	struct nl_protocol *p = nl_protocol_find(protocol);
	struct nl_sock *n;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (!p)
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), 0);
	if (!n)
		return -ENOMEM;
	socket_init(&n->sock, &netlink_ops, AF_NETLINK, type, protocol);
	refcount_set(&n->refs, 1);
	spin_init(&n->lock, netlink_sock);
	mutex_init(&n->dump_lock, netlink_dump);
	list_init(&n->items);
	n->proto = p;
	mutex_lock(&p->mutex);
	list_add_tail(&n->link, &p->sockets);
	mutex_unlock(&p->mutex);
	*out = &n->sock;
	return 0;
}

void nl_get(struct nl_sock *n)
{
	refcount_inc(&n->refs);
}

void nl_put(struct nl_sock *n)
{
	if (!refcount_dec_and_test(&n->refs))
		return;
	kfree(n->dump);
	kfree(n);
}

static void netlink_release(struct socket *s)
{
	struct nl_sock *n = nl_of(s);

	mutex_lock(&n->proto->mutex);
	list_del(&n->link);
	mutex_unlock(&n->proto->mutex);
	nl_queue_flush(n);
	wait_wake_all(&s->wr_wait);
	nl_put(n);
}

/* ---- ports ---- */

static struct nl_sock *find_port(struct nl_protocol *p, u32 port)
{
	struct nl_sock *n;

	list_for_each_entry(n, &p->sockets, link)
	{
		if (n->bound && n->port == port)
			return n;
	}
	return NULL;
}

static void set_port(struct nl_sock *n, u32 port)
{
	n->port = port;
	STORE_RELEASE(n->bound, true);
}

/* @port, or for 0 the process' number, or if that is taken one that no process has. Protocol's mutex. */
static int MUST_CHECK bind_locked(struct nl_sock *n, u32 port)
{
	if (n->bound)
		return port && port != n->port ? -EINVAL : 0;
	if (port) {
		if (find_port(n->proto, port))
			return -EADDRINUSE;
	} else {
		port = (u32)task_tgid(task_current());
		while (find_port(n->proto, port)) {
			port = (u32)random_u64() | 0x80000000;
		}
	}
	set_port(n, port);
	return 0;
}

static int MUST_CHECK autobind(struct nl_sock *n)
{
	int err;

	if (likely(LOAD_ACQUIRE(n->bound)))
		return 0;
	mutex_lock(&n->proto->mutex);
	err = bind_locked(n, 0);
	mutex_unlock(&n->proto->mutex);
	return err;
}

static int MUST_CHECK check_addr(const struct socket_addr *a, struct sockaddr_nl *out)
{
	if (a->len < sizeof(*out))
		return -EINVAL;
	memcpy(out, a->bytes, sizeof(*out));
	return out->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

static bool may_send(const struct nl_sock *n)
{
	return n->proto->nonroot_send || capable(CAP_NET_ADMIN);
}

static bool may_receive(const struct nl_sock *n)
{
	return n->proto->nonroot_receive || capable(CAP_NET_ADMIN);
}

static int MUST_CHECK may_join(const struct nl_sock *n, u32 group)
{
	return n->proto->may_join ? n->proto->may_join(group) : 0;
}

static int netlink_bind(struct socket *s, const struct socket_addr *addr)
{
	struct nl_sock *n = nl_of(s);
	struct sockaddr_nl a;
	int err = check_addr(addr, &a);
	u32 groups = 0;

	if (err)
		return err;
	if (a.nl_groups) {
		if (!may_receive(n))
			return -EPERM;
		groups = a.nl_groups;
		if (n->proto->ngroups < 32)
			groups &= (1u << n->proto->ngroups) - 1;
	}
	for (u32 g = 0; g < 32 && !err; g++) {
		if (groups & 1u << g)
			err = may_join(n, g + 1);
	}
	if (err)
		return err;
	mutex_lock(&n->proto->mutex);
	err = n->bound && a.nl_pid != n->port ? -EINVAL : bind_locked(n, a.nl_pid);
	if (!err)
		n->groups[0] = (n->groups[0] & ~0xffffffffull) | groups;
	mutex_unlock(&n->proto->mutex);
	return err;
}

static int netlink_connect(struct socket *s, const struct socket_addr *addr, bool nonblock)
{
	struct nl_sock *n = nl_of(s);
	struct sockaddr_nl a;
	int err;

	if (addr->len < sizeof(addr->family))
		return -EINVAL;
	if (addr->family == AF_UNSPEC) {
		WRITE_ONCE(n->to_port, 0);
		WRITE_ONCE(n->to_group, 0);
		return 0;
	}
	err = check_addr(addr, &a);
	if (err)
		return err;
	if ((a.nl_groups || a.nl_pid) && !may_send(n))
		return -EPERM;
	err = autobind(n);
	if (err)
		return err;
	WRITE_ONCE(n->to_port, a.nl_pid);
	WRITE_ONCE(n->to_group, (u32)__builtin_ffs((int)a.nl_groups));
	return 0;
}

static int netlink_name(struct socket *s, bool peer, struct socket_addr *out)
{
	const struct nl_sock *n = nl_of(s);
	u32 group = READ_ONCE(n->to_group);
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = n->port, .nl_groups = (u32)n->groups[0]};

	if (peer) {
		a.nl_pid = READ_ONCE(n->to_port);
		a.nl_groups = group && group <= 32 ? 1u << (group - 1) : 0;
	}
	memcpy(out->bytes, &a, sizeof(a));
	out->len = sizeof(a);
	return 0;
}

/* ---- sending ---- */

/* To a user's socket: as long as that has no room, wait. @group: it went there too. */
static int send_port(struct nl_sock *n, struct nl_buf *b, u32 port, u32 group, const struct scm *scm, u64 deadline)
{
	struct nl_sock *to;
	int err;

	for (;;) {
		mutex_lock(&n->proto->mutex);
		to = find_port(n->proto, port);
		if (to)
			nl_get(to);
		mutex_unlock(&n->proto->mutex);
		if (!to)
			return -ECONNREFUSED;
		err = nl_deliver(to, b, n->port, group, scm);
		if (err == -EAGAIN && deadline) {
			err = wait_event_state(&to->sock.wr_wait,
				(!READ_ONCE(to->congested) && READ_ONCE(to->charge) <= READ_ONCE(to->sock.rcvbuf)) || READ_ONCE(to->dead),
				THREAD_SLEEP_INTR, deadline, false);
			nl_put(to);
			if (err)
				return socket_wait_error(err, deadline);
			continue;
		}
		nl_put(to);
		return err;
	}
}

static ssize_t send_buf(struct nl_sock *n, struct nl_buf *b, u32 port, u32 group, const struct scm *scm, u64 deadline)
{
	if (group)
		(void)nl_broadcast(n->proto, n, b, n->port, port, group, scm);
	if (port)
		return send_port(n, b, port, group, scm, deadline);
	if (!n->proto->input)
		return -ECONNREFUSED;
	n->proto->input(n, b);
	return 0;
}

static int MUST_CHECK destination(struct nl_sock *n, const struct socket_msg *m, u32 *port, u32 *group)
{
	struct sockaddr_nl a;
	int err;

	*port = READ_ONCE(n->to_port);
	*group = READ_ONCE(n->to_group);
	if (!m->addr)
		return 0;
	err = check_addr(m->addr, &a);
	if (err)
		return err;
	*port = a.nl_pid;
	*group = (u32)__builtin_ffs((int)a.nl_groups);
	return (*port || *group) && !may_send(n) ? -EPERM : 0;
}

static ssize_t netlink_send(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(READ_ONCE(s->sndtimeo), m->flags & MSG_DONTWAIT);
	struct nl_sock *n = nl_of(s);
	size_t len = m->data->left;
	u32 port = 0, group = 0;
	struct nl_buf *b;
	struct scm scm;
	ssize_t err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	err = scm_parse(m->control, m->control_len, false, &scm);
	if (err)
		return err;
	scm_set_own(&scm);
	err = destination(n, m, &port, &group);
	if (!err)
		err = autobind(n);
	if (!err && (READ_ONCE(s->sndbuf) < 32 || len > READ_ONCE(s->sndbuf) - 32))
		err = -EMSGSIZE;
	b = err ? NULL : nl_buf_alloc((u32)len);
	if (!err && !b)
		err = -ENOBUFS;
	if (!err) {
		err = iobuf_get(m->data, b->bytes, len) == len ? send_buf(n, b, port, group, &scm, deadline) : -EFAULT;
		nl_buf_put(b);
	}
	scm_drop(&scm);
	return err ? err : (ssize_t)len;
}

static u32 netlink_poll(struct socket *s, struct poll_table *pt)
{
	const struct nl_sock *n = nl_of(s);
	u32 mask = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (READ_ONCE(s->err))
		mask |= EPOLLERR;
	if (READ_ONCE(n->nitems))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* ---- options ---- */

static u32 flag_of(int name)
{
	switch (name) {
	case NETLINK_PKTINFO: return NLF_PKTINFO;
	case NETLINK_BROADCAST_ERROR: return NLF_BROADCAST_ERROR;
	case NETLINK_NO_ENOBUFS: return NLF_NO_ENOBUFS;
	case NETLINK_LISTEN_ALL_NSID: return NLF_LISTEN_ALL_NSID;
	case NETLINK_CAP_ACK: return NLF_CAP_ACK;
	case NETLINK_EXT_ACK: return NLF_EXT_ACK;
	case NETLINK_GET_STRICT_CHK: return NLF_STRICT_CHK;
	default: return 0;
	}
}

static int change_membership(struct nl_sock *n, u32 group, bool join)
{
	u64 bit, *word;
	int err;

	if (!may_receive(n))
		return -EPERM;
	if (!group || group > n->proto->ngroups)
		return -EINVAL;
	bit = 1ull << (group - 1) % 64;
	word = &n->groups[(group - 1) / 64];
	err = join ? may_join(n, group) : 0;
	if (err)
		return err;
	mutex_lock(&n->proto->mutex);
	*word = join ? *word | bit : *word & ~bit;
	mutex_unlock(&n->proto->mutex);
	return 0;
}

static int netlink_set_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	struct nl_sock *n = nl_of(s);
	u32 v = 0, flag = flag_of(name);

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(v) && user_load32(&v, val))
		return -EFAULT;
	if (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP)
		return change_membership(n, v, name == NETLINK_ADD_MEMBERSHIP);
	if (!flag)
		return -ENOPROTOOPT;
	if (flag == NLF_LISTEN_ALL_NSID && !capable(CAP_NET_BROADCAST))
		return -EPERM;
	if (v)
		__atomic_fetch_or(&n->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&n->flags, ~flag, __ATOMIC_RELAXED);
	if (flag == NLF_NO_ENOBUFS && v) {
		spin_lock(&n->lock);
		n->congested = false;
		spin_unlock(&n->lock);
		wait_wake_all(&s->wr_wait);
	}
	return 0;
}

/* The bits, as far as there is room; the length says how many there are. */
static int put_memberships(struct nl_sock *n, struct uptr val, u32 room)
{
	u32 len = align_up(DIV_ROUND_UP(n->proto->ngroups, 8u), 4u);
	u64 bits[NL_GROUPS_MAX / 64];

	mutex_lock(&n->proto->mutex);
	memcpy(bits, n->groups, sizeof(bits));
	mutex_unlock(&n->proto->mutex);
	if (copy_to_user(val, bits, min(len, room & ~3u)))
		return -EFAULT;
	return (int)len;
}

static int netlink_get_option(struct socket *s, int level, int name, struct uptr val, u32 room)
{
	struct nl_sock *n = nl_of(s);
	u32 flag = flag_of(name);
	s32 v;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS)
		return put_memberships(n, val, room);
	if (!flag)
		return -ENOPROTOOPT;
	if (room < sizeof(v))
		return -EINVAL;
	v = (READ_ONCE(n->flags) & flag) != 0;
	return socket_put_value(val, sizeof(v), &v, sizeof(v));
}

static const struct socket_ops netlink_ops = {
	.bind = netlink_bind,
	.connect = netlink_connect,
	.name = netlink_name,
	.send = netlink_send,
	.receive = nl_receive,
	.poll = netlink_poll,
	.set_option = netlink_set_option,
	.get_option = netlink_get_option,
	.release = netlink_release,
};

static const struct socket_family family = {.create = netlink_create};

/* ---- a cookie for who waits for it (mq_notify) ---- */

int netlink_cookie_create(int fd, const void *cookie, u32 len, struct netlink_cookie **out)
{
	struct fd_ref r = fd_get(fd);
	struct netlink_cookie *c;
	struct socket *s;
	int err = -EBADF;

	if (!r.file)
		return -EBADF;
	s = file_socket(r.file);
	if (!s) {
		err = -ENOTSOCK;
	} else if (s->family != AF_NETLINK) {
		err = -EINVAL;
	} else {
		err = -ENOMEM;
		c = kmalloc(sizeof(*c), 0);
		if (c)
			c->buf = nl_buf_alloc(len);
		if (c && !c->buf) {
			kfree(c);
		} else if (c) {
			memcpy(c->buf->bytes, cookie, len);
			c->to = nl_of(s);
			nl_get(c->to);
			*out = c;
			err = 0;
		}
	}
	fd_put(r);
	return err;
}

char *netlink_cookie_bytes(struct netlink_cookie *c)
{
	return c->buf->bytes;
}

void netlink_cookie_send(struct netlink_cookie *c)
{
	if (nl_deliver(c->to, c->buf, 0, 0, NULL) == -EAGAIN)
		nl_overrun(c->to);
	netlink_cookie_free(c);
}

void netlink_cookie_free(struct netlink_cookie *c)
{
	nl_put(c->to);
	nl_buf_put(c->buf);
	kfree(c);
}

/* ---- /proc/net/netlink ---- */

static int next_socket(struct pseudo_text *t)
{
	u64 skip = t->cursor;

	if (!skip)
		strbuf_puts(&t->sb, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	for (u32 i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct nl_protocol *p = protocols[i];
		struct nl_sock *n;

		if (!p)
			continue;
		mutex_lock(&p->mutex);
		list_for_each_entry(n, &p->sockets, link)
		{
			struct file *f = READ_ONCE(n->sock.file);

			if (skip--)
				continue;
			strbuf_printf(&t->sb, "%016x %-3u %-10u %08x %-8u %-8d %-5d %-8u %-8u %-8llu\n", 0, i, n->port, (u32)n->groups[0],
				READ_ONCE(n->charge), 0, READ_ONCE(n->dump) != NULL, (u32)refcount_read(&n->refs), READ_ONCE(n->drops),
				f ? (unsigned long long)f->inode->ino : 0ull);
			mutex_unlock(&p->mutex);
			t->cursor++;
			return 1;
		}
		mutex_unlock(&p->mutex);
	}
	return 0;
}

static const struct pseudo_file proc_file = {.name = "netlink", .mode = 0444, .next = next_socket};

static int netlink_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!protocols[i])
			continue;
		mutex_init(&protocols[i]->mutex, netlink_proto);
		list_init(&protocols[i]->sockets);
	}
	socket_family_register(AF_NETLINK, &family);
	return net_proc_add(&proc_file);
}
INITCALL(netlink, "net", netlink_init);
