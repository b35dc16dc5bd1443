/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: bytes in order, descriptors and credentials at the place where they were sent, one urgent byte.
 *
 * A read ends before bytes of another writer (with SO_PASSCRED), behind descriptors, and at the urgent byte. That byte is a message of its own; once it was received
 * out of band its empty message stays as the mark, until a read comes by.
 */
#include "unix_impl.h"
#include <lib/string.h>

#define CHUNK 32768u

/* ---- sending ---- */

/* Until there is room in the peer's queue. -EPIPE here is without a signal. */
static int wait_room(struct unix_sock *u, struct unix_sock *peer, bool nonblock, u64 *deadline)
{
	struct socket *s = &u->sock;
	int err;

	for (;;) {
		err = socket_take_error(s);
		if (unlikely(err))
			return err;
		if (unlikely(READ_ONCE(s->how) & SOCKET_SEND_SHUT))
			return -EPIPE;
		if (likely(READ_ONCE(peer->rx_charge) < READ_ONCE(s->sndbuf)))
			return 0;
		WRITE_ONCE(s->nospace, true);
		if (*deadline == ~0ull - 1)
			*deadline = socket_deadline(READ_ONCE(s->sndtimeo), nonblock);
		if (!*deadline)
			return -EAGAIN;
		err = wait_event_state(&s->wr_wait,
			unix_writable(u) || READ_ONCE(s->err) || (READ_ONCE(s->how) & SOCKET_SEND_SHUT), THREAD_SLEEP_INTR,
			*deadline, false);
		if (err)
			return socket_wait_error(err, *deadline);
	}
}

static bool same_writer(const struct scm *a, const struct scm *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

static bool closed_for_us(const struct unix_sock *peer)
{
	return peer->dead || (peer->sock.how & SOCKET_RCV_SHUT);
}

/* Append a few bytes to the last message, if it has room. Bytes; 0: no; -EPIPE: closed. */
static ssize_t append(struct unix_sock *u, struct unix_sock *peer, const void *bytes, u32 n, struct scm *scm)
{
	struct unix_msg *last;
	ssize_t done = 0;

	spin_lock(&peer->lock);
	unix_scm_creds(u, peer, scm);
	if (closed_for_us(peer)) {
		done = -EPIPE;
	} else if (!list_empty(&peer->msgs)) {
		last = list_last_entry(&peer->msgs, struct unix_msg, link);
		if (last->room >= last->len && last->room - last->len >= n && !last->oob && !last->scm.fds
			&& same_writer(&last->scm, scm)) {
			memcpy(last->bytes + last->len, bytes, n);
			last->len += n;
			last->charge += n;
			WRITE_ONCE(peer->rx_charge, peer->rx_charge + n);
			WRITE_ONCE(peer->pushed, peer->pushed + 1);
			done = n;
		}
	}
	spin_unlock(&peer->lock);
	return done;
}

/* Give what @scm holds to the message; the credentials are needed again for the next one. */
static void take_scm(struct unix_msg *msg, struct scm *scm)
{
	msg->scm = *scm;
	if (scm->pid)
		pid_get(scm->pid);
	scm->fds = NULL;
}

static ssize_t push(struct unix_sock *u, struct unix_sock *peer, struct unix_msg *msg, struct scm *scm)
{
	ssize_t n = msg->len;

	if (unlikely(scm->fds))
		unix_fds_take_off(scm->fds);
	spin_lock(&peer->lock);
	if (unlikely(closed_for_us(peer))) {
		spin_unlock(&peer->lock);
		if (scm->fds)
			unix_fds_land(scm->fds);
		unix_msg_free(msg);
		return -EPIPE;
	}
	unix_scm_creds(u, peer, scm);
	take_scm(msg, scm);
	unix_msg_push(peer, msg);
	if (unlikely(msg->oob))
		peer->oob = msg;
	spin_unlock(&peer->lock);
	return n;
}

/* A piece of at most @want bytes. */
static ssize_t send_piece(struct unix_sock *u, struct unix_sock *peer, struct iobuf *data, u32 want, struct scm *scm, bool oob)
{
	struct unix_msg *msg;
	ssize_t n;

	if (want <= UNIX_MSG_MERGE && !oob && !scm->fds && !list_empty(&peer->msgs)) {
		u8 few[UNIX_MSG_MERGE];
		struct iobuf again;

		if (iobuf_get(data, few, want) != want)
			return -EFAULT;
		n = append(u, peer, few, want, scm);
		if (n)
			return n;
		iobuf_init_kernel(&again, few, want);
		msg = unix_msg_alloc(want);
		if (!msg)
			return -ENOMEM;
		(void)!unix_msg_fill(msg, &again);
		return push(u, peer, msg, scm);
	}
	msg = unix_msg_alloc(want);
	if (!msg)
		return -ENOMEM;
	if (unlikely(unix_msg_fill(msg, data))) {
		unix_msg_free(msg);
		return -EFAULT;
	}
	msg->oob = oob;
	return push(u, peer, msg, scm);
}

static ssize_t send_all(struct unix_sock *u, struct unix_sock *peer, struct socket_msg *m, struct scm *scm)
{
	u64 deadline = ~0ull - 1; /* not known yet */
	ssize_t done = 0, n = 0;
	bool oob = m->flags & MSG_OOB;

	while (m->data->left) {
		bool urgent = oob && m->data->left == 1;
		size_t want = m->data->left - (oob && !urgent);

		n = wait_room(u, peer, m->flags & MSG_DONTWAIT, &deadline);
		if (n)
			break;
		want = min_t(size_t, want, min(READ_ONCE(u->sock.sndbuf) / 2 - 64, CHUNK));
		n = send_piece(u, peer, m->data, (u32)want, scm, urgent);
		if (n < 0) {
			if (n == -EPIPE && !done)
				n = socket_broken(m->flags);
			break;
		}
		socket_wake_read(&peer->sock, UNIX_READ_EVENTS | (urgent ? EPOLLPRI : 0));
		if (unlikely(urgent))
			socket_send_urg(&peer->sock);
		done += n;
	}
	return done ? done : n;
}

ssize_t unix_stream_send(struct socket *s, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(s), *peer = LOAD_ACQUIRE(u->peer);
	struct scm scm = {.uid = SCM_NO_ID, .gid = SCM_NO_ID};
	ssize_t n = 0;

	if (unlikely(m->control_len))
		n = scm_parse(m->control, m->control_len, true, &scm);
	if (unlikely(n))
		return n;
	if (unlikely((m->flags & MSG_OOB) && !m->data->left))
		n = -EOPNOTSUPP;
	else if (unlikely(m->addr))
		n = u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	else if (unlikely(!peer))
		n = -ENOTCONN;
	else if (unlikely(READ_ONCE(s->how) & SOCKET_SEND_SHUT))
		n = socket_broken(m->flags);
	else
		n = send_all(u, peer, m, &scm);
	if (unlikely(scm.pid || scm.fds))
		scm_drop(&scm);
	return n;
}

/* ---- receiving ---- */

struct reading {
	struct unix_sock *u;
	struct socket_msg *m;
	struct scm scm;
	u64 deadline;
	ssize_t done;
	size_t target;		/* enough to return */
	u32 skip;		/* bytes to pass over: SO_PEEK_OFF */
	u32 seen;		/* u->pushed when nothing was found, */
	u8 how;			/* and the socket's, and whether it had an error: bytes that came before are read before */
	bool failed;
	bool peek, want_creds, have_creds;
	bool stop;		/* what comes next is not for this read */
	struct unix_msg *after; /* peeking: the message looked at last */
	struct list_head gone;	/* messages to be freed */
};

static struct unix_msg *next_of(struct unix_sock *u, struct unix_msg *msg)
{
	return list_is_last(&msg->link, &u->msgs) ? NULL : list_next_entry(msg, link);
}

static struct unix_msg *first_of(struct unix_sock *u)
{
	return list_first_entry_or_null(&u->msgs, struct unix_msg, link);
}

static void drop(struct reading *r, struct unix_msg *msg)
{
	unix_msg_pull(r->u, msg);
	list_add(&msg->link, &r->gone);
}

/* @msg is the urgent byte, or the mark that is left of it: what is to be read instead. Lock held. */
static NOINLINE struct unix_msg *pass_urgent(struct reading *r, struct unix_msg *msg)
{
	struct unix_sock *u = r->u;
	bool in_line = socket_has(&u->sock, SOCKF_OOBINLINE);

	if (!unix_msg_left(msg)) {
		struct unix_msg *mark = msg;

		if (r->done && (!u->oob || msg == u->oob))
			return NULL;
		msg = next_of(u, msg);
		if (!r->peek)
			drop(r, mark);
		if (!msg)
			return NULL;
	}
	if (msg != u->oob)
		return msg;
	if (r->done)
		return NULL;
	if (r->peek)
		return in_line ? msg : next_of(u, msg);
	u->oob = NULL;
	if (in_line)
		return msg;
	drop(r, msg);
	return first_of(u);
}

/* The message to read from, NULL: none. Lock held. */
static struct unix_msg *find_message(struct reading *r)
{
	struct unix_sock *u = r->u;
	struct unix_msg *msg = unlikely(r->after) ? next_of(u, r->after) : first_of(u);

	r->seen = u->pushed;
	r->how = u->sock.how;
	r->failed = u->sock.err;
	while (msg) {
		if (unlikely(!unix_msg_left(msg) || msg == u->oob)) {
			msg = pass_urgent(r, msg);
			if (!msg)
				r->stop = r->done;
			if (!msg)
				break;
		}
		if (likely(r->skip < unix_msg_left(msg)))
			break;
		r->skip -= unix_msg_left(msg);
		msg = next_of(u, msg);
	}
	return msg;
}

static bool readable(const struct unix_sock *u, u32 seen)
{
	return READ_ONCE(u->pushed) != seen || READ_ONCE(u->sock.err) || (READ_ONCE(u->sock.how) & SOCKET_RCV_SHUT);
}

/* Nothing to read. 1: try again; 0: that is all; -errno. read_lock held, and dropped while waiting. */
static int wait_message(struct reading *r)
{
	struct unix_sock *u = r->u;
	struct socket *s = &u->sock;
	int err;

	if (r->stop || r->after || r->done >= (ssize_t)r->target)
		return 0;
	err = r->failed ? socket_take_error(s) : 0;
	if (err)
		return err;
	if (r->how & SOCKET_RCV_SHUT)
		return 0;
	if (!r->deadline)
		return -EAGAIN;
	mutex_unlock(&u->read_lock);
	/* All readers hear of a message: the first may leave a part of it, and none of them passes that on. */
	err = wait_event_state(&s->rd_wait, readable(u, r->seen), THREAD_SLEEP_INTR, r->deadline, false);
	mutex_lock(&u->read_lock);
	r->skip = r->peek ? (u32)max(s->peek_off, 0) : 0;
	return err ? socket_wait_error(err, r->deadline) : 1;
}

/* The writer's identity, or false: another than before. */
static bool take_identity(struct reading *r, const struct unix_msg *msg)
{
	if (r->have_creds)
		return same_writer(&msg->scm, &r->scm);
	r->have_creds = true;
	r->scm.pid = msg->scm.pid;
	r->scm.uid = msg->scm.uid;
	r->scm.gid = msg->scm.gid;
	if (r->scm.pid)
		pid_get(r->scm.pid);
	return true;
}

static void move_peek_off(struct socket *s, s64 by)
{
	if (unlikely(s->peek_off >= 0))
		WRITE_ONCE(s->peek_off, (s32)clamp_t(s64, s->peek_off + by, 0, S32_MAX));
}

static void wake_writers(struct unix_sock *u)
{
	struct unix_sock *peer = u->peer;

	if (likely(peer) && unix_writable(peer))
		socket_wake_write(&peer->sock, UNIX_WRITE_EVENTS);
}

/* @n bytes of @msg have been read. True: go on with the next. */
static bool use_up(struct reading *r, struct unix_msg *msg, u32 n)
{
	struct unix_sock *u = r->u;
	struct scm_fds *fds;
	bool finished;

	move_peek_off(&u->sock, -(s64)n);
	spin_lock(&u->lock);
	msg->off += n;
	fds = msg->scm.fds;
	msg->scm.fds = NULL;
	finished = msg->off == msg->len;
	if (finished)
		unix_msg_pull(u, msg);
	spin_unlock(&u->lock);
	if (unlikely(fds)) {
		unix_fds_land(fds);
		r->scm.fds = fds;
	}
	if (finished) {
		unix_msg_free(msg);
		wake_writers(u);
	}
	return !fds && r->m->data->left;
}

/* The same, but it stays. */
static bool look_at(struct reading *r, struct unix_msg *msg, u32 n)
{
	move_peek_off(&r->u->sock, n);
	r->after = msg;
	r->skip = 0;
	if (msg->scm.fds)
		r->scm.fds = scm_fds_dup(msg->scm.fds);
	return !msg->scm.fds && r->m->data->left;
}

/* 1: go on; 0: that is all; -errno. read_lock held. */
static int read_piece(struct reading *r)
{
	struct unix_sock *u = r->u;
	struct unix_msg *msg;
	u32 n = 0;

	spin_lock(&u->lock);
	msg = find_message(r);
	if (likely(msg))
		n = unix_msg_left(msg) - r->skip;
	spin_unlock(&u->lock);
	if (unlikely(!list_empty(&r->gone)))
		unix_msgs_free(&r->gone);
	if (!msg)
		return wait_message(r);
	if (unlikely(r->want_creds) && !take_identity(r, msg))
		return 0;
	n = (u32)min_t(size_t, n, r->m->data->left);
	if (unlikely(unix_msg_read(msg, msg->off + r->skip, n, r->m->data)))
		return -EFAULT;
	r->done += n;
	return likely(!r->peek) ? use_up(r, msg, n) : look_at(r, msg, n);
}

/* MSG_OOB: the urgent byte alone. */
static ssize_t receive_urgent(struct unix_sock *u, struct socket_msg *m)
{
	struct unix_msg *msg = NULL, *mark = NULL;
	ssize_t n = -EINVAL;

	mutex_lock(&u->read_lock);
	spin_lock(&u->lock);
	if (!socket_has(&u->sock, SOCKF_OOBINLINE))
		msg = u->oob;
	if (msg && !(m->flags & MSG_PEEK)) {
		u->oob = NULL;
		/* Of two marks in a row the first one goes. */
		if (!list_is_first(&msg->link, &u->msgs) && !unix_msg_left(list_prev_entry(msg, link))) {
			mark = list_prev_entry(msg, link);
			unix_msg_pull(u, mark);
		}
	}
	spin_unlock(&u->lock);
	if (msg) {
		u32 len = m->data->left ? 1 : 0;

		n = unix_msg_read(msg, msg->off, len, m->data) ? -EFAULT : 1;
		if (!(m->flags & MSG_PEEK))
			msg->off = msg->len;
		if (n > 0)
			m->out_flags |= MSG_OOB;
	}
	mutex_unlock(&u->read_lock);
	if (mark)
		unix_msg_free(mark);
	return n;
}

ssize_t unix_stream_receive(struct socket *s, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(s);
	struct reading r = {.u = u,
		.m = m,
		.scm = {.uid = SCM_NO_ID, .gid = SCM_NO_ID},
		.deadline = socket_deadline(READ_ONCE(s->rcvtimeo), m->flags & MSG_DONTWAIT),
		.peek = m->flags & MSG_PEEK,
		.want_creds = socket_has(s, SOCKF_PASSCRED | SOCKF_PASSPIDFD)};
	int ret;

	if (unlikely(READ_ONCE(u->state) != UNIX_CONNECTED))
		return -EINVAL;
	if (unlikely(m->flags & MSG_OOB))
		return receive_urgent(u, m);
	list_init(&r.gone);
	r.target = m->flags & MSG_WAITALL ? m->data->left : min_t(size_t, READ_ONCE(s->rcvlowat), m->data->left);
	if (!r.target)
		r.target = 1;
	mutex_lock(&u->read_lock);
	r.skip = r.peek ? (u32)max(s->peek_off, 0) : 0;
	do {
		ret = read_piece(&r);
	} while (ret > 0);
	mutex_unlock(&u->read_lock);
	if (unlikely(m->addr) && r.done)
		unix_addr_tell(u->peer, m->addr);
	if (m->addr && m->addr->len <= UNIX_PATH_OFF)
		m->addr->len = 0; /* who has no name is not told */
	if (m->out)
		scm_deliver(s, m, &r.scm);
	else if (unlikely(r.scm.pid || r.scm.fds))
		scm_drop(&r.scm);
	return r.done ? r.done : ret;
}
