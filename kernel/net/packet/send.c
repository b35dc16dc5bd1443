/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames out.
 */
#include "packet_impl.h"
#include <lib/endian.h>
#include <lib/string.h>
#include <linux/virtio_net.h>
#include <mm/slab.h>
#include <mm/uaccess.h>

#define FRAME_MOST 70000u
#define FAULTS_MOST 64

int packet_out_parse(const struct packet_sock *p, const struct socket_addr *to, struct packet_out *out)
{
	const struct sockaddr_ll *ll;

	*out = (struct packet_out){.ifindex = READ_ONCE(p->ifindex), .protocol = READ_ONCE(p->protocol)};
	if (!to)
		return 0;
	ll = (const void *)to->bytes;
	if (to->len < sizeof(*ll) || to->len < ll->sll_halen + offsetof(struct sockaddr_ll, sll_addr))
		return -EINVAL;
	out->ifindex = (u32)ll->sll_ifindex;
	out->protocol = be16_to_cpu((struct be16){ll->sll_protocol});
	if (p->sock.type == SOCK_DGRAM)
		out->addr = ll->sll_addr;
	return 0;
}

/* What a virtio_net_hdr in front says. -EINVAL: nonsense. */
static int parse_vnet(const struct virtio_net_hdr *h, u32 len, struct inet_raw *raw)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((u32)h->csum_start + h->csum_offset + 2 > len)
			return -EINVAL;
		raw->flags = INET_FRAME_CSUM_PARTIAL;
		raw->csum_start = h->csum_start;
		raw->csum_off = h->csum_offset;
	}
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE: return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4: raw->gso = NIC_GSO_TCP4; break;
	case VIRTIO_NET_HDR_GSO_TCPV6: raw->gso = NIC_GSO_TCP6; break;
	case VIRTIO_NET_HDR_GSO_UDP_L4: raw->gso = NIC_GSO_UDP; break;
	default: return -EINVAL;
	}
	raw->gso_size = h->gso_size;
	return raw->gso_size ? 0 : -EINVAL;
}

static int take_vnet(struct packet_sock *p, struct iobuf *data, size_t *len, struct inet_raw *raw)
{
	u32 size = READ_ONCE(p->vnet_size);
	struct virtio_net_hdr_mrg_rxbuf h;

	if (!size)
		return 0;
	if (*len < size)
		return -EINVAL;
	if (iobuf_get(data, &h, size) < size)
		return -EFAULT;
	*len -= size;
	return parse_vnet(&h.hdr, (u32)*len, raw);
}

/* SOCK_DGRAM: the link's header is ours to make. */
static int make_header(const struct inet_link_info *link, const struct packet_out *out, u8 *to)
{
	if (link->header_len < ETH_HLEN)
		return 0;
	if (out->addr)
		memcpy(to, out->addr, ETH_ALEN);
	else if (link->flags & 8 /* IFF_LOOPBACK */)
		memset(to, 0, ETH_ALEN);
	else
		return -EINVAL; /* nobody to send it to */
	memcpy(to + ETH_ALEN, link->mac, ETH_ALEN);
	to[12] = (u8)(out->protocol >> 8);
	to[13] = (u8)out->protocol;
	return link->header_len;
}

static int check_link(const struct packet_out *out, struct inet_link_info *link)
{
	const struct inet_port *port = packet_port();

	if (port->ops->link_info(port->self, out->ifindex, link))
		return -ENXIO;
	return link->flags & 1 /* IFF_UP */ ? 0 : -ENETDOWN;
}

ssize_t packet_send_frame(struct packet_sock *p, const struct packet_out *out, struct iobuf *data, size_t total)
{
	const struct inet_port *port = packet_port();
	bool cooked = p->sock.type == SOCK_DGRAM;
	struct inet_raw raw = {.sender = p->id, .mark = READ_ONCE(p->sock.mark), .protocol = out->protocol, .untapped = READ_ONCE(p->bypass)};
	struct inet_link_info link;
	struct iobuf whole;
	size_t len = total;
	ssize_t n;
	u8 *frame;
	int header = 0, err = check_link(out, &link);

	if (!err)
		err = take_vnet(p, data, &len, &raw);
	if (err)
		return err;
	if (!raw.gso && len > link.mtu + (cooked ? 0u : link.header_len + 4u))
		return -EMSGSIZE;
	if (len > FRAME_MOST)
		return -EMSGSIZE;
	frame = kmalloc(link.header_len + len + 1, 0);
	if (!frame)
		return -ENOBUFS;
	if (cooked)
		header = make_header(&link, out, frame);
	if (header < 0) {
		n = header;
	} else if (iobuf_get(data, frame + header, len) < len) {
		n = -EFAULT;
	} else {
		if (!raw.protocol && !cooked && link.header_len >= ETH_HLEN && len >= ETH_HLEN)
			raw.protocol = (u16)(frame[12] << 8 | frame[13]);
		if (cooked && (raw.flags & INET_FRAME_CSUM_PARTIAL))
			raw.csum_start = (u16)(raw.csum_start + header);
		iobuf_init_kernel(&whole, frame, header + len);
		raw.data = &whole;
		n = port->ops->link_send(port->self, out->ifindex, &raw);
	}
	kfree(frame);
	return n < 0 ? n : (ssize_t)total;
}

ssize_t packet_send(struct socket *s, struct socket_msg *m)
{
	struct packet_sock *p = packet_of(s);
	struct packet_out out;
	int err;

	if (READ_ONCE(p->tx.pages))
		return packet_ring_send(p, m);
	err = packet_out_parse(p, m->addr, &out);
	if (!err)
		err = socket_take_error(s);
	return err ? err : packet_send_frame(p, &out, m->data, m->data->left);
}
