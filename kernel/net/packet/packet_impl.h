/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * AF_PACKET [man packet(7)]: frames of links as they are, over the taps of the network (<port/inet.h>).
 *
 *	frame() upcall ─► hooks by device and protocol ─► filter ─► queue of messages | ring of the program's memory
 *	                                   └► fanout: one socket of a group
 *
 * A socket is on the list of hooks while it runs: it has a protocol, and its device is up or it has none. The network shows frames only of links that
 * somebody's hook is about, so that nobody's costs it a load.
 *
 * Locks. `control` (mutex): binding, memberships, rings and what options set. `lock` (spin, interrupts off): queue, ring positions, counters; the upcall comes with
 * locks of the network held, which are all below it. Hooks are read under RCU.
 */
#include <net/filter.h>
#include <net/inet.h>
#include <net/socket.h>
#include <lib/errno.h>
#include <lib/refcount.h>
#include <sched/work.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <sync/spinlock.h>
#include <time/timer.h>
#include <linux/eventpoll.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define SOL_PACKET 263

struct packet_sock;
struct packet_fanout;
struct page;

/* One entry of the list. */
struct packet_hook {
	struct list_head node;	/* list lock; RCU */
	bool on;		/* control */
	u16 protocol;		/* ETH_P_*, host order; constant while on */
	u32 ifindex;		/* 0: any */
	bool ignore_outgoing;
	struct packet_sock *sock;	/* either */
	struct packet_fanout *fanout;
};

/* A frame that waits. */
struct packet_msg {
	struct list_head node;
	struct sockaddr_ll from;
	struct tpacket_auxdata aux;
	u8 vnet[12];		/* struct virtio_net_hdr_mrg_rxbuf */
	s64 stamp;
	u32 charge, len;	/* len: bytes that are here */
	u8 bytes[];
};

/* Of the block that is being filled, TPACKET_V3. */
struct packet_block {
	u32 index, offset;	/* where the next frame goes; 0: none is open */
	u32 npackets, last;	/* last: offset of the last frame */
	s64 stamp;		/* of the last frame */
	bool frozen;		/* the program has not given back the next block */
	u64 seq;
};

struct packet_ring {
	struct page **pages;	/* NULL: there is none */
	u32 npages, first_page;	/* in the mapping */
	u32 block_size, nblocks, frame_size, nframes, per_block;
	u32 head;		/* V1, V2: the next frame */
	u32 private_size, retire_ms, features; /* V3 */
	struct packet_block block;
};

struct packet_member {
	struct list_head node;
	u32 ifindex, count;
	u16 type;
	u8 alen, addr[32];
};

struct packet_sock {
	struct socket sock;	/* first */
	struct refcount refs;	/* the file's, and that of `signals` while queued */
	struct rcu_head rcu;
	struct work signals;
	u64 id;			/* constant; as the network's frames tell their sender */
	struct list_head all;	/* list lock; RCU */
	struct mutex control;
	struct packet_hook hook; /* control */
	u32 ifindex;		/* control; read anywhere. ~0: the device is gone */
	u16 protocol;
	bool running;		/* control */
	struct list_head members; /* control */
	struct packet_fanout *fanout; /* control */

	struct spinlock lock;	/* all that follows */
	struct list_head queue;
	u32 queued_bytes;
	u32 packets, drops, freezes;
	struct packet_ring rx, tx;
	struct timer retire;

	/* Options: words, written under control, read anywhere. */
	u32 version, reserve, copy_threshold, stamp_flags; /* the last two are kept and told */
	u8 vnet_size;
	bool auxdata, origdev, loss, has_off, bypass;
	struct file *ring_file;	/* control: memory of the rings, from the first of them on */
};

static inline struct packet_sock *packet_of(struct socket *s)
{
	return container_of(s, struct packet_sock, sock);
}

static inline const struct inet_port *packet_port(void)
{
	return inet_network();
}

/* A frame on its way to sockets, its bytes in a row as soon as somebody looks. */
struct packet_view {
	const struct inet_frame *f;
	const u8 *bytes;
	u32 len;
	void *copy;		/* owned; NULL: the frame's own bytes */
	s64 stamp;
};

/* ---- sock.c ---- */
void packet_get(struct packet_sock *p);
void packet_put(struct packet_sock *p);
int packet_bind_to(struct packet_sock *p, u32 ifindex, u16 protocol) MUST_CHECK; /* control held */
int packet_hook_add(struct packet_hook *h) MUST_CHECK;
void packet_hook_remove(struct packet_hook *h); /* nobody is in it on return; may sleep */
/* Stop and go on, for changes that the upcall must not see; control held. */
void packet_stop(struct packet_sock *p);
int packet_go(struct packet_sock *p) MUST_CHECK;
/* Something can be read or written; lock may be held. */
void packet_wake(struct packet_sock *p, u32 events);
bool packet_for_each(bool (*fn)(struct packet_sock *p, void *arg), void *arg); /* under RCU */

/* ---- receive.c ---- */
void packet_frame(void *client, const struct inet_frame *f);
void packet_deliver(struct packet_sock *p, struct packet_view *v);
bool packet_look(struct packet_view *v); /* fill in what it has beside the frame; false: no memory */
/* How many bytes of the frame the filter @prog keeps for a socket of @type. */
u32 packet_run_filter(const struct bpf_prog *prog, const struct packet_view *v, bool cooked);
ssize_t packet_receive(struct socket *s, struct socket_msg *m);
void packet_queue_flush(struct packet_sock *p);
void packet_fill_from(const struct packet_sock *p, const struct packet_view *v, struct sockaddr_ll *to);
u32 packet_status(const struct inet_frame *f); /* TP_STATUS_* that come of the frame */
void packet_vnet_fill(const struct inet_frame *f, u32 skip, u8 out[12]);

/* ---- send.c ---- */
ssize_t packet_send(struct socket *s, struct socket_msg *m);
struct packet_out {
	u32 ifindex;
	u16 protocol;		/* host order */
	const u8 *addr;		/* SOCK_DGRAM: to; NULL: none */
};
/* Who is sent to: @to NULL is where the socket is bound. -EINVAL. */
int packet_out_parse(const struct packet_sock *p, const struct socket_addr *to, struct packet_out *out) MUST_CHECK;
/* A frame of @len bytes of @data. Bytes or -errno. */
ssize_t packet_send_frame(struct packet_sock *p, const struct packet_out *out, struct iobuf *data, size_t len);

/* ---- ring.c ---- */
int packet_ring_set(struct packet_sock *p, const struct tpacket_req3 *req, bool tx) MUST_CHECK; /* control held */
void packet_ring_free(struct packet_sock *p);
int packet_mmap(struct socket *s, struct file *f, struct vm_map_args *args);
u32 packet_header_len(u32 version); /* with the address behind; 0: no such version */
/* Bytes of the ring; an aligned word never lies across two pages. */
void *packet_ring_at(const struct packet_ring *r, u64 offset);
void packet_ring_put(const struct packet_ring *r, u64 offset, const void *from, u32 n);
u64 packet_ring_frame(const struct packet_ring *r, u32 index);
/* tp_status of a frame of V1, V2 and a sending V3. */
u32 packet_status_get(const struct packet_sock *p, const struct packet_ring *r, u64 offset);
void packet_status_set(const struct packet_sock *p, const struct packet_ring *r, u64 offset, u32 status);

/* ---- ring_rx.c: lock held ---- */
void packet_ring_deliver(struct packet_sock *p, struct packet_view *v, u32 keep);
bool packet_ring_readable(const struct packet_sock *p);
void packet_blocks_init(struct packet_sock *p);
void packet_retire_timer(struct timer *t);

/* ---- ring_tx.c ---- */
ssize_t packet_ring_send(struct packet_sock *p, struct socket_msg *m);
bool packet_ring_writable(const struct packet_sock *p);

/* ---- option.c ---- */
int packet_set_option(struct socket *s, int level, int name, struct uptr val, u32 len);
int packet_get_option(struct socket *s, int level, int name, struct uptr val, u32 len);
void packet_members_drop(struct packet_sock *p); /* control held */

/* ---- fanout.c ---- */
int packet_fanout_join(struct packet_sock *p, u32 arg, u32 max_members) MUST_CHECK; /* control held */
void packet_fanout_leave(struct packet_sock *p);	    /* control held */
int packet_fanout_data(struct packet_sock *p, struct uptr val, u32 len) MUST_CHECK;
u32 packet_fanout_word(const struct packet_sock *p);	    /* as PACKET_FANOUT says it; 0: none */
void packet_fanout_deliver(struct packet_fanout *g, struct packet_view *v);

/* ---- show.c ---- */
int packet_show_init(void) MUST_CHECK;
