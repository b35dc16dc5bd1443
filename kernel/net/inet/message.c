/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and receiving. [man send(2), recv(2), tcp(7), udp(7)]
 *
 * One try is one call of the port; here are the loops round it: faults of the user's memory, room or data that is not there yet, and the
 * rest of a stream's bytes.
 */
#include "inet_impl.h"
#include <lib/string.h>
#include <linux/capability.h>
#include <mm/uaccess.h>
#include <proc/cred.h>

#define FAULTS_MOST 64 /* tries, in case somebody keeps taking the pages away */

static bool is_stream(const struct socket *s)
{
	return s->type == SOCK_STREAM;
}

/*
 * The user's memory is not there: bring it. 0: try again; -EFAULT. A stream goes on with what can be had, a datagram is whole or nothing.
 */
static int bring(struct socket *s, struct iobuf *b, bool write, int *tries)
{
	size_t ok;

	if (b->kind != IOBUF_USER || !b->left || ++*tries > FAULTS_MOST)
		return -EFAULT;
	ok = iobuf_fault_in(b, b->left, write);
	return ok && (is_stream(s) || ok == b->left) ? 0 : -EFAULT;
}

/* ---- control messages ---- */

static int check_socket_cmsg(const struct cmsghdr *h, size_t n)
{
	switch (h->type) {
	case SCM_RIGHTS:
	case SCM_CREDENTIALS: return 0; /* of AF_UNIX, and ignored */
	case SO_MARK:
		if (!capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		return n == sizeof(u32) ? 0 : -EINVAL;
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: return n == sizeof(u32) ? 0 : -EINVAL;
	default: return -EINVAL;
	}
}

static int check_control(const void *control, size_t len)
{
	const char *at = control;

	while (len >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *h = (const struct cmsghdr *)(const void *)at;
		size_t stride;
		int err;

		if (h->len < sizeof(*h) || h->len > len)
			return -EINVAL;
		err = h->level == SOL_SOCKET ? check_socket_cmsg(h, h->len - sizeof(*h)) : 0;
		if (err)
			return err;
		stride = align_up(h->len, 8ul);
		if (stride > len)
			break;
		at += stride;
		len -= stride;
	}
	return 0;
}

/* ---- sending ---- */

static ssize_t try_send(struct inet_sock *i, struct inet_msg *im, struct socket_msg *m)
{
	struct iobuf before = *m->data;
	u32 flags = im->flags;
	int tries = 0;
	ssize_t n;

	for (;;) {
		im->flags = flags;
		if (im->control) /* read from the start by each try */
			iobuf_init_kernel(im->control, (void *)(unsigned long)m->control, m->control_len);
		pagefault_disable();
		n = inet_call()->send(inet_stack.self, i->handle, im);
		pagefault_enable();
		if (likely(n != -EFAULT))
			return n;
		*m->data = before;
		if (bring(&i->sock, m->data, false, &tries))
			return -EFAULT;
	}
}

/* The first bytes went with a SYN, or it asks for leave to send some: as connect() waits. */
static int await_opening(struct inet_sock *i, struct inet_msg *im, u32 seen, u64 deadline)
{
	im->flags &= ~MSG_FASTOPEN;
	return deadline ? inet_finish_connect(i, &im->addr, seen, deadline) : -EINPROGRESS;
}

/* The rest goes on until all is gone, an error, or nobody wants to wait. */
static ssize_t send_all(struct inet_sock *i, struct inet_msg *im, struct socket_msg *m, u64 deadline)
{
	struct socket *s = &i->sock;
	size_t total = 0;

	for (;;) {
		u32 seen = inet_seen(i);
		ssize_t n = try_send(i, im, m);

		if (unlikely(im->flags & MSG_FASTOPEN)) {
			int err = await_opening(i, im, seen, deadline);

			n = max_t(ssize_t, n, 0);
			if (err)
				return err == -EINPROGRESS && n ? n : err;
			if (!n)
				continue;
		}
		if (likely(n >= 0)) {
			total += (size_t)n;
			if (!m->data->left || !is_stream(s) || !n)
				return (ssize_t)total;
			im->flags &= ~MSG_ZEROCOPY; /* one call, one completion */
			continue;
		}
		if (n == -EAGAIN) {
			WRITE_ONCE(s->nospace, true);
			if (deadline)
				n = inet_wait(i, &s->wr_wait, seen, deadline, false);
			if (!n)
				continue;
		}
		return total ? (ssize_t)total : n;
	}
}

ssize_t inet_send(struct socket *s, struct socket_msg *m)
{
	struct inet_msg im = {.flags = is_stream(s) ? m->flags : m->flags & ~MSG_FASTOPEN, .data = m->data};
	struct inet_sock *i = inet_of(s);
	struct iobuf control;
	ssize_t n;

	if (unlikely(m->control)) {
		n = check_control(m->control, m->control_len);
		if (n)
			return n;
		im.control = &control;
	}
	if (m->addr)
		inet_addr_to_port(m->addr, &im.addr);
	n = socket_take_error(s);
	if (!n)
		n = send_all(i, &im, m, socket_deadline(READ_ONCE(s->sndtimeo), m->flags & MSG_DONTWAIT));
	return n == -EPIPE && is_stream(s) ? socket_broken(m->flags) : n;
}

/* ---- receiving ---- */

/* One that the user has no memory for is lost, as on Linux. */
static void drop_datagram(struct inet_sock *i, u32 flags)
{
	struct iobuf none;
	struct inet_msg im = {.flags = MSG_DONTWAIT, .data = &none};

	if (is_stream(&i->sock) || flags & (MSG_PEEK | MSG_ERRQUEUE))
		return;
	iobuf_init_kernel(&none, NULL, 0);
	(void)inet_call()->receive(inet_stack.self, i->handle, &im);
}

static ssize_t try_receive(struct inet_sock *i, struct inet_msg *im, struct socket_msg *m)
{
	struct iobuf before = *m->data;
	int tries = 0;
	ssize_t n;

	for (;;) {
		im->flags = m->flags;
		im->addr.len = 0;
		im->control_len = 0;
		im->datagram_len = 0;
		if (im->control && (iobuf_init_user(im->control, m->out->at, m->out->left)
					   || iobuf_fault_in(im->control, m->out->left, true) < m->out->left))
			return -EFAULT;
		pagefault_disable();
		n = inet_call()->receive(inet_stack.self, i->handle, im);
		pagefault_enable();
		if (likely(n != -EFAULT))
			return n;
		*m->data = before;
		if (bring(&i->sock, m->data, true, &tries)) {
			drop_datagram(i, m->flags);
			return -EFAULT;
		}
	}
}

/* What came beside the bytes. */
static void tell_rest(struct socket_msg *m, const struct inet_msg *im)
{
	m->out_flags |= im->flags & (MSG_TRUNC | MSG_CTRUNC | MSG_ERRQUEUE | MSG_OOB | MSG_EOR);
	if (m->addr)
		inet_addr_from_port(&im->addr, m->addr);
	if (m->out && im->control_len) {
		size_t n = min_t(size_t, im->control_len, m->out->left);

		m->out->at = uptr_add(m->out->at, n);
		m->out->left -= n;
	}
}

/* How many bytes end a stream's call before its time limit does. */
static size_t enough(const struct socket *s, const struct socket_msg *m)
{
	size_t len = m->data->left;

	if (!is_stream(s) || (m->flags & MSG_ERRQUEUE))
		return 0;
	return m->flags & MSG_WAITALL ? len : min_t(size_t, READ_ONCE(s->rcvlowat), len);
}

static bool has_ended(struct inet_sock *i)
{
	return inet_call()->poll(inet_stack.self, i->handle) & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

static ssize_t receive_some(struct inet_sock *i, struct inet_msg *im, struct socket_msg *m, u64 deadline)
{
	bool peek = m->flags & MSG_PEEK;
	size_t least = enough(&i->sock, m), total = 0;
	struct iobuf before = *m->data;

	for (;;) {
		u32 seen = inet_seen(i);
		bool ended = total < least && total && peek && has_ended(i);
		ssize_t n;

		if (peek) {
			*m->data = before;
			total = 0;
		}
		n = try_receive(i, im, m);
		if (n > 0)
			total += (size_t)n;
		if (n >= 0 && (total >= least || !n || ended))
			return im->datagram_len && (m->flags & MSG_TRUNC) && !is_stream(&i->sock) ? (ssize_t)im->datagram_len
												  : (ssize_t)total;
		if (n > 0 && !peek)
			continue; /* there may be more at once */
		if (n >= 0 || n == -EAGAIN) {
			if (!deadline || (m->flags & (MSG_ERRQUEUE | MSG_OOB)))
				n = -EAGAIN;
			else
				n = inet_wait(i, &i->sock.rd_wait, seen, deadline, false);
			if (!n)
				continue;
		}
		return total ? (ssize_t)total : n;
	}
}

ssize_t inet_receive(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *i = inet_of(s);
	struct inet_msg im = {.data = m->data};
	struct iobuf control;
	ssize_t n = socket_take_error(s);

	if (n)
		return n;
	if (m->out && !uptr_is_null(m->out->at) && m->out->left)
		im.control = &control;
	n = receive_some(i, &im, m, socket_deadline(READ_ONCE(s->rcvtimeo), m->flags & MSG_DONTWAIT));
	if (n >= 0)
		tell_rest(m, &im);
	return n;
}
