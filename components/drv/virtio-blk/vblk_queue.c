/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One queue of a virtio-blk device: see vblk.h.
 */
#include "vblk.h"
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

ENV_LOCK_CLASS(vblk_queue, ENV_RANK_DRIVER_QUEUE, "one queue of a virtio disk");

#define UNWRITTEN 0xff /* no status of the device */

/* ---- lists ---- */

static void list_init(struct vblk_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static struct blk_request **link_of(struct blk_request *rq)
{
	return (struct blk_request **)(void *)&rq->provider[0];
}

static void push(struct vblk_list *l, struct blk_request *rq)
{
	*link_of(rq) = NULL;
	*l->tail = rq;
	l->tail = link_of(rq);
}

static struct blk_request *pop(struct vblk_list *l)
{
	struct blk_request *rq = l->head;

	if (rq) {
		l->head = *link_of(rq);
		if (!l->head)
			l->tail = &l->head;
	}
	return rq;
}

static void end(struct vblk_list *done, struct blk_request *rq, s32 status)
{
	rq->status = status;
	push(done, rq);
}

/* No lock held. */
static void call_done(struct vblk_list *done)
{
	struct blk_request *rq;

	while ((rq = pop(done)))
		rq->done(rq);
}

/* ---- slots ---- */

static u64 shared_at(const struct vblk_queue *q, const struct vblk_slot *s, size_t off)
{
	return q->shared_addr + (u64)(s - q->slots) * sizeof(struct vblk_shared) + off;
}

static struct vblk_shared *shared_of(const struct vblk_queue *q, const struct vblk_slot *s)
{
	return &q->shared[s - q->slots];
}

static void unmap(struct vblk_queue *q, struct vblk_slot *s)
{
	if (s->nsegs)
		env_dma_unmap(q->dev->v.dev, s->rq->op == BLK_READ ? ENV_DMA_FROM_DEVICE : ENV_DMA_TO_DEVICE, s->segs, s->nsegs);
	s->nsegs = 0;
}

static void free_slot(struct vblk_queue *q, struct vblk_slot *s)
{
	unmap(q, s);
	s->rq = NULL;
	s->next = q->free;
	q->free = s;
	q->inflight--;
}

static u32 type_of(const struct blk_request *rq, bool flushing)
{
	if (flushing)
		return VIRTIO_BLK_T_FLUSH;
	switch (rq->op) {
	case BLK_READ: return VIRTIO_BLK_T_IN;
	case BLK_WRITE: return VIRTIO_BLK_T_OUT;
	case BLK_DISCARD: return VIRTIO_BLK_T_DISCARD;
	case BLK_WRITE_ZEROES: return VIRTIO_BLK_T_WRITE_ZEROES;
	case VBLK_OP_ID: return VIRTIO_BLK_T_GET_ID;
	default: return VIRTIO_BLK_T_FLUSH;
	}
}

/* Segments that lie behind each other were joined; the device may want them shorter. How many are in q->chain from 1 on; -EINVAL: too many. */
static int cut_segs(struct vblk_queue *q, const struct vblk_slot *s)
{
	u32 max = q->dev->info.max_seg_bytes, n = 0;

	for (u32 i = 0; i < s->nsegs; i++) {
		for (u32 at = 0; at < s->segs[i].len; at += min(max, s->segs[i].len - at)) {
			if (n == q->dev->max_segs)
				return -EINVAL;
			q->chain[1 + n++] = (struct virtq_seg){s->segs[i].addr + at, min(max, s->segs[i].len - at)};
		}
	}
	return (int)n;
}

/* The middle of the chain: the request's data, or what stands for them. Segments in q->chain from 1 on: how many, or -errno. */
static int describe_data(struct vblk_queue *q, struct vblk_slot *s, bool *out_in)
{
	struct blk_request *rq = s->rq;
	struct vblk_shared *sh = shared_of(q, s);
	int n;

	*out_in = false;
	if (s->flushing)
		return 0;
	switch (rq->op) {
	case BLK_READ:
	case BLK_WRITE:
		n = env_dma_map(q->dev->v.dev, &rq->data, rq->op == BLK_READ ? ENV_DMA_FROM_DEVICE : ENV_DMA_TO_DEVICE, s->segs, q->dev->max_segs);
		if (n < 0)
			return n == -E2BIG ? -EINVAL : n;
		s->nsegs = (u32)n;
		*out_in = rq->op == BLK_READ;
		return cut_segs(q, s);
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		sh->range.sector = cpu_to_le64(rq->lba512).raw;
		sh->range.num_sectors = cpu_to_le32((u32)rq->n512).raw;
		sh->range.flags = cpu_to_le32(rq->op == BLK_WRITE_ZEROES && rq->flags & BLK_MAY_UNMAP ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0).raw;
		q->chain[1] = (struct virtq_seg){shared_at(q, s, offsetof(struct vblk_shared, range)), sizeof(sh->range)};
		return 1;
	case VBLK_OP_ID:
		q->chain[1] = (struct virtq_seg){shared_at(q, s, offsetof(struct vblk_shared, id)), sizeof(sh->id)};
		*out_in = true;
		return 1;
	default: return 0;
	}
}

/* Put the slot's chain into the ring; 0; -ENOSPC: no room now; the request's status. Nothing is left behind on error. */
static int give(struct vblk_queue *q, struct vblk_slot *s)
{
	struct vblk_shared *sh = shared_of(q, s);
	struct blk_request *rq = s->rq;
	bool in, has_range = !s->flushing && (rq->op == BLK_READ || rq->op == BLK_WRITE);
	int n, err;

	memset(sh, 0, sizeof(*sh));
	n = describe_data(q, s, &in);
	if (n < 0) {
		unmap(q, s);
		return n;
	}
	sh->head.type = cpu_to_le32(type_of(rq, s->flushing)).raw;
	sh->head.sector = cpu_to_le64(has_range ? rq->lba512 : 0).raw;
	sh->status = UNWRITTEN;
	q->chain[0] = (struct virtq_seg){shared_at(q, s, offsetof(struct vblk_shared, head)), sizeof(sh->head)};
	q->chain[1 + n] = (struct virtq_seg){shared_at(q, s, offsetof(struct vblk_shared, status)), 1};
	s->writable = 1;
	for (int i = 1; in && i <= n; i++)
		s->writable += q->chain[i].len;
	err = virtq_add(&q->vq.q, q->chain, in ? 1 : 1 + (unsigned)n, in ? 1 + (unsigned)n : 1, s);
	if (err)
		unmap(q, s);
	else
		q->unkicked = true;
	return err;
}

/* Lock held: as much of what waits as there is room for. */
static void fill_ring(struct vblk_queue *q, struct vblk_list *done)
{
	while (q->waiting.head && q->free) {
		struct vblk_slot *s = q->free;
		struct blk_request *rq = q->waiting.head;
		int err;

		s->rq = rq;
		s->flushing = false;
		s->started_ns = env_now();
		err = give(q, s);
		if (err == -ENOSPC && q->inflight) {
			s->rq = NULL;
			break;
		}
		(void)pop(&q->waiting);
		if (err) {
			s->rq = NULL;
			end(done, rq, err == -ENOSPC ? -EINVAL : err);
			continue;
		}
		q->free = s->next;
		q->inflight++;
	}
}

/* Lock held. */
static void tell_device(struct vblk_queue *q)
{
	q->unkicked = false;
	if (virtq_publish(&q->vq.q))
		virtio_notify(&q->vq);
}

static void arm_timer(struct vblk_queue *q, u64 in_ns, u64 slack_ns)
{
	u64 at = env_deadline(in_ns);

	if (q->timer_ns && q->timer_ns <= at)
		return;
	q->timer_ns = at;
	env_timer_arm(&q->timer, at, slack_ns);
}

/* ---- ends ---- */

static s32 status_of(const struct vblk_queue *q, const struct vblk_slot *s, u32 len)
{
	if (len < s->writable) /* data or status were not written: what lies there is somebody else's */
		return READ_ONCE(shared_of(q, s)->status) == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
	switch (READ_ONCE(shared_of(q, s)->status)) {
	case VIRTIO_BLK_S_OK: return 0;
	case VIRTIO_BLK_S_UNSUPP: return -EOPNOTSUPP;
	default: return -EIO;
	}
}

/* Lock held: the device is done with @s. */
static void slot_used(struct vblk_queue *q, struct vblk_slot *s, u32 len, struct vblk_list *done)
{
	struct blk_request *rq = s->rq;
	s32 status = status_of(q, s, len);
	u32 wants_flush = rq->flags & BLK_FUA && q->dev->wce && (rq->op == BLK_WRITE || rq->op == BLK_WRITE_ZEROES);

	if (!status && wants_flush && !s->flushing) {
		s->flushing = true;
		s->started_ns = env_now();
		unmap(q, s);
		status = give(q, s);
		if (!status)
			return;
	}
	if (rq->op == VBLK_OP_ID && !status)
		(void)iobuf_put(&rq->data, shared_of(q, s)->id, VBLK_ID_BYTES);
	if (rq->op == BLK_DISCARD && status == -EOPNOTSUPP)
		status = 0; /* it was a hint */
	free_slot(q, s);
	end(done, rq, status);
}

/* Lock held. */
static void look(struct vblk_queue *q, struct vblk_list *done)
{
	void *token;
	u32 len;
	int got;

	do {
		while ((got = virtq_pop(&q->vq.q, &token, &len)) > 0)
			slot_used(q, token, len, done);
	} while (!got && virtq_arm(&q->vq.q));
	if (got < 0 && !READ_ONCE(q->dev->dead)) {
		env_log(ENV_LOG_ERR, "%s: virtio-blk: the device breaks the rules of its queue", q->dev->v.info.name);
		vblk_die(q->dev, -EIO);
	}
	if (!READ_ONCE(q->dev->dead)) {
		fill_ring(q, done);
		if (q->unkicked)
			tell_device(q);
	}
}

static void interrupt(void *arg)
{
	struct vblk_queue *q = arg;
	struct vblk_list done;
	unsigned long flags;

	list_init(&done);
	flags = env_spin_lock(&q->lock);
	if (!READ_ONCE(q->dev->dead))
		look(q, &done);
	env_spin_unlock(&q->lock, flags);
	call_done(&done);
}

/* Lock held: how long the device has had what it has had longest. */
static u64 age(const struct vblk_queue *q)
{
	u64 now = env_now(), oldest = now;

	for (u32 i = 0; i < q->vq.q.size; i++)
		if (q->slots[i].rq && q->slots[i].started_ns < oldest)
			oldest = q->slots[i].started_ns;
	return now - oldest;
}

/* Lock held. A host may stall for long, and then go on: only after very long is the disk given up. */
static void watch(struct vblk_queue *q)
{
	u64 waited = age(q);

	if (waited > VBLK_TIMEOUT_NS) {
		env_log(ENV_LOG_ERR, "%s: virtio-blk: a request has no end", q->dev->v.info.name);
		vblk_die(q->dev, -ETIMEDOUT);
		return;
	}
	if (waited > VBLK_LATE_NS && !q->late)
		env_log(ENV_LOG_WARN, "%s: virtio-blk: the device is silent, waiting for it", q->dev->v.info.name);
	q->late = waited > VBLK_LATE_NS;
	arm_timer(q, VBLK_LOOK_NS, VBLK_LOOK_NS / 8);
}

static void timer(struct env_timer *t)
{
	struct vblk_queue *q = container_of(t, struct vblk_queue, timer);
	struct vblk_list done;
	unsigned long flags;

	list_init(&done);
	flags = env_spin_lock(&q->lock);
	q->timer_ns = 0;
	if (!READ_ONCE(q->dev->dead)) {
		look(q, &done);
		if (q->inflight && virtio_is_dead(&q->dev->v)) {
			vblk_die(q->dev, -ENODEV);
		} else if (q->inflight) {
			watch(q);
		}
	}
	env_spin_unlock(&q->lock, flags);
	call_done(&done);
}

static void end_work(struct env_work *w)
{
	struct vblk_queue *q = container_of(w, struct vblk_queue, work);
	struct vblk_list done;
	struct blk_request *rq;
	unsigned long flags;

	list_init(&done);
	flags = env_spin_lock(&q->lock);
	while ((rq = pop(&q->ended)))
		push(&done, rq);
	env_spin_unlock(&q->lock, flags);
	call_done(&done);
}

/* ---- for the port ---- */

void vblk_queue_submit(struct vblk_queue *q, struct blk_request *rq, s32 refused)
{
	unsigned long flags = env_spin_lock(&q->lock);

	if (!refused)
		refused = READ_ONCE(q->dev->dead);
	if (refused) {
		end(&q->ended, rq, refused);
	} else {
		push(&q->waiting, rq);
		fill_ring(q, &q->ended);
		arm_timer(q, q->unkicked ? VBLK_KICK_NS : VBLK_LOOK_NS, VBLK_KICK_NS);
	}
	if (q->ended.head)
		env_work_queue(&q->work);
	env_spin_unlock(&q->lock, flags);
}

void vblk_queue_kick(struct vblk_queue *q)
{
	unsigned long flags = env_spin_lock(&q->lock);

	if (q->unkicked && !READ_ONCE(q->dev->dead))
		tell_device(q);
	env_spin_unlock(&q->lock, flags);
}

void vblk_queue_cancel(struct vblk_queue *q, struct blk_request *rq)
{
	unsigned long flags = env_spin_lock(&q->lock);
	struct vblk_list rest;
	struct blk_request *one;

	list_init(&rest);
	while ((one = pop(&q->waiting))) {
		if (one == rq)
			end(&q->ended, rq, -ECANCELED);
		else
			push(&rest, one);
	}
	while ((one = pop(&rest)))
		push(&q->waiting, one);
	if (q->ended.head)
		env_work_queue(&q->work);
	env_spin_unlock(&q->lock, flags);
}

/* ---- life ---- */

void vblk_queue_drain(struct vblk_queue *q, s32 status)
{
	struct vblk_list done;
	struct blk_request *rq;
	struct vblk_slot *s;
	unsigned long flags;

	list_init(&done);
	flags = env_spin_lock(&q->lock);
	while ((s = virtq_abort(&q->vq.q))) {
		rq = s->rq;
		free_slot(q, s);
		end(&done, rq, status);
	}
	while ((rq = pop(&q->waiting)))
		end(&done, rq, status);
	env_spin_unlock(&q->lock, flags);
	call_done(&done);
}

static void free_memory(struct vblk_queue *q)
{
	u32 size = q->vq.q.size;

	if (q->slots)
		env_free(q->slots, sizeof(*q->slots) * size);
	if (q->segs)
		env_free(q->segs, sizeof(*q->segs) * size * q->dev->max_segs);
	if (q->chain)
		env_free(q->chain, sizeof(*q->chain) * (q->dev->max_segs + 2));
	if (q->shared)
		env_dma_free(q->dev->v.dev, sizeof(*q->shared) * size, q->shared, q->shared_addr);
}

static int alloc_memory(struct vblk_queue *q)
{
	u32 size = q->vq.q.size;
	void *shared;

	q->slots = env_alloc(sizeof(*q->slots) * size, ENV_ALLOC_ZERO);
	q->segs = env_alloc(sizeof(*q->segs) * size * q->dev->max_segs, 0);
	q->chain = env_alloc(sizeof(*q->chain) * (q->dev->max_segs + 2), 0);
	if (!q->slots || !q->segs || !q->chain || env_dma_alloc(q->dev->v.dev, sizeof(*q->shared) * size, &shared, &q->shared_addr))
		return -ENOMEM;
	q->shared = shared;
	for (u32 i = size; i-- > 0;) {
		q->slots[i].segs = q->segs + (size_t)i * q->dev->max_segs;
		q->slots[i].next = q->free;
		q->free = &q->slots[i];
	}
	return 0;
}

int vblk_queue_open(struct vblk *d, u16 index)
{
	struct vblk_queue *q = &d->queues[index];
	int err;

	q->dev = d;
	env_spin_init(&q->lock, &env_lock_class_vblk_queue);
	list_init(&q->waiting);
	list_init(&q->ended);
	env_timer_init(&q->timer, timer);
	env_work_init(&q->work, end_work);
	err = virtio_queue_open(&d->v, index, VBLK_DEPTH, VBLK_TABLE, interrupt, q, &q->vq);
	if (err)
		return err;
	err = alloc_memory(q);
	if (err) {
		(void)!virtio_reset(&d->v);
		virtio_queue_close(&q->vq);
		free_memory(q);
	} else {
		q->open = true;
	}
	return err;
}

void vblk_queue_close(struct vblk_queue *q)
{
	env_timer_cancel_sync(&q->timer);
	env_work_flush(&q->work);
	virtio_queue_close(&q->vq);
	free_memory(q);
	q->open = false;
}
