/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Classic BPF programs that users have brought (<lib/bpf_classic.h>), checked; constant.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>
#include <sync/rcu.h>
#include <linux/filter.h>

struct bpf_prog {
	struct refcount refs;
	struct rcu_head rcu;
	u32 len;
	struct sock_filter insns[];
};

/* From a struct sock_fprog at @user. -EFAULT -EINVAL -ENOMEM. */
int bpf_prog_from_user(struct uptr user, struct bpf_prog **out) MUST_CHECK;
void bpf_prog_put(struct bpf_prog *p); /* NULL: nothing; freed after RCU */
