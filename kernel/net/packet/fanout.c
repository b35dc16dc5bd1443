/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of sockets that share one stream of frames: each frame goes to one of them [man packet(7), PACKET_FANOUT].
 *
 * A group lives as long as it has members; they all have one device, protocol and type. Its array of members is replaced as a whole, read under RCU.
 */
#include "packet_impl.h"
#include <lib/bpf_classic.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <security/random.h>

#define MEMBERS_MOST 65536u
#define MEMBERS_DEFAULT 256u

LOCK_CLASS(packet_fanout, RANK_MAP - 2, "groups of packet sockets");

static struct mutex groups_lock = MUTEX_INIT(groups_lock, packet_fanout);
static LIST_HEAD(groups); /* groups_lock */

struct members {
	struct rcu_head rcu;
	u32 n;
	struct packet_sock *socks[];
};

struct packet_fanout {
	struct list_head node;
	struct packet_hook hook;
	u16 id, kind, flags; /* PACKET_FANOUT_*; constant */
	u8 type;	     /* of the members' sockets */
	u32 max_members;
	struct members *members; /* groups_lock; RCU; NULL: none */
	u32 next;		 /* atomic: whose turn it is */
	struct bpf_prog *prog;	 /* groups_lock; RCU: PACKET_FANOUT_CBPF */
};

/* ---- choosing ---- */

static u32 flow_of(const struct packet_view *v)
{
	const u8 *h = v->bytes + v->f->header_len;
	u32 len = v->len - v->f->header_len, word[3] = {0, 0, 0};
	u8 proto = 0;
	u32 ports = 0;

	if (v->f->hash)
		return v->f->hash;
	if (len >= 20 && h[0] >> 4 == 4) {
		bool first = !((h[6] & 0x1f) | h[7]);

		for (unsigned i = 0; i < 4; i++)
			word[0] = word[0] << 8 | (h[12 + i] ^ h[16 + i]);
		proto = h[9];
		ports = first ? (h[0] & 15u) * 4 : 0;
	} else if (len >= 40 && h[0] >> 4 == 6) {
		for (unsigned i = 8; i < 24; i++)
			word[0] = (word[0] << 5 | word[0] >> 27) ^ (u32)(h[i] ^ h[i + 16]);
		proto = h[6];
		ports = 40;
	}
	if ((proto == 6 || proto == 17) && ports && len >= ports + 4)
		word[1] = (u32)(h[ports] ^ h[ports + 2]) << 8 | (h[ports + 1] ^ h[ports + 3]); /* the same both ways */
	word[2] = proto;
	return (u32)hash_mix64((u64)word[0] << 32 | word[1] << 8 | word[2]);
}

static bool has_room(struct packet_sock *p)
{
	irqflags_t flags = spin_lock_irqsave(&p->lock);
	bool room = p->rx.pages ? true : p->queued_bytes < READ_ONCE(p->sock.rcvbuf) / 2;

	spin_unlock_irqrestore(&p->lock, flags);
	return room;
}

static u32 roll_over(const struct members *m, u32 from)
{
	for (u32 i = 0; i < m->n; i++) {
		if (has_room(m->socks[(from + i) % m->n]))
			return (from + i) % m->n;
	}
	return from;
}

static u32 choose(struct packet_fanout *g, const struct members *m, const struct packet_view *v)
{
	const struct bpf_prog *prog;

	switch (g->kind) {
	case PACKET_FANOUT_LB: return __atomic_fetch_add(&g->next, 1, __ATOMIC_RELAXED) % m->n;
	case PACKET_FANOUT_CPU: return cpu_id() % m->n;
	case PACKET_FANOUT_RND: return (u32)random_u64() % m->n;
	case PACKET_FANOUT_QM: return v->f->queue % m->n;
	case PACKET_FANOUT_ROLLOVER: return roll_over(m, 0);
	case PACKET_FANOUT_CBPF:
		prog = rcu_dereference(g->prog);
		return prog ? packet_run_filter(prog, v, g->type == SOCK_DGRAM) % m->n : 0;
	default: return (u32)((u64)flow_of(v) * m->n >> 32);
	}
}

void packet_fanout_deliver(struct packet_fanout *g, struct packet_view *v)
{
	const struct members *m = rcu_dereference(g->members);
	u32 i;

	if (!m || !packet_look(v))
		return;
	i = choose(g, m, v);
	if ((g->flags & PACKET_FANOUT_FLAG_ROLLOVER) && !has_room(m->socks[i]))
		i = roll_over(m, i);
	packet_deliver(m->socks[i], v);
}

/* ---- joining; groups_lock ---- */

static struct packet_fanout *find(u16 id)
{
	struct packet_fanout *g;

	list_for_each_entry(g, &groups, node)
	{
		if (g->id == id)
			return g;
	}
	return NULL;
}

static int replace_members(struct packet_fanout *g, struct packet_sock *add, struct packet_sock *drop)
{
	struct members *old = g->members, *fresh = NULL;
	u32 n = (old ? old->n : 0) + (add ? 1 : 0) - (drop ? 1 : 0);

	if (n) {
		fresh = kmalloc(sizeof(*fresh) + n * sizeof(fresh->socks[0]), 0);
		if (!fresh && drop) { /* the rest moves down, and readers may see one of them twice */
			for (u32 i = 0, k = 0; i < old->n; i++) {
				if (old->socks[i] != drop)
					WRITE_ONCE(old->socks[k++], old->socks[i]);
			}
			WRITE_ONCE(old->socks[n], old->socks[0]);
			WRITE_ONCE(old->n, n);
			return 0;
		}
		if (!fresh)
			return -ENOMEM;
		fresh->n = 0;
		for (u32 i = 0; old && i < old->n; i++) {
			if (old->socks[i] != drop)
				fresh->socks[fresh->n++] = old->socks[i];
		}
		if (add)
			fresh->socks[fresh->n++] = add;
	}
	rcu_assign_pointer(g->members, fresh);
	if (old)
		rcu_kfree(&old->rcu, old);
	return 0;
}

static int create(struct packet_sock *p, u16 id, u16 kind, u16 flags, u32 max_members, struct packet_fanout **out)
{
	struct packet_fanout *g = kzalloc(sizeof(*g), 0);
	int err;

	if (!g)
		return -ENOMEM;
	g->id = id;
	g->kind = kind;
	g->flags = flags;
	g->type = p->sock.type;
	g->max_members = max_members ? max_members : MEMBERS_DEFAULT;
	g->hook = (struct packet_hook){.fanout = g, .protocol = p->protocol, .ifindex = p->ifindex,
		.ignore_outgoing = flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING};
	err = packet_hook_add(&g->hook);
	if (err) {
		kfree(g);
		return err;
	}
	list_add_tail(&g->node, &groups);
	*out = g;
	return 0;
}

static void destroy(struct packet_fanout *g)
{
	list_del(&g->node);
	packet_hook_remove(&g->hook);
	bpf_prog_put(g->prog);
	kfree(g);
}

static int check(u32 kind, u32 flags)
{
	switch (kind) {
	case PACKET_FANOUT_ROLLOVER:
		if (flags & PACKET_FANOUT_FLAG_ROLLOVER)
			return -EINVAL;
		break;
	case PACKET_FANOUT_HASH:
	case PACKET_FANOUT_LB:
	case PACKET_FANOUT_CPU:
	case PACKET_FANOUT_RND:
	case PACKET_FANOUT_QM:
	case PACKET_FANOUT_CBPF: break;
	default: return -EINVAL;
	}
	return 0;
}

static int choose_id(u16 *id)
{
	for (u32 i = 1; i < 65536; i++) {
		if (!find((u16)i)) {
			*id = (u16)i;
			return 0;
		}
	}
	return -ENOMEM;
}

static int join_locked(struct packet_sock *p, u16 id, u16 kind, u16 flags, u32 max_members)
{
	struct packet_fanout *g;
	int err = 0;

	if (flags & PACKET_FANOUT_FLAG_UNIQUEID) {
		if (id)
			return -EINVAL;
		err = choose_id(&id);
		if (err)
			return err;
		flags &= (u16)~PACKET_FANOUT_FLAG_UNIQUEID;
	}
	g = find(id);
	if (g && (g->flags != flags || g->kind != kind || g->type != p->sock.type || g->hook.protocol != p->protocol || g->hook.ifindex != p->ifindex
			 || (max_members && max_members != g->max_members)))
		return -EINVAL;
	if (g && g->members && g->members->n >= g->max_members)
		return -ENOSPC;
	if (!g)
		err = create(p, id, kind, flags, max_members, &g);
	if (err)
		return err;
	err = replace_members(g, p, NULL);
	if (err) {
		if (!g->members)
			destroy(g);
		return err;
	}
	packet_hook_remove(&p->hook);
	p->fanout = g;
	return 0;
}

int packet_fanout_join(struct packet_sock *p, u32 arg, u32 max_members)
{
	u16 id = (u16)arg, kind = arg >> 16 & 0xff, flags = (u16)(arg >> 16 & 0xff00);
	int err = check(kind, flags);

	if (err)
		return err;
	if (max_members > MEMBERS_MOST)
		return -EINVAL;
	if (p->fanout)
		return -EALREADY;
	if (!p->running)
		return -EINVAL;
	mutex_lock(&groups_lock);
	err = join_locked(p, id, kind, flags, max_members);
	mutex_unlock(&groups_lock);
	return err;
}

void packet_fanout_leave(struct packet_sock *p)
{
	struct packet_fanout *g = p->fanout;

	if (!g)
		return;
	mutex_lock(&groups_lock);
	(void)!replace_members(g, NULL, p); /* cannot fail */
	p->fanout = NULL;
	if (!g->members)
		destroy(g);
	mutex_unlock(&groups_lock);
	rcu_synchronize(); /* nobody chooses it any more */
}

int packet_fanout_data(struct packet_sock *p, struct uptr val, u32 len)
{
	struct bpf_prog *prog;
	int err;

	if (!p->fanout || p->fanout->kind != PACKET_FANOUT_CBPF)
		return -EINVAL;
	if (socket_has(&p->sock, SOCKF_LOCK_FILTER))
		return -EPERM;
	if (len != sizeof(struct sock_fprog))
		return -EINVAL;
	err = bpf_prog_from_user(val, &prog);
	if (err)
		return err;
	mutex_lock(&groups_lock);
	bpf_prog_put(__atomic_exchange_n(&p->fanout->prog, prog, __ATOMIC_ACQ_REL));
	mutex_unlock(&groups_lock);
	return 0;
}

u32 packet_fanout_word(const struct packet_sock *p)
{
	const struct packet_fanout *g = p->fanout;

	return g ? (u32)g->id | (u32)g->kind << 16 | (u32)g->flags << 16 : 0;
}
