/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets by the name that the port calls them, and what it tells of them.
 *
 *	cookie: | generation 32 | shard 8 | slot 24 |
 */
#include "inet_impl.h"
#include <arch/cpu.h>
#include <lib/idr.h>
#include <mm/slab.h>
#include <sync/mutex.h>
#include <vfs/file.h>
#include <vfs/inode.h>

LOCK_CLASS(inet_names, RANK_SOCKET + 4, "names of inet sockets, of one shard");

#define SHARDS	  16u
#define SLOT_BITS 24
#define SLOTS	  (1u << SLOT_BITS)

static struct shard {
	struct mutex lock;
	struct idr names;	/* lock; read under RCU */
	u32 generation;		/* lock */
} __aligned(64) shards[SHARDS];

static struct slab_cache *cache;

static struct radix_node *node_alloc(void *ctx)
{
	return kzalloc(sizeof(struct radix_node), 0);
}

static void node_free(void *ctx, struct radix_node *node)
{
	rcu_kfree((struct rcu_head *)(void *)node->free_link, node);
}

static const struct radix_alloc nodes = {node_alloc, node_free, NULL};

static struct shard *shard_of(u64 cookie)
{
	return &shards[cookie >> SLOT_BITS & (SHARDS - 1)];
}

static u32 slot_of(u64 cookie)
{
	return (u32)cookie & (SLOTS - 1);
}

static void send_signals(struct work *w)
{
	struct inet_sock *i = container_of(w, struct inet_sock, signals);
	u32 events = __atomic_exchange_n(&i->pending, 0, __ATOMIC_ACQUIRE);

	if (events & EPOLLPRI)
		socket_send_urg(&i->sock);
	if (events & (EPOLLIN | EPOLLRDHUP))
		fasync_send(&i->sock.async, POLL_IN);
	if (events & EPOLLOUT)
		fasync_send(&i->sock.async, POLL_OUT);
	if (events & EPOLLHUP)
		fasync_send(&i->sock.async, POLL_HUP);
	if (events & EPOLLERR)
		fasync_send(&i->sock.async, POLL_ERR);
	inet_sock_put(i);
}

static int name_it(struct inet_sock *i)
{
	u32 shard = cpu_id() % SHARDS, slot; /* any will do */
	struct shard *sh = &shards[shard];
	int err;

	mutex_lock(&sh->lock);
	err = idr_alloc(&sh->names, 0, SLOTS - 1, NULL, &nodes, &slot);
	if (!err) {
		i->cookie = (u64)++sh->generation << 32 | (u64)shard << SLOT_BITS | slot;
		(void)idr_replace(&sh->names, slot, i);
	}
	mutex_unlock(&sh->lock);
	return err;
}

struct inet_sock *inet_sock_create(u32 family, u32 type, u32 protocol)
{
	struct inet_sock *i = slab_alloc(cache, 0);

	if (!i)
		return NULL;
	*i = (struct inet_sock){.handle = 0};
	socket_init(&i->sock, type == SOCK_STREAM ? &inet_stream_ops : &inet_dgram_ops, family, type, protocol);
	refcount_set(&i->refs, 1);
	work_init(&i->signals, send_signals);
	if (!name_it(i))
		return i;
	slab_free(cache, i);
	return NULL;
}

static void free_sock(struct rcu_head *head)
{
	slab_free(cache, container_of(head, struct inet_sock, rcu));
}

void inet_sock_put(struct inet_sock *i)
{
	if (refcount_dec_and_test(&i->refs))
		rcu_call(&i->rcu, free_sock);
}

void inet_sock_forget(struct inet_sock *i)
{
	struct shard *sh = shard_of(i->cookie);

	mutex_lock(&sh->lock);
	(void)idr_remove(&sh->names, slot_of(i->cookie), &nodes);
	mutex_unlock(&sh->lock);
}

static void owe_signals(struct inet_sock *i, u32 events)
{
	if (!refcount_inc_not_zero(&i->refs))
		return;
	__atomic_fetch_or(&i->pending, events, __ATOMIC_RELEASE);
	if (!work_queue(&i->signals))
		inet_sock_put(i);
}

void inet_ready(void *client, u64 cookie, u32 events)
{
	struct inet_sock *i;

	rcu_read_lock();
	i = idr_lookup(&shard_of(cookie)->names, slot_of(cookie));
	if (likely(i && i->cookie == cookie)) {
		__atomic_add_fetch(&i->told, 1, __ATOMIC_RELEASE);
		if (events & ~(u32)INET_WRITE_EVENTS)
			wait_wake_sync(&i->sock.rd_wait, events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP) ? 0 : 1, events);
		if (events & (INET_WRITE_EVENTS | EPOLLERR | EPOLLHUP))
			wait_wake(&i->sock.wr_wait, 0, events);
		if (unlikely(fasync_wanted(&i->sock.async) || (events & EPOLLPRI)))
			owe_signals(i, events);
	}
	rcu_read_unlock();
}

u64 inet_inode(void *client, u64 cookie)
{
	const struct file *f = NULL;
	struct inet_sock *i;
	u64 ino;

	rcu_read_lock();
	i = idr_lookup(&shard_of(cookie)->names, slot_of(cookie));
	if (i && i->cookie == cookie)
		f = rcu_dereference(i->sock.file);
	ino = f ? f->inode->ino : 0; /* a file that is there keeps its inode for a grace period */
	rcu_read_unlock();
	return ino;
}

void inet_names_init(void)
{
	cache = slab_cache_create("inet_sock", sizeof(struct inet_sock), 64, SLAB_PANIC);
	for (u32 k = 0; k < SHARDS; k++)
		mutex_init(&shards[k].lock, inet_names);
}
