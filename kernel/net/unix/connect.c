/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of streams and of packets in sequence.
 *
 * connect makes the other end at once, an embryo without a file, and queues it at the listener; both ends can be used from then on. accept gives the embryo its file.
 */
#include "unix_impl.h"
#include <lib/string.h>
#include <vfs/namei.h>

int unix_listen(struct socket *s, u32 backlog)
{
	struct unix_identity id = unix_identity_own();
	struct unix_sock *u = unix_of(s);
	bool more = false;

	spin_lock(&u->lock);
	if (!u->addr || u->state == UNIX_CONNECTED) {
		spin_unlock(&u->lock);
		unix_identity_put(id);
		return -EINVAL;
	}
	more = backlog > u->backlog;
	WRITE_ONCE(u->backlog, backlog);
	u->state = UNIX_LISTENING;
	__atomic_fetch_or(&s->flags, SOCKF_LISTENING, __ATOMIC_RELAXED);
	id = unix_identity_set(u, id);
	spin_unlock(&u->lock);
	unix_identity_put(id);
	if (more)
		wait_wake_all(&u->peer_wait);
	return 0;
}

int unix_wait_for_peer(struct unix_sock *other, u64 deadline)
{
	int err = wait_event_state(&other->peer_wait,
		!unix_queue_full(other) || READ_ONCE(other->dead) || (READ_ONCE(other->sock.how) & SOCKET_RCV_SHUT),
		THREAD_SLEEP_INTR, deadline, true);

	if (unlikely(err) && !unix_queue_full(other)) /* the one wake-up may have been ours */
		wait_wake(&other->peer_wait, 1, UNIX_WRITE_EVENTS);
	return err ? socket_wait_error(err, deadline) : 0;
}

/* ---- connect ---- */

/* What stands against queueing at @other: 0, -ECONNREFUSED, -EAGAIN (full), -ESTALE (look it up again). Locked. */
static int listener_state(const struct unix_sock *other)
{
	if (other->dead)
		return -ESTALE;
	if (other->state != UNIX_LISTENING || (other->sock.how & SOCKET_RCV_SHUT))
		return -ECONNREFUSED;
	return unix_queue_full(other) ? -EAGAIN : 0;
}

/* Both sockets locked. The references in peers: one each way; @e's own goes to the listener's queue. */
static void join(struct unix_sock *u, struct unix_sock *e, struct unix_sock *listener)
{
	e->state = u->state = UNIX_CONNECTED;
	e->peer = u;
	unix_get(u);
	unix_get(e);
	STORE_RELEASE(u->peer, e);
	e->addr = listener->addr;
	refcount_inc(&e->addr->refs);
	if (listener->path.dentry) {
		e->path = listener->path;
		path_get(&e->path);
	}
	if (listener->peer_pid) {
		pid_get(listener->peer_pid);
		cred_get(listener->peer_cred);
	}
	list_add_tail(&e->embryo_link, &listener->embryos);
	WRITE_ONCE(listener->nmsgs, listener->nmsgs + 1);
	WRITE_ONCE(listener->pushed, listener->pushed + 1);
}

/* As listener_state, or -EISCONN -EINVAL of ours. */
static int try_connect(struct unix_sock *u, struct unix_sock *e, struct unix_sock *listener)
{
	struct unix_identity old = {NULL, NULL};
	int err;

	unix_lock_two(u, listener);
	err = listener_state(listener);
	if (!err && u->state != UNIX_CLOSED)
		err = u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	if (!err) {
		join(u, e, listener);
		old = unix_identity_set(u, (struct unix_identity){listener->peer_pid, listener->peer_cred});
	}
	unix_unlock_two(u, listener);
	unix_identity_put(old);
	return err;
}

static int connect_embryo(struct unix_sock *u, struct unix_sock *e, const struct socket_addr *a, u64 deadline)
{
	struct unix_sock *listener;
	int err;

	for (;;) {
		err = unix_find(a, u->sock.type, &listener);
		if (err)
			return err;
		err = try_connect(u, e, listener);
		if (!err)
			socket_wake_read(&listener->sock, UNIX_READ_EVENTS);
		else if (err == -EAGAIN && deadline)
			err = unix_wait_for_peer(listener, deadline) ?: -ESTALE;
		unix_put(listener);
		if (err != -ESTALE)
			return err;
	}
}

int unix_connect(struct socket *s, const struct socket_addr *a, bool nonblock)
{
	struct unix_sock *u = unix_of(s), *e;
	int err = unix_check_addr(a);

	if (!err)
		err = unix_autobind_for_creds(u);
	if (err)
		return err;
	e = unix_create(s->type);
	if (!e)
		return -ENOMEM;
	(void)unix_identity_set(e, unix_identity_own());
	err = connect_embryo(u, e, a, socket_deadline(READ_ONCE(s->sndtimeo), nonblock));
	if (err)
		unix_release_sock(e, true);
	return err;
}

/* ---- accept ---- */

static struct unix_sock *take_embryo(struct unix_sock *u)
{
	struct unix_sock *e;

	spin_lock(&u->lock);
	e = list_first_entry_or_null(&u->embryos, struct unix_sock, embryo_link);
	if (e) {
		list_del(&e->embryo_link);
		WRITE_ONCE(u->nmsgs, u->nmsgs - 1);
	}
	spin_unlock(&u->lock);
	return e;
}

static bool acceptable(const struct unix_sock *u)
{
	return READ_ONCE(u->nmsgs) || READ_ONCE(u->sock.err) || (READ_ONCE(u->sock.how) & SOCKET_RCV_SHUT);
}

int unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
	u64 deadline = socket_deadline(READ_ONCE(s->rcvtimeo), nonblock);
	struct unix_sock *u = unix_of(s), *e;
	int err;

	if (READ_ONCE(u->state) != UNIX_LISTENING)
		return -EINVAL;
	while (!(e = take_embryo(u))) {
		err = socket_take_error(s);
		if (!err && (READ_ONCE(s->how) & SOCKET_RCV_SHUT))
			err = -EINVAL;
		if (!err && !deadline)
			err = -EAGAIN;
		if (err)
			return err;
		err = wait_event_state(&s->rd_wait, acceptable(u), THREAD_SLEEP_INTR, deadline, true);
		if (err) {
			if (acceptable(u))
				wait_wake(&s->rd_wait, 1, UNIX_READ_EVENTS);
			return socket_wait_error(err, deadline);
		}
	}
	wait_wake(&u->peer_wait, 1, UNIX_WRITE_EVENTS);
	__atomic_fetch_or(&e->sock.flags, READ_ONCE(s->flags) & (SOCKF_PASSCRED | SOCKF_PASSPIDFD | SOCKF_PASSSEC), __ATOMIC_RELAXED);
	*out = &e->sock;
	return 0;
}

/* ---- pairs, shutdown ---- */

int unix_pair(struct socket *sa, struct socket *sb)
{
	struct unix_sock *a = unix_of(sa), *b = unix_of(sb);

	a->peer = b;
	b->peer = a;
	unix_get(a);
	unix_get(b);
	a->state = b->state = UNIX_CONNECTED;
	(void)unix_identity_set(a, unix_identity_own());
	(void)unix_identity_set(b, unix_identity_own());
	return 0;
}

int unix_shutdown(struct socket *s, unsigned how)
{
	struct unix_sock *u = unix_of(s), *peer;

	spin_lock(&u->lock);
	s->how |= (u8)how;
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	unix_wake_all(u);
	if (!peer)
		return 0;
	if (!unix_is_dgram(u)) {
		spin_lock(&peer->lock);
		peer->sock.how |= (u8)((how & SOCKET_RCV_SHUT ? SOCKET_SEND_SHUT : 0) | (how & SOCKET_SEND_SHUT ? SOCKET_RCV_SHUT : 0));
		spin_unlock(&peer->lock);
		unix_wake_all(peer);
		fasync_send(&peer->sock.async, how == (SOCKET_RCV_SHUT | SOCKET_SEND_SHUT) ? POLL_HUP : POLL_IN);
	}
	unix_put(peer);
	return 0;
}
