/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * SO_ATTACH_FILTER. A program is checked when it comes, constant, shared by a listener and the connections that it accepts.
 */
#include <linux/filter.h>
#include "sock.h"

struct inet_filter {
	struct refcount refs;
	u32 n;
	struct env_rcu rcu;
	struct sock_filter insns[];
};

/* @value: the instructions. -EINVAL -ENOMEM -EFAULT. */
int sock_filter_create(struct iobuf *value, struct inet_filter **out) MUST_CHECK;
void sock_filter_put(struct inet_filter *f);			    /* NULL: nothing */
void sock_filter_replace(struct sock *s, struct inet_filter *f);    /* takes the reference; NULL: none any more */
void sock_filter_inherit(struct sock *s, const struct sock *from); /* @s is new */

/* How many bytes of @p the filter keeps. Read section. */
u32 sock_filter_run(struct sock *s, struct pkt *p);
/* False: drop it; else what the filter does not want is cut off, but for the first @least bytes. */
static inline MUST_CHECK bool sock_filter_pass(struct sock *s, struct pkt *p, u32 least)
{
	u32 keep;

	if (likely(!READ_ONCE(s->filter)))
		return true;
	keep = sock_filter_run(s, p);
	if (keep && max(keep, least) < p->total)
		pkt_trim(p, max(keep, least));
	return keep != 0;
}
