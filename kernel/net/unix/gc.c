/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets that only messages know.
 *
 * A descriptor of a socket may be sent through that socket, or through another that is sent through it, and closed: then nobody can receive it, yet its file has
 * references. The collector finds such sockets by counting:
 *
 *	1  candidates: sockets whose file has no references but those in messages (in_flight)
 *	2  subtract the references that lie in queues of candidates; who has some left is known from outside
 *	3  what such a socket's queue holds is known too, and so on
 *	4  the messages of the others are thrown away; with them go the last references
 *
 * Step 1 looks at one socket after the other, so no descriptor may come out of a message meanwhile: it would be counted in flight, while its receiver sends it
 * into another candidate's queue. Everything else that may happen at the same time only makes the collector see too few. So unix_fds_land waits
 * while gc_running. It looks at that flag inside a read section, and the collector sets it before a grace period: the fast way takes no lock.
 *
 * Runs from a work item after a socket was closed, if there ever were sockets in messages.
 */
#include "unix_impl.h"
#include <sched/work.h>
#include <sync/rcu.h>

/* clang-format off */
LOCK_CLASS(unix_gc, RANK_PIPE + 5, "one collection of AF_UNIX sockets in flight");
/* clang-format on */

static struct mutex gc_mutex = MUTEX_INIT(gc_mutex, unix_gc);
static bool gc_running;
static bool any_in_flight; /* sockets have been in messages since the last collection that found none */

static struct unix_sock *sock_of_file(struct file *f)
{
	struct socket *s = f ? file_socket(f) : NULL;

	return s && s->family == AF_UNIX ? unix_of(s) : NULL;
}

static void count(struct scm_fds *f, u32 by)
{
	for (u32 i = 0; i < f->count; i++) {
		struct unix_sock *u = sock_of_file(f->files[i]);

		if (u)
			__atomic_fetch_add(&u->in_flight, by, __ATOMIC_ACQ_REL);
	}
}

void unix_fds_take_off(struct scm_fds *f)
{
	if (!f->nsockets)
		return;
	count(f, 1);
	if (!READ_ONCE(any_in_flight))
		WRITE_ONCE(any_in_flight, true);
}

void unix_fds_land(struct scm_fds *f)
{
	if (!f->nsockets)
		return;
	for (;;) {
		rcu_read_lock();
		if (likely(!READ_ONCE(gc_running))) {
			count(f, ~0u);
			rcu_read_unlock();
			return;
		}
		rcu_read_unlock();
		mutex_lock(&gc_mutex); /* until it is over */
		mutex_unlock(&gc_mutex);
	}
}

/* ---- the graph ---- */

typedef void (*visit)(struct unix_sock *child, struct list_head *list);

static void visit_queue(struct unix_sock *u, visit fn, struct list_head *list)
{
	struct unix_msg *msg;

	list_for_each_entry(msg, &u->msgs, link) {
		struct scm_fds *f = msg->scm.fds;

		for (u32 i = 0; f && f->nsockets && i < f->count; i++) {
			struct unix_sock *child = sock_of_file(f->files[i]);

			if (child && child->gc_candidate)
				fn(child, list);
		}
	}
}

/* Candidates in the queue of @u, or of the connections that wait in it. */
static void visit_children(struct unix_sock *u, visit fn, struct list_head *list)
{
	struct unix_sock *e;

	spin_lock(&u->lock);
	visit_queue(u, fn, list);
	list_for_each_entry(e, &u->embryos, embryo_link) {
		spin_lock_nested(&e->lock);
		visit_queue(e, fn, list);
		spin_unlock(&e->lock);
	}
	spin_unlock(&u->lock);
}

static void explain_one(struct unix_sock *child, struct list_head *list)
{
	child->gc_refs--;
}

static void keep(struct unix_sock *child, struct list_head *known)
{
	child->gc_candidate = false;
	list_del(&child->gc_link);
	list_add_tail(&child->gc_link, known);
}

/* Bucket lock held, gc_running. */
static bool find_candidate(struct unix_sock *u, void *arg)
{
	struct list_head *candidates = arg;
	u32 n = __atomic_load_n(&u->in_flight, __ATOMIC_ACQUIRE);
	struct file *f;

	if (!n)
		return true;
	WRITE_ONCE(any_in_flight, true);
	rcu_read_lock();
	f = rcu_dereference(u->sock.file);
	if (f && READ_ONCE(f->refs) == n) {
		unix_get(u);
		u->gc_refs = n;
		u->gc_candidate = true;
		list_add_tail(&u->gc_link, candidates);
	}
	rcu_read_unlock();
	return true;
}

/* ---- collecting ---- */

static void take_messages(struct unix_sock *u, struct list_head *out)
{
	struct unix_msg *msg, *tmp;

	list_for_each_entry_safe(msg, tmp, &u->msgs, link) {
		if (!msg->scm.fds)
			continue;
		if (u->oob == msg)
			u->oob = NULL;
		unix_msg_pull(u, msg);
		list_add_tail(&msg->link, out);
	}
}

static void take_garbage(struct unix_sock *u, struct list_head *out)
{
	struct unix_sock *e;

	spin_lock(&u->lock);
	take_messages(u, out);
	list_for_each_entry(e, &u->embryos, embryo_link) {
		spin_lock_nested(&e->lock);
		take_messages(e, out);
		spin_unlock(&e->lock);
	}
	spin_unlock(&u->lock);
}

static void forget(struct list_head *list)
{
	struct unix_sock *u;

	while ((u = list_first_entry_or_null(list, struct unix_sock, gc_link))) {
		list_del(&u->gc_link);
		u->gc_candidate = false;
		unix_put(u);
	}
}

static void collect(struct list_head *garbage)
{
	struct unix_sock *u, *tmp;
	LIST_HEAD(candidates);
	LIST_HEAD(known);

	WRITE_ONCE(any_in_flight, false);
	for (u32 i = 0; i < UNIX_BUCKETS; i++)
		unix_for_bucket(i, find_candidate, &candidates);
	list_for_each_entry(u, &candidates, gc_link)
		visit_children(u, explain_one, NULL);
	list_for_each_entry_safe(u, tmp, &candidates, gc_link) {
		if (u->gc_refs)
			keep(u, &known);
	}
	list_for_each_entry(u, &known, gc_link) /* grows on the way */
		visit_children(u, keep, &known);
	list_for_each_entry(u, &candidates, gc_link)
		take_garbage(u, garbage);
	forget(&known);
	forget(&candidates);
}

static void gc_work(struct work *w)
{
	LIST_HEAD(garbage);

	mutex_lock(&gc_mutex);
	WRITE_ONCE(gc_running, true);
	rcu_synchronize();
	collect(&garbage);
	WRITE_ONCE(gc_running, false);
	mutex_unlock(&gc_mutex);
	unix_msgs_free(&garbage);
}

static struct work work = WORK_INIT(gc_work);

void unix_gc_kick(void)
{
	if (unlikely(READ_ONCE(any_in_flight)))
		work_queue(&work);
}
