/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes between the user and the queues. Neither way is user memory touched under the lock: a send
 * gathers its packet before it takes the lock, a receive marks the queue as being read, which keeps
 * the packets (only the reader takes from the front), copies, and then says how far it came.
 */
#include "tcp_sock.h"

#include "../sock_impl.h"
#include "../stamp.h"
#include "../uapi.h"
#include "impl.h"

#define CHUNK_MAX  65536u
#define PIECES_MAX 16

struct pkt *tcp_gather(struct sock *s, struct inet_msg *msg, u32 n, int *err)
{
	u32 charge = n + TCP_MEM_EXTRA;
	struct pkt *p;

	*err = sock_charge_send(s, charge);
	if (*err)
		return NULL;
	p = pkt_alloc(0, min(n, (u32)PKT_PIECE_MAX));
	*err = p ? pkt_append_iobuf(p, msg->data, n) : -ENOMEM;
	if (*err) {
		pkt_free(p);
		sock_uncharge_send(s, charge);
		return NULL;
	}
	p->charge = charge;
	return p;
}

static int may_send(struct tcp_sock *t)
{
	int err = sock_take_error(&t->sock);

	if (err)
		return err;
	return t->sock.shutdown & 2 ? -EPIPE : tcp_send_check(&t->c);
}

ssize_t tcp_send_msg(struct sock *s, struct inet_msg *msg)
{
	struct tcp_sock *t = tcp_of(s);
	size_t left = msg->data->left;
	bool more = msg->flags & MSG_MORE;
	unsigned long flags;
	ssize_t done = 0;
	struct send_opts opts;
	u32 tsflags = s->tsflags;
	int err = 0, state;

	if (unlikely(msg->flags & MSG_FASTOPEN || READ_ONCE(t->deferred))) {
		msg->flags &= ~MSG_FASTOPEN;
		return tcp_send_fast_open(s, msg);
	}
	if (unlikely(msg->control)) {
		err = send_opts_parse(s, msg, &opts);
		if (err)
			return err;
		tsflags = opts.tsflags;
	}
	/* What the connection says counts before what gathering said. */
	do {
		u32 n = (u32)min_t(size_t, left, CHUNK_MAX);
		struct pkt *p = n ? tcp_gather(s, msg, n, &err) : NULL;

		flags = env_spin_lock(&s->lock);
		state = may_send(t);
		if (p && !state) {
			left -= n;
			tcp_queue_add(t, p);
			t->tx_charged += p->charge;
			tcp_sent(&t->c, env_now(), n, more || left, !left && msg->flags & MSG_OOB);
			if (unlikely(tsflags) && !left)
				tcp_marks_add(t, tsflags);
			tcp_settle(t);
			done += n;
		}
		env_spin_unlock(&s->lock, flags);
		if (p && state) {
			sock_uncharge_send(s, p->charge);
			p->charge = 0;
			pkt_free(p);
		}
		err = state ? state : err;
	} while (!err && left);
	/* The last bytes of a short send are not held for those that did not come. */
	if (err && done && !more) {
		flags = env_spin_lock(&s->lock);
		t->c.more = false;
		tcp_settle(t);
		env_spin_unlock(&s->lock, flags);
	}
	if (unlikely(msg->flags & MSG_ZEROCOPY) && s->flags & SOCK_F_ZEROCOPY && done) {
		flags = env_spin_lock(&s->lock);
		zerocopy_done(s);
		env_spin_unlock(&s->lock, flags);
	}
	return done ? done : err;
}

struct piece {
	struct pkt *p;
	u32 off, len;
};

/* The next pieces at *@pos, at most @want bytes. */
static unsigned collect(struct tcp_sock *t, struct piece *pieces, u32 *pos, size_t want, bool any,
	struct tcp_rx **last)
{
	unsigned n = 0;
	u32 at = *pos, off, len;

	while (n < PIECES_MAX && want &&
		(*last = tcp_rx_at(&t->c, *last, any || n, &at, &off, &len))) {
		if (!n)
			*pos = at;
		len = (u32)min_t(size_t, len, want);
		pieces[n++] = (struct piece){tcp_rx_pkt(*last), off, len};
		at += len;
		want -= len;
	}
	return n;
}

/* What a receive that found nothing says [Linux: tcp_recvmsg]. */
static ssize_t nothing(struct tcp_sock *t)
{
	int err;

	if (t->c.rcv_fin || t->sock.shutdown & 1) {
		err = sock_take_error(&t->sock);
		return t->c.rcv_fin ? 0 : err;
	}
	err = sock_take_error(&t->sock);
	if (err)
		return err;
	if (t->c.state == TCP_S_CLOSE)
		return t->c.irs_valid ? 0 : t->deferred ? -EAGAIN : -ENOTCONN;
	return -EAGAIN;
}

static ssize_t receive_oob(struct tcp_sock *t, struct inet_msg *msg)
{
	unsigned long flags = env_spin_lock(&t->sock.lock);
	size_t n = min_t(size_t, msg->data->left, 1);
	u8 byte;
	int err = tcp_oob(&t->c, true, &byte);

	if (!err && iobuf_put(msg->data, &byte, n) < n)
		err = -EFAULT; /* and nothing is consumed */
	if (!err && !(msg->flags & MSG_PEEK))
		err = tcp_oob(&t->c, false, &byte);
	env_spin_unlock(&t->sock.lock, flags);
	if (err)
		return err;
	msg->flags |= MSG_OOB | (n ? 0 : MSG_TRUNC);
	return (ssize_t)n;
}

/* Copy @n pieces out; *short_: the user's memory was not all there. */
static u32 copy_out(struct inet_msg *msg, const struct piece *pieces, unsigned n, bool *short_)
{
	u32 done = 0;

	for (unsigned i = 0; i < n; i++) {
		u32 moved = pieces[i].len;

		if (msg->flags & MSG_TRUNC)
			iobuf_advance(msg->data, moved);
		else
			moved = pkt_copy_to_iobuf(pieces[i].p, pieces[i].off, msg->data, moved);
		done += moved;
		if (moved < pieces[i].len) {
			*short_ = true;
			break;
		}
	}
	return done;
}

ssize_t tcp_receive_msg(struct sock *s, struct inet_msg *msg)
{
	struct tcp_sock *t = tcp_of(s);
	struct piece pieces[PIECES_MAX];
	struct tcp_rx *last = NULL;
	bool peek = msg->flags & MSG_PEEK, fault = false;
	unsigned long flags;
	ssize_t done = 0, none = 0;
	u64 stamp_ns = 0;
	unsigned n;
	u32 pos, left;

	if (msg->flags & MSG_OOB)
		return receive_oob(t, msg);
	flags = env_spin_lock(&s->lock);
	if (unlikely(msg->flags & MSG_ERRQUEUE)) {
		none = sock_receive_error(s, msg);
		env_spin_unlock(&s->lock, flags);
		return none;
	}
	if (t->listening || (t->c.state == TCP_S_CLOSE && !t->c.irs_valid && !READ_ONCE(s->err) && !t->deferred)) {
		env_spin_unlock(&s->lock, flags);
		return -ENOTCONN;
	}
	if (t->reading) {
		t->reader_waits = true;
		env_spin_unlock(&s->lock, flags);
		return -EAGAIN;
	}
	t->reading = true;
	pos = t->c.copied;
	if (!msg->data->left && !tcp_readable(&t->c)) /* no room asks as well as some */
		none = nothing(t);
	while (msg->data->left && !fault) {
		n = t->c.irs_valid ? collect(t, pieces, &pos, msg->data->left, done, &last) : 0;
		if (!n) {
			none = done ? 0 : nothing(t);
			break;
		}
		stamp_ns = pieces[n - 1].p->stamp_ns;
		env_spin_unlock(&s->lock, flags);
		pos += n = copy_out(msg, pieces, n, &fault);
		done += n;
		flags = env_spin_lock(&s->lock);
		if (!peek && n) {
			tcp_received(&t->c, env_now(), pos);
			tcp_settle_read(t);
			last = NULL;
		}
	}
	t->reading = false;
	left = unlikely(t->tell_left) ? tcp_left_to_read(t) : 0;
	if (t->reader_waits) {
		t->reader_waits = false;
		sock_wake(s, EPOLLIN | EPOLLRDNORM);
	}
	env_spin_unlock(&s->lock, flags);
	if (!done && fault)
		return -EFAULT;
	if (unlikely(t->tell_left || stamp_ns) && (done || !none))
		tcp_tell_beside(t, msg, stamp_ns, left);
	return done ? done : none;
}
