/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/net/packet, and AF_PACKET of sock_diag(7).
 */
#include "packet_impl.h"
#include <lib/string.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <proc/cred.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/pseudo.h>
#include "../netlink/netlink_impl.h"

struct facts {
	u64 ino;
	u32 uid, queued;
};

/* A file that is there keeps its inode and credentials for a grace period. */
static struct facts facts_of(struct packet_sock *p)
{
	const struct file *f = rcu_dereference(p->sock.file);

	return (struct facts){.ino = f ? f->inode->ino : 0, .uid = f ? f->cred->fsuid : 0, .queued = READ_ONCE(p->queued_bytes)};
}

/* ---- /proc ---- */

static bool show_one(struct packet_sock *p, void *arg)
{
	struct pseudo_text *t = arg;
	struct facts f = facts_of(p);

	strbuf_printf(&t->sb, "%016llx %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6llu\n", 0ull, 3, p->sock.type, READ_ONCE(p->protocol), (int)READ_ONCE(p->ifindex),
		READ_ONCE(p->running), f.queued, f.uid, f.ino);
	return true;
}

static int show(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	rcu_read_lock();
	(void)packet_for_each(show_one, t);
	rcu_read_unlock();
	return 0;
}

static const struct pseudo_file proc_packet = {.name = "packet", .mode = 0444, .show = show};

int packet_show_init(void)
{
	return net_proc_add(&proc_packet);
}

/* ---- sock_diag ---- */

static void put_ring(struct nl_out *o, u16 type, const struct packet_sock *p, const struct packet_ring *r)
{
	struct packet_diag_ring d = {.pdr_block_size = r->block_size, .pdr_block_nr = r->nblocks, .pdr_frame_size = r->frame_size, .pdr_frame_nr = r->nframes,
		.pdr_retire_tmo = r->retire_ms, .pdr_sizeof_priv = r->private_size, .pdr_features = r->features};

	if (r->pages)
		nl_attr(o, type, &d, sizeof(d));
}

static void put_info(struct nl_out *o, const struct packet_sock *p)
{
	struct packet_diag_info d = {.pdi_index = READ_ONCE(p->ifindex), .pdi_version = p->version, .pdi_reserve = p->reserve, .pdi_copy_thresh = p->copy_threshold,
		.pdi_tstamp = p->stamp_flags};

	d.pdi_flags = (READ_ONCE(p->running) ? PDI_RUNNING : 0u) | (p->auxdata ? PDI_AUXDATA : 0u) | (p->origdev ? PDI_ORIGDEV : 0u)
		      | (p->vnet_size ? PDI_VNETHDR : 0u) | (p->loss ? PDI_LOSS : 0u);
	nl_attr(o, PACKET_DIAG_INFO, &d, sizeof(d));
}

static bool put_one(struct nl_out *o, struct packet_sock *p, const struct packet_diag_req *q, u32 seq, u32 port)
{
	struct packet_diag_msg *m = nl_begin(o, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, seq, port, sizeof(*m));
	struct facts f = facts_of(p);
	u32 mem[9] = {[0] = f.queued, [1] = p->sock.rcvbuf, [3] = p->sock.sndbuf, [8] = READ_ONCE(p->drops)};
	irqflags_t flags;

	if (!m)
		return false;
	m->pdiag_family = AF_PACKET;
	m->pdiag_type = p->sock.type;
	m->pdiag_num = READ_ONCE(p->protocol);
	m->pdiag_ino = (u32)f.ino;
	m->pdiag_cookie[0] = (u32)p->id;
	m->pdiag_cookie[1] = (u32)(p->id >> 32);
	if (q->pdiag_show & PACKET_SHOW_INFO) {
		put_info(o, p);
		nl_attr_u32(o, PACKET_DIAG_UID, f.uid);
	}
	if (q->pdiag_show & PACKET_SHOW_RING_CFG) {
		flags = spin_lock_irqsave(&p->lock);
		put_ring(o, PACKET_DIAG_RX_RING, p, &p->rx);
		put_ring(o, PACKET_DIAG_TX_RING, p, &p->tx);
		spin_unlock_irqrestore(&p->lock, flags);
	}
	if (q->pdiag_show & PACKET_SHOW_MEMINFO)
		nl_attr(o, PACKET_DIAG_MEMINFO, mem, sizeof(mem));
	return nl_end(o);
}

struct dump_visit {
	struct nl_dump *d;
	struct nl_out *o;
	bool full;
};

static bool dump_one(struct packet_sock *p, void *arg)
{
	struct dump_visit *v = arg;
	const struct packet_diag_req *q = (const void *)v->d->request;

	if (p->id <= v->d->cursor)
		return true;
	v->full = !put_one(v->o, p, q, v->d->seq, v->d->port);
	if (!v->full)
		v->d->cursor = p->id; /* the list is in the order of ids, but for two made at once */
	return !v->full;
}

static int fill(struct nl_dump *d, struct nl_out *o)
{
	struct dump_visit v = {.d = d, .o = o};

	rcu_read_lock();
	(void)packet_for_each(dump_one, &v);
	rcu_read_unlock();
	return v.full;
}

int nl_packet_diag(struct nl_request *r)
{
	struct nl_dump d = {.fill = fill, .request_len = sizeof(struct packet_diag_req)};

	if (r->len < sizeof(struct packet_diag_req) || ((const struct packet_diag_req *)r->body)->sdiag_protocol)
		return -EINVAL;
	if (!(r->h->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	memcpy(d.request, r->body, sizeof(struct packet_diag_req));
	return nl_dump_start(r, &d);
}
