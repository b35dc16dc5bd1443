/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters of sockets. [man socket(7)]
 */
#include <net/filter.h>
#include <lib/bpf_classic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <arch/cpu.h>
#include <security/random.h>

int bpf_prog_from_user(struct uptr user, struct bpf_prog **out)
{
	struct sock_fprog u;
	struct bpf_prog *p;
	u16 *scratch;
	int err;

	if (copy_from_user(&u, user, sizeof(u)))
		return -EFAULT;
	if (!u.len || u.len > BPF_MAXINSNS || !u.filter)
		return -EINVAL;
	p = kmalloc(sizeof(*p) + u.len * sizeof(p->insns[0]), 0);
	scratch = kmalloc(u.len * sizeof(*scratch), 0);
	err = p && scratch ? 0 : -ENOMEM;
	if (!err && copy_from_user(p->insns, uptr_make((u64)u.filter), u.len * sizeof(p->insns[0])))
		err = -EFAULT;
	if (!err)
		err = bpf_check(p->insns, u.len, scratch);
	kfree(scratch);
	if (err) {
		kfree(p);
		return err;
	}
	refcount_set(&p->refs, 1);
	p->len = u.len;
	*out = p;
	return 0;
}

void bpf_prog_put(struct bpf_prog *p)
{
	if (p && refcount_dec_and_test(&p->refs))
		rcu_kfree(&p->rcu, p);
}

/* What is known of a message that came over no wire. */
static bool ancillary(const struct bpf_input *in, u32 off, u32 a, u32 x, u32 *out)
{
	const struct socket *s = in->arg;

	switch (off) {
	case SKF_AD_MARK: *out = READ_ONCE(s->mark); return true;
	case SKF_AD_CPU: *out = cpu_id(); return true;
	case SKF_AD_RANDOM: *out = (u32)random_u64(); return true;
	case SKF_AD_ALU_XOR_X: *out = a ^ x; return true;
	case SKF_AD_PROTOCOL:
	case SKF_AD_PKTTYPE:
	case SKF_AD_QUEUE:
	case SKF_AD_RXHASH:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_VLAN_TPID: *out = 0; return true;
	default: return false; /* of a link, of attributes */
	}
}

u32 socket_filter_run(struct socket *s, const void *bytes, u32 len)
{
	struct bpf_input in = {.bytes = bytes, .len = len, .ancillary = ancillary, .arg = s};
	const struct bpf_prog *p;
	u32 keep = ~0u;

	rcu_read_lock();
	p = rcu_dereference(s->filter);
	if (p)
		keep = bpf_run(p->insns, &in);
	rcu_read_unlock();
	return keep;
}

static bool is_locked(const struct socket *s)
{
	return socket_has(s, SOCKF_LOCK_FILTER);
}

static void replace(struct socket *s, struct bpf_prog *p)
{
	bpf_prog_put(__atomic_exchange_n(&s->filter, p, __ATOMIC_ACQ_REL));
}

int socket_filter_attach(struct socket *s, struct uptr val, u32 len)
{
	struct bpf_prog *p;
	int err;

	if (len != sizeof(struct sock_fprog))
		return -EINVAL;
	if (is_locked(s))
		return -EPERM;
	err = bpf_prog_from_user(val, &p);
	if (!err)
		replace(s, p);
	return err;
}

int socket_filter_detach(struct socket *s)
{
	if (is_locked(s))
		return -EPERM;
	if (!READ_ONCE(s->filter))
		return -ENOENT;
	replace(s, NULL);
	return 0;
}

void socket_filter_release(struct socket *s)
{
	replace(s, NULL);
}

int socket_filter_get(struct socket *s, struct uptr val, u32 room)
{
	struct bpf_prog *p;
	int n = 0;

	rcu_read_lock();
	p = rcu_dereference(s->filter);
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	if (!p)
		return 0;
	n = (int)p->len;
	if (room && room < p->len)
		n = -EINVAL;
	else if (room && copy_to_user(val, p->insns, p->len * sizeof(p->insns[0])))
		n = -EFAULT;
	bpf_prog_put(p);
	return n;
}
