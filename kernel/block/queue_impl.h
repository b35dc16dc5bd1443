/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The insides of queue.h: lanes and joining (queue.c), units and pieces (queue_unit.c).
 */
#include "queue.h"

#define BLKQ_RUNS     16 /* of a lane: more are sent */
#define BLKQ_RESERVE  4
#define BLKQ_PLUG_NS  1000000ull
#define BLKQ_ZEROES   4096u

/* In a client's provider words. */
struct blkq_state {
	struct blk_request *next;
	struct blkq_range *range;
	u64 started_ns;
	u64 sent512; /* lane lock of who sends; handed on by queues */
	u32 pieces;  /* atomic: in flight, and one for the sender */
	s32 status;  /* atomic: the first error */
	bool flush_after;
};
static_assert(sizeof(struct blkq_state) <= sizeof_field(struct blk_request, provider), "storage");

static inline struct blkq_state *state_of(struct blk_request *rq)
{
	return (struct blkq_state *)(void *)rq->provider;
}

struct blkq_list {
	struct blk_request *head, **tail;
};

struct blkq_run { /* neighbours that are one request for the provider */
	struct blkq_list rqs;
	u64 lba512, n512; /* on the disk */
	u32 nsegs, nrqs;
	u8 op, flags, kind;
};

struct blkq_unit {
	struct blk_request lower;
	struct blkq *q;
	struct blkq_list rqs; /* one, or those that were joined */
	u32 nrqs;
	size_t size; /* of the memory; 0: a reserved one */
	struct blkq_unit *next;
	struct iobuf_seg segs[];
};

struct blkq_reserve {
	struct blkq_unit unit;
	struct iobuf_seg seg;
};

struct blkq_lane {
	struct env_spin lock; /* all below, and calls of the provider */
	struct blkq *q;
	struct blkq_run runs[BLKQ_RUNS];
	u32 nruns;
	u16 index;
	bool armed;
	struct env_timer timer;
};

struct blkq {
	struct blk_port lower;
	struct env_spin lock; /* all below but info */
	struct blk_info info; /* fields are read without */
	struct blkq_list starved, ended, flushing, want_flush;
	struct blkq_unit *reserve;
	struct blkq_reserve reserves[BLKQ_RESERVE];
	struct blkq_unit flush_unit;
	bool flush_running;
	u32 dead; /* atomic */
	struct env_work work;
	void *zeroes;
	unsigned nlanes;
	struct blkq_lane lanes[];
};

/* ---- queue.c ---- */

void blkq_list_init(struct blkq_list *l);
void blkq_push(struct blkq_list *l, struct blk_request *rq);
struct blk_request *blkq_pop(struct blkq_list *l);
/* The request is over: accounts and done(). No lock held. */
void blkq_end(struct blkq *q, struct blk_request *rq, s32 status);
/* The same soon, from the work. Any lock but the queue's. */
void blkq_end_later(struct blkq *q, struct blk_request *rq, s32 status);

/* ---- queue_unit.c ---- */

/* Lane lock held. Send a run, joined if there is memory for that. */
void blkq_send_run(struct blkq *q, struct blkq_lane *lane, struct blkq_run *run);
/* Lane lock held. The rest of one request, as far as there are units. */
void blkq_send(struct blkq *q, struct blkq_lane *lane, struct blk_request *rq);
/* A flush is wanted for @rq (a flush, or what follows a write with FUA). Lane lock held. */
void blkq_send_flush(struct blkq *q, struct blkq_lane *lane, struct blk_request *rq);
void blkq_unit_done(struct blk_request *lower);
void blkq_flush_done(struct blk_request *lower);
/* Segments that the provider may count for these bytes, at most. */
u32 blkq_count_segs(const struct blkq *q, const struct iobuf *data, size_t bytes);
