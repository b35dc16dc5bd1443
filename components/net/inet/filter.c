/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters of sockets: classic BPF that looks at what arrives, from the transport header on (raw sockets of IPv4: from the IP header on).
 */
#include "filter.h"

#include <env/mem.h>
#include <lib/bpf_classic.h>
#include "link.h"

static void free_rcu(struct env_rcu *r)
{
	struct inet_filter *f = container_of(r, struct inet_filter, rcu);

	env_free(f, sizeof(*f) + f->n * sizeof(f->insns[0]));
}

void sock_filter_put(struct inet_filter *f)
{
	if (f && refcount_dec_and_test(&f->refs))
		env_rcu_call(&f->rcu, free_rcu);
}

void sock_filter_replace(struct sock *s, struct inet_filter *f)
{
	sock_filter_put(__atomic_exchange_n(&s->filter, f, __ATOMIC_ACQ_REL));
}

void sock_filter_inherit(struct sock *s, const struct sock *from)
{
	struct inet_filter *f = LOAD_ACQUIRE(from->filter);

	if (f && refcount_inc_not_zero(&f->refs))
		STORE_RELEASE(s->filter, f);
}

int sock_filter_create(struct iobuf *value, struct inet_filter **out)
{
	u32 n = (u32)min_t(size_t, value->left / sizeof(struct sock_filter), BPF_MAXINSNS + 1);
	struct inet_filter *f;
	u16 *marks;
	int err;

	if (!n || n > BPF_MAXINSNS)
		return -EINVAL;
	f = env_alloc(sizeof(*f) + n * sizeof(f->insns[0]), ENV_ALLOC_NOWAIT);
	marks = env_alloc(n * sizeof(*marks), ENV_ALLOC_NOWAIT);
	err = f && marks ? 0 : -ENOMEM;
	if (!err && iobuf_get(value, f->insns, n * sizeof(f->insns[0])) < n * sizeof(f->insns[0]))
		err = -EFAULT;
	if (!err)
		err = bpf_check(f->insns, n, marks);
	if (marks)
		env_free(marks, n * sizeof(*marks));
	if (err) {
		if (f)
			env_free(f, sizeof(*f) + n * sizeof(f->insns[0]));
		return err;
	}
	refcount_set(&f->refs, 1);
	f->n = n;
	*out = f;
	return 0;
}

static bool ancillary(const struct bpf_input *in, u32 off, u32 a, u32 x, u32 *out)
{
	const struct pkt *p = in->arg;

	switch (off) {
	case SKF_AD_PROTOCOL: *out = p->protocol; return true;
	case SKF_AD_PKTTYPE:
		*out = p->flags & PKT_BROADCAST ? PACKET_BROADCAST : p->flags & PKT_MULTICAST ? PACKET_MULTICAST : PACKET_HOST;
		return true;
	case SKF_AD_IFINDEX: *out = p->ifindex; return true;
	case SKF_AD_HATYPE:
		if (!p->link)
			return false;
		*out = p->link->type;
		return true;
	case SKF_AD_MARK: *out = p->mark; return true;
	case SKF_AD_RXHASH: *out = p->hash; return true;
	case SKF_AD_CPU: *out = env_cpu(); return true;
	case SKF_AD_RANDOM: *out = inet_random32(); return true;
	case SKF_AD_ALU_XOR_X: *out = a ^ x; return true;
	case SKF_AD_QUEUE:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_VLAN_TPID: *out = 0; return true;
	default: return false;
	}
}

u32 sock_filter_run(struct sock *s, struct pkt *p)
{
	const struct inet_filter *f = LOAD_ACQUIRE(s->filter);
	struct bpf_input in = {.ancillary = ancillary, .arg = p};
	u32 net;

	if (!f)
		return ~0u;
	if (!pkt_pull_up(p, p->total))
		return 0;
	in.bytes = p->data;
	in.len = p->total;
	net = p->net_off;
	if (net < pkt_headroom(p) && pkt_headroom(p) - net < 256) {
		in.net = p->buf->mem + net;
		in.net_len = p->total + (pkt_headroom(p) - net);
	}
	return bpf_run(f->insns, &in);
}
