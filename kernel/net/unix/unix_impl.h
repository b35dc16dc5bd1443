/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * AF_UNIX: what its files share. [man unix(7)]
 *
 *	connect ─► queue of the listener ─► accept          stream:   peer <─► peer, set once
 *	send ───► queue of the receiver ──► receive         datagram: peer may change, senders are many
 *
 * A socket is one object with one spinlock, which guards its queue and its end of the connection; sending takes the receiver's lock and no other. Bytes are copied in
 * before the lock is taken and out after it was given back: readers are kept apart by read_lock, so that only one of them uses up what is at the front, while
 * senders append behind.
 *
 * References: the file's, one per socket that has it as its peer, one per message of its own that waits somewhere (datagrams), and short ones of who looks
 * it up by name. A stream's peer stays in place after it was closed (dead), so that it is read without a lock.
 *
 * Send buffers: a stream fills its peer's queue and waits while rx_charge there is above its sndbuf. A datagram socket has messages in many
 * queues and counts them itself (tx_charge); besides, the queue of a receiver who is not connected to the sender takes backlog + 1 messages. Who waits for room
 * in somebody else's queue (also to connect) is on peer_wait there.
 *
 * Locks, outermost first: read_lock; gc_mutex; sock->lock (two by address); buckets.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/hlist.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <net/socket.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include <linux/un.h>

struct page;
struct cred;

/* A name; constant. bytes is what getsockname tells after the family. */
struct unix_addr {
	struct refcount refs;
	u32 len;	/* of the sockaddr_un */
	u8 type;	/* abstract names of different types do not meet */
	char bytes[];	/* len - 2; a path's ends with NUL */
};
#define UNIX_PATH_OFF 2u

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
	struct socket sock;		/* first */
	struct refcount refs;
	struct spinlock lock;
	u8 state;			/* lock; enum unix_state */
	bool dead;			/* lock: its file is gone */
	struct unix_sock *peer;		/* lock; a reference. A stream's is written once */
	struct unix_addr *addr;		/* lock; written once, read by acquire */
	struct path path;		/* with addr, if that is a path; a reference */
	struct pid *peer_pid;		/* lock: SO_PEERCRED; references */
	const struct cred *peer_cred;
	/* the queue */
	struct list_head msgs;		/* lock */
	u32 nmsgs, rx_charge;		/* lock */
	u32 pushed;			/* lock: messages ever, for who waits for one more */
	u32 backlog;			/* lock */
	struct unix_msg *oob;		/* lock: the urgent byte, in msgs */
	struct list_head embryos;	/* lock: connections to be accepted; nmsgs counts them */
	struct list_head embryo_link;	/* the listener's lock */
	u32 tx_charge;			/* atomic: datagrams of ours in other queues */
	struct mutex read_lock;
	struct wait_queue peer_wait;	/* others wait for room in our queue */
	struct wait_entry full_watch;	/* ours in the peer's peer_wait, for poll; queued once under lock */
	u32 full_seen;			/* atomic: poll found the peer's queue full since its last wake-up */
	struct hlist_node all_link, name_link; /* bucket locks */
	/* collector */
	u32 in_flight;			/* atomic: references to the file that are in messages */
	u32 gc_refs;			/* gc_mutex, as the next two */
	bool gc_candidate;
	struct list_head gc_link;
};

static inline struct unix_sock *unix_of(struct socket *s)
{
	return container_of(s, struct unix_sock, sock);
}

static inline bool unix_is_dgram(const struct unix_sock *u)
{
	return u->sock.type == SOCK_DGRAM;
}

#define UNIX_READ_EVENTS  (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND)
#define UNIX_WRITE_EVENTS (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)

/* ---- message.c ---- */

/*
 * Bytes under way, with what goes along. Small ones lie behind the head, larger ones in pages:
 *
 *	head | bytes[room]        or        head | pages[] ─► 4 KiB << order each, room == 0
 *
 * [off, len) has not been read yet. A stream appends to the last message as long as room lasts.
 */
struct unix_msg {
	struct list_head link;
	struct unix_sock *sender;	/* datagrams: a reference */
	struct scm scm;
	s64 stamp;
	u32 len, off;
	u32 room, charge;
	u8 order;
	bool oob;
	union {
		u8 bytes[0];
		struct page *pages[0];
	};
};
#define UNIX_MSG_INLINE (8192u - (u32)offsetof(struct unix_msg, bytes))
#define UNIX_MSG_MERGE	256u	/* writes up to this size are appended by way of the stack */

/* Room for @len bytes, which are there already as far as copying goes. NULL: -ENOMEM. */
struct unix_msg *unix_msg_alloc(u32 len);
/* Fill all of it. -EFAULT */
int unix_msg_fill(struct unix_msg *msg, struct iobuf *from) MUST_CHECK;
/* Copy [off, off + len) out. -EFAULT: not all could be. */
int unix_msg_read(const struct unix_msg *msg, u32 off, u32 len, struct iobuf *to) MUST_CHECK;
/* With all it carries. Thread context, no lock. */
void unix_msg_free(struct unix_msg *msg);
void unix_msgs_free(struct list_head *msgs);
static inline u32 unix_msg_left(const struct unix_msg *msg)
{
	return msg->len - msg->off;
}
/* Queue it; it carries what @scm has (taken over). @to->lock held. */
void unix_msg_push(struct unix_sock *to, struct unix_msg *msg);
/* Take it out of the queue. Lock held. */
void unix_msg_pull(struct unix_sock *u, struct unix_msg *msg);
/* The sender's credentials, if either side wants them. Lock of @to held. */
static inline void unix_scm_creds(struct unix_sock *from, struct unix_sock *to, struct scm *scm)
{
	u32 want = SOCKF_PASSCRED | SOCKF_PASSPIDFD;

	/* A connection that was not accepted yet may be switched on afterwards. */
	if (unlikely(((from->sock.flags | READ_ONCE(to->sock.flags)) & want) || !READ_ONCE(to->sock.file)))
		scm_set_own(scm);
}

/* ---- sock.c: life ---- */
extern const struct socket_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;
extern s32 unix_max_dgram_qlen;
struct unix_sock *unix_create(u32 type); /* NULL: -ENOMEM; one reference */
void unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* The file's end; for a connection that was never accepted (@embryo) its listener's. */
void unix_release_sock(struct unix_sock *u, bool embryo);
void unix_release(struct socket *s);
/* Identities are remembered. @pid, @cred: references taken over. Lock held if @u is visible; what was there is returned for putting. */
struct unix_identity {
	struct pid *pid;
	const struct cred *cred;
};
struct unix_identity unix_identity_own(void);
void unix_identity_put(struct unix_identity id);
struct unix_identity unix_identity_set(struct unix_sock *u, struct unix_identity id);
/* The peer with a reference; NULL. */
struct unix_sock *unix_peer_get(struct unix_sock *u);
/* Both locks; @b may be NULL or the same. */
void unix_lock_two(struct unix_sock *a, struct unix_sock *b);
void unix_unlock_two(struct unix_sock *a, struct unix_sock *b);
/* Something about the connection has changed: everybody looks. */
void unix_wake_all(struct unix_sock *u);
/* Bytes of ours that wait in queues; is there room to begin to send (poll)? */
u32 unix_outq(const struct unix_sock *u);
static inline bool unix_writable(const struct unix_sock *u)
{
	return unix_outq(u) * 4ull <= READ_ONCE(u->sock.sndbuf);
}
/* Our queue holds as many as it takes. */
static inline bool unix_queue_full(const struct unix_sock *u)
{
	return READ_ONCE(u->nmsgs) > READ_ONCE(u->backlog);
}
/* All sockets: those of bucket @i, from the @skip-th on. Under rcu-free bucket lock; @fn returns false to stop. */
#define UNIX_BUCKETS 256u
typedef bool (*unix_visit)(struct unix_sock *u, void *arg);
void unix_for_bucket(u32 i, unix_visit fn, void *arg);

/* ---- name.c ---- */
int unix_check_addr(const struct socket_addr *a) MUST_CHECK; /* -EINVAL */
int unix_bind(struct socket *s, const struct socket_addr *a);
int unix_autobind(struct unix_sock *u) MUST_CHECK;
/* With SO_PASSCRED a sender needs a name that can be answered. */
int unix_autobind_for_creds(struct unix_sock *u) MUST_CHECK;
/* The socket of this name and type, referenced; -ECONNREFUSED -EPROTOTYPE, and those of a path walk. */
int unix_find(const struct socket_addr *a, u8 type, struct unix_sock **out) MUST_CHECK;
/* No longer found. */
void unix_unname(struct unix_sock *u);
void unix_addr_put(struct unix_addr *a);
void unix_addr_tell(const struct unix_sock *u, struct socket_addr *out);
int unix_name(struct socket *s, bool peer, struct socket_addr *out);

/* ---- connect.c ---- */
int unix_listen(struct socket *s, u32 backlog);
int unix_accept(struct socket *s, bool nonblock, struct socket **out);
int unix_connect(struct socket *s, const struct socket_addr *a, bool nonblock);
int unix_pair(struct socket *a, struct socket *b);
int unix_shutdown(struct socket *s, unsigned how);
/* Wait until @other's queue may have room. 0: look again. */
int unix_wait_for_peer(struct unix_sock *other, u64 deadline) MUST_CHECK;

/* ---- stream.c, dgram.c ---- */
ssize_t unix_stream_send(struct socket *s, struct socket_msg *m);
ssize_t unix_stream_receive(struct socket *s, struct socket_msg *m);
ssize_t unix_dgram_send(struct socket *s, struct socket_msg *m);
ssize_t unix_dgram_receive(struct socket *s, struct socket_msg *m);
ssize_t unix_seqpacket_send(struct socket *s, struct socket_msg *m);
ssize_t unix_seqpacket_receive(struct socket *s, struct socket_msg *m);
int unix_dgram_connect(struct socket *s, const struct socket_addr *a, bool nonblock);
/* @u does not watch @old's queue any more. */
void unix_unwatch_full(struct unix_sock *u, struct unix_sock *old);

/* ---- poll.c: readiness and ioctl ---- */
u32 unix_poll(struct socket *s, struct poll_table *pt);
u32 unix_dgram_poll(struct socket *s, struct poll_table *pt);
s64 unix_ioctl(struct socket *s, unsigned cmd, u64 arg);
size_t unix_show_fdinfo(struct socket *s, char *buf, size_t size);

/* ---- gc.c ---- */
/* @f goes into a queue (before it is there), or has left one for good. May sleep, but under a spinlock for _takes_off. */
void unix_fds_take_off(struct scm_fds *f);
void unix_fds_land(struct scm_fds *f);
/* A socket was closed: sockets that only messages know may be left. */
void unix_gc_kick(void);

/* ---- show.c ---- */
void unix_show_init(void);
