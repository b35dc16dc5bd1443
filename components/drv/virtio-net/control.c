/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control queue [virtio-1.2 5.1.6.5]: one command at a time, waited for. A device that does not
 * answer in time keeps the command's memory, and is asked nothing more until it is reset.
 *
 *	command memory: | class, command | data ... | ... | ack |
 */
#include "impl.h"
#include <linux/virtio_config.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>

#define COMMAND_BYTES 4096u
#define ACK_AT	      (COMMAND_BYTES - 1)
#define CONTROL_SIZE  16

static void commanded(void *arg)
{
	struct vnet *n = arg;

	env_event_signal(&n->commanded);
}

int vnet_control_open(struct vnet *n)
{
	int err;

	n->has_control = n->control_stuck = false;
	if (!virtio_has(&n->v, VIRTIO_NET_F_CTRL_VQ))
		return 0;
	err = virtio_queue_open(&n->v, n->control_index, CONTROL_SIZE, 0, commanded, n, &n->control);
	if (err == -ENOENT)
		return 0; /* it is out of reach: do without */
	if (err)
		return err;
	err = env_dma_alloc(n->v.dev, COMMAND_BYTES, &n->command, &n->command_addr);
	if (err) {
		(void)!virtio_reset(&n->v);
		virtio_queue_close(&n->control);
		return err;
	}
	n->has_control = true;
	return 0;
}

void vnet_control_close(struct vnet *n)
{
	if (!n->has_control)
		return;
	while (virtq_abort(&n->control.q))
		;
	virtio_queue_close(&n->control);
	env_dma_free(n->v.dev, COMMAND_BYTES, n->command, n->command_addr);
	n->has_control = false;
}

static int wait_for_end(struct vnet *n)
{
	u64 deadline = env_deadline(VNET_COMMAND_NS);
	struct virtq *q = &n->control.q;
	bool late = false;

	for (;;) {
		u32 seq = env_event_read(&n->commanded), len;
		void *token;
		int got = virtq_pop(q, &token, &len);

		if (got)
			return got < 0 || !len ? -EIO : 0;
		if (virtio_is_dead(&n->v))
			return -ENODEV;
		if (late)
			return -ETIMEDOUT;
		if (!virtq_arm(q)) /* a lost interrupt costs the time */
			late = env_event_wait(&n->commanded, seq, deadline);
	}
}

/* @len bytes of data stand in n->command behind the two bytes of the header. */
static int command(struct vnet *n, u8 class, u8 cmd, u32 len)
{
	struct virtq_seg segs[2] = {{n->command_addr, 2 + len}, {n->command_addr + ACK_AT, 1}};
	u8 *bytes = n->command;
	int err;

	if (!n->has_control)
		return -EOPNOTSUPP;
	if (n->control_stuck || READ_ONCE(n->dead))
		return READ_ONCE(n->dead) ? -ENODEV : -EIO;
	bytes[0] = class;
	bytes[1] = cmd;
	bytes[ACK_AT] = VIRTIO_NET_ERR;
	err = virtq_add(&n->control.q, segs, 1, 1, n);
	if (err)
		return err;
	if (virtq_publish(&n->control.q))
		virtio_notify(&n->control);
	err = wait_for_end(n);
	if (err) {
		n->control_stuck = true;
		if (err == -ENODEV)
			vnet_die(n, "it has gone");
		else
			env_log(ENV_LOG_ERR, "%s: virtio-net: command %u.%u: error %d", n->v.info.name, class, cmd, err);
		return err;
	}
	return READ_ONCE(bytes[ACK_AT]) == VIRTIO_NET_OK ? 0 : -EIO;
}

static u8 *data_of(struct vnet *n)
{
	return (u8 *)n->command + 2;
}

/* One table of addresses at @at: its length. */
static u32 put_table(u8 *at, const u8 (*macs)[6], u16 n)
{
	struct le32 count = cpu_to_le32(n);

	memcpy(at, &count, sizeof(count));
	memcpy(at + sizeof(count), macs, n * 6u);
	return (u32)sizeof(count) + n * 6u;
}

static int set_mode(struct vnet *n, u8 mode, bool on)
{
	data_of(n)[0] = on;
	return command(n, VIRTIO_NET_CTRL_RX, mode, 1);
}

int vnet_control_filter(struct vnet *n)
{
	const struct vnet_filter *f = &n->filter;
	u32 len;
	int err;

	if (!n->has_control || !virtio_has(&n->v, VIRTIO_NET_F_CTRL_RX))
		return 0; /* it passes everything */
	err = set_mode(n, VIRTIO_NET_CTRL_RX_PROMISC, f->flags & NIC_FILTER_PROMISC);
	if (!err)
		err = set_mode(n, VIRTIO_NET_CTRL_RX_ALLMULTI, f->flags & NIC_FILTER_ALL_MULTICAST);
	if (err)
		return err;
	len = put_table(data_of(n), f->uni, f->nuni);
	len += put_table(data_of(n) + len, f->multi, f->nmulti);
	return command(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, len);
}

int vnet_control_mac(struct vnet *n)
{
	if (!virtio_has(&n->v, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return -EOPNOTSUPP;
	memcpy(data_of(n), n->mac, 6);
	return command(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 6);
}

/* Without this the device uses one pair [virtio-1.2 5.1.6.5.5]. */
static int set_pairs(struct vnet *n)
{
	struct le16 pairs = cpu_to_le16(n->pairs);

	if (n->pairs < 2)
		return 0;
	memcpy(data_of(n), &pairs, sizeof(pairs));
	return command(n, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, sizeof(pairs));
}

int vnet_control_start(struct vnet *n)
{
	int err;

	if (!n->has_control)
		return 0;
	err = set_pairs(n);
	if (err) /* frames come to the first then, which is polled as well */
		env_log(ENV_LOG_WARN, "%s: virtio-net: one queue in use", n->v.info.name);
	if (n->mac_chosen && !READ_ONCE(n->dead))
		(void)!vnet_control_mac(n);
	if (!READ_ONCE(n->dead))
		(void)!vnet_control_filter(n);
	return READ_ONCE(n->dead) ? -ENODEV : 0;
}
