/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues of a link over a nic: buffers there and back, poll mode.
 */
#include "link_impl.h"

#include "sock.h"

static void ready(void *client, u16 queue)
{
	struct link *l = client;

	if (queue < l->nqueues)
		env_work_queue(&l->queues[queue].poll);
}

static void carrier(void *client, bool up)
{
	struct link *l = client;

	WRITE_ONCE(l->running, up);
	env_work_queue(&l->filter_work);
}

static void nic_gone(void *client)
{
	struct link *l = client;

	WRITE_ONCE(l->gone, true);
	WRITE_ONCE(l->running, false);
}

/* ---- receiving ---- */

static bool give_buffer(struct link *l, struct nic_frame *f)
{
	struct pkt *p = pkt_alloc(0, l->rx_buffer);

	if (!p)
		return false;
	f->cookie = (u64)(unsigned long)p;
	f->flags = 0;
	f->gso = 0;
	f->len = 0;
	iobuf_init_kernel(&f->data, p->data, p->buf->size - pkt_headroom(p));
	return true;
}

/* Hand empty buffers to the device as long as there are frames, memory and room. The poller's. */
static void refill(struct link_queue *q)
{
	struct link *l = q->link;

	while (q->rx_nempty) {
		struct nic_frame *batch[LINK_TX_BATCH];
		unsigned n = 0, taken;

		while (n < LINK_TX_BATCH && n < q->rx_nempty && give_buffer(l, q->rx_empty[q->rx_nempty - 1 - n])) {
			batch[n] = q->rx_empty[q->rx_nempty - 1 - n];
			n++;
		}
		if (!n)
			return; /* the next poll tries again; the device works with what it has */
		taken = l->nic.ops->rx_fill(l->nic.self, q->index, batch, n);
		q->rx_nempty -= taken;
		for (unsigned i = taken; i < n; i++) {
			pkt_free((struct pkt *)(unsigned long)batch[i]->cookie);
			batch[i]->cookie = 0;
		}
		if (taken < n)
			return;
	}
}

/* What the device says about a frame's checksum and segments, if it can be true. */
static void take_offload(struct pkt *p, const struct nic_frame *f)
{
	p->csum = f->flags & NIC_CSUM_VALID ? PKT_CSUM_VALID : PKT_CSUM_NONE;
	if (f->flags & NIC_CSUM_PARTIAL) { /* from this machine: nothing on the way could have spoiled it */
		p->csum = PKT_CSUM_PARTIAL;
		p->transport_off = (u16)(pkt_headroom(p) + f->csum_start);
		p->csum_start = 0;
		p->csum_off = f->csum_off;
	}
	if (f->gso <= NIC_GSO_UDP && f->gso_size) {
		p->gso = f->gso;
		p->gso_size = f->gso_size;
		p->gso_segs = (u16)DIV_ROUND_UP(p->total, (u32)f->gso_size);
	}
	if (f->flags & NIC_HASH_VALID)
		p->hash = f->hash;
}

static void rx(void *client, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct link *l = client;
	struct link_queue *q = &l->queues[queue];
	struct pkt_queue batch;

	pkt_queue_init(&batch);
	for (unsigned i = 0; i < n; i++) {
		struct nic_frame *f = frames[i];
		struct pkt *p = (struct pkt *)(unsigned long)f->cookie;

		f->cookie = 0;
		q->rx_empty[q->rx_nempty++] = f;
		if (!f->len || f->len > f->data.left) {
			pkt_free(p);
			pkt_free(q->rx_partial);
			q->rx_partial = NULL;
			continue;
		}
		p->data += f->data.seg_off;
		p->len = p->total = f->len;
		if (q->rx_partial)
			pkt_join(q->rx_partial, p);
		else {
			p->link = l;
			p->ifindex = l->ifindex;
			p->protocol = f->protocol;
			take_offload(p, f);
			q->rx_partial = p;
		}
		if (f->flags & NIC_MORE)
			continue;
		p = q->rx_partial;
		q->rx_partial = NULL;
		LINK_COUNT(q->stats.rx_packets, 1);
		LINK_COUNT(q->stats.rx_bytes, p->total);
		pkt_queue_add(&batch, p);
	}
	if (READ_ONCE(q->stopping))
		pkt_free_queue(&batch);
	else
		link_receive_batch(l, &batch);
}

static void tx_done(void *client, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct link *l = client;

	link_queue_tx_done(&l->queues[queue], frames, n);
}

const struct nic_client_ops link_nic_client = {
	.ready = ready,
	.link = carrier,
	.gone = nic_gone,
	.rx = rx,
	.tx_done = tx_done,
};

void link_queue_poll(struct env_work *w)
{
	struct link_queue *q = container_of(w, struct link_queue, poll);
	struct link *l = q->link;
	unsigned done;

	do {
		if (READ_ONCE(q->stopping))
			return;
		inet_enter(l->in);
		done = l->nic.ops->poll(l->nic.self, q->index, LINK_POLL_BUDGET);
		refill(q);
		inet_leave(l->in);
		if (done >= LINK_POLL_BUDGET) {
			env_work_queue(w); /* others' work gets its turn */
			return;
		}
	} while (!l->nic.ops->arm(l->nic.self, q->index));
}

/* ---- life ---- */

static void queue_free(struct link_queue *q)
{
	struct link_tx_frame *tx = q->tx_frames;
	unsigned long flags = env_spin_lock(&q->lock);

	q->tx_frames = NULL;
	q->tx_nfree = 0;
	env_spin_unlock(&q->lock, flags);
	env_free(tx, q->tx_depth * sizeof(*tx));
	env_free(q->tx_free, q->tx_depth * sizeof(struct nic_frame *));
	env_free(q->rx_frames, q->rx_depth * sizeof(struct nic_frame));
	env_free(q->rx_empty, q->rx_depth * sizeof(struct nic_frame *));
	q->tx_free = NULL;
	q->rx_frames = NULL;
	q->rx_empty = NULL;
	q->rx_nempty = 0;
}

static int queue_alloc(struct link_queue *q, const struct nic_info *info)
{
	struct nic_frame **tx_free;

	q->tx_depth = max(info->tx_depth, (u16)1);
	q->rx_depth = max(info->rx_depth, (u16)1);
	q->tx_frames = env_alloc(q->tx_depth * sizeof(struct link_tx_frame), ENV_ALLOC_ZERO);
	tx_free = env_alloc(q->tx_depth * sizeof(struct nic_frame *), 0);
	q->rx_frames = env_alloc(q->rx_depth * sizeof(struct nic_frame), ENV_ALLOC_ZERO);
	q->rx_empty = env_alloc(q->rx_depth * sizeof(struct nic_frame *), 0);
	q->tx_free = tx_free;
	if (!q->tx_frames || !tx_free || !q->rx_frames || !q->rx_empty)
		return -ENOMEM;
	for (unsigned i = 0; i < q->tx_depth; i++)
		tx_free[i] = &q->tx_frames[i].frame;
	for (unsigned i = 0; i < q->rx_depth; i++)
		q->rx_empty[i] = &q->rx_frames[i];
	q->rx_nempty = q->rx_depth;
	q->tx_nfree = q->tx_depth;
	WRITE_ONCE(q->stopping, false);
	return 0;
}

int link_nic_start(struct link *l)
{
	struct nic_info info;
	int err = 0;

	l->nic.ops->info(l->nic.self, &info);
	for (unsigned i = 0; i < l->nqueues && !err; i++)
		err = queue_alloc(&l->queues[i], &info);
	if (!err)
		err = l->nic.ops->start(l->nic.self);
	if (err) {
		for (unsigned i = 0; i < l->nqueues; i++)
			queue_free(&l->queues[i]);
		return err;
	}
	WRITE_ONCE(l->running, info.link);
	for (unsigned i = 0; i < l->nqueues; i++)
		env_work_queue(&l->queues[i].poll); /* fills, arms */
	return 0;
}

void link_nic_stop(struct link *l)
{
	for (unsigned i = 0; i < l->nqueues; i++)
		WRITE_ONCE(l->queues[i].stopping, true);
	for (unsigned i = 0; i < l->nqueues; i++)
		env_work_flush(&l->queues[i].poll);
	env_rcu_barrier(); /* nobody sends on it any more: it is down */
	l->nic.ops->stop(l->nic.self);
	for (unsigned i = 0; i < l->nqueues; i++) {
		struct link_queue *q = &l->queues[i];

		pkt_free_queue(&q->waiting);
		pkt_free(q->rx_partial);
		q->rx_partial = NULL;
		queue_free(q);
	}
}
