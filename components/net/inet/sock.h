/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What all sockets share.
 *
 * Life: socket() or accept() make a sock with one reference, the handle's. release() takes the handle away; the protocol may keep its own
 * references (timers, packets, tables) and go on. The last one frees it after a grace period, so that readers of the tables may look at a
 * sock they found and take a reference by sock_get_live.
 *
 * `lock` guards everything that is not said to be constant or atomic. It is not held over a call of another sock.
 */
#include "core.h"
#include "ip.h"
#include "route.h"

struct proto;
struct sock_view;
struct inet_filter; /* filter.h */

enum sock_flags { /* sock->flags */
	SOCK_F_REUSEADDR = 1u << 0,
	SOCK_F_REUSEPORT = 1u << 1,
	SOCK_F_BROADCAST = 1u << 2,
	SOCK_F_KEEPALIVE = 1u << 3,
	SOCK_F_OOBINLINE = 1u << 4,
	SOCK_F_DONTROUTE = 1u << 5,
	SOCK_F_TIMESTAMP = 1u << 6,
	SOCK_F_TIMESTAMPNS = 1u << 7,
	SOCK_F_NO_CHECK = 1u << 8,
	SOCK_F_LINGER = 1u << 9,
	SOCK_F_FREEBIND = 1u << 10,
	SOCK_F_TRANSPARENT = 1u << 11,
	SOCK_F_V6ONLY = 1u << 12,
	SOCK_F_HDRINCL = 1u << 13,
	SOCK_F_BIND_PORT_LATER = 1u << 14, /* IP_BIND_ADDRESS_NO_PORT */
	SOCK_F_RXQ_OVFL = 1u << 15,
	SOCK_F_RECVERR = 1u << 16,
	SOCK_F_RECVERR6 = 1u << 17,
	SOCK_F_SNDBUF_LOCK = 1u << 18,
	SOCK_F_RCVBUF_LOCK = 1u << 19,
	SOCK_F_ADDR_LOCKED = 1u << 20, /* bound by hand, not by connect */
	SOCK_F_PORT_LOCKED = 1u << 21,
	SOCK_F_TIMESTAMPING = 1u << 22,	    /* stamp what comes */
	SOCK_F_TIMESTAMPING_NEW = 1u << 23, /* tell it in the form of SO_TIMESTAMPING_NEW */
	SOCK_F_TIMESTAMP_NEW = 1u << 24,
	SOCK_F_ZEROCOPY = 1u << 25,
};

enum sock_cmsg { /* sock->cmsg: what receive tells */
	SOCK_CMSG_PKTINFO = 1u << 0,
	SOCK_CMSG_TTL = 1u << 1,
	SOCK_CMSG_TOS = 1u << 2,
	SOCK_CMSG_OPTS = 1u << 3,
	SOCK_CMSG_RETOPTS = 1u << 4,
	SOCK_CMSG_ORIGDST = 1u << 5,
	SOCK_CMSG_PKTINFO6 = 1u << 6,
	SOCK_CMSG_HOPLIMIT6 = 1u << 7,
	SOCK_CMSG_TCLASS6 = 1u << 8,
	SOCK_CMSG_HOPOPTS6 = 1u << 9,
	SOCK_CMSG_DSTOPTS6 = 1u << 10,
	SOCK_CMSG_RTHDR6 = 1u << 11,
	SOCK_CMSG_ORIGDST6 = 1u << 12,
	SOCK_CMSG_FLOWINFO6 = 1u << 13,
	SOCK_CMSG_GRO = 1u << 14,
	SOCK_CMSG_FRAGSIZE = 1u << 15,
	SOCK_CMSG_PATHMTU6 = 1u << 16,
};

struct sock_member; /* mcast.h: a group this socket has joined */

struct sock {
	const struct proto *proto; /* constant, like the next six */
	struct inet *in;
	u64 handle, cookie;
	u16 family, type;
	u8 protocol;
	u32 uid, gid;
	struct refcount refs;
	bool released; /* lock: the client has given it up */
	struct env_spin lock;
	u32 flags, cmsg; /* enum sock_flags, sock_cmsg */

	/* Names. Ports in host order; laddr/raddr as bound and connected, rcv_saddr in the tables is laddr. */
	union ipaddr laddr, raddr;
	union ipaddr saddr; /* the source to use: laddr, or what connect chose */
	u16 lport, rport;
	u32 bound_if; /* SO_BINDTODEVICE, scope */
	bool connected;
	u8 shutdown; /* 1: receive, 2: send */

	struct table_node handle_node;
	struct table_node bind_node, conn_node; /* of the protocol's tables */

	/* Sending. */
	struct ip_tx tx;
	struct inet_route route; /* cached */
	u8 mc_ttl, mc_hops;
	bool mc_loop, mc_loop6, mc_all, mc_all6;
	u32 mc_if;
	union ipaddr mc_addr;
	s16 hop_limit6;
	s16 tclass6;
	u32 mark, priority;
	u8 *options; /* owned; tx.options points here */
	u32 options_size;
	u32 tsflags, tskey; /* SO_TIMESTAMPING, its next number */
	u32 zerocopy_next;  /* number of the next send with MSG_ZEROCOPY */
	u64 number; /* of creation: order of dumps, inode for those who ask */
	u64 max_pacing_rate;
	u32 linger_s; /* with SOCK_F_LINGER; 0: a reset when it is closed. Waiting is the client's */

	/* Memory. s32/u32, atomic: changed by pkt_free in any thread. */
	s32 wmem, rmem;
	u32 sndbuf, rcvbuf, rcvlowat;
	u32 drops;
	bool wants_space; /* a sender was told -EAGAIN */

	/* Receiving of datagrams. */
	struct pkt_queue rx;
	struct pkt_queue errors; /* MSG_ERRQUEUE: cb is struct sock_err */
	int err;		 /* SO_ERROR: positive errno, atomic */

	struct inet_filter *filter; /* SO_ATTACH_FILTER: RCU; NULL: none */
	struct list_head members; /* struct sock_member: config; RCU */

	/* Wake-ups: atomic events that ready() is still to tell. */
	u32 wake_events;
	struct list_head wake_node; /* shard->lock */
	struct list_head proto_node; /* of the protocol's own list */
	struct list_head all_node;  /* sock_table: for dumps; its lock */
	struct env_rcu rcu;
	/* the protocol's own follows (struct udp_sock, tcp_sock: sock is their first member) */
};

/*
 * A kind of socket. Functions are called inside inet_enter, the sock's lock not held unless said; errors as in port/inet.h.
 */
struct proto {
	u16 type; /* SOCK_* */
	u8 protocol;
	u8 protocol_v6; /* where it differs: ICMPv6; 0: the same */
	bool any_protocol; /* SOCK_RAW */
	u32 sock_size;
	const char *name;
	int (*init)(struct sock *s);
	void (*release)(struct sock *s); /* the handle is gone; unhash, stop, or go on by itself */
	void (*destroy)(struct sock *s); /* last reference; free what the protocol's part owns. No locks */
	int (*bind)(struct sock *s, const struct ip_endpoint *e);
	int (*connect)(struct sock *s, const struct ip_endpoint *e); /* family AF_UNSPEC: dissolve */
	int (*listen)(struct sock *s, u32 backlog); /* NULL: -EOPNOTSUPP, as the next */
	int (*accept)(struct sock *s, u64 cookie, struct sock **out, struct ip_endpoint *peer); /* the reference becomes the handle's */
	ssize_t (*send)(struct sock *s, struct inet_msg *msg);
	ssize_t (*receive)(struct sock *s, struct inet_msg *msg);
	int (*shutdown)(struct sock *s, u32 how);
	u32 (*poll)(struct sock *s);
	/* The protocol's own levels. -ENOPROTOOPT for what it has not. */
	int (*set_option)(struct sock *s, u32 level, u32 name, struct iobuf *value);
	int (*get_option)(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len);
	int (*control)(struct sock *s, u32 request, u32 *out_value); /* SIOCINQ, SIOCOUTQ, SIOCATMARK */
	/* A shared option changed (SO_KEEPALIVE, SO_RCVBUF, SO_SNDBUF, ...): NULL: of no interest. Lock held. */
	void (*option_changed)(struct sock *s, u32 level, u32 name);
	/* SOCK_DESTROY: end it with @err for its user. NULL: -EOPNOTSUPP. */
	int (*abort)(struct sock *s, int err);
	/* What differs from a datagram socket's in what is shown of it. NULL: nothing. Lock held. */
	void (*look)(struct sock *s, struct sock_view *v);
};

extern const struct proto *const inet_protos[]; /* protos.c; ends with NULL */

/* ---- references, handles (sock.c) ---- */

/* A sock with one reference, no handle. -ENOMEM. */
int sock_create(struct inet *in, const struct proto *proto, u32 family, u8 protocol, const struct inet_cred *cred, u64 cookie,
	struct sock **out) MUST_CHECK;
static inline void sock_get(struct sock *s)
{
	refcount_inc(&s->refs);
}
/* Found in a table inside a read section: true if it still lives. */
static inline MUST_CHECK bool sock_get_live(struct sock *s)
{
	return refcount_inc_not_zero(&s->refs);
}
void sock_put(struct sock *s);
/* Give it a handle; the reference becomes the handle's. -ENOMEM. */
int sock_handle_add(struct sock *s) MUST_CHECK;

/* ---- wake-ups, errors ---- */

/* Tell the client EPOLL* when this thread leaves. Any lock may be held. */
void sock_wake(struct sock *s, u32 events);
/* SO_ERROR and EPOLLERR. */
void sock_set_error(struct sock *s, int err);
/* Take the pending error: 0 or -errno. */
int sock_take_error(struct sock *s);

struct sock_err { /* in pkt.cb of the error queue, with the packet's payload; addr in src, port in frag_max */
	u32 ee_errno, info, data;
	u8 origin, type, code, pad;
};
/* Queue an ICMP error for MSG_ERRQUEUE if the socket asked for it; @payload may be NULL. Lock held. True: queued. */
bool sock_queue_error(struct sock *s, const struct ip_error *e, const struct pkt *payload, u16 dport);
bool sock_queue_local_error(struct sock *s, int err, const union ipaddr *dst, u16 dport, u32 info);

/* ---- memory ---- */

/* Account @n bytes for sending; -EAGAIN over sndbuf (EPOLLOUT follows when there is room), then nothing is charged. */
int sock_charge_send(struct sock *s, u32 n) MUST_CHECK;
void sock_uncharge_send(struct sock *s, u32 n);
bool sock_charge_receive(struct sock *s, u32 n) MUST_CHECK;
void sock_uncharge_receive(struct sock *s, u32 n);
static inline bool sock_has_space(const struct sock *s)
{
	s32 used = READ_ONCE(s->wmem);

	return (u32)used < READ_ONCE(s->sndbuf) - (READ_ONCE(s->sndbuf) >> 2);
}

/* ---- routes ---- */

/* The cached route to raddr, looked up again if it is stale. Lock held. @out points into the sock. */
int sock_route(struct sock *s, struct inet_route **out) MUST_CHECK;
/* Fill a flow from the socket's addresses and options. */
void sock_flow(const struct sock *s, struct inet_flow *flow);

/* ---- local ports (port.c) ---- */

/*
 * Ports of one protocol: a bitmap of those that are in use by anybody, searched from a random place; whether a used one can be shared is
 * asked of the sockets in the bind table's bucket.
 */
struct port_table {
	struct table table; /* sock.bind_node by port */
	u64 used[65536 / 64]; /* atomic: somebody is bound to it */
	u32 users[65536];     /* stripe's lock: how many */
};
int port_table_init(struct port_table *t) MUST_CHECK;
void port_table_fini(struct port_table *t);
/*
 * Bind @s to laddr/bound_if and @port (0: any free one in ip_local_port_range, odd or even as asked), by Linux' rules of SO_REUSEADDR and
 * SO_REUSEPORT [man ip(7), socket(7)]. Lock of @s held. Returns: 0 with s->lport set; -EADDRINUSE; -EAGAIN none free (connect's word).
 * @conflict says whether two sockets whose addresses and devices overlap exclude each other.
 */
int port_bind(struct port_table *t, struct sock *s, u16 port, bool (*conflict)(const struct sock *a, const struct sock *b)) MUST_CHECK;
/* An accepted connection shares the listener's port. Lock held. */
void port_bind_share(struct port_table *t, struct sock *s, u16 port);
void port_unbind(struct port_table *t, struct sock *s);
u32 port_hash(u16 port);
/* Do the two bind to addresses and devices that can both receive one packet? */
bool sock_binds_overlap(const struct sock *a, const struct sock *b);
/* Does what @s is bound to take packets to @addr, an address of ours? */
bool sock_bind_covers(const struct sock *s, const union ipaddr *addr);

/* ---- cmsg out (cmsg.c) ---- */

/* Append one control message to msg->control if there is room, else set MSG_CTRUNC. */
void cmsg_put(struct inet_msg *msg, u32 level, u32 type, const void *data, u32 len);
/* Those that s->cmsg and timestamps ask for about @p. */
void cmsg_put_packet(struct sock *s, struct inet_msg *msg, const struct pkt *p);

/* Options read by int, as Linux does: 0; -EINVAL shorter than an int; -EFAULT. */
int option_get_int(struct iobuf *value, int *out) MUST_CHECK;
int option_put_int(struct iobuf *value, int v, u32 *out_len) MUST_CHECK;
int option_put(struct iobuf *value, const void *data, u32 len, u32 *out_len) MUST_CHECK;
