/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng: the entropy device [virtio-1.2 5.4] behind the rng port.
 *
 * One chain at a time, into a buffer of our own. A request and the chain live apart:
 *
 *	request	 IDLE --submit--> WAITING --chain is used, timeout, cancel, death--> ENDED --work:
 *done()--> IDLE chain	 OURS --submit---> DEVICE'S --used--> OURS
 *
 * so that a request which timed out leaves its chain with the device, and the next one waits for
 *that chain. A lost interrupt costs the timeout: the timer looks into the queue before it gives up.
 *
 * Death: nothing is kept and nothing need be: requests end with -ENODEV, bytes in flight are thrown
 *away, a successor resets the device and starts empty.
 *
 * Locks: `lock` guards all fields below it; done() is called by the work, without it.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/lock.h>
#include <env/log.h>
#include <env/mem.h>
#include <env/task.h>
#include <env/time.h>
#include <port/rng.h>
#include "../virtio/virtio.h"

#define QUEUE_SIZE  8
#define BUFFER_SIZE 256
#define TIMEOUT_NS  5000000000ull
#define SLACK_NS    100000000ull

ENV_LOCK_CLASS(virtio_rng, ENV_RANK_DRIVER_QUEUE, "queue and request of an entropy device");

struct virtio_rng {
	struct virtio_device v;
	struct virtio_queue queue;
	struct env_timer timer;
	struct env_work work;
	void *buffer;
	u64 buffer_addr;
	struct env_spin lock;
	struct rng_request *waiting;
	struct rng_request *ended; /* list by provider[0]; for the work */
	u32 asked;                 /* bytes of the chain that is the device's; 0: it is ours */
	s32 dead;                  /* 0, or the status of all requests from now on */
};

static void end_request(struct virtio_rng *r, struct rng_request *rq, s32 status)
{
	rq->status = status;
	rq->provider[0] = (u64)(unsigned long)r->ended;
	r->ended = rq;
	env_work_queue(&r->work);
}

static void end_waiting(struct virtio_rng *r, s32 status)
{
	struct rng_request *rq = r->waiting;

	r->waiting = NULL;
	if (rq)
		end_request(r, rq, status);
}

static void call_done(struct env_work *w)
{
	struct virtio_rng *r = container_of(w, struct virtio_rng, work);
	unsigned long flags = env_spin_lock(&r->lock);
	struct rng_request *rq = r->ended;

	r->ended = NULL;
	env_spin_unlock(&r->lock, flags);
	while (rq) {
		struct rng_request *next = (struct rng_request *)(unsigned long)rq->provider[0];

		rq->done(rq);
		rq = next;
	}
}

static void die(struct virtio_rng *r, s32 status)
{
	if (!r->dead)
		r->dead = status;
	end_waiting(r, status);
}

/* Give the device the buffer, for as much as the waiting request wants. */
static void ask(struct virtio_rng *r)
{
	u32 want = (u32)min_t(size_t, r->waiting->data.left, BUFFER_SIZE);
	struct virtq_seg seg = {r->buffer_addr, want};
	int err = virtq_add(&r->queue.q, &seg, 0, 1, r);

	if (err) {
		end_waiting(r, err);
		return;
	}
	r->asked = want;
	if (virtq_publish(&r->queue.q))
		virtio_notify(&r->queue);
}

/* The chain is ours again with @len bytes. What the waiting request does not take is not kept. */
static void chain_used(struct virtio_rng *r, u32 len)
{
	struct rng_request *rq = r->waiting;

	r->asked = 0;
	if (!rq)
		return;
	rq->got = (u32)iobuf_put(&rq->data, r->buffer, len);
	end_waiting(r, rq->got ? 0 : -EIO);
	memzero_explicit(r->buffer, BUFFER_SIZE);
}

static void look(struct virtio_rng *r)
{
	void *token;
	u32 len;
	int got;

	do {
		while ((got = virtq_pop(&r->queue.q, &token, &len)) > 0)
			chain_used(r, len);
	} while (!got && virtq_arm(&r->queue.q));
	if (got < 0 && !r->dead) {
		env_log(ENV_LOG_ERR, "%s: virtio-rng: the device breaks the rules of its queue",
			r->v.info.name);
		die(r, -EIO);
	}
}

static void interrupt(void *arg)
{
	struct virtio_rng *r = arg;
	unsigned long flags = env_spin_lock(&r->lock);

	if (!r->dead)
		look(r);
	env_spin_unlock(&r->lock, flags);
}

static void timeout(struct env_timer *t)
{
	struct virtio_rng *r = container_of(t, struct virtio_rng, timer);
	unsigned long flags = env_spin_lock(&r->lock);

	if (!r->dead) {
		look(r);
		if (r->waiting && virtio_is_dead(&r->v))
			die(r, -ENODEV);
		end_waiting(r, -ETIMEDOUT);
	}
	env_spin_unlock(&r->lock, flags);
}

/* ---- the port ---- */

static void rng_info(void *self, struct rng_info *out)
{
	/* The host's word is the best that a guest has. */
	*out = (struct rng_info){.bits_per_1024 = 1024, .max_bytes = BUFFER_SIZE};
}

static void rng_submit(void *self, struct rng_request *rq)
{
	struct virtio_rng *r = self;
	unsigned long flags = env_spin_lock(&r->lock);

	rq->got = 0;
	if (r->dead || r->waiting || !rq->data.left) {
		end_request(r, rq, r->dead ? r->dead : r->waiting ? -EBUSY : -EINVAL);
	} else {
		r->waiting = rq;
		env_timer_arm(&r->timer, env_deadline(TIMEOUT_NS), SLACK_NS);
		if (!r->asked)
			ask(r);
	}
	env_spin_unlock(&r->lock, flags);
}

static void rng_cancel(void *self, struct rng_request *rq)
{
	struct virtio_rng *r = self;
	unsigned long flags = env_spin_lock(&r->lock);

	if (r->waiting == rq)
		end_waiting(r, -ECANCELED);
	env_spin_unlock(&r->lock, flags);
	env_work_flush(&r->work);
}

static const struct rng_ops rng_ops = {
	.info = rng_info,
	.submit = rng_submit,
	.cancel = rng_cancel,
};

/* ---- life ---- */

static int start(struct virtio_rng *r)
{
	int err = virtio_negotiate(&r->v, 1ull << VIRTIO_RING_F_EVENT_IDX);

	if (err)
		return err;
	err = virtio_queue_open(&r->v, 0, QUEUE_SIZE, 0, interrupt, r, &r->queue);
	if (err)
		return err;
	err = env_dma_alloc(r->v.dev, BUFFER_SIZE, &r->buffer, &r->buffer_addr);
	if (err)
		goto close_queue;
	err = virtio_start(&r->v);
	if (!err) {
		virtq_arm(&r->queue.q);
		return 0;
	}
	env_dma_free(r->v.dev, BUFFER_SIZE, r->buffer, r->buffer_addr);
close_queue:
	(void)!virtio_reset(&r->v);
	virtio_queue_close(&r->queue);
	return err;
}

static int rng_attach(struct env_device *dev, void **out_self)
{
	struct virtio_rng *r = env_alloc(sizeof(*r), ENV_ALLOC_ZERO);
	int err;

	if (!r)
		return -ENOMEM;
	env_spin_init(&r->lock, &env_lock_class_virtio_rng);
	env_timer_init(&r->timer, timeout);
	env_work_init(&r->work, call_done);
	err = virtio_open(&r->v, dev, VIRTIO_ID_RNG);
	if (!err) {
		err = start(r);
		if (err)
			virtio_close(&r->v);
	}
	if (err)
		env_free(r, sizeof(*r));
	else
		*out_self = r;
	return err;
}

static void rng_detach(void *self, enum env_detach why)
{
	struct virtio_rng *r = self;
	unsigned long flags = env_spin_lock(&r->lock);

	die(r, -ENODEV);
	env_spin_unlock(&r->lock, flags);
	env_timer_cancel_sync(&r->timer);
	env_work_flush(&r->work);
	(void)!virtio_reset(&r->v); /* gone is as good */
	while (virtq_abort(&r->queue.q))
		;
	virtio_queue_close(&r->queue);
	env_dma_free(r->v.dev, BUFFER_SIZE, r->buffer, r->buffer_addr);
	virtio_close(&r->v);
	env_free(r, sizeof(*r));
}

static const struct env_match matches[] = {
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1040 + VIRTIO_ID_RNG},
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1005}, /* transitional */
	{.bus = ENV_BUS_VIRTIO_MMIO, .vendor = ~0u, .device = VIRTIO_ID_RNG},
};

extern const struct env_driver virtio_rng_driver; /* named by the placement table */
const struct env_driver virtio_rng_driver = {
	.name = "virtio-rng",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_RNG,
	.ops = &rng_ops,
	.attach = rng_attach,
	.detach = rng_detach,
};
