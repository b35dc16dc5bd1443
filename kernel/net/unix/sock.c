/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a socket, and the tables of operations.
 */
#include "unix_impl.h"
#include <init/initcall.h>
#include <lib/hash.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/namei.h>
#include <vfs/procfs.h>

/* clang-format off */
LOCK_CLASS(unix_sock, RANK_SOCKET, "one AF_UNIX socket: queue, connection");
LOCK_CLASS(unix_read, RANK_PIPE + 2, "readers of one AF_UNIX socket, one at a time");
LOCK_CLASS(unix_all, RANK_SOCKET + 2, "AF_UNIX sockets of one bucket");
/* clang-format on */

s32 unix_max_dgram_qlen = 10;
static struct slab_cache *cache;
static struct bucket {
	struct spinlock lock;
	struct hlist_head socks;
} __aligned(64) all[UNIX_BUCKETS];

static struct bucket *bucket_of(const struct unix_sock *u)
{
	return &all[hash_ptr(u, 8)];
}

void unix_for_bucket(u32 i, unix_visit fn, void *arg)
{
	struct unix_sock *u;

	spin_lock(&all[i].lock);
	hlist_for_each_entry(u, &all[i].socks, all_link)
	{
		if (!fn(u, arg))
			break;
	}
	spin_unlock(&all[i].lock);
}

static const struct socket_ops *ops_of(u32 type)
{
	switch (type) {
	case SOCK_STREAM: return &unix_stream_ops;
	case SOCK_DGRAM: return &unix_dgram_ops;
	default: return &unix_seqpacket_ops;
	}
}

struct unix_sock *unix_create(u32 type)
{
	struct unix_sock *u = slab_alloc(cache, 0);
	struct bucket *b;

	if (!u)
		return NULL;
	*u = (struct unix_sock){.backlog = (u32)READ_ONCE(unix_max_dgram_qlen)};
	socket_init(&u->sock, ops_of(type), AF_UNIX, type, 0);
	u->sock.flags = SOCKF_PEEK_OFF;
	refcount_set(&u->refs, 1);
	spin_init(&u->lock, unix_sock);
	list_init(&u->msgs);
	list_init(&u->embryos);
	mutex_init(&u->read_lock, unix_read);
	wait_queue_init(&u->peer_wait);
	b = bucket_of(u);
	spin_lock(&b->lock);
	hlist_add_head(&u->all_link, &b->socks);
	spin_unlock(&b->lock);
	return u;
}

void unix_get(struct unix_sock *u)
{
	refcount_inc(&u->refs);
}

static NOINLINE void destroy(struct unix_sock *u)
{
	unix_identity_put((struct unix_identity){u->peer_pid, u->peer_cred});
	if (u->addr)
		unix_addr_put(u->addr);
	slab_free(cache, u);
}

void unix_put(struct unix_sock *u)
{
	if (refcount_dec_and_test(&u->refs))
		destroy(u);
}

/* ---- identities ---- */

struct unix_identity unix_identity_own(void)
{
	struct unix_identity id = {task_current()->proc->pid, cred_current()};

	pid_get(id.pid);
	cred_get(id.cred);
	return id;
}

void unix_identity_put(struct unix_identity id)
{
	if (id.pid)
		pid_put(id.pid);
	if (id.cred)
		cred_put(id.cred);
}

struct unix_identity unix_identity_set(struct unix_sock *u, struct unix_identity id)
{
	struct unix_identity old = {u->peer_pid, u->peer_cred};

	u->peer_pid = id.pid;
	u->peer_cred = id.cred;
	return old;
}

static void unix_peer_identity(struct socket *s, struct pid **out_pid, const struct cred **out_cred)
{
	struct unix_sock *u = unix_of(s);

	spin_lock(&u->lock);
	*out_pid = u->peer_pid;
	*out_cred = u->peer_cred;
	if (u->peer_pid)
		pid_get(u->peer_pid);
	if (u->peer_cred)
		cred_get(u->peer_cred);
	spin_unlock(&u->lock);
}

/* ---- two sockets ---- */

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	struct unix_sock *peer;

	spin_lock(&u->lock);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->lock);
	return peer;
}

void unix_lock_two(struct unix_sock *a, struct unix_sock *b)
{
	if (!b || a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

void unix_unlock_two(struct unix_sock *a, struct unix_sock *b)
{
	if (b && a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

void unix_wake_all(struct unix_sock *u)
{
	wait_wake_all(&u->sock.rd_wait);
	wait_wake_all(&u->sock.wr_wait);
	wait_wake_all(&u->peer_wait);
}

u32 unix_outq(const struct unix_sock *u)
{
	const struct unix_sock *peer;

	if (u->sock.type != SOCK_STREAM)
		return READ_ONCE(u->tx_charge);
	peer = LOAD_ACQUIRE(u->peer);
	return peer ? READ_ONCE(peer->rx_charge) : 0;
}

/* ---- the end ---- */

static void tell_peer(struct unix_sock *u, struct unix_sock *peer, bool reset)
{
	if (!unix_is_dgram(u)) {
		spin_lock(&peer->lock);
		peer->sock.how = SOCKET_RCV_SHUT | SOCKET_SEND_SHUT;
		if (reset)
			WRITE_ONCE(peer->sock.err, ECONNRESET);
		spin_unlock(&peer->lock);
		unix_wake_all(peer);
		fasync_send(&peer->sock.async, POLL_HUP);
	}
	unix_unwatch_full(u, peer);
	unix_put(peer);
}

void unix_release_sock(struct unix_sock *u, bool embryo)
{
	struct bucket *b = bucket_of(u);
	struct unix_sock *peer, *e;
	LIST_HEAD(msgs);
	LIST_HEAD(embryos);
	bool unread;

	unix_unname(u);
	spin_lock(&u->lock);
	u->dead = true;
	u->sock.how = SOCKET_RCV_SHUT | SOCKET_SEND_SHUT;
	u->state = UNIX_CLOSED;
	peer = u->peer;
	u->peer = NULL;
	u->oob = NULL;
	list_splice(&u->msgs, &msgs);
	list_init(&u->msgs);
	list_splice(&u->embryos, &embryos);
	list_init(&u->embryos);
	u->nmsgs = u->rx_charge = 0;
	spin_unlock(&u->lock);
	wait_wake_all(&u->peer_wait);
	unread = !list_empty(&msgs);
	if (peer)
		tell_peer(u, peer, unread || embryo);
	while ((e = list_first_entry_or_null(&embryos, struct unix_sock, embryo_link))) {
		list_del(&e->embryo_link);
		unix_release_sock(e, true);
	}
	unix_msgs_free(&msgs);
	if (u->path.dentry)
		path_put(&u->path);
	spin_lock(&b->lock);
	hlist_del(&u->all_link);
	spin_unlock(&b->lock);
	unix_gc_kick();
	unix_put(u);
}

void unix_release(struct socket *s)
{
	unix_release_sock(unix_of(s), false);
}

/* ---- tables ---- */

#define UNIX_COMMON_OPS                                                                                          \
	.bind = unix_bind, .pair = unix_pair, .name = unix_name, .shutdown = unix_shutdown, .ioctl = unix_ioctl, \
	.peer_identity = unix_peer_identity, .show_fdinfo = unix_show_fdinfo, .release = unix_release

const struct socket_ops unix_stream_ops = {
	UNIX_COMMON_OPS,
	.listen = unix_listen,
	.accept = unix_accept,
	.connect = unix_connect,
	.send = unix_stream_send,
	.receive = unix_stream_receive,
	.poll = unix_poll,
};

const struct socket_ops unix_seqpacket_ops = {
	UNIX_COMMON_OPS,
	.listen = unix_listen,
	.accept = unix_accept,
	.connect = unix_connect,
	.send = unix_seqpacket_send,
	.receive = unix_seqpacket_receive,
	.poll = unix_dgram_poll,
};

const struct socket_ops unix_dgram_ops = {
	UNIX_COMMON_OPS,
	.connect = unix_dgram_connect,
	.send = unix_dgram_send,
	.receive = unix_dgram_receive,
	.poll = unix_dgram_poll,
};

static int family_create(u32 type, u32 protocol, struct socket **out)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW) /* as BSD had it */
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	u = unix_create(type);
	if (!u)
		return -ENOMEM;
	*out = &u->sock;
	return 0;
}

static const struct socket_family unix_family = {.create = family_create};

static const struct sysctl unix_table[] = {
	{"net/unix/max_dgram_qlen", 0644, SYSCTL_INT, .var = &unix_max_dgram_qlen},
};

static int unix_init(void)
{
	cache = slab_cache_create("unix_sock", sizeof(struct unix_sock), 64, SLAB_PANIC);
	for (u32 i = 0; i < UNIX_BUCKETS; i++)
		spin_init(&all[i].lock, unix_all);
	sysctl_register(unix_table, ARRAY_SIZE(unix_table));
	unix_show_init();
	socket_family_register(AF_UNIX, &unix_family);
	return 0;
}

INITCALL(unix, "net", unix_init);
