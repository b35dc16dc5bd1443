/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What others send by netlink.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct nl_sock;
struct nl_buf;

/* Bytes for one socket, ready to be sent: nothing can fail then. */
struct netlink_cookie {
	struct nl_sock *to; /* references */
	struct nl_buf *buf;
};
/* For the socket @fd. -EBADF -ENOTSOCK -EINVAL -ENOMEM. */
int netlink_cookie_create(int fd, const void *cookie, u32 len, struct netlink_cookie **out) MUST_CHECK;
char *netlink_cookie_bytes(struct netlink_cookie *c);
/* Either frees it. Thread context, no spinlock. */
void netlink_cookie_send(struct netlink_cookie *c);
void netlink_cookie_free(struct netlink_cookie *c);
