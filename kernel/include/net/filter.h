/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Filters of sockets: classic BPF programs (<lib/bpf_classic.h>) that look at a message before it is queued. [man socket(7), SO_ATTACH_FILTER]
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>
#include <sync/rcu.h>
#include <linux/filter.h>
#include <net/socket.h>

/* A checked program; constant. */
struct bpf_prog {
	struct refcount refs;
	struct rcu_head rcu;
	u32 len;
	struct sock_filter insns[];
};

/* From a struct sock_fprog at @user. -EFAULT -EINVAL -ENOMEM. */
int bpf_prog_from_user(struct uptr user, struct bpf_prog **out) MUST_CHECK;
void bpf_prog_put(struct bpf_prog *p);

u32 socket_filter_run(struct socket *s, const void *bytes, u32 len);
/* How many bytes of a message the socket's filter keeps; 0: drop it. Any thread context. */
static inline u32 socket_filter(struct socket *s, const void *bytes, u32 len)
{
	return likely(!READ_ONCE(s->filter)) ? ~0u : socket_filter_run(s, bytes, len);
}
/* The options. -EPERM: the filter is locked. */
int socket_filter_attach(struct socket *s, struct uptr val, u32 len) MUST_CHECK;
int socket_filter_detach(struct socket *s) MUST_CHECK;
void socket_filter_release(struct socket *s); /* the socket goes */
/* SO_GET_FILTER: @room and the result count instructions. */
int socket_filter_get(struct socket *s, struct uptr val, u32 room);
