/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETLINK_SOCK_DIAG: the sockets of AF_UNIX, as ss(8) asks for them. [man sock_diag(7)]
 *
 * A dump remembers the bucket and how many of it were told: one that comes or goes meanwhile may shift those of its bucket.
 */
#include "netlink_impl.h"
#include "../unix/unix_impl.h"
#include <linux/capability.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <net/inet.h>
#include <proc/cred.h>
#include <vfs/inode.h>

enum { STATE_ESTABLISHED = 1, STATE_CLOSE = 7, STATE_LISTEN = 10 };

static unsigned state_of(const struct unix_sock *u)
{
	switch (READ_ONCE(u->state)) {
	case UNIX_CONNECTED: return STATE_ESTABLISHED;
	case UNIX_LISTENING: return STATE_LISTEN;
	default: return STATE_CLOSE;
	}
}

/* A file that is there keeps its inode for a grace period; the bucket's lock is a read section. */
static u32 ino_of(const struct unix_sock *u)
{
	const struct file *f = READ_ONCE(u->sock.file);

	return f ? (u32)f->inode->ino : 0;
}

static void put_name(struct nl_out *o, const struct unix_sock *u)
{
	const struct unix_addr *a = LOAD_ACQUIRE(u->addr);

	if (a)
		nl_attr(o, UNIX_DIAG_NAME, a->bytes, a->len - UNIX_PATH_OFF);
}

static void put_lengths(struct nl_out *o, struct unix_sock *u)
{
	bool listens = state_of(u) == STATE_LISTEN;
	struct unix_diag_rqlen l = {.udiag_rqueue = listens ? READ_ONCE(u->nmsgs) : READ_ONCE(u->rx_charge),
		.udiag_wqueue = listens ? READ_ONCE(u->backlog) : unix_outq(u)};

	nl_attr(o, UNIX_DIAG_RQLEN, &l, sizeof(l));
}

static void put_memory(struct nl_out *o, struct unix_sock *u)
{
	u32 v[SK_MEMINFO_VARS] = {[SK_MEMINFO_RMEM_ALLOC] = READ_ONCE(u->rx_charge), [SK_MEMINFO_RCVBUF] = u->sock.rcvbuf,
		[SK_MEMINFO_WMEM_ALLOC] = unix_outq(u), [SK_MEMINFO_SNDBUF] = u->sock.sndbuf};

	nl_attr(o, UNIX_DIAG_MEMINFO, v, sizeof(v));
}

/* The peer's inode. A stream's peer stays; a datagram's may change, so its lock would be needed, but not under the bucket's: it is told only while it is ours. */
static void put_peer(struct nl_out *o, const struct unix_sock *u)
{
	struct unix_sock *peer = READ_ONCE(u->peer);

	if (peer && !unix_is_dgram(u))
		nl_attr_u32(o, UNIX_DIAG_PEER, ino_of(peer));
}

static bool put_sock(struct nl_out *o, struct unix_sock *u, u32 show, u32 seq, u32 port, u16 flags)
{
	struct unix_diag_msg *m = nl_begin(o, SOCK_DIAG_BY_FAMILY, flags, seq, port, sizeof(*m));
	const struct file *f = READ_ONCE(u->sock.file);
	u64 cookie = (u64)(unsigned long)u->sock.cookie;

	if (!m)
		return nl_end(o);
	*m = (struct unix_diag_msg){.udiag_family = AF_UNIX, .udiag_type = u->sock.type, .udiag_state = (u8)state_of(u),
		.udiag_ino = ino_of(u), .udiag_cookie = {(u32)cookie, (u32)(cookie >> 32)}};
	if (show & UDIAG_SHOW_NAME)
		put_name(o, u);
	if (show & UDIAG_SHOW_PEER)
		put_peer(o, u);
	if (show & UDIAG_SHOW_RQLEN)
		put_lengths(o, u);
	if (show & UDIAG_SHOW_MEMINFO)
		put_memory(o, u);
	nl_attr_u8(o, UNIX_DIAG_SHUTDOWN, READ_ONCE(u->sock.how));
	if ((show & UDIAG_SHOW_UID) && f)
		nl_attr_u32(o, UNIX_DIAG_UID, READ_ONCE(f->inode->uid));
	return nl_end(o);
}

struct dump_visit {
	struct nl_dump *d;
	struct nl_out *o;
	u32 skip, seen;
	bool full;
};

static bool dump_one(struct unix_sock *u, void *arg)
{
	struct dump_visit *v = arg;

	if (v->seen++ < v->skip || !ino_of(u) || !(v->d->arg[0] & 1u << state_of(u)))
		return true;
	if (put_sock(v->o, u, (u32)v->d->arg[1], v->d->seq, v->d->port, NLM_F_MULTI))
		return true;
	v->full = true;
	v->seen--;
	return false;
}

static int fill_unix(struct nl_dump *d, struct nl_out *o)
{
	for (; d->cursor < UNIX_BUCKETS; d->cursor++, d->arg[2] = 0) {
		struct dump_visit v = {.d = d, .o = o, .skip = (u32)d->arg[2]};

		unix_for_bucket((u32)d->cursor, dump_one, &v);
		if (v.full) {
			d->arg[2] = v.seen;
			return 1;
		}
	}
	return 0;
}

struct find_visit {
	u32 ino;
	struct unix_sock *found;
};

static bool find_one(struct unix_sock *u, void *arg)
{
	struct find_visit *v = arg;

	if (ino_of(u) != v->ino)
		return true;
	unix_get(u);
	v->found = u;
	return false;
}

static int tell_one(struct nl_request *r, const struct unix_diag_req *q)
{
	struct find_visit v = {.ino = q->udiag_ino};
	struct nl_out o;
	int err;

	if (!q->udiag_ino)
		return -EINVAL;
	for (u32 i = 0; i < UNIX_BUCKETS && !v.found; i++)
		unix_for_bucket(i, find_one, &v);
	if (!v.found)
		return -ENOENT;
	err = nl_out_init(&o, 1024);
	if (!err) {
		rcu_read_lock();
		(void)put_sock(&o, v.found, q->udiag_show, r->h->nlmsg_seq, r->from->port, 0);
		rcu_read_unlock();
		nl_reply(r->from, &o);
	}
	unix_put(v.found);
	return err;
}

static int diag_request(struct nl_request *r)
{
	const struct unix_diag_req *q = r->body;

	if (r->h->nlmsg_type == SOCK_DESTROY && r->len >= sizeof(struct sock_diag_req) && q->sdiag_family != AF_UNIX && inet_network())
		return capable(CAP_NET_ADMIN) ? nl_ask_inet(r, NETLINK_SOCK_DIAG) : -EPERM;
	if (r->h->nlmsg_type == SOCK_DESTROY)
		return -EOPNOTSUPP;
	if (r->h->nlmsg_type != SOCK_DIAG_BY_FAMILY || r->len < sizeof(struct sock_diag_req) || q->sdiag_family >= AF_MAX)
		return -EINVAL;
	if ((q->sdiag_family == AF_INET || q->sdiag_family == AF_INET6) && inet_network())
		return nl_ask_inet(r, NETLINK_SOCK_DIAG);
	if (q->sdiag_family == AF_PACKET)
		return nl_packet_diag(r);
	if (q->sdiag_family != AF_UNIX)
		return -ENOENT;
	if (r->len < sizeof(*q))
		return -EINVAL;
	if (r->h->nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, &(struct nl_dump){.fill = fill_unix, .arg = {q->udiag_states, q->udiag_show}});
	return tell_one(r, q);
}

struct nl_protocol nl_sock_diag = {.name = "sock_diag", .ngroups = SKNLGRP_MAX, .nonroot_receive = true, .input = nl_input, .request = diag_request};
