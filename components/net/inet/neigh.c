/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of neighbours and its states; see neigh.h for the drawing.
 */
#include "neigh_impl.h"

#include "icmp.h"
#include "route.h"
#include "sock.h"

ENV_LOCK_CLASS(inet_neigh, RANK_INET_TABLE, "one neighbour: state, link address, waiting packets");

#define SECOND_NS 1000000000ull
#define DELAY_NS (5 * SECOND_NS)      /* DELAY_FIRST_PROBE_TIME [rfc4861 10] */
#define GC_STALE_NS (60 * SECOND_NS)  /* gc_stale_time */
#define GC_INTERVAL_NS (30 * SECOND_NS)
#define GC_FORCED_NS (SECOND_NS / 50)
#define MULTICAST_PROBES 3
#define UNICAST_PROBES 3
#define TABLE_BITS 14

#define NUD_USABLE (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

static u32 hash_of(struct link *l, const union ipaddr *addr)
{
	return inet_hash(l->in, addr, sizeof(*addr)) + l->ifindex * 0x9e3779b9u;
}

static void free_rcu(struct env_rcu *r)
{
	struct neigh *n = container_of(r, struct neigh, rcu);

	env_free(n, sizeof(*n));
}

static void neigh_put(struct neigh *n)
{
	if (refcount_dec_and_test(&n->refs))
		env_rcu_call(&n->rcu, free_rcu);
}

static void arm(struct neigh *n, u64 at)
{
	refcount_inc(&n->refs);
	if (!inet_timer_arm(n->link->in, &n->timer, at))
		neigh_put(n);
}

struct neigh *neigh_find(struct link *l, const union ipaddr *addr)
{
	u32 hash = hash_of(l, addr);
	struct table_node *t;

	table_for_each(&l->in->neigh->table, hash, t) {
		struct neigh *n = container_of(t, struct neigh, node);

		if (n->link == l && ip_equal(&n->addr, addr))
			return n;
	}
	return NULL;
}

u8 neigh_state(const struct neigh *n)
{
	u8 state = READ_ONCE(n->state);

	if (state == NUD_REACHABLE && READ_ONCE(n->confirmed_ns) + n->link->reachable_ms * 1000000ull < env_now())
		return NUD_STALE;
	return state;
}

/* Packets that waited in vain: their senders are told [rfc1122 3.2.2.1] [rfc4861 7.2.2]. Frees them. */
static void fail_waiting(struct inet *in, struct pkt_queue *q)
{
	struct pkt *p;

	while ((p = pkt_queue_take(q))) {
		icmp_send_unreachable_host(in, p);
		pkt_free(p);
	}
}

bool neigh_delete(struct neigh *n)
{
	struct inet *in = n->link->in;
	struct pkt_queue waiting;
	unsigned long flags = table_lock(&in->neigh->table, n->node.hash);
	bool was = table_remove(&in->neigh->table, &n->node);

	table_unlock(&in->neigh->table, n->node.hash, flags);
	if (!was)
		return false;
	__atomic_fetch_add(&in->neigh_gen, 1, __ATOMIC_RELEASE);
	pkt_queue_init(&waiting);
	flags = env_spin_lock(&n->lock);
	n->dead = true;
	WRITE_ONCE(n->state, NUD_FAILED);
	WRITE_ONCE(n->mac, 0);
	pkt_queue_move(&waiting, &n->waiting);
	env_spin_unlock(&n->lock, flags);
	pkt_free_queue(&waiting);
	if (inet_timer_cancel(in, &n->timer))
		neigh_put(n);
	neigh_notify(in, n, false);
	neigh_put(n);
	return true;
}

/* ---- limits ---- */

struct gc {
	u64 now;
	u64 older; /* unused for so long */
	u32 keep;  /* states that stay */
	const struct link *link;
	bool all;
};

static bool collect(struct table_node *t, void *arg)
{
	const struct gc *gc = arg;
	struct neigh *n = container_of(t, struct neigh, node);
	u64 used = max(READ_ONCE(n->used_ns), READ_ONCE(n->updated_ns));

	if (gc->link && n->link != gc->link)
		return true;
	if (gc->all || (!(neigh_state(n) & gc->keep) && !(n->flags & NTF_EXT_LEARNED) && used + gc->older < gc->now))
		(void)neigh_delete(n);
	return true;
}

static void walk(struct inet *in, struct gc *gc)
{
	u64 cursor = 0;

	table_walk(&in->neigh->table, &cursor, collect, gc);
}

void neigh_flush(struct inet *in, struct link *l)
{
	walk(in, &(struct gc){.link = l, .all = true});
}

/* Room for one more? A flood of unknown neighbours pushes out itself, not those in use. */
static bool make_room(struct inet *in)
{
	u64 count = __atomic_load_n(&in->neigh->table.count, __ATOMIC_RELAXED), now, last;

	if (likely(count < in->conf.neigh_gc_thresh2))
		return true;
	now = env_now();
	last = __atomic_load_n(&in->neigh->forced_gc_ns, __ATOMIC_RELAXED);
	if (now - last > GC_FORCED_NS &&
		__atomic_compare_exchange_n(&in->neigh->forced_gc_ns, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		walk(in, &(struct gc){.now = now,
				 .keep = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_DELAY | NUD_PROBE,
				 .older = SECOND_NS / 10});
		count = __atomic_load_n(&in->neigh->table.count, __ATOMIC_RELAXED);
	}
	return count < in->conf.neigh_gc_thresh3;
}

static void periodic_gc(struct inet *in, struct inet_timer *t)
{
	if (in->closing)
		return;
	if (__atomic_load_n(&in->neigh->table.count, __ATOMIC_RELAXED) >= in->conf.neigh_gc_thresh1)
		walk(in, &(struct gc){.now = env_now(), .keep = NUD_PERMANENT | NUD_NOARP | NUD_DELAY | NUD_PROBE, .older = GC_STALE_NS});
	if (__atomic_load_n(&in->neigh->table.count, __ATOMIC_RELAXED))
		(void)inet_timer_arm(in, t, env_deadline(GC_INTERVAL_NS));
}

/* ---- states ---- */

/* Ask once more, or give up. With n->lock; what to do is done by the caller without it. */
enum step { STEP_NONE, STEP_ASK_ALL, STEP_ASK_ONE, STEP_FAIL };

static enum step next_step(struct neigh *n, u64 now)
{
	u64 retrans = n->link->retrans_ms * 1000000ull;

	switch (n->state) {
	case NUD_DELAY:
		if (n->confirmed_ns + DELAY_NS > now) { /* an upper layer was content meanwhile */
			WRITE_ONCE(n->state, NUD_REACHABLE);
			return STEP_NONE;
		}
		WRITE_ONCE(n->state, NUD_PROBE);
		n->probes = 0;
		FALLTHROUGH;
	case NUD_PROBE:
		if (n->probes++ >= UNICAST_PROBES)
			return STEP_FAIL;
		arm(n, now + retrans);
		return STEP_ASK_ONE;
	case NUD_INCOMPLETE:
		if (n->probes++ >= MULTICAST_PROBES)
			return STEP_FAIL;
		arm(n, now + retrans);
		return STEP_ASK_ALL;
	}
	return STEP_NONE;
}

static void solicit(struct neigh *n, bool unicast)
{
	union ipaddr src = {.q = {0, 0}};
	const struct pkt *p;
	unsigned long flags;

	if (ip_is4(&n->addr)) {
		arp_solicit(n, unicast);
		return;
	}
	flags = env_spin_lock(&n->lock);
	p = n->waiting.head; /* its source is the one to ask from [rfc4861 7.2.2] */
	if (p && p->buf->mem + p->net_off >= p->buf->mem && p->net_off + 40u <= p->buf->size)
		src = ip_load6(pkt_net(p) + 8);
	env_spin_unlock(&n->lock, flags);
	ndp_solicit(n, unicast, &src);
}

static void neigh_timer(struct inet *in, struct inet_timer *t)
{
	struct neigh *n = container_of(t, struct neigh, timer);
	struct pkt_queue failed;
	enum step step = STEP_NONE;
	unsigned long flags;

	pkt_queue_init(&failed);
	flags = env_spin_lock(&n->lock);
	if (!n->dead)
		step = next_step(n, env_now());
	if (step == STEP_FAIL) {
		WRITE_ONCE(n->state, NUD_FAILED);
		WRITE_ONCE(n->mac, 0);
		n->updated_ns = env_now();
		n->waiting_bytes = 0;
		pkt_queue_move(&failed, &n->waiting);
	}
	env_spin_unlock(&n->lock, flags);
	if (step == STEP_ASK_ALL || step == STEP_ASK_ONE)
		solicit(n, step == STEP_ASK_ONE);
	if (step == STEP_FAIL) {
		neigh_notify(in, n, true);
		fail_waiting(in, &failed);
	}
	neigh_put(n);
}

struct neigh *neigh_get(struct link *l, const union ipaddr *addr)
{
	struct inet *in = l->in;
	struct neigh *n = neigh_find(l, addr), *raced;
	u32 hash = hash_of(l, addr);
	unsigned long flags;

	if (n)
		return n;
	if (!make_room(in))
		return NULL;
	n = env_alloc(sizeof(*n), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!n)
		return NULL;
	n->node.hash = hash;
	n->link = l;
	n->addr = *addr;
	n->state = NUD_NONE;
	env_spin_init(&n->lock, &env_lock_class_inet_neigh);
	pkt_queue_init(&n->waiting);
	inet_timer_init(&n->timer, neigh_timer);
	refcount_set(&n->refs, 1);
	n->used_ns = n->updated_ns = env_now();
	if (link_flags(l) & (IFF_NOARP | IFF_LOOPBACK)) {
		n->state = NUD_NOARP;
		n->mac = neigh_pack_mac(l->broadcast);
	}
	flags = table_lock(&in->neigh->table, hash);
	raced = neigh_find(l, addr);
	if (!raced)
		table_insert(&in->neigh->table, &n->node);
	table_unlock(&in->neigh->table, hash, flags);
	if (raced) {
		env_free(n, sizeof(*n));
		return raced;
	}
	if (!inet_timer_armed(&in->neigh->gc))
		(void)inet_timer_arm(in, &in->neigh->gc, env_deadline(GC_INTERVAL_NS));
	return n;
}

static int send_to(struct neigh *n, struct pkt *p, u64 mac)
{
	if (!link_header(n->link, p, (const u8 *)&mac, NULL, p->protocol)) {
		pkt_free(p);
		return -ENOBUFS;
	}
	return link_transmit(n->link, p);
}

/* The address is not known: the packet waits, the oldest give way. With the lock. */
static void wait_for_it(struct neigh *n, struct pkt *p, struct pkt_queue *dropped)
{
	u32 limit = n->link->in->conf.neigh_unres_qlen_bytes;

	while (n->waiting.n && n->waiting_bytes + p->total > limit) {
		struct pkt *old = pkt_queue_take(&n->waiting);

		n->waiting_bytes -= old->total;
		pkt_queue_add(dropped, old);
	}
	pkt_queue_add(&n->waiting, p);
	n->waiting_bytes += p->total;
}

static int resolve(struct neigh *n, struct pkt *p)
{
	struct pkt_queue dropped;
	unsigned long flags;
	bool ask = false, dead;
	u64 mac;

	pkt_queue_init(&dropped);
	flags = env_spin_lock(&n->lock);
	mac = n->state & NUD_USABLE ? n->mac : 0;
	dead = n->dead;
	if (dead) {
		mac = 0;
		pkt_queue_add(&dropped, p);
	} else if (!(n->state & NUD_USABLE)) {
		if (n->state != NUD_INCOMPLETE) {
			WRITE_ONCE(n->state, NUD_INCOMPLETE);
			n->probes = 1;
			n->updated_ns = env_now();
			arm(n, env_now() + n->link->retrans_ms * 1000000ull);
			ask = true;
		}
		wait_for_it(n, p, &dropped);
	} else if (n->state == NUD_STALE || n->state == NUD_REACHABLE) {
		WRITE_ONCE(n->state, NUD_DELAY); /* used, and long not confirmed */
		arm(n, env_now() + DELAY_NS);
	}
	env_spin_unlock(&n->lock, flags);
	pkt_free_queue(&dropped);
	if (mac)
		return send_to(n, p, mac);
	if (ask)
		solicit(n, false);
	return dead ? -EHOSTUNREACH : 0;
}

int neigh_output(struct neigh *n, struct pkt *p)
{
	u8 state = neigh_state(n);
	u64 mac = READ_ONCE(n->mac);

	WRITE_ONCE(n->used_ns, env_now());
	if (likely(mac && (state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_DELAY | NUD_PROBE))))
		return send_to(n, p, mac);
	return resolve(n, p);
}

void neigh_confirm(struct neigh *n)
{
	u64 now = env_now();

	if (now - READ_ONCE(n->confirmed_ns) < SECOND_NS)
		return;
	WRITE_ONCE(n->confirmed_ns, now);
	if (READ_ONCE(n->state) == NUD_DELAY || READ_ONCE(n->state) == NUD_PROBE || READ_ONCE(n->state) == NUD_STALE) {
		unsigned long flags = env_spin_lock(&n->lock);

		if (!n->dead && (n->state & (NUD_DELAY | NUD_PROBE | NUD_STALE)))
			WRITE_ONCE(n->state, NUD_REACHABLE);
		env_spin_unlock(&n->lock, flags);
	}
}

/* What an announcement changes [rfc4861 7.2.5], ARP's by the same rules. With the lock. True: something is new. */
static bool apply(struct neigh *n, const u8 *mac, u8 state, u32 flags)
{
	u64 fresh = mac ? neigh_pack_mac(mac) : n->mac;
	bool different = n->mac && fresh != n->mac, news;
	u8 before = n->state;

	if (!(flags & NEIGH_ADMIN) && (n->state & (NUD_PERMANENT | NUD_NOARP)))
		return false;
	if (flags & NEIGH_SET_ROUTER)
		n->router = true;
	if (flags & NEIGH_CLEAR_ROUTER)
		n->router = false;
	if (different && !(flags & NEIGH_OVERRIDE)) {
		if ((flags & NEIGH_WEAK_OVERRIDE) && n->state == NUD_REACHABLE)
			WRITE_ONCE(n->state, NUD_STALE);
		return n->state != before;
	}
	if (!fresh && (state & NUD_USABLE))
		return false;
	WRITE_ONCE(n->mac, fresh);
	if (state == NUD_STALE && !different && (n->state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE)))
		state = n->state; /* it said nothing new */
	WRITE_ONCE(n->state, state);
	n->updated_ns = env_now();
	if (state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP))
		WRITE_ONCE(n->confirmed_ns, n->updated_ns);
	news = different || before != state;
	if (news && !(state & (NUD_DELAY | NUD_PROBE | NUD_INCOMPLETE)))
		n->probes = 0;
	return news;
}

static void changed(struct neigh *n, bool news, struct pkt_queue *waiting)
{
	struct pkt *p;

	if (news)
		neigh_notify(n->link->in, n, true);
	while ((p = pkt_queue_take(waiting)))
		(void)neigh_output(n, p);
}

int neigh_set(struct neigh *n, const u8 *mac, u8 state, u8 ntf_flags, u32 update)
{
	struct pkt_queue waiting;
	unsigned long flags;
	bool news;

	pkt_queue_init(&waiting);
	flags = env_spin_lock(&n->lock);
	if ((state & NUD_USABLE) && !mac && !n->mac) {
		env_spin_unlock(&n->lock, flags);
		return -EINVAL;
	}
	n->flags = ntf_flags;
	news = apply(n, mac, state, update);
	if (n->mac && (n->state & NUD_USABLE)) {
		pkt_queue_move(&waiting, &n->waiting);
		n->waiting_bytes = 0;
	}
	env_spin_unlock(&n->lock, flags);
	changed(n, news, &waiting);
	return 0;
}

void neigh_learn(struct link *l, const union ipaddr *addr, const u8 *mac, u8 state, u32 update)
{
	struct neigh *n = update & NEIGH_CREATE ? neigh_get(l, addr) : neigh_find(l, addr);

	if (!n)
		return;
	/* An answer to nobody's question makes no entry and no certainty. */
	if (!(update & NEIGH_CREATE) && READ_ONCE(n->state) == NUD_NONE)
		return;
	(void)neigh_set(n, mac, state, n->flags, update);
}

int neigh_init(struct inet *in)
{
	in->neigh = env_alloc(sizeof(*in->neigh), ENV_ALLOC_ZERO);
	if (!in->neigh)
		return -ENOMEM;
	inet_timer_init(&in->neigh->gc, periodic_gc);
	return table_init(&in->neigh->table, TABLE_BITS);
}

void neigh_fini(struct inet *in)
{
	if (!in->neigh)
		return;
	if (in->neigh->table.array) {
		env_rcu_enter();
		neigh_flush(in, NULL);
		env_rcu_exit();
	}
	(void)inet_timer_cancel(in, &in->neigh->gc);
	table_fini(&in->neigh->table);
	env_free(in->neigh, sizeof(*in->neigh));
	in->neigh = NULL;
}
