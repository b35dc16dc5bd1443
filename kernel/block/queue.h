/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The queue of one disk: what lies between the clients' requests and the provider's port. It speaks <port/blk.h> to both sides and is written over the component
 * environment only, so that it runs in the sim home.
 *
 * A client's request may have any length and any segments. It is cut into pieces that the provider takes, or joined with its neighbours into one:
 *
 *	request	IDLE --submit--> COLLECTED (a run of a lane) --kick, 1 ms, lane full--> pieces in UNITS (the provider's) --> [flush, for FUA] --> IDLE
 *
 * A lane belongs to a CPU: collecting, and calling the provider, happen under its lock, which nobody else wants but completions that have more to send.
 * A unit is memory for one request of the provider. When there is none, what is left of a request waits in `starved`, in order, for the unit
 * that comes back next; RESERVE units exist from the start, so one always does.
 *
 * Order: nothing is promised among requests in flight. Nobody starves: runs of a lane are sent in the order in which they began, all at once; providers
 * keep what is too much in order of arrival.
 * Flushes: one is in flight, those that come meanwhile share the next. Durability of FUA: by the provider for a request of one piece, by a flush behind the last
 * piece otherwise. A joined unit that fails is sent again request by request, so that an error hits only whose it is.
 */
#include <env/lock.h>
#include <env/task.h>
#include <env/time.h>
#include <port/blk.h>

enum blkq_group { BLKQ_READ, BLKQ_WRITE, BLKQ_DISCARD, BLKQ_FLUSH, BLKQ_GROUPS };

/* Of one lane; fields only grow, atomically. */
struct blkq_stats {
	u64 begun[BLKQ_GROUPS], ended[BLKQ_GROUPS]; /* requests */
	u64 sectors[BLKQ_GROUPS], joined[BLKQ_GROUPS], ns[BLKQ_GROUPS];
	u64 pad[4]; /* lanes share no cache line */
};

/* A range of the disk with accounts of its own: a partition, or the whole. */
struct blkq_range {
	u64 start512, n512;	   /* atomic */
	struct blkq_stats *stats;  /* [lanes] */
	struct blkq_range *whole;  /* counted there too; NULL: it is the whole */
	u64 busy_ns, busy_stamp;   /* atomic: time with requests in flight, about */
	u32 read_only;		   /* atomic */
};

struct blkq;

/* @lower is open and outlives it. 0; -ENOMEM.  Context: may sleep. */
int blkq_create(const struct blk_port *lower, unsigned nlanes, struct blkq **out) MUST_CHECK;
/* No request is left.  Context: may sleep. */
void blkq_destroy(struct blkq *q);
/* The provider has changed: look at its limits again.  Context: any. */
void blkq_refresh(struct blkq *q);
/* From now on requests end with -ENODEV and the provider is not called any more when this returns.  Context: may sleep. */
void blkq_kill(struct blkq *q);
bool blkq_is_dead(const struct blkq *q);

/* What a client of this queue may know: the provider's, with the limits that the queue takes away. Any context. */
void blkq_info(struct blkq *q, struct blk_info *out);

/* As the port's operations; @rq->queue chooses the lane. @range stays until the request is done. Any context. */
void blkq_submit(struct blkq *q, struct blkq_range *range, struct blk_request *rq);
void blkq_kick(struct blkq *q, u16 queue);
void blkq_cancel(struct blkq *q, struct blk_request *rq);

unsigned blkq_lanes(const struct blkq *q);
/* The sum over lanes. Any context. */
void blkq_range_sum(const struct blkq *q, const struct blkq_range *r, struct blkq_stats *out);
