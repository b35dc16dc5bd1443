/* SPDX-License-Identifier: BSD-2-Clause */
#include "hdr.h"
#include <linux/virtio_config.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>

/* Younger than some packaged headers. */
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO	56
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define BIT_OF(f)   (1ull << VIRTIO_NET_F_##f)
#define HOST_TSO    (BIT_OF(HOST_TSO4) | BIT_OF(HOST_TSO6) | BIT_OF(HOST_USO))
#define GUEST_USO   (BIT_OF(GUEST_USO4) | BIT_OF(GUEST_USO6))
#define GUEST_TSO   (BIT_OF(GUEST_TSO4) | BIT_OF(GUEST_TSO6))
#define GUEST_LARGE (GUEST_TSO | GUEST_USO)
#define NEED_CTRL   (BIT_OF(CTRL_RX) | BIT_OF(CTRL_MAC_ADDR) | BIT_OF(MQ))

static u16 from16(__virtio16 v)
{
	return le16_to_cpu((struct le16){v});
}

static __virtio16 to16(u16 v)
{
	return cpu_to_le16(v).raw;
}

void vnet_hdr_out(const struct nic_frame *f, struct virtio_net_hdr_v1 *h)
{
	static const u8 types[] = {
		[NIC_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[NIC_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[NIC_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[NIC_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};

	memset(h, 0, sizeof(*h));
	if (f->flags & NIC_CSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = to16(f->csum_start);
		h->csum_offset = to16(f->csum_off);
	}
	if (f->gso < ARRAY_SIZE(types) && f->gso != NIC_GSO_NONE) {
		h->gso_type = (u8)(types[f->gso] | (f->gso_ecn ? VIRTIO_NET_HDR_GSO_ECN : 0));
		h->gso_size = to16(f->gso_size);
		h->hdr_len = to16(f->hdr_len);
	}
}

/* The kind of a large frame, if the device may hand one up. */
static int gso_in(u8 type, u64 features, u8 *out)
{
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		*out = NIC_GSO_TCP4;
		return features & BIT_OF(GUEST_TSO4) ? 0 : -EBADMSG;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		*out = NIC_GSO_TCP6;
		return features & BIT_OF(GUEST_TSO6) ? 0 : -EBADMSG;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		*out = NIC_GSO_UDP;
		return features & GUEST_USO ? 0 : -EBADMSG;
	default: return -EBADMSG;
	}
}

int vnet_hdr_in(const struct virtio_net_hdr_v1 *h, u64 features, u32 len, struct nic_frame *f)
{
	u16 flags = 0, start = 0, off = 0;
	u8 gso = NIC_GSO_NONE;

	if (features & BIT_OF(GUEST_CSUM)) {
		if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
			start = from16(h->csum_start);
			off = from16(h->csum_offset);
			if ((u32)start + off + 2 > len)
				return -EBADMSG;
			flags = NIC_CSUM_PARTIAL;
		} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
			flags = NIC_CSUM_VALID;
		}
	}
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE &&
		(gso_in(h->gso_type, features, &gso) || !h->gso_size))
		return -EBADMSG;
	f->flags = flags;
	f->csum_start = start;
	f->csum_off = off;
	f->gso = gso;
	f->gso_ecn = gso && h->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	f->gso_size = gso ? from16(h->gso_size) : 0;
	f->hdr_len = 0; /* a hint that nobody may trust */
	return 0;
}

u64 vnet_features_sane(u64 f)
{
	if (!(f & BIT_OF(CSUM)))
		f &= ~(HOST_TSO | BIT_OF(HOST_ECN));
	if (!(f & (BIT_OF(HOST_TSO4) | BIT_OF(HOST_TSO6))))
		f &= ~BIT_OF(HOST_ECN);
	if (!(f & BIT_OF(GUEST_CSUM)) || !(f & BIT_OF(MRG_RXBUF)))
		f &= ~GUEST_LARGE;
	if (!(f & GUEST_TSO))
		f &= ~BIT_OF(GUEST_ECN);
	if ((f & GUEST_USO) != GUEST_USO) /* the port has one word for both */
		f &= ~GUEST_USO;
	if (!(f & BIT_OF(CTRL_VQ)))
		f &= ~NEED_CTRL;
	return f;
}

static const struct {
	u64 virtio;
	u32 nic;
} words[] = {
	{BIT_OF(CSUM), NIC_F_TX_CSUM},
	{BIT_OF(GUEST_CSUM), NIC_F_RX_CSUM},
	{BIT_OF(HOST_TSO4), NIC_F_TX_TCP4},
	{BIT_OF(HOST_TSO6), NIC_F_TX_TCP6},
	{BIT_OF(HOST_ECN), NIC_F_TX_TCP4 | NIC_F_TX_TCP6},
	{BIT_OF(HOST_USO), NIC_F_TX_UDP},
	{GUEST_LARGE | BIT_OF(GUEST_ECN), NIC_F_RX_LARGE},
};

u32 vnet_features_to_nic(u64 features)
{
	u32 nic = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (features & words[i].virtio && words[i].virtio != BIT_OF(HOST_ECN))
			nic |= words[i].nic;
	return nic;
}

u64 vnet_features_from_nic(u32 nic)
{
	u64 features = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (nic & words[i].nic)
			features |= words[i].virtio;
	return features;
}
