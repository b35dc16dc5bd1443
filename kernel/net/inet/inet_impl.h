/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The adaptor between sockets and the inet port. [man ip(7), ipv6(7), tcp(7), udp(7), raw(7)]
 *
 * Here are blocking, time limits, signals, capabilities and user memory; protocols are behind the port, which never sleeps.
 *
 * Waiting. ready() counts in `told` before it wakes. A call reads `told`, tries, and if the family says -EAGAIN sleeps until `told` has moved: no
 * event is lost between the try and the sleep, and none is asked for by polling. Readers and writers all wake; of those who accept, one, who
 * wakes the next if he sees that there is more.
 *
 * User memory is touched by the family with page faults off: what is not there is -EFAULT with nothing moved or consumed, and the call comes again after
 * the bytes were faulted in.
 *
 * Names. The port knows a socket by `cookie`: shard | slot | generation, looked up under RCU, so that an event for a socket that has just gone finds nothing. Each shard
 * has its own lock, taken when sockets come and go.
 */
#include <net/inet.h>
#include <net/socket.h>
#include <lib/errno.h>
#include <lib/refcount.h>
#include <sched/work.h>
#include <sync/rcu.h>
#include <linux/eventpoll.h>

struct inet_sock {
	struct socket sock;	/* first */
	u64 handle;
	u64 cookie;		/* constant */
	u32 told;		/* atomic: events so far */
	u32 pending;		/* atomic: events that signals are owed for */
	struct refcount refs;	/* the file's, and that of `signals` while queued */
	struct work signals;
	struct rcu_head rcu;
};

static inline struct inet_sock *inet_of(struct socket *s)
{
	return container_of(s, struct inet_sock, sock);
}

extern struct inet_port inet_stack; /* written once, before there are sockets */
extern u64 inet_device_handle;	    /* of a socket of the kernel's own, for requests about links */

static inline const struct inet_ops *inet_call(void)
{
	return inet_stack.ops;
}

#define INET_READ_EVENTS  (EPOLLIN | EPOLLRDNORM)
#define INET_WRITE_EVENTS (EPOLLOUT | EPOLLWRNORM)

/* name.c: a socket without a handle, ready to be told of events. NULL: -ENOMEM. */
struct inet_sock *inet_sock_create(u32 family, u32 type, u32 protocol);
void inet_sock_put(struct inet_sock *i);
/* No event finds it from now on. */
void inet_sock_forget(struct inet_sock *i);
void inet_ready(void *client, u64 cookie, u32 events);
u64 inet_inode(void *client, u64 cookie);
void inet_names_init(void);

/* sock.c */
extern const struct socket_ops inet_stream_ops, inet_dgram_ops;

/* As a family's create; also for the kernel itself. */
int inet_socket_create(u32 family, u32 type, u32 protocol, struct socket **out) MUST_CHECK;
/* Sleep until something has happened since @seen, as socket_wait_error says. */
int inet_wait(struct inet_sock *i, struct wait_queue *q, u32 seen, u64 deadline, bool exclusive) MUST_CHECK;
static inline u32 inet_seen(const struct inet_sock *i)
{
	return LOAD_ACQUIRE(i->told);
}
/* Something changed by a call of ours, of which the port does not tell. */
void inet_wake_all(struct inet_sock *i);
void inet_addr_to_port(const struct socket_addr *a, struct inet_addr *out);
void inet_addr_from_port(const struct inet_addr *a, struct socket_addr *out);

/* connect.c */
int inet_bind(struct socket *s, const struct socket_addr *a);
int inet_connect(struct socket *s, const struct socket_addr *a, bool nonblock);
/* A connection is under way: until it has ended one way or the other. @to: empty where connect() has answered before. -EINPROGRESS: the time is over. */
int inet_finish_connect(struct inet_sock *i, const struct inet_addr *to, u32 seen, u64 deadline);
int inet_listen(struct socket *s, u32 backlog);
int inet_accept(struct socket *s, bool nonblock, struct socket **out);
extern s32 inet_unprivileged_port_start;

/* message.c */
ssize_t inet_send(struct socket *s, struct socket_msg *m);
ssize_t inet_receive(struct socket *s, struct socket_msg *m);

/* option.c */
int inet_set_option(struct socket *s, int level, int name, struct uptr val, u32 len);
int inet_get_option(struct socket *s, int level, int name, struct uptr val, u32 len);
void inet_option_changed(struct socket *s, int name);
void inet_buffers_changed(struct socket *s);
int inet_take_error(struct socket *s);
/* A number that the port keeps, as set_option. */
int inet_tell_option(struct inet_sock *i, int name, const void *v, u32 len);

/* proc.c: /proc/net and /proc/sys/net of the provider. */
int inet_proc_init(void) MUST_CHECK;

/* ioctl.c */
s64 inet_sock_ioctl(struct socket *s, unsigned cmd, u64 arg);
