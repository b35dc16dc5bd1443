/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of links. */
#include "link.h"

#define LINK_POLL_BUDGET 64
#define LINK_TX_BATCH 16
#define LINK_MAX_SEGS 20 /* pieces of one frame that is sent */

struct link_tx_frame {
	struct nic_frame frame;
	struct iobuf_seg segs[LINK_MAX_SEGS];
};

extern const struct nic_client_ops link_nic_client;

/* link_nic.c: queues over a nic */
int link_nic_start(struct link *l) MUST_CHECK; /* may sleep */
void link_nic_stop(struct link *l);	       /* may sleep */
void link_queue_poll(struct env_work *w);
/* link_tx.c */
int link_queue_send(struct link_queue *q, struct pkt *p); /* takes it */
void link_queue_push(struct link_queue *q);		  /* q->lock held */
void link_queue_tx_done(struct link_queue *q, struct nic_frame *const *frames, unsigned n);
/* gso.c: cut @p into what the link can send; pieces on @out. Takes @p. False: no memory, all is freed. */
bool gso_segment(struct inet *in, struct pkt *p, struct pkt_queue *out);
/* link_rx.c: frames of one poll, joined where they are one stream (GRO), to the protocols. */
void link_receive_batch(struct link *l, struct pkt_queue *q);
struct inet_raw;
struct inet_link_info;
int link_info(struct inet *in, u32 ifindex, struct inet_link_info *out) MUST_CHECK;
int link_tap_change(struct inet *in, u32 ifindex, int by) MUST_CHECK;
int link_want(struct inet *in, u32 ifindex, u32 what, const u8 *mac, int by) MUST_CHECK;
void link_forget_macs(struct link *l);
ssize_t link_send_raw(struct inet *in, u32 ifindex, struct inet_raw *raw);
/* Tell changes: rtnetlink's part (0 until it is there). */
void link_notify(struct link *l, bool new);
/* tap.c: show @p to the client. @type: PACKET_*; @sender: who sent it by link_send, 0 nobody. Any lock may be held. */
void link_tap(struct link *l, const struct pkt *p, u8 type, u64 sender);
/* The link is up and a nic takes it: what cannot be done there is done. Takes @p. */
int link_transmit_untapped(struct link *l, struct pkt *p);
