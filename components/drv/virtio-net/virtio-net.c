/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net: the network device [virtio-1.2 5.1] behind the nic port. See impl.h.
 *
 *	CLOSED --open--> DOWN --start: negotiate, queues, DRIVER_OK--> UP --stop: reset--> DOWN --close--> CLOSED
 *
 * The device is reset whenever it is not UP: what a client chose (features, address, filter, MTU)
 * is kept here and told to it at each start.
 *
 * Death: frames in flight are lost, their buffers return with len 0; a successor resets the device
 * and is told the choices anew by its client.
 */
#include "impl.h"
#include <linux/if_ether.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

#define VLAN_LEN     4u
#define MAX_GSO	     65536u
#define MTU_MIN	     68u
#define MTU_LARGEST  65535u
#define FEATURE(f)   (1ull << VIRTIO_NET_F_##f)
#define SPEED_LEAST  1u
#define SPEED_LARGEST 0x7fffffffu

/* Ours whatever the client wants. */
#define ALWAYS                                                                                     \
	(FEATURE(MAC) | FEATURE(STATUS) | FEATURE(MTU) | FEATURE(MRG_RXBUF) | FEATURE(CTRL_VQ) |   \
		FEATURE(CTRL_RX) | FEATURE(CTRL_MAC_ADDR) | FEATURE(MQ) | FEATURE(SPEED_DUPLEX) |  \
		1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC)

ENV_LOCK_CLASS(virtio_net, ENV_RANK_DRIVER, "configuration of one network device");

void vnet_die(struct vnet *n, const char *why)
{
	if (__atomic_exchange_n(&n->dead, true, __ATOMIC_SEQ_CST))
		return;
	env_log(ENV_LOG_ERR, "%s: virtio-net: %s", n->v.info.name, why);
	env_work_queue(&n->changed);
}

/* ---- configuration space ---- */

static u16 config16(struct vnet *n, u32 off, u16 otherwise)
{
	struct le16 v;

	return virtio_config_read(&n->v, off, &v, sizeof(v)) ? otherwise : le16_to_cpu(v);
}

static bool read_link(struct vnet *n)
{
	if (!virtio_has(&n->v, VIRTIO_NET_F_STATUS))
		return true;
	return config16(n, offsetof(struct virtio_net_config, status), VIRTIO_NET_S_LINK_UP) & VIRTIO_NET_S_LINK_UP;
}

static bool is_station(const u8 mac[6])
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static void read_mac(struct vnet *n)
{
	if (virtio_has(&n->v, VIRTIO_NET_F_MAC) &&
		!virtio_config_read(&n->v, offsetof(struct virtio_net_config, mac), n->mac, sizeof(n->mac)) &&
		is_station(n->mac))
		return;
	env_random(n->mac, sizeof(n->mac));
	n->mac[0] = (u8)((n->mac[0] & ~1u) | 2); /* locally administered */
	n->mac_chosen = true;
}

static void read_mtu(struct vnet *n)
{
	u16 told = virtio_has(&n->v, VIRTIO_NET_F_MTU)
			   ? config16(n, offsetof(struct virtio_net_config, mtu), 0)
			   : 0;

	n->mtu_max = virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF) ? MTU_LARGEST : ETH_DATA_LEN;
	n->mtu_default = ETH_DATA_LEN;
	if (told >= MTU_MIN) {
		n->mtu_max = told;
		n->mtu_default = told;
	}
	n->mtu = n->mtu_default;
}

static int read_config(struct vnet *n)
{
	u32 size = n->v.ops->queue_size(&n->v, 0);
	struct le32 speed;

	if (!size || size > VIRTQ_MAX_SIZE)
		return -ENODEV;
	n->depth = VNET_RING_MAX;
	while (n->depth > size)
		n->depth >>= 1;
	n->pairs_offered = 1;
	if (virtio_has(&n->v, VIRTIO_NET_F_MQ))
		n->pairs_offered =
			config16(n, offsetof(struct virtio_net_config, max_virtqueue_pairs), 1);
	if (!n->pairs_offered || n->pairs_offered > VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX)
		n->pairs_offered = 1;
	n->control_index = (u16)min(2u * n->pairs_offered, 0xffffu);
	n->pairs = n->control_index < VIRTIO_QUEUES_MAX ? min(n->pairs_offered, (u16)VNET_PAIRS_MAX) : 1;
	read_mac(n);
	read_mtu(n);
	if (virtio_has(&n->v, VIRTIO_NET_F_SPEED_DUPLEX) &&
		!virtio_config_read(&n->v, offsetof(struct virtio_net_config, speed), &speed, sizeof(speed)) &&
		le32_to_cpu(speed) - SPEED_LEAST < SPEED_LARGEST)
		n->speed_mbit = le32_to_cpu(speed);
	n->link = read_link(n);
	return 0;
}

/* ---- news in any context ---- */

static void look_at_config(struct env_work *w)
{
	struct vnet *n = container_of(w, struct vnet, changed);
	bool up;

	if (READ_ONCE(n->state) != VNET_UP)
		return;
	if (!READ_ONCE(n->dead) && virtio_is_dead(&n->v))
		vnet_die(n, "it has gone or wants to be reset");
	if (READ_ONCE(n->dead)) {
		if (!n->told)
			n->ops->gone(n->client);
		n->told = true;
		return;
	}
	up = read_link(n);
	if (__atomic_exchange_n(&n->link, up, __ATOMIC_SEQ_CST) != up)
		n->ops->link(n->client, up);
}

static void config_changed(void *arg)
{
	struct vnet *n = arg;

	env_work_queue(&n->changed);
}

/* A device that went quiet: has it gone, or was an interrupt lost? */
static void watch(struct env_timer *t)
{
	struct vnet *n = container_of(t, struct vnet, watch);

	if (READ_ONCE(n->dead))
		return;
	if (virtio_is_dead(&n->v)) {
		vnet_die(n, "it has gone or wants to be reset");
		return;
	}
	for (u16 i = 0; i < n->pairs; i++)
		vnet_pair_wake(&n->pair[i]);
	env_timer_arm(t, env_deadline(VNET_WATCH_NS), VNET_WATCH_NS / 5);
}

/* ---- the port ---- */

static u32 buffer_bytes(const struct vnet *n)
{
	u32 mtu = n->offered & FEATURE(MRG_RXBUF) ? ETH_DATA_LEN : n->mtu_max;

	return VNET_HDR_LEN + ETH_HLEN + VLAN_LEN + mtu;
}

static void net_info(void *self, struct nic_info *out)
{
	struct vnet *n = self;

	*out = (struct nic_info){
		.mtu = READ_ONCE(n->mtu),
		.mtu_max = n->mtu_max,
		.nqueues = n->pairs,
		.tx_depth = n->depth,
		.rx_depth = n->depth,
		.tx_max_segs = n->offered >> VIRTIO_RING_F_INDIRECT_DESC & 1
				       ? VNET_TX_SEGS
				       : (u16)min(VNET_TX_SEGS, (u32)n->depth - 1),
		.rx_headroom = VNET_HDR_LEN,
		.features = vnet_features_to_nic(n->offered),
		.rx_buffer_bytes = buffer_bytes(n),
		.max_gso_bytes = MAX_GSO,
		.speed_mbit = n->speed_mbit,
		.link = READ_ONCE(n->link) && !READ_ONCE(n->dead),
	};
	memcpy(out->mac, n->mac, sizeof(out->mac));
}

static int net_open(void *self, u32 features, const struct nic_client_ops *ops, void *client)
{
	struct vnet *n = self;
	int err = 0;

	env_mutex_lock(&n->lock);
	if (n->state != VNET_CLOSED)
		err = -EBUSY;
	else if (READ_ONCE(n->dead))
		err = -ENODEV;
	if (!err) {
		n->state = VNET_DOWN;
		n->client_features = features;
		n->ops = ops;
		n->client = client;
	}
	env_mutex_unlock(&n->lock);
	return err;
}

static void net_close(void *self)
{
	struct vnet *n = self;

	env_mutex_lock(&n->lock);
	ENV_ASSERT(n->state == VNET_DOWN);
	n->state = VNET_CLOSED;
	memset(&n->filter, 0, sizeof(n->filter));
	env_mutex_unlock(&n->lock);
}

/* The device is quiet from here on; what it had comes back. */
static void take_down(struct vnet *n)
{
	(void)!virtio_reset(&n->v); /* gone is as good */
	for (u16 i = 0; n->pair && i < n->pairs; i++)
		vnet_pair_close(&n->pair[i]);
	vnet_control_close(n);
	if (n->pair)
		env_free(n->pair, n->pairs * sizeof(*n->pair));
	n->pair = NULL;
}

static int bring_up(struct vnet *n)
{
	u64 wanted = n->offered & (ALWAYS | vnet_features_from_nic(n->client_features));
	int err = virtio_reset(&n->v);

	if (!err)
		err = virtio_negotiate(&n->v, vnet_features_sane(wanted));
	if (err)
		return err;
	n->pair = env_alloc(n->pairs * sizeof(*n->pair), ENV_ALLOC_ZERO);
	if (!n->pair)
		return -ENOMEM;
	for (u16 i = 0; !err && i < n->pairs; i++)
		err = vnet_pair_open(n, i);
	if (!err)
		err = vnet_control_open(n);
	if (!err)
		err = virtio_start(&n->v);
	if (!err)
		err = vnet_control_start(n);
	return err;
}

static int net_start(void *self)
{
	struct vnet *n = self;
	int err;

	env_mutex_lock(&n->lock);
	ENV_ASSERT(n->state == VNET_DOWN);
	err = READ_ONCE(n->dead) ? -ENODEV : bring_up(n);
	if (err) {
		take_down(n);
		err = err == -ENOMEM || err == -ETIMEDOUT ? err : -ENODEV;
	} else {
		WRITE_ONCE(n->state, VNET_UP);
		env_timer_arm(&n->watch, env_deadline(VNET_WATCH_NS), VNET_WATCH_NS / 5);
		env_work_queue(&n->changed); /* the link may have changed while nobody looked */
	}
	env_mutex_unlock(&n->lock);
	return err;
}

static void net_stop(void *self)
{
	struct vnet *n = self;

	env_timer_cancel_sync(&n->watch);
	env_mutex_lock(&n->lock);
	ENV_ASSERT(n->state == VNET_UP);
	WRITE_ONCE(n->state, VNET_DOWN);
	(void)!virtio_reset(&n->v);
	env_mutex_unlock(&n->lock);
	env_work_flush(&n->changed);
	take_down(n);
}

static unsigned net_tx(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct vnet *net = self;

	return vnet_pair_tx(&net->pair[queue], frames, n);
}

static unsigned net_rx_fill(void *self, u16 queue, struct nic_frame *const *frames, unsigned n)
{
	struct vnet *net = self;

	return vnet_pair_fill(&net->pair[queue], frames, n);
}

static unsigned net_poll(void *self, u16 queue, unsigned budget)
{
	struct vnet *net = self;

	return vnet_pair_poll(&net->pair[queue], budget);
}

static bool net_arm(void *self, u16 queue)
{
	struct vnet *net = self;

	return vnet_pair_arm(&net->pair[queue]);
}

/* What the table has no room for makes the device pass its whole kind. */
static void choose_filter(struct vnet_filter *f, u32 flags, const struct iobuf *macs, unsigned n)
{
	struct iobuf at;
	u8 mac[6];

	memset(f, 0, sizeof(*f));
	f->flags = flags;
	if (!n)
		return;
	at = *macs;
	if (macs->segs == &macs->one)
		at.segs = &at.one;
	while (n-- && iobuf_get(&at, mac, sizeof(mac)) == sizeof(mac)) {
		if (mac[0] & 1) {
			if (f->nmulti < VNET_MACS_MAX)
				memcpy(f->multi[f->nmulti++], mac, sizeof(mac));
			else
				f->flags |= NIC_FILTER_ALL_MULTICAST;
		} else if (f->nuni < VNET_MACS_MAX) {
			memcpy(f->uni[f->nuni++], mac, sizeof(mac));
		} else {
			f->flags |= NIC_FILTER_PROMISC;
		}
	}
}

static int net_set_filter(void *self, u32 flags, const struct iobuf *macs, unsigned count)
{
	struct vnet *n = self;
	int err = 0;

	env_mutex_lock(&n->lock);
	choose_filter(&n->filter, flags, macs, count);
	if (READ_ONCE(n->dead))
		err = -ENODEV;
	else if (n->state == VNET_UP)
		err = vnet_control_filter(n);
	env_mutex_unlock(&n->lock);
	return err ? -ENODEV : 0;
}

static int net_set_mac(void *self, const u8 mac[6])
{
	struct vnet *n = self;
	u8 old[6];
	int err = 0;

	if (!(n->offered & FEATURE(CTRL_MAC_ADDR)) || !is_station(mac))
		return -EOPNOTSUPP;
	env_mutex_lock(&n->lock);
	memcpy(old, n->mac, sizeof(old));
	memcpy(n->mac, mac, sizeof(n->mac));
	if (n->state == VNET_UP)
		err = vnet_control_mac(n);
	if (err)
		memcpy(n->mac, old, sizeof(old));
	else
		n->mac_chosen = true;
	env_mutex_unlock(&n->lock);
	return err;
}

static int net_set_mtu(void *self, u16 mtu)
{
	struct vnet *n = self;

	if (mtu < MTU_MIN || mtu > n->mtu_max)
		return -EINVAL;
	WRITE_ONCE(n->mtu, mtu);
	return 0;
}

static void net_stats(void *self, struct nic_stats *out)
{
	struct vnet *n = self;

	memset(out, 0, sizeof(*out));
	for (u16 i = 0; i < n->pairs; i++) {
		const u64 *from = (const u64 *)&n->stats[i];
		u64 *to = (u64 *)out;

		for (size_t k = 0; k < sizeof(*out) / sizeof(u64); k++)
			to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
	}
}

static const struct nic_ops nic_ops = {
	.info = net_info,
	.open = net_open,
	.close = net_close,
	.start = net_start,
	.stop = net_stop,
	.tx = net_tx,
	.rx_fill = net_rx_fill,
	.poll = net_poll,
	.arm = net_arm,
	.set_filter = net_set_filter,
	.set_mac = net_set_mac,
	.set_mtu = net_set_mtu,
	.stats = net_stats,
};

/* ---- life ---- */

static int find_out(struct vnet *n)
{
	int err = virtio_negotiate(&n->v, vnet_features_from_nic(~0u) | ALWAYS);

	if (err)
		return err;
	n->offered = vnet_features_sane(n->v.features);
	n->v.features = n->offered;
	err = read_config(n);
	if (err)
		return err;
	n->stats = env_alloc(n->pairs * sizeof(*n->stats), ENV_ALLOC_ZERO);
	return n->stats ? virtio_reset(&n->v) : -ENOMEM;
}

static int net_attach(struct env_device *dev, void **out_self)
{
	struct vnet *n = env_alloc(sizeof(*n), ENV_ALLOC_ZERO);
	int err;

	if (!n)
		return -ENOMEM;
	env_mutex_init(&n->lock, &env_lock_class_virtio_net);
	env_work_init(&n->changed, look_at_config);
	env_timer_init(&n->watch, watch);
	env_event_init(&n->commanded);
	err = virtio_open(&n->v, dev, VIRTIO_ID_NET);
	if (err)
		goto out;
	n->v.changed = config_changed;
	n->v.arg = n;
	err = find_out(n);
	if (!err) {
		*out_self = n;
		return 0;
	}
	virtio_close(&n->v);
out:
	if (n->stats)
		env_free(n->stats, n->pairs * sizeof(*n->stats));
	env_free(n, sizeof(*n));
	return err;
}

/* The port's client has stopped and closed it. */
static void net_detach(void *self, enum env_detach why)
{
	struct vnet *n = self;

	ENV_ASSERT(n->state == VNET_CLOSED);
	virtio_close(&n->v);
	env_work_flush(&n->changed);
	env_free(n->stats, n->pairs * sizeof(*n->stats));
	env_free(n, sizeof(*n));
}

static const struct env_match matches[] = {
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1040 + VIRTIO_ID_NET},
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1000}, /* transitional */
	{.bus = ENV_BUS_VIRTIO_MMIO, .vendor = ~0u, .device = VIRTIO_ID_NET},
};

extern const struct env_driver virtio_net_driver; /* named by the placement table */
const struct env_driver virtio_net_driver = {
	.name = "virtio-net",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_NIC,
	.ops = &nic_ops,
	.attach = net_attach,
	.detach = net_detach,
};
