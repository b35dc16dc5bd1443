/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links as packet(7) sees them: frames shown to the client as they are, frames sent as they are, who wants more of them than is for us.
 */
#include <env/mem.h>
#include "ip_impl.h"
#include "link_impl.h"
#include "mcast.h"
#include "sock.h"

#define SEGS_INLINE 24

static unsigned count_pieces(const struct pkt *p)
{
	unsigned n = 0;

	for (; p; p = p->more)
		n++;
	return n;
}

void link_tap(struct link *l, const struct pkt *p, u8 type, u64 sender)
{
	const struct inet_client_ops *client = l->in->client_ops;
	struct iobuf_seg few[SEGS_INLINE], *segs = few;
	u8 header[ETH_HLEN] = {0};
	unsigned n = 0, room = count_pieces(p) + 1;
	/* On the loopback packets have no header; taps see an empty one. */
	bool bare = !l->nic.ops;
	struct inet_frame f = {.ifindex = l->ifindex,
		.protocol = p->protocol,
		.link_type = l->type,
		.header_len = l->header_len,
		.type = type,
		.gso = p->gso,
		.gso_size = p->gso_size,
		.mark = p->mark,
		.hash = p->hash,
		.sender = sender};

	if (!client || !client->frame)
		return;
	if (room > SEGS_INLINE) {
		segs = env_alloc(room * sizeof(*segs), ENV_ALLOC_NOWAIT);
		if (!segs)
			return;
	}
	if (bare) {
		store_be16(header + 12, p->protocol);
		segs[n++] = (struct iobuf_seg){.base = (u64)(unsigned long)header, .len = ETH_HLEN};
	}
	for (const struct pkt *at = p; at; at = at->more)
		if (at->len)
			segs[n++] = (struct iobuf_seg){.base = (u64)(unsigned long)at->data, .len = at->len};
	iobuf_init_segs(&f.data, IOBUF_KERNEL, segs, n);
	if (p->csum == PKT_CSUM_PARTIAL) {
		f.flags = INET_FRAME_CSUM_PARTIAL;
		f.csum_start = (u16)(p->transport_off - pkt_headroom(p) + p->csum_start + (bare ? ETH_HLEN : 0));
		f.csum_off = p->csum_off;
	} else if (p->csum == PKT_CSUM_VALID && type != PACKET_OUTGOING) {
		f.flags = INET_FRAME_CSUM_VALID;
	}
	client->frame(l->in->client, &f);
	if (segs != few)
		env_free(segs, room * sizeof(*segs));
}

int link_tap_change(struct inet *in, u32 ifindex, int by)
{
	unsigned long flags = env_spin_lock(&in->config);
	struct link *l;
	int err = ifindex ? -ENODEV : 0;

	if (!ifindex)
		in->tap_all += (u32)by;
	list_for_each_entry(l, &in->links, node) {
		if (ifindex && l->ifindex != ifindex)
			continue;
		WRITE_ONCE(l->tapped, l->tapped + (u32)by);
		err = 0;
	}
	env_spin_unlock(&in->config, flags);
	return err;
}

/* With config. */
static int want_address(struct link *l, const u8 *mac, int by)
{
	struct link_mac *m, *found = NULL;

	list_for_each_entry(m, &l->macs, node)
		if (!memcmp(m->mac, mac, 6))
			found = m;
	if (!found) {
		if (by < 0)
			return -ENOENT;
		found = env_alloc(sizeof(*found), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
		if (!found)
			return -ENOMEM;
		memcpy(found->mac, mac, 6);
		list_add_tail(&found->node, &l->macs);
	}
	found->users += (u32)by;
	if (!found->users) {
		list_del(&found->node);
		env_free(found, sizeof(*found));
	}
	return 0;
}

void link_forget_macs(struct link *l)
{
	struct link_mac *m, *tmp;
	unsigned long flags = env_spin_lock(&l->in->config);

	list_for_each_entry_safe(m, tmp, &l->macs, node)
		env_free(m, sizeof(*m));
	list_init(&l->macs);
	env_spin_unlock(&l->in->config, flags);
}

int link_want(struct inet *in, u32 ifindex, u32 what, const u8 *mac, int by)
{
	struct link *l = link_by_index(in, ifindex);
	unsigned long flags;
	int err = 0;

	if (!l)
		return -ENODEV;
	flags = env_spin_lock(&in->config);
	if (READ_ONCE(l->gone))
		err = -ENODEV;
	else if (what == INET_WANT_PROMISC)
		WRITE_ONCE(l->promisc, l->promisc + (u32)by);
	else if (what == INET_WANT_ALLMULTI)
		WRITE_ONCE(l->allmulti, l->allmulti + (u32)by);
	else
		err = want_address(l, mac, by);
	env_spin_unlock(&in->config, flags);
	if (!err) {
		env_work_queue(&l->filter_work);
		link_notify(l, true);
	}
	return err;
}

int link_info(struct inet *in, u32 ifindex, struct inet_link_info *out)
{
	struct link *l = link_by_index(in, ifindex);

	if (!l)
		return -ENODEV;
	*out = (struct inet_link_info){.type = l->type,
		.header_len = l->header_len,
		.mtu = READ_ONCE(l->mtu),
		.flags = link_flags(l) | (link_is_up(l) && READ_ONCE(l->running) ? IFF_RUNNING : 0u),
		.mac_len = l->header_len ? 6 : 0};
	memcpy(out->name, link_name(l), LINK_NAME);
	memcpy(out->mac, l->mac, 6);
	return 0;
}

/* ---- sending ---- */

/* What the sender says of sums and segments must hold: a device believes it. */
static int take_offload(struct pkt *p, const struct inet_raw *raw)
{
	u32 least = 0;

	if (raw->gso && !(raw->flags & INET_FRAME_CSUM_PARTIAL))
		return -EINVAL;
	if (!(raw->flags & INET_FRAME_CSUM_PARTIAL))
		return 0;
	if (raw->gso)
		least = raw->gso == NIC_GSO_UDP ? 8 : 20;
	least = raw->csum_start + max(least, raw->csum_off + 2u);
	if (raw->gso > NIC_GSO_UDP || (raw->gso && !raw->gso_size) || !pkt_pull_up(p, least))
		return -EINVAL;
	p->csum = PKT_CSUM_PARTIAL;
	p->transport_off = (u16)(pkt_headroom(p) + raw->csum_start);
	p->csum_off = raw->csum_off;
	if (!raw->gso)
		return 0;
	least = raw->gso == NIC_GSO_UDP ? 8 : (u32)(p->data[raw->csum_start + 12] >> 4) * 4;
	if (least < 8 || !pkt_pull_up(p, raw->csum_start + least) || raw->csum_start + least >= p->total)
		return -EINVAL;
	p->transport_off = (u16)(pkt_headroom(p) + raw->csum_start);
	p->gso = raw->gso;
	p->gso_size = raw->gso_size;
	p->gso_segs = (u16)DIV_ROUND_UP(p->total - raw->csum_start - least, raw->gso_size);
	return 0;
}

static int check_raw(struct link *l, const struct inet_raw *raw)
{
	size_t len = raw->data->left, header = l->header_len;

	if (!link_is_up(l))
		return -ENETDOWN;
	if (len < header || !len)
		return -EINVAL;
	/* A VLAN's tag is not counted to the MTU. */
	if (raw->gso ? len > l->max_gso : len > READ_ONCE(l->mtu) + header + (raw->protocol == ETH_P_8021Q ? 4 : 0))
		return -EMSGSIZE;
	return 0;
}

ssize_t link_send_raw(struct inet *in, u32 ifindex, struct inet_raw *raw)
{
	struct link *l = link_by_index(in, ifindex);
	size_t len = raw->data->left;
	struct pkt *p;
	int err = l ? check_raw(l, raw) : -ENXIO;

	if (err)
		return err;
	p = pkt_alloc(PKT_HEADROOM, (u32)min_t(size_t, len, PKT_PIECE_MAX));
	if (!p)
		return -ENOBUFS;
	err = pkt_append_iobuf(p, raw->data, (u32)len);
	if (!err && !pkt_pull_up(p, (u32)min_t(size_t, len, l->header_len + 40u)))
		err = -ENOBUFS;
	if (!err)
		err = take_offload(p, raw);
	if (err) {
		pkt_free(p);
		return err;
	}
	p->mac_off = (u16)pkt_headroom(p);
	p->net_off = (u16)(p->mac_off + l->header_len);
	p->protocol = raw->protocol;
	p->mark = raw->mark;
	if (!l->nic.ops) /* the loopback's packets begin at the network header */
		pkt_pull(p, ETH_HLEN);
	if (unlikely(READ_ONCE(l->tapped)) && !raw->untapped)
		link_tap(l, p, PACKET_OUTGOING, raw->sender);
	err = link_transmit_untapped(l, p);
	return err ? err : (ssize_t)len;
}
