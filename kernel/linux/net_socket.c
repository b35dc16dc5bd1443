/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making, naming and joining sockets; their options.
 * [man socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), getsockname(2), getpeername(2), shutdown(2), getsockopt(2)]
 */
#include "net.h"
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <linux/fcntl.h>

struct sock_ref sock_get(int fd)
{
	struct sock_ref r = {.ref = fd_get(fd)};

	if (unlikely(!r.ref.file)) {
		r.err = -EBADF;
		return r;
	}
	r.sock = file_socket(r.ref.file);
	if (unlikely(!r.sock)) {
		r.err = -ENOTSOCK;
		fd_put(r.ref);
	}
	return r;
}

int sockaddr_from_user(struct socket_addr *a, struct uptr p, s32 len)
{
	if (len < 0 || (u32)len > SOCKADDR_MAX)
		return -EINVAL;
	a->len = (u32)len;
	return len ? copy_from_user(a->bytes, p, (size_t)len) : 0;
}

int sockaddr_to_user(const struct socket_addr *a, struct uptr p, struct uptr user_len)
{
	s32 room;

	if (user_load32((u32 *)&room, user_len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (room && copy_to_user(p, a->bytes, min((u32)room, min(a->len, SOCKADDR_MAX))))
		return -EFAULT;
	return user_store32(user_len, a->len);
}

/* The descriptor for a new socket, which is given away. */
static s64 add_file(struct file *f, unsigned flags)
{
	int fd = fd_add(f, flags & SOCK_CLOEXEC);

	if (fd < 0)
		file_put(f);
	return fd;
}

SYSCALL3(socket, int, family, int, type, int, protocol)
{
	unsigned flags = (unsigned)type & ~SOCK_TYPE_MASK;
	struct file *f;
	int err;

	if (flags & ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = socket_create(family, (u32)type & SOCK_TYPE_MASK, protocol, flags, &f);
	return err ? err : add_file(f, flags);
}

/* Descriptors are reserved, and told, before there is anything that could be lost. */
SYSCALL4(socketpair, int, family, int, type, int, protocol, struct uptr, fds)
{
	unsigned flags = (unsigned)type & ~SOCK_TYPE_MASK;
	bool cloexec = flags & SOCK_CLOEXEC;
	struct file *a, *b;
	int fd[2], err;

	if (flags & ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	fd[0] = fd_reserve(0, cloexec);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_reserve(0, cloexec);
	err = fd[1] < 0 ? fd[1] : copy_to_user(fds, fd, sizeof(fd));
	if (!err)
		err = socket_create_pair(family, (u32)type & SOCK_TYPE_MASK, protocol, flags, &a, &b);
	if (err) {
		if (fd[1] >= 0)
			fd_cancel(fd[1]);
		fd_cancel(fd[0]);
		return err;
	}
	fd_install(fd[0], a);
	fd_install(fd[1], b);
	return 0;
}

SYSCALL3(bind, int, fd, struct uptr, addr, s32, len)
{
	struct sock_ref r = sock_get(fd);
	struct socket_addr a;
	int err;

	if (r.err)
		return r.err;
	err = sockaddr_from_user(&a, addr, len);
	if (!err)
		err = r.sock->ops->bind ? r.sock->ops->bind(r.sock, &a) : -EOPNOTSUPP;
	fd_put(r.ref);
	return err;
}

SYSCALL2(listen, int, fd, int, backlog)
{
	struct sock_ref r = sock_get(fd);
	int err;

	if (r.err)
		return r.err;
	err = r.sock->ops->listen ? r.sock->ops->listen(r.sock, min((u32)backlog, (u32)READ_ONCE(socket_somaxconn)))
				  : -EOPNOTSUPP;
	fd_put(r.ref);
	return err;
}

static s64 accept_from(int fd, struct uptr addr, struct uptr user_len, unsigned flags)
{
	struct socket_addr peer;
	struct sock_ref r = sock_get(fd);
	struct file *f;
	int nfd, err;

	if (flags & ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK)) {
		if (!r.err)
			fd_put(r.ref);
		return r.err == -EBADF ? r.err : -EINVAL;
	}
	if (r.err)
		return r.err;
	nfd = fd_reserve(0, flags & SOCK_CLOEXEC);
	err = nfd < 0 ? nfd : socket_accept(r.ref.file, flags, &f, uptr_is_null(addr) ? NULL : &peer);
	fd_put(r.ref);
	if (nfd < 0)
		return err;
	if (!err && !uptr_is_null(addr)) {
		err = sockaddr_to_user(&peer, addr, user_len);
		if (err)
			file_put(f);
	}
	if (err) {
		fd_cancel(nfd);
		return err;
	}
	fd_install(nfd, f);
	return nfd;
}

SYSCALL3(accept, int, fd, struct uptr, addr, struct uptr, len)
{
	return accept_from(fd, addr, len, 0);
}

SYSCALL4(accept4, int, fd, struct uptr, addr, struct uptr, len, unsigned, flags)
{
	return accept_from(fd, addr, len, flags);
}

SYSCALL3(connect, int, fd, struct uptr, addr, s32, len)
{
	struct sock_ref r = sock_get(fd);
	struct socket_addr a;
	int err;

	if (r.err == -EBADF)
		return r.err;
	err = sockaddr_from_user(&a, addr, len); /* before it matters what the descriptor is */
	if (r.err)
		return err ? err : r.err;
	if (!err)
		err = r.sock->ops->connect ? r.sock->ops->connect(r.sock, &a, READ_ONCE(r.ref.file->flags) & O_NONBLOCK)
					   : -EOPNOTSUPP;
	fd_put(r.ref);
	return err;
}

static s64 name_of(int fd, struct uptr addr, struct uptr user_len, bool peer)
{
	struct sock_ref r = sock_get(fd);
	struct socket_addr a;
	int err;

	if (r.err)
		return r.err;
	err = r.sock->ops->name(r.sock, peer, &a);
	fd_put(r.ref);
	return err ? err : sockaddr_to_user(&a, addr, user_len);
}

SYSCALL3(getsockname, int, fd, struct uptr, addr, struct uptr, len)
{
	return name_of(fd, addr, len, false);
}

SYSCALL3(getpeername, int, fd, struct uptr, addr, struct uptr, len)
{
	return name_of(fd, addr, len, true);
}

SYSCALL2(shutdown, int, fd, int, how)
{
	struct sock_ref r = sock_get(fd);
	int err;

	if (r.err)
		return r.err;
	if (how < SHUT_RD || how > SHUT_RDWR)
		err = -EINVAL;
	else
		err = r.sock->ops->shutdown ? r.sock->ops->shutdown(r.sock, (unsigned)how + 1) : -EOPNOTSUPP;
	fd_put(r.ref);
	return err;
}

SYSCALL5(setsockopt, int, fd, int, level, int, name, struct uptr, val, s32, len)
{
	struct sock_ref r;
	int err;

	r = sock_get(fd);
	if (r.err)
		return r.err;
	err = len < 0 ? -EINVAL : socket_set_option(r.sock, level, name, val, (u32)len);
	fd_put(r.ref);
	return err;
}

SYSCALL5(getsockopt, int, fd, int, level, int, name, struct uptr, val, struct uptr, len)
{
	struct sock_ref r = sock_get(fd);
	int err;

	if (r.err)
		return r.err;
	err = socket_get_option(r.sock, level, name, val, len);
	fd_put(r.ref);
	return err;
}
