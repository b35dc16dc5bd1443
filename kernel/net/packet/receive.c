/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames in: filtered, queued, received.
 */
#include "packet_impl.h"
#include <lib/bpf_classic.h>
#include <lib/endian.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <linux/virtio_net.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <security/random.h>
#include <time/clock.h>

/* ---- filters ---- */

static bool ancillary(const struct bpf_input *in, u32 off, u32 a, u32 x, u32 *out)
{
	const struct packet_view *v = in->arg;

	switch (off) {
	case SKF_AD_PROTOCOL: *out = v->f->protocol; return true;
	case SKF_AD_PKTTYPE: *out = v->f->type; return true;
	case SKF_AD_IFINDEX: *out = v->f->ifindex; return true;
	case SKF_AD_HATYPE: *out = v->f->link_type; return true;
	case SKF_AD_MARK: *out = v->f->mark; return true;
	case SKF_AD_QUEUE: *out = v->f->queue; return true;
	case SKF_AD_RXHASH: *out = v->f->hash; return true;
	case SKF_AD_CPU: *out = cpu_id(); return true;
	case SKF_AD_RANDOM: *out = (u32)random_u64(); return true;
	case SKF_AD_ALU_XOR_X: *out = a ^ x; return true;
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_VLAN_TPID: *out = 0; return true; /* tags stay in the bytes */
	default: return false;
	}
}

u32 packet_run_filter(const struct bpf_prog *prog, const struct packet_view *v, bool cooked)
{
	u32 skip = v->f->header_len;
	struct bpf_input in = {.bytes = v->bytes + (cooked ? skip : 0),
		.len = v->len - (cooked ? skip : 0),
		.net = v->bytes + skip,
		.net_len = v->len - skip,
		.link = v->bytes,
		.link_len = v->len,
		.ancillary = ancillary,
		.arg = v};

	return bpf_run(prog->insns, &in);
}

/* The bytes in a row, and the time: by the first socket that wants them. False: no memory. */
bool packet_look(struct packet_view *v)
{
	struct iobuf all = v->f->data;

	if (v->bytes)
		return true;
	v->len = (u32)all.left;
	if (v->len < v->f->header_len)
		return false;
	if (all.nsegs == 1) {
		v->bytes = (const u8 *)(unsigned long)all.segs[0].base + all.seg_off;
	} else {
		v->copy = kmalloc(v->len, ALLOC_NOWAIT);
		if (!v->copy)
			return false;
		(void)iobuf_get(&all, v->copy, v->len);
		v->bytes = v->copy;
	}
	v->stamp = clock_realtime();
	return true;
}

/* ---- what goes along ---- */

void packet_fill_from(const struct packet_sock *p, const struct packet_view *v, struct sockaddr_ll *to)
{
	*to = (struct sockaddr_ll){.sll_family = AF_PACKET,
		.sll_protocol = ENDIAN_BE(16, v->f->protocol),
		.sll_ifindex = (int)v->f->ifindex,
		.sll_hatype = v->f->link_type,
		.sll_pkttype = v->f->type};
	if (v->f->header_len >= ETH_HLEN) {
		to->sll_halen = ETH_ALEN;
		memcpy(to->sll_addr, v->bytes + ETH_ALEN, ETH_ALEN);
	}
}

void packet_vnet_fill(const struct inet_frame *f, u32 skip, u8 out[12])
{
	static const u8 types[] = {[NIC_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[NIC_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[NIC_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[NIC_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4};
	struct virtio_net_hdr_mrg_rxbuf h = {.hdr.gso_type = types[f->gso]};

	static_assert(sizeof(h) == 12, "room");
	if (f->gso) {
		h.hdr.gso_size = f->gso_size;
		h.hdr.hdr_len = f->hdr_len;
	}
	if (f->flags & INET_FRAME_CSUM_PARTIAL) {
		h.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.hdr.csum_start = (u16)(f->csum_start - skip);
		h.hdr.csum_offset = f->csum_off;
	} else if (f->flags & INET_FRAME_CSUM_VALID) {
		h.hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	memcpy(out, &h, sizeof(h));
}

u32 packet_status(const struct inet_frame *f)
{
	u32 status = TP_STATUS_USER;

	if (f->flags & INET_FRAME_CSUM_PARTIAL)
		status |= TP_STATUS_CSUMNOTREADY;
	else if (f->type != PACKET_OUTGOING && (f->flags & INET_FRAME_CSUM_VALID))
		status |= TP_STATUS_CSUM_VALID;
	if (f->gso == NIC_GSO_TCP4 || f->gso == NIC_GSO_TCP6)
		status |= TP_STATUS_GSO_TCP;
	return status;
}

/* ---- the queue; lock held ---- */

static void enqueue(struct packet_sock *p, struct packet_view *v, u32 skip, u32 len, u32 keep)
{
	u32 charge = (u32)sizeof(struct packet_msg) + keep + 256;
	struct packet_msg *m = NULL;

	if (p->queued_bytes < READ_ONCE(p->sock.rcvbuf))
		m = kmalloc(sizeof(*m) + keep, ALLOC_NOWAIT);
	if (!m) {
		p->drops++;
		return;
	}
	memset(m, 0, sizeof(*m));
	packet_fill_from(p, v, &m->from);
	packet_vnet_fill(v->f, skip, m->vnet);
	m->aux = (struct tpacket_auxdata){.tp_status = packet_status(v->f), .tp_len = len, .tp_snaplen = keep, .tp_net = (u16)(v->f->header_len - skip)};
	m->stamp = v->stamp;
	m->charge = charge;
	m->len = keep;
	memcpy(m->bytes, v->bytes + skip, keep);
	p->queued_bytes += charge;
	p->packets++;
	list_add_tail(&m->node, &p->queue);
	packet_wake(p, EPOLLIN | EPOLLRDNORM);
}

void packet_deliver(struct packet_sock *p, struct packet_view *v)
{
	bool cooked = p->sock.type == SOCK_DGRAM;
	const struct bpf_prog *prog;
	u32 skip, keep = ~0u;
	irqflags_t flags;

	if (!packet_look(v))
		return;
	prog = rcu_dereference(p->sock.filter);
	if (prog)
		keep = packet_run_filter(prog, v, cooked);
	if (!keep)
		return;
	skip = cooked ? v->f->header_len : 0;
	keep = min(keep, v->len - skip);
	flags = spin_lock_irqsave(&p->lock);
	if (p->rx.pages)
		packet_ring_deliver(p, v, keep);
	else
		enqueue(p, v, skip, v->len - skip, keep);
	spin_unlock_irqrestore(&p->lock, flags);
}

void packet_queue_flush(struct packet_sock *p)
{
	struct packet_msg *m;

	for (;;) {
		irqflags_t flags = spin_lock_irqsave(&p->lock);

		m = list_first_entry_or_null(&p->queue, struct packet_msg, node);
		if (m) {
			list_del(&m->node);
			p->queued_bytes -= m->charge;
		}
		spin_unlock_irqrestore(&p->lock, flags);
		if (!m)
			return;
		kfree(m);
	}
}

/* ---- recvmsg ---- */

static struct packet_msg *take(struct packet_sock *p)
{
	irqflags_t flags = spin_lock_irqsave(&p->lock);
	struct packet_msg *m = list_first_entry_or_null(&p->queue, struct packet_msg, node);

	if (m) {
		list_del(&m->node);
		p->queued_bytes -= m->charge;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return m;
}

/* To the front again: it was only looked at, or could not be copied. */
static void put_back(struct packet_sock *p, struct packet_msg *m)
{
	irqflags_t flags = spin_lock_irqsave(&p->lock);

	list_add(&m->node, &p->queue);
	p->queued_bytes += m->charge;
	spin_unlock_irqrestore(&p->lock, flags);
}

static int wait_for_one(struct packet_sock *p, const struct socket_msg *m, struct packet_msg **out)
{
	u64 deadline = socket_deadline(READ_ONCE(p->sock.rcvtimeo), m->flags & MSG_DONTWAIT);

	for (;;) {
		int err = socket_take_error(&p->sock);

		if (err)
			return err;
		*out = take(p);
		if (*out)
			return 0;
		if (!deadline)
			return -EAGAIN;
		err = wait_event_state(&p->sock.rd_wait, READ_ONCE(p->queue.next) != &p->queue || READ_ONCE(p->sock.err), THREAD_SLEEP_INTR, deadline,
			true);
		if (err)
			return socket_wait_error(err, deadline);
	}
}

static ssize_t give(struct packet_sock *p, struct socket_msg *m, const struct packet_msg *got)
{
	u32 vnet = READ_ONCE(p->vnet_size), room, n;

	if (vnet && (m->data->left < vnet || iobuf_put(m->data, got->vnet, vnet) < vnet))
		return m->data->left < vnet ? -EINVAL : -EFAULT;
	room = (u32)min_t(size_t, m->data->left, U32_MAX);
	n = min(room, got->len);
	if (n < got->len)
		m->out_flags |= MSG_TRUNC;
	if (iobuf_put(m->data, got->bytes, n) < n)
		return -EFAULT;
	scm_deliver_stamp(&p->sock, m, got->stamp);
	if (m->addr) {
		memcpy(m->addr->bytes, &got->from, sizeof(got->from));
		m->addr->len = sizeof(got->from);
	}
	if (READ_ONCE(p->auxdata) && m->out && scm_put(m, SOL_PACKET, PACKET_AUXDATA, &got->aux, sizeof(got->aux)) < 0)
		return -EFAULT;
	return vnet + (m->flags & MSG_TRUNC ? got->len : n);
}

ssize_t packet_receive(struct socket *s, struct socket_msg *m)
{
	struct packet_sock *p = packet_of(s);
	struct packet_msg *got;
	ssize_t n;
	int err;

	if (m->flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_COMPAT | MSG_ERRQUEUE | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL))
		return -EINVAL;
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN; /* time stamps of what was sent: there are none */
	err = wait_for_one(p, m, &got);
	if (err)
		return err;
	n = give(p, m, got);
	if (m->flags & MSG_PEEK)
		put_back(p, got);
	else
		kfree(got);
	return n;
}
