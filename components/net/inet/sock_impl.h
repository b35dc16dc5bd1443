/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of the socket layer. */
#include "sock.h"

struct sock_table {
	struct table handles; /* sock.handle_node */
	u64 next_handle;      /* atomic */
	struct env_spin lock; /* all that follows */
	struct list_head all; /* RCU */
	u64 count, next_number;
};

int socks_init(struct inet *in) MUST_CHECK;
void socks_fini(struct inet *in);
/* Inside a read section. NULL: no such handle. */
struct sock *sock_find(struct inet *in, u64 handle);
void sock_handle_drop(struct sock *s);
/* protos.c: what protocols keep per instance. */
int protos_open(struct inet *in) MUST_CHECK;
void protos_close(struct inet *in);

/* sockopt.c */
int sock_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value);
int sock_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len);
int ip_set_option(struct sock *s, u32 name, struct iobuf *value);
int ip_get_option(struct sock *s, u32 name, struct iobuf *value, u32 *out_len);
int ip6_set_option(struct sock *s, u32 name, struct iobuf *value);
int ip6_get_option(struct sock *s, u32 name, struct iobuf *value, u32 *out_len);

/* ioctl.c, text.c, netlink/ */
struct link_change;
int inet_ioctl(struct inet *in, u32 request, struct iobuf *arg, u32 *out_value, struct link_change *out_change);
ssize_t inet_text(struct inet *in, u32 which, struct iobuf *out, u64 *resume);
int inet_netlink(struct inet *in, u32 protocol, struct iobuf *request, struct iobuf *reply, u64 *resume, struct link_change *out_change);
int inet_sysctl_get(struct inet *in, const char *path, s64 *out, u32 *out_n);
int inet_sysctl_set(struct inet *in, const char *path, const s64 *values, u32 n);

/* What one send asks for beyond the socket's options (cmsg.c). */
struct send_opts {
	union ipaddr src; /* IP_PKTINFO; any: not said */
	u32 oif;
	struct ip_tx tx; /* a copy of the socket's, changed */
	s32 ttl;	 /* -1: not said */
	u32 tsflags; /* SOF_TIMESTAMPING_* */
	u16 gso_size;
	u8 *options; /* IP_RETOPTS: owned */
};
/* 0; -EINVAL a message that is wrong or of no meaning here. Lock not held. */
int send_opts_parse(struct sock *s, struct inet_msg *msg, struct send_opts *out) MUST_CHECK;
/* One more in the error queue, about a packet to @dst; false: no room. Lock held. */
bool sock_queue_err(struct sock *s, const struct sock_err *err, const union ipaddr *dst, u16 dport, const union ipaddr *from,
	const struct pkt *payload);
/* MSG_ERRQUEUE. Lock held. */
ssize_t sock_receive_error(struct sock *s, struct inet_msg *msg);

/* Datagram sockets share (datagram.c): names, queue, poll, receive. */
int dgram_bind_name(struct sock *s, const struct ip_endpoint *e) MUST_CHECK; /* checks and sets laddr; lock held */
/* Checks @e against the socket's family, turns any into loopback. */
int dgram_check_peer(struct sock *s, struct ip_endpoint *e) MUST_CHECK;
int dgram_connect(struct sock *s, struct ip_endpoint *e) MUST_CHECK; /* lock held */
void dgram_disconnect(struct sock *s);				      /* lock held */
int dgram_abort(struct sock *s, int err); /* SOCK_DESTROY */
bool dgram_queue(struct sock *s, struct pkt *p); /* lock held; false: full, not taken */
struct pkt *dgram_take(struct sock *s, u32 msg_flags, int *out_err);
/* @msg's bytes as a packet behind room for @header bytes, charged to @s. -EAGAIN -ENOBUFS -EFAULT */
int dgram_gather(struct sock *s, struct inet_msg *msg, u32 header, u32 len, struct pkt **out) MUST_CHECK;
/* Give the user @p's bytes from @skip on, and its control messages. Takes @p. */
ssize_t dgram_give(struct sock *s, struct inet_msg *msg, struct pkt *p, u32 skip);
u32 dgram_poll(struct sock *s);
int dgram_shutdown(struct sock *s, u32 how);
void dgram_destroy(struct sock *s);
int dgram_control(struct sock *s, u32 request, u32 *out_value);
