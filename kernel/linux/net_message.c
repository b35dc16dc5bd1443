/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and receiving. [man send(2), recv(2), sendmmsg(2), recvmmsg(2)]
 */
#include "net.h"
#include "syscalls.h"
#include "vec.h"
#include <linux/syscall.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <time/clock.h>
#include <linux/fcntl.h>
#include <linux/uio.h>

#define CONTROL_FAST 64u
#define ONE_CALL     0x7ffff000ul

static inline u32 file_flags(const struct sock_ref *r)
{
	return READ_ONCE(r->ref.file->flags) & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

SYSCALL6(sendto, int, fd, struct uptr, buf, size_t, len, u32, flags, struct uptr, addr, s32, addr_len)
{
	struct socket_addr a;
	struct socket_msg m;
	struct sock_ref r;
	struct iobuf b;
	ssize_t n = iobuf_init_user(&b, buf, min_t(size_t, len, ONE_CALL));

	if (n)
		return n;
	r = sock_get(fd);
	if (r.err)
		return r.err;
	m = (struct socket_msg){.data = &b, .flags = flags | file_flags(&r)};
	a.len = 0;
	if (!uptr_is_null(addr)) {
		n = sockaddr_from_user(&a, addr, addr_len);
		if (a.len)
			m.addr = &a;
	}
	if (!n)
		n = r.sock->ops->send(r.sock, &m);
	fd_put(r.ref);
	return n;
}

SYSCALL6(recvfrom, int, fd, struct uptr, buf, size_t, len, u32, flags, struct uptr, addr, struct uptr, addr_len)
{
	struct socket_addr a;
	struct socket_msg m;
	struct sock_ref r;
	struct iobuf b;
	ssize_t n = iobuf_init_user(&b, buf, min_t(size_t, len, ONE_CALL));

	if (n)
		return n;
	r = sock_get(fd);
	if (r.err)
		return r.err;
	a.len = 0;
	m = (struct socket_msg){.data = &b, .flags = flags | file_flags(&r), .addr = uptr_is_null(addr) ? NULL : &a};
	n = r.sock->ops->receive(r.sock, &m);
	fd_put(r.ref);
	if (n >= 0 && m.addr) {
		int err = sockaddr_to_user(&a, addr, addr_len);

		if (err)
			n = err;
	}
	return n;
}

/* ---- with headers ---- */

/* What a message header says, taken over. */
struct message {
	struct user_msghdr h;
	struct socket_addr addr;
	struct vec v;
	struct socket_msg m;
};

static int message_begin(struct message *w, struct uptr hdr, u32 flags, bool with_name)
{
	int err;

	if (copy_from_user(&w->h, hdr, sizeof(w->h)))
		return -EFAULT;
	if (uptr_is_null(w->h.name))
		w->h.namelen = 0;
	if (w->h.namelen < 0)
		return -EINVAL;
	w->addr.len = 0;
	if (with_name && w->h.namelen) {
		err = sockaddr_from_user(&w->addr, w->h.name, (s32)min((u32)w->h.namelen, SOCKADDR_MAX));
		if (err)
			return err;
	}
	if (w->h.iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	err = vec_import(&w->v, w->h.iov, w->h.iovlen);
	if (err)
		return err;
	w->m = (struct socket_msg){.data = &w->v.buf, .flags = flags};
	return 0;
}

static ssize_t send_control(struct sock_ref *r, struct message *w)
{
	u64 fast[CONTROL_FAST / 8];
	void *control = fast;
	size_t len = w->h.controllen;
	ssize_t n;

	if (len > S32_MAX)
		return -ENOBUFS;
	if (len > CONTROL_FAST) {
		if (len > (size_t)READ_ONCE(socket_optmem_max))
			return -ENOBUFS;
		control = kmalloc(len, 0);
		if (!control)
			return -ENOBUFS;
	}
	n = copy_from_user(control, w->h.control, len);
	if (!n) {
		w->m.control = control;
		w->m.control_len = len;
		n = r->sock->ops->send(r->sock, &w->m);
	}
	if (control != fast)
		kfree(control);
	return n;
}

static ssize_t send_message(struct sock_ref *r, struct uptr hdr, u32 flags)
{
	struct message w;
	ssize_t n = message_begin(&w, hdr, flags | file_flags(r), true);

	if (n)
		return n;
	if (w.addr.len)
		w.m.addr = &w.addr;
	n = w.h.controllen ? send_control(r, &w) : r->sock->ops->send(r->sock, &w.m);
	vec_free(&w.v);
	return n;
}

static ssize_t receive_message(struct sock_ref *r, struct uptr hdr, u32 flags, u32 *out_flags)
{
	struct cmsg_out out;
	struct message w;
	ssize_t n = message_begin(&w, hdr, flags | file_flags(r), false);

	if (n)
		return n;
	out = (struct cmsg_out){.at = w.h.control, .left = w.h.controllen};
	w.m.out = &out;
	w.m.out_flags = flags & MSG_CMSG_CLOEXEC;
	if (!uptr_is_null(w.h.name))
		w.m.addr = &w.addr;
	n = r->sock->ops->receive(r->sock, &w.m);
	vec_free(&w.v);
	if (n < 0)
		return n;
	if (w.m.addr && sockaddr_to_user(&w.addr, w.h.name, uptr_field(hdr, struct user_msghdr, namelen)))
		return -EFAULT;
	if (user_store32(uptr_field(hdr, struct user_msghdr, flags), w.m.out_flags)
		|| user_store64(uptr_field(hdr, struct user_msghdr, controllen), w.h.controllen - out.left))
		return -EFAULT;
	*out_flags = w.m.out_flags;
	return n;
}

SYSCALL3(sendmsg, int, fd, struct uptr, hdr, u32, flags)
{
	struct sock_ref r;
	ssize_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	r = sock_get(fd);
	if (r.err)
		return r.err;
	n = send_message(&r, hdr, flags);
	fd_put(r.ref);
	return n;
}

SYSCALL3(recvmsg, int, fd, struct uptr, hdr, u32, flags)
{
	struct sock_ref r;
	u32 got;
	ssize_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	r = sock_get(fd);
	if (r.err)
		return r.err;
	n = receive_message(&r, hdr, flags, &got);
	fd_put(r.ref);
	return n;
}

/* ---- several at once ---- */

static struct uptr entry_of(struct uptr vec, u32 i)
{
	return uptr_add(vec, (u64)i * sizeof(struct user_mmsghdr));
}

SYSCALL4(sendmmsg, int, fd, struct uptr, vec, u32, n, u32, flags)
{
	struct sock_ref r;
	ssize_t len = 0;
	u32 i;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	r = sock_get(fd);
	if (r.err)
		return r.err;
	n = min_t(u32, n, UIO_MAXIOV);
	for (i = 0; i < n; i++) {
		len = send_message(&r, entry_of(vec, i), flags | (i + 1 < n ? MSG_BATCH : 0));
		if (len < 0)
			break;
		len = user_store32(uptr_field(entry_of(vec, i), struct user_mmsghdr, len), (u32)len);
		if (len)
			break;
	}
	fd_put(r.ref);
	return i ? (s64)i : len;
}

/* The time limit is looked at after each message only, as on Linux. */
static s64 receive_several(struct sock_ref *r, struct uptr vec, u32 n, u32 flags, u64 deadline)
{
	ssize_t len = socket_take_error(r->sock);
	u32 i, got = 0;

	if (len)
		return len;
	for (i = 0; i < n; i++) {
		len = receive_message(r, entry_of(vec, i), flags & ~MSG_WAITFORONE, &got);
		if (len < 0)
			break;
		len = user_store32(uptr_field(entry_of(vec, i), struct user_mmsghdr, len), (u32)len);
		if (len)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if ((got & MSG_OOB) || (deadline != ~0ull && clock_monotonic() >= deadline)) {
			i++;
			break;
		}
	}
	if (i && len < 0 && len != -EAGAIN) /* for the next call */
		WRITE_ONCE(r->sock->err, (s32)-len);
	return i ? (s64)i : len;
}

SYSCALL5(recvmmsg, int, fd, struct uptr, vec, u32, n, u32, flags, struct uptr, timeout)
{
	u64 ns, deadline = ~0ull, now;
	struct sock_ref r;
	s64 ret;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (!uptr_is_null(timeout)) {
		int err = timespec_from_user(&ns, timeout);

		if (err)
			return err;
		deadline = deadline_after(ns);
	}
	r = sock_get(fd);
	if (r.err)
		return r.err;
	ret = receive_several(&r, vec, n, flags, deadline);
	fd_put(r.ref);
	if (ret > 0 && deadline != ~0ull) {
		now = clock_monotonic();
		if (timespec_to_user(timeout, now < deadline ? deadline - now : 0))
			return -EFAULT;
	}
	return ret;
}
