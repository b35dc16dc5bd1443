/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams, connected or not, and packets in sequence.
 */
#include "unix_impl.h"
#include <mm/slab.h>
#include <time/clock.h>

/* ---- the peer's queue is full: for poll ---- */

/* Under the lock of the peer's peer_wait, interrupts off. */
static bool room_made(struct wait_entry *e, u32 key)
{
	struct unix_sock *u = container_of(e, struct unix_sock, full_watch);

	if (READ_ONCE(u->full_seen)) {
		WRITE_ONCE(u->full_seen, 0);
		wait_wake(&u->sock.wr_wait, 0, UNIX_WRITE_EVENTS);
	}
	return false;
}

/* Is there no room for us at our peer? Then we hear of it when there is. */
static bool peer_is_full(struct unix_sock *u)
{
	struct unix_sock *peer;
	bool full = false;

	spin_lock(&u->lock);
	peer = u->peer;
	if (peer && READ_ONCE(peer->peer) != u && unix_queue_full(peer)) {
		if (!u->full_watch.queued) {
			u->full_watch.fn = room_made;
			wait_add(&peer->peer_wait, &u->full_watch);
		}
		__atomic_exchange_n(&u->full_seen, 1, __ATOMIC_SEQ_CST); /* before it is looked at again */
		full = unix_queue_full(peer) && !READ_ONCE(peer->dead);
	}
	spin_unlock(&u->lock);
	return full;
}

void unix_unwatch_full(struct unix_sock *u, struct unix_sock *old)
{
	wait_remove(&old->peer_wait, &u->full_watch);
	WRITE_ONCE(u->full_seen, 0);
}

u32 unix_dgram_poll(struct socket *s, struct poll_table *pt)
{
	u32 mask = unix_poll(s, pt);

	if ((mask & EPOLLOUT) && peer_is_full(unix_of(s)))
		mask &= ~(u32)UNIX_WRITE_EVENTS;
	return mask;
}

/* ---- connect ---- */

/* Only from its own peer does a connected socket take messages. */
static bool may_send(const struct unix_sock *u, const struct unix_sock *to)
{
	return !READ_ONCE(to->peer) || to->peer == u;
}

/* @u has another peer now: what it received from the old one is void. */
static void disconnected(struct unix_sock *u, struct unix_sock *old)
{
	LIST_HEAD(msgs);
	bool reset;

	spin_lock(&u->lock);
	list_splice(&u->msgs, &msgs);
	list_init(&u->msgs);
	WRITE_ONCE(u->nmsgs, 0);
	WRITE_ONCE(u->rx_charge, 0);
	spin_unlock(&u->lock);
	if (list_empty(&msgs))
		return;
	unix_msgs_free(&msgs);
	wait_wake_all(&u->peer_wait);
	spin_lock(&old->lock);
	reset = !old->dead && old->peer == u;
	if (reset)
		WRITE_ONCE(old->sock.err, ECONNRESET);
	spin_unlock(&old->lock);
	if (reset)
		unix_wake_all(old);
}

/* Look the name up and lock both. */
static int find_and_lock(struct unix_sock *u, const struct socket_addr *a, struct unix_sock **out)
{
	struct unix_sock *other;
	int err;

	for (;;) {
		err = unix_find(a, u->sock.type, &other);
		if (err)
			return err;
		unix_lock_two(u, other);
		if (!other->dead)
			break;
		unix_unlock_two(u, other);
		unix_put(other);
	}
	*out = other;
	if (may_send(u, other))
		return 0;
	unix_unlock_two(u, other);
	unix_put(other);
	return -EPERM;
}

int unix_dgram_connect(struct socket *s, const struct socket_addr *a, bool nonblock)
{
	struct unix_sock *u = unix_of(s), *other = NULL, *old;
	int err;

	if (a->len < sizeof(a->family))
		return -EINVAL;
	if (a->family != AF_UNSPEC) {
		err = unix_check_addr(a);
		if (!err)
			err = unix_autobind_for_creds(u);
		if (!err)
			err = find_and_lock(u, a, &other);
		if (err)
			return err;
		u->state = other->state = UNIX_CONNECTED;
	} else {
		spin_lock(&u->lock);
		u->state = UNIX_CLOSED;
	}
	old = u->peer;
	u->peer = other; /* our reference moves in */
	unix_unlock_two(u, other);
	if (!old)
		return 0;
	unix_unwatch_full(u, old);
	if (other != old)
		disconnected(u, old);
	wait_wake(&s->wr_wait, 0, UNIX_WRITE_EVENTS);
	unix_put(old);
	return 0;
}

/* ---- sending ---- */

static int wait_sndbuf(struct unix_sock *u, u64 deadline)
{
	struct socket *s = &u->sock;
	int err;

	for (;;) {
		err = socket_take_error(s);
		if (err)
			return err;
		if (READ_ONCE(s->how) & SOCKET_SEND_SHUT)
			return -EPIPE;
		if (likely(READ_ONCE(u->tx_charge) < READ_ONCE(s->sndbuf)))
			return 0;
		WRITE_ONCE(s->nospace, true);
		if (!deadline)
			return -EAGAIN;
		err = wait_event_state(&s->wr_wait,
			unix_writable(u) || READ_ONCE(s->err) || (READ_ONCE(s->how) & SOCKET_SEND_SHUT), THREAD_SLEEP_INTR, deadline,
			false);
		if (err)
			return socket_wait_error(err, deadline);
	}
}

/* @other was closed. 0: look its name up again, if there was one. */
static int peer_is_dead(struct unix_sock *u, struct unix_sock *other)
{
	if (u->sock.type == SOCK_SEQPACKET)
		return -EPIPE;
	spin_lock(&u->lock);
	if (u->peer != other) {
		spin_unlock(&u->lock);
		return 0;
	}
	u->peer = NULL;
	u->state = UNIX_CLOSED;
	spin_unlock(&u->lock);
	unix_unwatch_full(u, other);
	disconnected(u, other);
	unix_put(other);
	return -ECONNREFUSED;
}

/* Queue it. 0: done; -ESTALE: the receiver is gone; -EXFULL: wait for room; or an error. */
static int deliver(struct unix_sock *u, struct unix_sock *other, struct unix_msg *msg)
{
	int err = 0;

	spin_lock(&other->lock);
	if (!may_send(u, other)) {
		err = -EPERM;
	} else if (other->dead) {
		err = -ESTALE;
	} else if (other->sock.how & SOCKET_RCV_SHUT) {
		err = -EPIPE;
	} else if (other != u && other->peer != u && unix_queue_full(other)) {
		err = -EXFULL;
	} else {
		unix_scm_creds(u, other, &msg->scm);
		if (unlikely(socket_has(&other->sock, SOCKF_TIMESTAMP)))
			msg->stamp = clock_realtime();
		unix_msg_push(other, msg);
	}
	spin_unlock(&other->lock);
	return err;
}

static ssize_t send_to(struct unix_sock *u, struct unix_sock *other, const struct socket_addr *a, struct unix_msg *msg, u64 deadline)
{
	ssize_t len = msg->len;
	int err = 0;

	for (;;) {
		if (!other) {
			if (!a)
				return -ECONNRESET;
			err = unix_find(a, u->sock.type, &other);
			if (err)
				return err;
		}
		err = deliver(u, other, msg);
		if (likely(!err)) {
			socket_wake_read(&other->sock, UNIX_READ_EVENTS);
			break;
		}
		if (err == -EXFULL) {
			err = deadline ? unix_wait_for_peer(other, deadline) : -EAGAIN;
			if (!err)
				continue;
		} else if (err == -ESTALE) {
			err = peer_is_dead(u, other);
			unix_put(other);
			other = NULL;
			if (!err)
				continue;
			return err;
		}
		break;
	}
	unix_put(other);
	return err ? err : len;
}

/* The message with all that goes along, charged to us. */
static int make_message(struct unix_sock *u, struct socket_msg *m, struct scm *scm, u64 deadline, struct unix_msg **out)
{
	struct unix_msg *msg;
	int err;

	if (m->data->left > READ_ONCE(u->sock.sndbuf) - 32)
		return -EMSGSIZE;
	err = wait_sndbuf(u, deadline);
	if (err)
		return err;
	msg = unix_msg_alloc((u32)m->data->left);
	if (!msg)
		return -ENOMEM;
	if (unix_msg_fill(msg, m->data)) {
		unix_msg_free(msg);
		return -EFAULT;
	}
	msg->sender = u;
	unix_get(u);
	__atomic_fetch_add(&u->tx_charge, msg->charge, __ATOMIC_RELAXED);
	msg->scm = *scm;
	scm->pid = NULL;
	scm->fds = NULL;
	if (msg->scm.fds)
		unix_fds_take_off(msg->scm.fds);
	*out = msg;
	return 0;
}

ssize_t unix_dgram_send(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(READ_ONCE(s->sndtimeo), m->flags & MSG_DONTWAIT);
	struct unix_sock *u = unix_of(s), *other = NULL;
	struct scm scm = {.uid = SCM_NO_ID, .gid = SCM_NO_ID};
	struct unix_msg *msg;
	ssize_t n = 0;

	if (unlikely(m->control_len))
		n = scm_parse(m->control, m->control_len, true, &scm);
	if (n)
		return n;
	if (unlikely(m->flags & MSG_OOB)) {
		n = -EOPNOTSUPP;
	} else if (m->addr) {
		n = unix_check_addr(m->addr);
	} else {
		other = unix_peer_get(u);
		n = other ? 0 : -ENOTCONN;
	}
	if (!n)
		n = unix_autobind_for_creds(u);
	if (!n)
		n = make_message(u, m, &scm, deadline, &msg);
	if (n) {
		if (other)
			unix_put(other);
		scm_drop(&scm);
		return n;
	}
	n = send_to(u, other, m->addr, msg, deadline);
	if (n < 0)
		unix_msg_free(msg);
	return n;
}

ssize_t unix_seqpacket_send(struct socket *s, struct socket_msg *m)
{
	int err = socket_take_error(s);

	if (err)
		return err;
	if (READ_ONCE(unix_of(s)->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	m->addr = NULL;
	return unix_dgram_send(s, m);
}

/* ---- receiving ---- */

/* The message at the front, or for peeking the one that SO_PEEK_OFF points into. Lock held. */
static struct unix_msg *front(struct unix_sock *u, bool peek, u32 *skip)
{
	struct unix_msg *msg;

	*skip = peek ? (u32)max(u->sock.peek_off, 0) : 0;
	list_for_each_entry(msg, &u->msgs, link) {
		/* An empty one is seen by who is not in the middle of something. */
		if (*skip < msg->len || (!*skip && !msg->len))
			return msg;
		*skip -= msg->len;
	}
	return NULL;
}

static void tell(struct unix_sock *u, struct socket_msg *m, struct unix_msg *msg, u32 size, u32 skip)
{
	if (m->addr) {
		unix_addr_tell(msg->sender, m->addr);
		if (m->addr->len <= UNIX_PATH_OFF)
			m->addr->len = 0;
	}
	if (size < msg->len - skip)
		m->out_flags |= MSG_TRUNC;
	if (unlikely(msg->stamp))
		scm_deliver_stamp(&u->sock, m, msg->stamp);
}

/* It stays: read_lock keeps it there. Locked by read_lock. */
static ssize_t peek_message(struct unix_sock *u, struct socket_msg *m, struct unix_msg *msg, u32 skip)
{
	u32 size = (u32)min_t(size_t, msg->len - skip, m->data->left);
	struct scm scm = msg->scm;

	if (unix_msg_read(msg, skip, size, m->data))
		return -EFAULT;
	tell(u, m, msg, size, skip);
	if (scm.pid)
		pid_get(scm.pid);
	if (scm.fds)
		scm.fds = scm_fds_dup(scm.fds);
	if (u->sock.peek_off >= 0)
		WRITE_ONCE(u->sock.peek_off, u->sock.peek_off + (s32)size);
	scm_deliver(&u->sock, m, &scm);
	return m->flags & MSG_TRUNC ? msg->len - skip : size;
}

static ssize_t take_message(struct unix_sock *u, struct socket_msg *m, struct unix_msg *msg)
{
	u32 size = (u32)min_t(size_t, msg->len, m->data->left);
	ssize_t n = m->flags & MSG_TRUNC ? msg->len : size;

	if (unlikely(unix_msg_read(msg, 0, size, m->data))) {
		n = -EFAULT;
	} else {
		tell(u, m, msg, size, 0);
		if (unlikely(msg->scm.fds))
			unix_fds_land(msg->scm.fds);
		if (m->out) {
			scm_deliver(&u->sock, m, &msg->scm);
		} else if (unlikely(msg->scm.fds)) {
			scm_fds_free(msg->scm.fds);
			msg->scm.fds = NULL;
		}
	}
	unix_msg_free(msg);
	return n;
}

/* What a look at an empty queue saw, at one moment: messages that came before the end are received before it. */
struct empty {
	u32 pushed;
	u8 how;
};

/* One message: its length; 0 with *out_none: there is none. */
static ssize_t try_receive(struct unix_sock *u, struct socket_msg *m, struct empty *out_seen, bool *out_none)
{
	bool peek = m->flags & MSG_PEEK;
	struct unix_msg *msg;
	ssize_t n = 0;
	u32 skip;

	mutex_lock(&u->read_lock);
	spin_lock(&u->lock);
	msg = front(u, peek, &skip);
	*out_seen = (struct empty){.pushed = u->pushed, .how = u->sock.how};
	if (msg && !peek) {
		unix_msg_pull(u, msg);
		if (unlikely(u->sock.peek_off >= 0))
			WRITE_ONCE(u->sock.peek_off, max(u->sock.peek_off - (s32)msg->len, 0));
	}
	spin_unlock(&u->lock);
	if (msg && peek)
		n = peek_message(u, m, msg, skip);
	mutex_unlock(&u->read_lock);
	*out_none = !msg;
	if (msg)
		wait_wake_sync(&u->peer_wait, 1, UNIX_WRITE_EVENTS);
	if (msg && !peek)
		n = take_message(u, m, msg);
	return n;
}

/* 0: look again; 1: the end; -errno */
static int wait_message(struct unix_sock *u, const struct empty *seen, u64 deadline)
{
	struct socket *s = &u->sock;
	int err;

	if (!deadline)
		return s->type == SOCK_SEQPACKET && (seen->how & SOCKET_RCV_SHUT) ? 1 : -EAGAIN;
	if (seen->how & SOCKET_RCV_SHUT)
		return 1;
#define READABLE (READ_ONCE(u->pushed) != seen->pushed || READ_ONCE(s->err) || (READ_ONCE(s->how) & SOCKET_RCV_SHUT))
	err = wait_event_state(&s->rd_wait, READABLE, THREAD_SLEEP_INTR, deadline, true);
	if (unlikely(err) && READABLE) /* the one wake-up may have been ours */
		wait_wake(&s->rd_wait, 1, UNIX_READ_EVENTS);
#undef READABLE
	return err ? socket_wait_error(err, deadline) : 0;
}

ssize_t unix_dgram_receive(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(READ_ONCE(s->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct unix_sock *u = unix_of(s);
	struct empty seen;
	bool none;

	if (unlikely(m->flags & MSG_OOB))
		return -EOPNOTSUPP;
	for (;;) {
		ssize_t n = socket_take_error(s);
		int err;

		if (n)
			return n;
		n = try_receive(u, m, &seen, &none);
		if (!none)
			return n;
		err = wait_message(u, &seen, deadline);
		if (err)
			return err > 0 ? 0 : err;
	}
}

ssize_t unix_seqpacket_receive(struct socket *s, struct socket_msg *m)
{
	if (READ_ONCE(unix_of(s)->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	return unix_dgram_receive(s, m);
}
