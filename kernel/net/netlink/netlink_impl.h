/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * AF_NETLINK: what its files share. [man netlink(7)]
 *
 *	sendmsg ─► to a port: that socket's queue      to port 0: the kernel side of the protocol, which answers into the sender's queue before sendmsg returns
 *	        └► to a group: the queue of each member; they share the bytes
 *
 * A protocol is a number (NETLINK_ROUTE, ...) with a table of its sockets, found by port, under a mutex that senders hold while they deliver: nobody sleeps for
 * room there but a sender to one port, which has let go of it. A socket has one spinlock, for its queue. Who finds a queue full drops, and the reader
 * learns of it by ENOBUFS.
 *
 * Requests: request.c cuts the sender's bytes into messages and asks the protocol's `request` for each; answers are built by struct nl_out. A dump is made as
 * the reader takes it: one buffer now, the next when the queue has emptied.
 *
 * Locks, outermost first: dump_lock; protocol's mutex; sock->lock.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <net/socket.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <linux/netlink.h>

struct nl_sock;
struct nl_dump;

/* Bytes that have been sent; shared by all who got them. */
struct nl_buf {
	struct refcount refs;
	u32 len;
	char bytes[] __aligned(4);
};

/* ... in one queue. */
struct nl_item {
	struct list_head link;
	struct nl_buf *buf;
	u32 port, group;	/* the sender's; 0: sent to a port */
	struct scm scm;
};

enum nl_flags {
	NLF_PKTINFO = 1u << 0,
	NLF_BROADCAST_ERROR = 1u << 1,
	NLF_NO_ENOBUFS = 1u << 2,
	NLF_LISTEN_ALL_NSID = 1u << 3,
	NLF_CAP_ACK = 1u << 4,
	NLF_EXT_ACK = 1u << 5,
	NLF_STRICT_CHK = 1u << 6,
};

#define NL_GROUPS_MAX 256u

struct nl_sock {
	struct socket sock;		/* first */
	struct refcount refs;
	struct spinlock lock;
	struct nl_protocol *proto;	/* constant */
	struct list_head link;		/* proto->sockets */
	u32 port;			/* proto->mutex; 0: none yet */
	bool bound;			/* proto->mutex; written once */
	bool dead;			/* lock: its file is gone */
	u32 to_port, to_group;		/* connect; racing calls get one or the other */
	u32 flags;			/* atomic; enum nl_flags */
	u64 groups[NL_GROUPS_MAX / 64]; /* proto->mutex: member of n: bit n - 1 */
	/* the queue */
	struct list_head items;		/* lock */
	u32 charge, nitems;		/* lock */
	u32 pushed;			/* lock: items ever */
	u32 drops;			/* lock */
	bool congested;			/* lock: something was dropped since it was empty */
	struct mutex dump_lock;
	struct nl_dump *dump;		/* dump_lock */
};

static inline struct nl_sock *nl_of(struct socket *s)
{
	return container_of(s, struct nl_sock, sock);
}

/* ---- building ---- */

/* Messages one after another in @buf; what does not fit makes it full, and is taken back by nl_end. */
struct nl_out {
	struct nl_buf *buf;
	u32 room, len;
	u32 start;		/* of the message under construction */
	bool full;
};

/* What is wrong with a request, beside the number. */
struct nl_extack {
	const char *text;	/* constant; NULL: nothing to say */
	u32 offset;		/* of the attribute, in the message; 0: none */
	u32 missing_type;	/* an attribute that must be there; 0: none */
};

/* One message of a request. */
struct nl_request {
	struct nl_sock *from;
	const struct nlmsghdr *h;
	const void *body;	/* behind the header */
	u32 len;		/* of the body */
	struct nl_extack ext;
};

#define NL_DUMP_REQUEST 256u

/* A dump under way. */
struct nl_dump {
	/* Append records from cursor on: 0: that was all; 1: full; -errno. */
	int (*fill)(struct nl_dump *d, struct nl_out *out);
	u64 cursor, arg[4];
	u32 seq, port;
	u16 flags; /* NLM_F_DUMP_FILTERED and the like */
	u16 request_len;
	char request[NL_DUMP_REQUEST] __aligned(8); /* what is dumped by somebody who must see it again */
};

struct nl_protocol {
	const char *name;
	u32 ngroups;
	bool nonroot_send, nonroot_receive;
	/* Sent to port 0. NULL: nobody is there (ECONNREFUSED). Bytes, with what came along. May sleep. */
	void (*input)(struct nl_sock *from, const struct nl_buf *buf);
	/* One message: 0, -errno: acknowledged if asked for, or if it is an error; NL_NO_ACK: it is answered. */
	int (*request)(struct nl_request *r);
	/* May the running task be in @group? NULL: yes. */
	int (*may_join)(u32 group);
	struct mutex mutex;
	struct list_head sockets; /* mutex */
};
#define NL_NO_ACK 1

/* Have the network answer @r, which is of NETLINK_ROUTE or for AF_INET, AF_INET6 of NETLINK_SOCK_DIAG; as `request`. */
int nl_ask_inet(struct nl_request *r, u32 protocol);

/* sock_diag of AF_PACKET (packet/show.c). */
int nl_packet_diag(struct nl_request *r);

extern struct nl_protocol nl_route, nl_usersock, nl_sock_diag, nl_uevent, nl_generic;
/* NULL: there is none. */
struct nl_protocol *nl_protocol_find(u32 number);

/* ---- queue.c ---- */
struct nl_buf *nl_buf_alloc(u32 len); /* NULL: -ENOMEM */
void nl_buf_put(struct nl_buf *b);
/* Queue @b for @to: 0; -EAGAIN: no room; -ECONNREFUSED: it is closed; -ENOMEM. @scm NULL: from the kernel. */
int nl_deliver(struct nl_sock *to, struct nl_buf *b, u32 port, u32 group, const struct scm *scm) MUST_CHECK;
/* The reader was too slow: it is told. */
void nl_overrun(struct nl_sock *to);
/* To all members of @group but @except and port @not_port: 0; -ESRCH: there was none; -ENOBUFS: one that insists did not get it. */
int nl_broadcast(struct nl_protocol *p, struct nl_sock *except, struct nl_buf *b, u32 port, u32 not_port, u32 group, const struct scm *scm);
bool nl_has_members(struct nl_protocol *p, u32 group);
ssize_t nl_receive(struct socket *s, struct socket_msg *m);
void nl_queue_flush(struct nl_sock *n);
void nl_get(struct nl_sock *n);
void nl_put(struct nl_sock *n);

/* ---- request.c ---- */
/* input of protocols that have `request`. */
void nl_input(struct nl_sock *from, const struct nl_buf *buf);
/* Begin a dump that answers @r: NL_NO_ACK; -EBUSY: one is under way; -ENOMEM. */
int nl_dump_start(struct nl_request *r, const struct nl_dump *d) MUST_CHECK;
/* The reader has made room. */
void nl_dump_go_on(struct nl_sock *n);

int nl_out_init(struct nl_out *o, u32 room) MUST_CHECK; /* -ENOMEM */
/* A message, with @size zeroed bytes of fixed body: NULL: full. */
void *nl_begin(struct nl_out *o, u16 type, u16 flags, u32 seq, u32 port, u32 size);
/* It is complete: false: it did not fit, and is not there. */
bool nl_end(struct nl_out *o);
void nl_attr(struct nl_out *o, u16 type, const void *data, u32 len);
void nl_attr_string(struct nl_out *o, u16 type, const char *s);
static inline void nl_attr_u8(struct nl_out *o, u16 type, u8 v)
{
	nl_attr(o, type, &v, sizeof(v));
}
static inline void nl_attr_u16(struct nl_out *o, u16 type, u16 v)
{
	nl_attr(o, type, &v, sizeof(v));
}
static inline void nl_attr_u32(struct nl_out *o, u16 type, u32 v)
{
	nl_attr(o, type, &v, sizeof(v));
}
/* A nest: what follows until _end is inside. */
u32 nl_nest(struct nl_out *o, u16 type);
void nl_nest_end(struct nl_out *o, u32 nest);
/* Send what was built to who asked; takes the buffer. */
void nl_reply(struct nl_sock *to, struct nl_out *o);

/*
 * Attributes of [at, at + len) by type into @table[0..max]; the last of a type counts, and what is no attribute ends them.
 */
void nl_parse(const void *at, u32 len, const struct nlattr **table, u32 max);
static inline u32 nl_attr_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}
static inline const void *nl_attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}
