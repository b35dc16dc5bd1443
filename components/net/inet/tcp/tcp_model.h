/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the tests share: an end (a connection with its send queue as a pattern, its receive queue in
 * malloc'ed packets), and a wire between two that does to packets what its seed says.
 */
#include "listen.h"
#include <lib/test.h>

#define MODEL_PAYLOAD_MAX 65536

struct model_packet {
	struct tcp_rx rx;
	u64 arrives;
	struct model_packet *next;
	bool to_b, ect, ce;
	u32 hlen, len; /* header; payload */
	u16 gso;
	u16 sum;
	u8 hdr[60];
	u8 payload[];
};

struct model_end {
	struct tcp_conf conf;
	struct tcp_conn c;
	struct tcp_listener listener;
	struct tcp_req req;
	struct tcp_tw tw;
	struct tcp_flow flow;
	bool is_b, listening, has_req, has_conn, has_tw, closed, was_reset, connected;
	u8 pattern;
	u64 to_send, sent, to_read, got;
	u64 closed_at;
	u32 events;
	u32 window; /* of the send buffer */
	bool close_when_sent, fin_done, slow_reader, stop_reading;
	u64 next_read;
	u64 out_segs, out_retx;
};

struct model_wire {
	u64 now, rng;
	u64 latency_ns, jitter_ns, rate; /* rate: bytes a second; 0: none */
	u32 loss, dup, reorder, corrupt; /* of 10000 */
	u32 queue_max;                   /* bytes waiting for the rate */
	bool split;                      /* cut runs into segments */
	u32 ce;                          /* of 10000 ECT packets marked */
	struct model_packet *flying;
	u64 busy[2]; /* until when the link sends */
	u64 dropped, carried;
	struct model_end a, b;
	u64 allocated;
};

u8 model_byte(u8 pattern, u64 at);
void model_init(struct model_wire *w, u64 seed);
/* b listens, a connects. */
void model_open(struct model_wire *w);
void model_connect(struct model_wire *w, struct model_end *e);
/* One step: false when nothing can happen any more. */
bool model_step(struct model_wire *w);
/* Until @limit of virtual time or both are done: whether they are. */
bool model_run(struct model_wire *w, u64 limit_ns);
/* Send and read what an application would. */
void model_work(struct model_wire *w, struct model_end *e);
void model_settle(struct model_wire *w, struct model_end *e);
void model_fini(struct model_wire *w);
struct tcp_conf model_conf(void);
u64 model_rand(struct model_wire *w);
u64 model_live(void);
