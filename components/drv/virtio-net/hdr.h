/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The header before each frame [virtio-1.2 5.1.6] and the words of <port/nic.h>, both ways. Pure;
 * what comes from the device is checked.
 */
#include <linux/virtio_net.h>
#include <lib/compiler.h>
#include <lib/types.h>
#include <port/nic.h>

#define VNET_HDR_LEN 12u
static_assert(sizeof(struct virtio_net_hdr_v1) == VNET_HDR_LEN, "the header since virtio 1.0");

void vnet_hdr_out(const struct nic_frame *f, struct virtio_net_hdr_v1 *out);

/*
 * Take over what the header of a frame of @len bytes says into @f (flags, gso, csum_*), as far as
 * @features (of virtio, negotiated) let the device say it.
 * Returns: 0; -EBADMSG: it makes no sense, drop the frame.
 */
int vnet_hdr_in(const struct virtio_net_hdr_v1 *h, u64 features, u32 len, struct nic_frame *f) MUST_CHECK;

/* Features without those whose condition is missing [virtio-1.2 5.1.3.1], and of @wanted only. */
u64 vnet_features_sane(u64 features);
/* What of the port's offloads @features are, and which features the port's @nic flags need. */
u32 vnet_features_to_nic(u64 features);
u64 vnet_features_from_nic(u32 nic);
