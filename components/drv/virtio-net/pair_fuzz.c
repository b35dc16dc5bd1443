/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pair that is kept busy beside a device that writes what the input says into the rings and the
 * receive buffers.
 */
#include <stdlib.h>
#include <linux/virtio_ring.h>
#include <lib/string.h>
#include <env/mem.h>
#include <env_host/device.h>
#include "impl.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

#define NFRAMES	 6
#define BUF_SIZE 64

struct buffer {
	struct nic_frame f;
	u8 bytes[BUF_SIZE];
	bool out;
};

static struct buffer in[NFRAMES], out[NFRAMES];
static struct env_regs *regs;

void vnet_die(struct vnet *n, const char *why)
{
	n->dead = true;
}

static void returned(struct nic_frame *const *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct buffer *b = container_of(frames[i], struct buffer, f);

		if (!b->out || b->f.len > BUF_SIZE)
			__builtin_trap();
		b->out = false;
	}
}

static void rx(void *client, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	u32 total = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct nic_frame *f = frames[i];

		total += f->len;
		if (f->len > f->data.left)
			__builtin_trap();
	}
	if (n && frames[n - 1]->flags & NIC_MORE)
		__builtin_trap();
	for (unsigned i = 0; i < n; i++)
		if (frames[i]->flags & NIC_CSUM_PARTIAL && frames[i]->csum_start + frames[i]->csum_off + 2u > total)
			__builtin_trap();
	returned(frames, n);
}

static void tx_done(void *client, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	returned(frames, n);
}

static void ready(void *client, u16 queue)
{
}

static const struct nic_client_ops client_ops = {.ready = ready, .rx = rx, .tx_done = tx_done};

static u32 queue_size(struct virtio_device *v, u16 index)
{
	return 8;
}

static int queue_enable(struct virtio_device *v, struct virtio_queue *q, u16 vector)
{
	q->notify = regs;
	return 0;
}

static u32 no_status(struct virtio_device *v)
{
	return 0;
}

static void no_set_status(struct virtio_device *v, u32 status)
{
}

static u64 no_read(void *model, unsigned window, u64 off, unsigned width)
{
	return 0;
}

static void no_write(void *model, unsigned window, u64 off, unsigned width, u64 v)
{
}

static const struct host_device_ops device_ops = {.reg_read = no_read, .reg_write = no_write};
static const struct virtio_transport transport = {
	.queue_size = queue_size, .queue_enable = queue_enable, .status = no_status, .set_status = no_set_status};

static void give(struct vnet_pair *p, struct buffer *b, bool send)
{
	struct nic_frame *f = &b->f;

	if (b->out)
		return;
	memset(f, 0, sizeof(*f));
	iobuf_init_kernel(&f->data, b->bytes, BUF_SIZE);
	b->out = true;
	if (!(send ? vnet_pair_tx(p, &f, 1) : vnet_pair_fill(p, &f, 1)))
		b->out = false;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct env_device_info info = {.bus = ENV_BUS_PCI, .nvectors = 1, .reg_len = {64}};
	static struct env_device dev;
	static struct nic_stats stats;
	struct vnet_pair pair = {0};
	struct vnet n = {.depth = 8, .ops = &client_ops, .pair = &pair, .stats = &stats};

	if (!len)
		return 0;
	host_device_init(&dev, &device_ops, NULL, &info);
	n.v = (struct virtio_device){.dev = &dev, .ops = &transport, .info = info,
		.features = 1ull << VIRTIO_RING_F_INDIRECT_DESC | (data[0] & 1 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0)
			    | (data[0] & 2 ? 1ull << VIRTIO_NET_F_MRG_RXBUF : 0)
			    | (data[0] & 4 ? vnet_features_from_nic(~0u) : 0)};
	if (env_regs_map(&dev, 0, 0, 64, &regs) || vnet_pair_open(&n, 0))
		abort();
	for (size_t i = 1; i + 4 <= len; i += 4) {
		struct vnet_ring *r = data[i] & 8 ? &pair.tx : &pair.rx;
		u32 at = data[i + 1] | (u32)data[i + 2] << 8;

		switch (data[i] % 8) {
		case 0: give(&pair, &in[at % NFRAMES], false); break;
		case 1: give(&pair, &out[at % NFRAMES], true); break;
		case 2:
		case 3: ((u8 *)r->queue.shared)[at % r->queue.shared_bytes] = data[i + 3]; break;
		case 4: in[data[i + 1] % NFRAMES].bytes[data[i + 2] % BUF_SIZE] = data[i + 3]; break;
		case 5: { /* use the next one properly */
			struct vring_used *used = r->queue.q.used;

			used->ring[used->idx % 8].len = data[i + 3];
			used->ring[used->idx % 8].id = data[i + 1] % 8;
			used->idx++;
			break;
		}
		case 6: (void)vnet_pair_poll(&pair, 1 + data[i + 1] % 9); break;
		default: (void)vnet_pair_arm(&pair);
		}
	}
	vnet_pair_close(&pair);
	for (unsigned i = 0; i < NFRAMES; i++)
		if (in[i].out || out[i].out)
			__builtin_trap();
	env_irq_unbind(n.v.irq);
	env_regs_unmap(regs);
	if (host_device_leaks(&dev))
		__builtin_trap();
	return 0;
}
