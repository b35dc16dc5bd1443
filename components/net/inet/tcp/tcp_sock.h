/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The shell: what joins the machine (tcp.h, listen.h) to sockets, packets, tables and timers. Read
 * after ../sock.h; then shell.c (what leaves a connection), shell_in.c (who gets a segment),
 * shell_listen.c (requests and TIME-WAIT), shell_call.c, shell_option.c.
 *
 * A connection is guarded by its sock's lock; requests and the accept queue by the listener's;
 * TIME-WAIT by a lock of its own. No two of them are held together.
 *
 *	conns		sock.conn_node, by both ends
 *	listeners	sock.conn_node, by port
 *	minis		requests and TIME-WAITs, by both ends
 *	waiting		TIME-WAITs, by port: bind() must not take it
 *
 * References: a handle's; one of each table that a sock is in; one of an armed timer; a request's
 * to its listener.
 */
#include "../sock_impl.h"
#include "listen.h"

#define TCP_HEADROOM  PKT_HEADROOM
#define TCP_MEM_EXTRA 512 /* what a packet costs beyond its bytes */

struct tcp_mini {
	struct table_node node;
	struct inet_timer timer;
	struct env_rcu rcu;
	struct refcount refs;
	struct inet *in;
	struct sock *listener;     /* a request's; NULL: TIME-WAIT */
	struct list_head req_node; /* tcp_sock.reqs */
	struct env_spin lock;      /* TIME-WAIT's */
	struct table_node port_node; /* TIME-WAIT's, in tcp_tables.waiting */
	u32 reuse;		     /* SOCK_F_REUSE* of what it was */
	struct tcp_flow flow;
	u32 bound_if, mark;
	bool dead, taken;      /* the lock of either kind */
	union {
		struct tcp_req req;
		struct tcp_tw tw;
	};
};

struct tcp_sock {
	struct sock sock;
	struct tcp_conn c; /* sock.lock */
	struct inet_timer timer;
	u64 armed_for;
	struct pkt *tx_head, *tx_tail; /* the send queue's packets */
	struct pkt *tx_next;           /* the last one from which something new was sent, or NULL */
	u32 tx_base, tx_next_base;     /* sequence numbers of the first's and of tx_next's first byte */
	u32 tx_charged;
	bool listening, hashed, reading, reader_waits, told_connect;
	bool tell_left; /* TCP_INQ */
	struct tcp_marks *marks; /* shell_stamp.c; NULL: none */
	bool deferred; /* connect() waits for the first bytes, with deferred_to */
	struct ip_endpoint deferred_to;
	u64 fast_by; /* the listener's handle, until a connection opened fast has its handshake behind it */
	/* a listener's */
	struct tcp_listener l;
	struct tcp_sock *ready_head, **ready_tail, *ready_next;
	struct list_head reqs;
};

/* Of a server that we were connected to [rfc7413 4.1.3]. */
#define TCP_COOKIE_SLOTS 256
struct tcp_cookie {
	union ipaddr server;
	u16 mss;
	u8 len; /* 0: none */
	u8 bytes[TCP_COOKIE_MAX];
};

struct tcp_tables {
	struct port_table ports;
	struct table conns, listeners, minis, waiting;
	struct tcp_conf conf;
	u64 orphans, time_waits; /* atomic */
	struct inet *in;
	struct env_spin cookie_lock;
	struct tcp_cookie cookies[TCP_COOKIE_SLOTS];
};

static inline struct tcp_sock *tcp_of(struct sock *s)
{
	return container_of(s, struct tcp_sock, sock);
}

static inline struct pkt *tcp_rx_pkt(const struct tcp_rx *rx)
{
	return (struct pkt *)(void *)((char *)rx - offsetof(struct pkt, cb));
}
static_assert(sizeof(struct tcp_rx) <= sizeof_field(struct pkt, cb), "storage in a packet");

int tcp_open(struct inet *in) MUST_CHECK;
void tcp_close_instance(struct inet *in);
extern const struct proto tcp_proto;
extern const struct transport tcp_transport;

/* shell.c */
/* After every call into the machine, the lock held: segments, memory, wake-ups, timer, end. */
void tcp_settle(struct tcp_sock *t);
void tcp_settle_read(struct tcp_sock *t); /* after tcp_received */
void tcp_send_alone(
	struct inet *in, const struct tcp_flow *flow, const struct tcp_tx *tx, u32 oif, u32 mark);
void tcp_sock_timer(struct inet *in, struct inet_timer *timer);
void tcp_unhash(struct tcp_sock *t);
void tcp_stop_timer(struct tcp_sock *t);
void tcp_queue_add(struct tcp_sock *t, struct pkt *p);
void tcp_queue_free(struct tcp_sock *t);
u32 tcp_hash(const struct inet *in, const struct tcp_flow *flow);
void tcp_flow_of(const struct sock *s, struct tcp_flow *flow);
void tcp_hash_conn(struct tcp_sock *t);
u16 tcp_path_mss_of(const struct inet_route *r, const struct ip_tx *tx);

/* shell_stamp.c */
void tcp_marks_add(struct tcp_sock *t, u32 tsflags);		    /* of a send that ends at snd_end */
void tcp_marks_sent(struct tcp_sock *t, u32 seq, u32 len); /* with marks */
void tcp_marks_acked(struct tcp_sock *t);		    /* the same */
void tcp_marks_free(struct tcp_sock *t);
u32 tcp_left_to_read(const struct tcp_sock *t);
void tcp_tell_beside(struct tcp_sock *t, struct inet_msg *msg, u64 stamp_ns, u32 left);
/* shell_connect.c */
int tcp_call_connect(struct sock *s, const struct ip_endpoint *to);
void tcp_disconnect(struct tcp_sock *t); /* lock held */
void tcp_cookies_init(struct tcp_tables *tables);
void tcp_cookie_learn(struct tcp_sock *t);
/* MSG_FASTOPEN, or the first bytes of a deferred connect(). As the port's send. */
ssize_t tcp_send_fast_open(struct sock *s, struct inet_msg *msg);

/* shell_listen.c */
void tcp_listen_input(struct inet *in, struct tcp_sock *lt, struct pkt *p, const struct tcp_in *seg,
	const struct tcp_flow *flow, const u32 *isn);
void tcp_mini_input(struct inet *in, struct tcp_mini *m, struct pkt *p, const struct tcp_in *seg,
	bool *out_again, u32 *out_isn);
void tcp_make_time_wait(struct tcp_sock *t);
void tcp_listen_stop(struct tcp_sock *lt);
struct tcp_mini *tcp_mini_find(struct inet *in, const struct tcp_flow *flow);
void tcp_mini_drop(struct tcp_mini *m);
/* Is @port of @s' address held by one in TIME-WAIT that does not share it? Read section. */
bool tcp_port_waits(const struct sock *s, u16 port);

/* shell_in.c */
struct tcp_sock *tcp_listener_find(
	struct inet *in, const union ipaddr *dst, u16 port, u32 ifindex, u32 spread);
struct tcp_sock *tcp_conn_find(struct inet *in, const struct tcp_flow *flow);
/* Give @p to a connection; takes @p. @syn: of a fast open's SYN its text. */
void tcp_conn_input(struct tcp_sock *t, struct pkt *p, const struct tcp_in *seg, bool syn);

/* shell_option.c */
int tcp_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value);
int tcp_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len);
void tcp_option_changed(struct sock *s, u32 level, u32 name);

/* shell_show.c */
struct sock_view;
void tcp_look(struct sock *s, struct sock_view *v);

/* shell_data.c */
ssize_t tcp_send_msg(struct sock *s, struct inet_msg *msg);
/* Up to @n bytes of the message, charged. NULL and *err. */
struct pkt *tcp_gather(struct sock *s, struct inet_msg *msg, u32 n, int *err);
ssize_t tcp_receive_msg(struct sock *s, struct inet_msg *msg);
