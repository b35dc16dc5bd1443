/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending what the program has put into its ring: frames from `head` on that say TP_STATUS_SEND_REQUEST, copied and given back.
 */
#include "packet_impl.h"
#include <lib/string.h>
#include <mm/slab.h>

bool packet_ring_writable(const struct packet_sock *p)
{
	return packet_status_get(p, &p->tx, packet_ring_frame(&p->tx, p->tx.head)) == TP_STATUS_AVAILABLE;
}

/* What the program says of the frame at @at; read once, then checked. */
struct request {
	u32 len, next;
	u16 mac, net;
};

static void read_request(const struct packet_sock *p, const struct packet_ring *r, u64 at, struct request *q)
{
	static const struct {
		u8 len, mac, net;
	} offsets[] = {
		[TPACKET_V1] = {offsetof(struct tpacket_hdr, tp_len), offsetof(struct tpacket_hdr, tp_mac), offsetof(struct tpacket_hdr, tp_net)},
		[TPACKET_V2] = {offsetof(struct tpacket2_hdr, tp_len), offsetof(struct tpacket2_hdr, tp_mac), offsetof(struct tpacket2_hdr, tp_net)},
		[TPACKET_V3] = {offsetof(struct tpacket3_hdr, tp_len), offsetof(struct tpacket3_hdr, tp_mac), offsetof(struct tpacket3_hdr, tp_net)},
	};
	u32 v = p->version;

	q->len = READ_ONCE(*(const u32 *)packet_ring_at(r, at + offsets[v].len));
	q->mac = READ_ONCE(*(const u16 *)packet_ring_at(r, at + offsets[v].mac));
	q->net = READ_ONCE(*(const u16 *)packet_ring_at(r, at + offsets[v].net));
	q->next = v == TPACKET_V3 ? READ_ONCE(*(const u32 *)packet_ring_at(r, at + offsetof(struct tpacket3_hdr, tp_next_offset))) : 0;
}

/* Where the frame's bytes begin: -EINVAL, -EMSGSIZE. */
static int find_data(const struct packet_sock *p, const struct packet_ring *r, const struct request *q, u32 mtu, u32 *out_off)
{
	u32 least = packet_header_len(p->version) - (u32)sizeof(struct sockaddr_ll), most = r->frame_size - least;
	u32 off = least;

	if (q->next)
		return -EINVAL; /* slots of V3 have one size here */
	if (p->has_off) {
		off = p->sock.type == SOCK_DGRAM ? q->net : q->mac;
		if (off < least || off > r->frame_size || q->len > r->frame_size - off)
			return -EINVAL;
	}
	if (q->len > most || (!p->vnet_size && q->len > mtu + 18))
		return -EMSGSIZE;
	*out_off = off;
	return 0;
}

/* One frame. The pages stay: the ring has no other owner than this call's file. */
static ssize_t send_one(struct packet_sock *p, const struct packet_out *out, u64 at, u32 mtu)
{
	const struct packet_ring *r = &p->tx;
	struct request q;
	struct iobuf data;
	u32 off = 0, done = 0;
	ssize_t n;
	char *copy;

	read_request(p, r, at, &q);
	n = find_data(p, r, &q, mtu, &off);
	if (n)
		return n;
	copy = kmalloc(q.len + 1, 0);
	if (!copy)
		return -ENOBUFS;
	while (done < q.len) {
		u32 part = min_t(u32, q.len - done, (u32)(PAGE_SIZE - ((at + off + done) & (PAGE_SIZE - 1))));

		memcpy(copy + done, packet_ring_at(r, at + off + done), part);
		done += part;
	}
	iobuf_init_kernel(&data, copy, q.len);
	n = packet_send_frame(p, out, &data, q.len);
	kfree(copy);
	return n;
}

static ssize_t send_all(struct packet_sock *p, const struct packet_out *out, u32 mtu)
{
	struct packet_ring *r = &p->tx;
	ssize_t total = 0;

	for (u32 sent = 0; sent < r->nframes; sent++) {
		u64 at = packet_ring_frame(r, r->head);
		u32 status = packet_status_get(p, r, at);
		ssize_t n;

		if (!(status & (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING)) || (status & TP_STATUS_WRONG_FORMAT))
			break;
		packet_status_set(p, r, at, TP_STATUS_SENDING);
		n = send_one(p, out, at, mtu);
		if (n < 0 && !p->loss && (n == -EINVAL || n == -EMSGSIZE)) {
			packet_status_set(p, r, at, TP_STATUS_WRONG_FORMAT);
			return total ? total : n;
		}
		if (n < 0 && !p->loss) {
			packet_status_set(p, r, at, TP_STATUS_SEND_REQUEST);
			return total ? total : n;
		}
		packet_status_set(p, r, at, TP_STATUS_AVAILABLE);
		r->head = r->head + 1 < r->nframes ? r->head + 1 : 0;
		total += n > 0 ? n : 0;
	}
	return total;
}

ssize_t packet_ring_send(struct packet_sock *p, struct socket_msg *m)
{
	const struct inet_port *port = packet_port();
	struct inet_link_info link;
	struct packet_out out;
	ssize_t n;

	n = packet_out_parse(p, m->addr, &out);
	if (n)
		return n;
	if (port->ops->link_info(port->self, out.ifindex, &link))
		return -ENXIO;
	if (!(link.flags & 1 /* IFF_UP */))
		return -ENETDOWN;
	mutex_lock(&p->control);
	n = p->tx.pages ? send_all(p, &out, link.mtu) : 0;
	mutex_unlock(&p->control);
	if (n > 0)
		packet_wake(p, EPOLLOUT | EPOLLWRNORM);
	return n;
}
