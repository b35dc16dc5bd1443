/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues of netlink sockets: delivering, dropping, receiving.
 */
#include "netlink_impl.h"
#include <env/iobuf.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <mm/slab.h>
#include <net/filter.h>
#include <proc/pid.h>

#define ITEM_CHARGE 256u /* what a message costs beside its bytes */

struct nl_buf *nl_buf_alloc(u32 len)
{
	struct nl_buf *b = kmalloc(sizeof(*b) + len, 0);

	if (!b)
		return NULL;
	refcount_set(&b->refs, 1);
	b->len = len;
	return b;
}

void nl_buf_put(struct nl_buf *b)
{
	if (refcount_dec_and_test(&b->refs))
		kfree(b);
}

static void item_free(struct nl_item *i)
{
	scm_drop(&i->scm);
	nl_buf_put(i->buf);
	kfree(i);
}

static bool is_full(const struct nl_sock *n)
{
	return READ_ONCE(n->congested) || READ_ONCE(n->charge) > READ_ONCE(n->sock.rcvbuf);
}

int nl_deliver(struct nl_sock *to, struct nl_buf *b, u32 port, u32 group, const struct scm *scm)
{
	struct nl_item *i;
	int err = 0;
	u32 keep;

	if (is_full(to))
		return -EAGAIN;
	keep = socket_filter(&to->sock, b->bytes, b->len);
	if (!keep)
		return 0; /* the receiver does not want it */
	i = kzalloc(sizeof(*i), 0);
	if (!i)
		return -ENOMEM;
	i->buf = b;
	refcount_inc(&b->refs);
	i->port = port;
	i->group = group;
	if (scm) {
		i->scm = (struct scm){.pid = scm->pid, .uid = scm->uid, .gid = scm->gid};
		if (i->scm.pid)
			pid_get(i->scm.pid);
	}
	spin_lock(&to->lock);
	if (to->dead) {
		err = -ECONNREFUSED;
	} else {
		list_add_tail(&i->link, &to->items);
		to->charge += b->len + ITEM_CHARGE;
		to->nitems++;
		to->pushed++;
	}
	spin_unlock(&to->lock);
	if (err)
		item_free(i);
	else
		socket_wake_read(&to->sock, EPOLLIN | EPOLLRDNORM);
	return err;
}

void nl_overrun(struct nl_sock *to)
{
	bool tell = false;

	spin_lock(&to->lock);
	if (!(READ_ONCE(to->flags) & NLF_NO_ENOBUFS) && !to->congested) {
		to->congested = tell = true;
		WRITE_ONCE(to->sock.err, ENOBUFS);
	}
	to->drops++;
	spin_unlock(&to->lock);
	if (tell)
		socket_wake_read(&to->sock, EPOLLERR);
}

static bool is_member(const struct nl_sock *n, u32 group)
{
	return group && group <= n->proto->ngroups && (n->groups[(group - 1) / 64] & 1ull << (group - 1) % 64);
}

int nl_broadcast(struct nl_protocol *p, struct nl_sock *except, struct nl_buf *b, u32 port, u32 not_port, u32 group, const struct scm *scm)
{
	bool found = false, failed = false;
	struct nl_sock *n;

	mutex_lock(&p->mutex);
	list_for_each_entry(n, &p->sockets, link)
	{
		if (n == except || (not_port && n->port == not_port) || !is_member(n, group))
			continue;
		if (nl_deliver(n, b, port, group, scm)) {
			nl_overrun(n);
			failed |= (READ_ONCE(n->flags) & NLF_BROADCAST_ERROR) != 0;
		} else {
			found = true;
		}
	}
	mutex_unlock(&p->mutex);
	if (failed)
		return -ENOBUFS;
	return found ? 0 : -ESRCH;
}

bool nl_has_members(struct nl_protocol *p, u32 group)
{
	struct nl_sock *n;
	bool found = false;

	mutex_lock(&p->mutex);
	list_for_each_entry(n, &p->sockets, link)
		found |= is_member(n, group);
	mutex_unlock(&p->mutex);
	return found;
}

void nl_queue_flush(struct nl_sock *n)
{
	LIST_HEAD(items);

	spin_lock(&n->lock);
	n->dead = true;
	list_splice(&n->items, &items);
	n->nitems = n->charge = 0;
	spin_unlock(&n->lock);
	while (!list_empty(&items)) {
		struct nl_item *i = list_first_entry(&items, struct nl_item, link);

		list_del(&i->link);
		item_free(i);
	}
}

/* ---- receiving ---- */

static void tell(struct nl_sock *n, struct socket_msg *m, const struct nl_item *i)
{
	if (m->addr) {
		struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = i->port};

		if (i->group && i->group <= 32)
			a.nl_groups = 1u << (i->group - 1);
		memcpy(m->addr->bytes, &a, sizeof(a));
		m->addr->len = sizeof(a);
	}
	if (m->out && (READ_ONCE(n->flags) & NLF_PKTINFO)) {
		struct nl_pktinfo info = {.group = i->group};

		(void)scm_put(m, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	}
}

static ssize_t copy_out(struct nl_sock *n, struct socket_msg *m, struct nl_item *i)
{
	size_t len = i->buf->len, size = min(len, m->data->left);
	struct scm scm = i->scm;

	if (iobuf_put(m->data, i->buf->bytes, size) < size)
		return -EFAULT;
	if (size < len)
		m->out_flags |= MSG_TRUNC;
	tell(n, m, i);
	if (scm.pid)
		pid_get(scm.pid);
	if (m->out)
		scm_deliver(&n->sock, m, &scm);
	else
		scm_drop(&scm);
	return (ssize_t)(m->flags & MSG_TRUNC ? len : size);
}

/* The first item; taken out of the queue, or (peek) a copy of it. NULL: none, or no memory (*out_err). */
static struct nl_item *take(struct nl_sock *n, bool peek, u32 *out_seen, int *out_err)
{
	struct nl_item *i, *copy = NULL;
	bool empty;

	*out_err = 0;
	if (peek) {
		copy = kzalloc(sizeof(*copy), 0);
		if (!copy) {
			*out_err = -ENOMEM;
			return NULL;
		}
	}
	spin_lock(&n->lock);
	*out_seen = n->pushed;
	i = list_first_entry_or_null(&n->items, struct nl_item, link);
	if (i && peek) {
		*copy = *i;
		refcount_inc(&i->buf->refs);
		if (copy->scm.pid)
			pid_get(copy->scm.pid);
	} else if (i) {
		list_del(&i->link);
		n->nitems--;
		WRITE_ONCE(n->charge, n->charge - (i->buf->len + ITEM_CHARGE));
	}
	empty = list_empty(&n->items);
	if (empty)
		WRITE_ONCE(n->congested, false);
	spin_unlock(&n->lock);
	if (i && !peek && !READ_ONCE(n->congested))
		wait_wake(&n->sock.wr_wait, 0, EPOLLOUT); /* who waits to send to this port */
	if (!peek)
		return i;
	if (!i)
		kfree(copy);
	return i ? copy : NULL;
}

static int wait_item(struct nl_sock *n, u32 seen, u64 deadline)
{
	struct socket *s = &n->sock;
	int err;

	if (!deadline)
		return -EAGAIN;
	err = wait_event_state(&s->rd_wait, READ_ONCE(n->pushed) != seen || READ_ONCE(s->err), THREAD_SLEEP_INTR, deadline, false);
	return err ? socket_wait_error(err, deadline) : 0;
}

ssize_t nl_receive(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(READ_ONCE(s->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct nl_sock *n = nl_of(s);

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		struct nl_item *i;
		ssize_t got;
		u32 seen;
		int err = socket_take_error(s);

		if (err)
			return err;
		i = take(n, m->flags & MSG_PEEK, &seen, &err);
		if (err)
			return err;
		if (i) {
			got = copy_out(n, m, i);
			item_free(i);
			if (!(m->flags & MSG_PEEK))
				nl_dump_go_on(n);
			return got;
		}
		err = wait_item(n, seen, deadline);
		if (err)
			return err;
	}
}
