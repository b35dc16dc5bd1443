/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the socket calls.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <net/socket.h>
#include <vfs/file.h>

/* A borrowed socket: give ref back with fd_put, unless err is set (-EBADF -ENOTSOCK). */
struct sock_ref {
	struct fd_ref ref;
	struct socket *sock;
	int err;
};
struct sock_ref sock_get(int fd);

/* -EINVAL: the length; -EFAULT. */
int sockaddr_from_user(struct socket_addr *a, struct uptr p, s32 len) MUST_CHECK;
/* Cut to the room that *user_len says, the true length stored there. */
int sockaddr_to_user(const struct socket_addr *a, struct uptr p, struct uptr user_len) MUST_CHECK;
