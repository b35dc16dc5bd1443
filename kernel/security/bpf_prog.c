/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs of filters, as they come from user space.
 */
#include <security/bpf_prog.h>
#include <lib/bpf_classic.h>
#include <lib/errno.h>
#include <mm/slab.h>
#include <mm/uaccess.h>

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
