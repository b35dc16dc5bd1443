/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options: levels of protocols go to the port as they are, in kernel memory; of SOL_SOCKET the port hears what the socket layer has set, and is asked what that
 * layer does not know. [man socket(7), ip(7), ipv6(7), tcp(7), udp(7)]
 */
#include "inet_impl.h"
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/time_types.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <net/filter.h>
#include <proc/cred.h>
#include <security/bpf_prog.h>

#define VALUE_FAST 128u
#define VALUE_MOST 65536u

/* ---- what the layer above has set ---- */

int inet_tell_option(struct inet_sock *i, int name, const void *v, u32 len)
{
	struct iobuf b;

	iobuf_init_kernel(&b, (void *)(unsigned long)v, len);
	return inet_call()->set_option(inet_stack.self, i->handle, SOL_SOCKET, (u32)name, &b);
}

/* The port doubles, as Linux does; what is here has been checked and doubled. */
void inet_buffers_changed(struct socket *s)
{
	s32 send = (s32)READ_ONCE(s->sndbuf) / 2, receive = (s32)READ_ONCE(s->rcvbuf) / 2;

	if (socket_has(s, SOCKF_SNDBUF_LOCK))
		(void)!inet_tell_option(inet_of(s), SO_SNDBUFFORCE, &send, sizeof(send));
	if (socket_has(s, SOCKF_RCVBUF_LOCK))
		(void)!inet_tell_option(inet_of(s), SO_RCVBUFFORCE, &receive, sizeof(receive));
}

static const struct {
	u16 name;
	u32 flag;
} switches[] = {
	{SO_REUSEADDR, SOCKF_REUSEADDR},
	{SO_REUSEPORT, SOCKF_REUSEPORT},
	{SO_KEEPALIVE, SOCKF_KEEPALIVE},
	{SO_BROADCAST, SOCKF_BROADCAST},
	{SO_DONTROUTE, SOCKF_DONTROUTE},
	{SO_OOBINLINE, SOCKF_OOBINLINE},
	{SO_NO_CHECK, SOCKF_NO_CHECK},
	{SO_RXQ_OVFL, SOCKF_RXQ_OVFL},
	{SO_SELECT_ERR_QUEUE, SOCKF_SELECT_ERR},
};

/* The four forms of SO_TIMESTAMP: the port is told which one holds, by its name. */
static void tell_stamps(struct inet_sock *i)
{
	u32 flags = READ_ONCE(i->sock.flags);
	bool fresh = flags & SOCKF_TIMESTAMP_NEW;
	s32 on = (flags & SOCKF_TIMESTAMP) != 0;
	int name = flags & SOCKF_TIMESTAMPNS ? (fresh ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD)
					     : (fresh ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD);

	(void)!inet_tell_option(i, name, &on, sizeof(on));
}

void inet_option_changed(struct socket *s, int name)
{
	struct inet_sock *i = inet_of(s);
	s32 v, l[2];

	switch (name) {
	case SO_PRIORITY: v = READ_ONCE(s->priority); break;
	case SO_MARK: v = (s32)READ_ONCE(s->mark); break;
	case SO_RCVLOWAT: v = (s32)READ_ONCE(s->rcvlowat); break;
	case SO_DETACH_FILTER: v = 0; break;
	case SO_LINGER:
		l[0] = socket_has(s, SOCKF_LINGER) != 0;
		l[1] = s->linger_s;
		(void)!inet_tell_option(i, name, l, sizeof(l));
		return;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW: tell_stamps(i); return;
	default:
		for (size_t k = 0; k < ARRAY_SIZE(switches); k++) {
			if (switches[k].name == name) {
				v = socket_has(s, switches[k].flag) != 0;
				(void)!inet_tell_option(i, name, &v, sizeof(v));
			}
		}
		return;
	}
	(void)!inet_tell_option(i, name, &v, sizeof(v));
}

int inet_take_error(struct socket *s)
{
	struct iobuf b;
	s32 v = 0;
	u32 len;
	int err = socket_take_error(s);

	if (err)
		return err;
	iobuf_init_kernel(&b, &v, sizeof(v));
	if (inet_call()->get_option(inet_stack.self, inet_of(s)->handle, SOL_SOCKET, SO_ERROR, &b, &len))
		return 0;
	return v > 0 ? -v : 0;
}

/* ---- set and get ---- */

/* May the running task set this? */
static int check_right(const struct socket *s, int level, int name)
{
	bool net = false;

	if (level == SOL_SOCKET) {
		switch (name) {
		case SO_BUSY_POLL:
		case SO_PREFER_BUSY_POLL: return capable(CAP_NET_ADMIN) ? 0 : -EPERM;
		default: return 0;
		}
	}
	if (level == IPPROTO_IP)
		net = name == IP_TRANSPARENT;
	else if (level == IPPROTO_IPV6)
		net = name == IPV6_TRANSPARENT;
	return !net || capable(CAP_NET_RAW) || capable(CAP_NET_ADMIN) ? 0 : -EPERM;
}

static void *value_room(u8 *fast, size_t len)
{
	return len <= VALUE_FAST ? fast : kmalloc(len, 0);
}

static void value_free(void *v, u8 *fast)
{
	if (v != fast)
		kfree(v);
}

/* The program is checked and kept above; the port runs it, for it has the packets. */
static int attach_filter(struct socket *s, struct uptr val, u32 len)
{
	const struct bpf_prog *p;
	int err = socket_filter_attach(s, val, len);

	if (err)
		return err;
	rcu_read_lock();
	p = rcu_dereference(s->filter);
	err = p ? inet_tell_option(inet_of(s), SO_ATTACH_FILTER, p->insns, (u32)(p->len * sizeof(p->insns[0]))) : 0;
	rcu_read_unlock();
	if (err)
		(void)!socket_filter_detach(s);
	return err;
}

/* Is it a level of this socket? Linux asks before it looks at the value. */
static bool has_level(const struct socket *s, int level)
{
	bool raw = s->type == SOCK_RAW;

	switch (level) {
	case SOL_SOCKET: return true;
	case IPPROTO_IP: return s->family == AF_INET || !raw;
	case IPPROTO_IPV6: return s->family == AF_INET6;
	case IPPROTO_RAW: return raw;
	case IPPROTO_ICMPV6: return raw && s->protocol == IPPROTO_ICMPV6;
	case IPPROTO_TCP: return s->type == SOCK_STREAM;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: return s->type == SOCK_DGRAM && (s->protocol == IPPROTO_UDP || s->protocol == IPPROTO_UDPLITE);
	default: return false;
	}
}

int inet_set_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	u8 fast[VALUE_FAST] __aligned(8);
	struct inet_sock *i = inet_of(s);
	struct iobuf b;
	void *v;
	int err;

	if (level == SOL_SOCKET && name == SO_ATTACH_FILTER)
		return attach_filter(s, val, len);
	if (!has_level(s, level))
		return -ENOPROTOOPT;
	err = check_right(s, level, name);
	if (err)
		return err;
	if (len > VALUE_MOST)
		return -ENOBUFS;
	v = value_room(fast, len);
	if (!v)
		return -ENOBUFS;
	err = len ? copy_from_user(v, val, len) : 0;
	if (!err) {
		iobuf_init_kernel(&b, v, len);
		err = inet_call()->set_option(inet_stack.self, i->handle, (u32)level, (u32)name, &b);
	}
	value_free(v, fast);
	return err;
}

/* The value's bytes go in too: some options look at what they are asked. */
int inet_get_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	u8 fast[VALUE_FAST] __aligned(8);
	u32 room = min(len, VALUE_MOST), got = 0;
	struct iobuf b;
	void *v;
	int err;

	if (!has_level(s, level))
		return s->family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;
	v = value_room(fast, room);
	if (!v)
		return -ENOBUFS;
	memset(v, 0, room);
	if (room && copy_from_user(v, val, room))
		memset(v, 0, room); /* may be writable only to the kernel's word below */
	iobuf_init_kernel(&b, v, room);
	err = inet_call()->get_option(inet_stack.self, inet_of(s)->handle, (u32)level, (u32)name, &b, &got);
	got = min(got, room);
	if (!err && copy_to_user(val, v, got))
		err = -EFAULT;
	value_free(v, fast);
	return err ? err : (int)got;
}
