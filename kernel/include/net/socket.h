/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sockets: what all families share, and what a family implements.
 *
 *	system call ─► socket (this layer: the file, SOL_SOCKET options, control messages) ─► socket_ops of the family
 *
 * A family registers once; its sockets embed struct socket. AF_UNIX lives in kernel/net/unix; families that are components stand behind a port (inet: <port/inet.h>)
 * and have their adaptor here. The layer takes no lock of its own: a socket's state is its family's.
 *
 * Life: create (or accept) makes a socket, the layer gives it a file, the file's last reference calls release. The memory is the family's, which may keep it for longer
 * (a peer still looks at it).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <abi/socket.h>
#include <env/iobuf.h>
#include <sync/wait.h>
#include <vfs/fown.h>

struct file;
struct poll_table;
struct socket;
struct socket_ops;
struct scm_fds;
struct cred;
struct pid;
struct pseudo_file;
struct bpf_prog;
struct vm_map_args;

/* An address as the user gave or gets it. */
struct socket_addr {
	u32 len; /* 0: none. As reported: may be more than was copied */
	union {
		u16 family;
		u8 bytes[SOCKADDR_MAX];
	};
};

/* Switches of SOL_SOCKET; bits of socket.flags. */
enum socket_flag {
	SOCKF_PASSCRED = 1u << 0,
	SOCKF_PASSPIDFD = 1u << 1,
	SOCKF_PASSSEC = 1u << 2,
	SOCKF_TIMESTAMP = 1u << 3,	/* of any kind: stamp what arrives */
	SOCKF_TIMESTAMPNS = 1u << 4,	/* ... and tell it in nanoseconds */
	SOCKF_TIMESTAMP_NEW = 1u << 5,	/* set by the _NEW option */
	SOCKF_OOBINLINE = 1u << 6,
	SOCKF_REUSEADDR = 1u << 7,
	SOCKF_REUSEPORT = 1u << 8,
	SOCKF_KEEPALIVE = 1u << 9,
	SOCKF_BROADCAST = 1u << 10,
	SOCKF_DONTROUTE = 1u << 11,
	SOCKF_DEBUG = 1u << 12,
	SOCKF_LINGER = 1u << 13,
	SOCKF_RXQ_OVFL = 1u << 14,
	SOCKF_NOFCS = 1u << 15,
	SOCKF_NO_CHECK = 1u << 16,
	SOCKF_SNDBUF_LOCK = 1u << 17,	/* the user chose the size: no autotuning */
	SOCKF_RCVBUF_LOCK = 1u << 18,
	SOCKF_LISTENING = 1u << 19,	/* SO_ACCEPTCONN */
	SOCKF_PEEK_OFF = 1u << 20,	/* the family knows SO_PEEK_OFF; constant */
	SOCKF_WIFI_STATUS = 1u << 21,
	SOCKF_SELECT_ERR = 1u << 22,
	SOCKF_LOCK_FILTER = 1u << 23,
};

struct socket {
	const struct socket_ops *ops;
	struct file *file;	/* no reference; NULL before it has one and after its release */
	u16 family;
	u8 type, how;		/* how: bits 1 (no more receiving) and 2 (no more sending); the family's lock */
	u16 protocol;
	u16 linger_s;
	u32 flags;		/* atomic; enum socket_flag */
	s32 err;		/* atomic: SO_ERROR, positive */
	u32 sndbuf, rcvbuf;	/* as reported: twice what was asked for */
	u32 rcvlowat;
	s32 peek_off;		/* -1: none; family's reading lock */
	u32 mark;
	s32 priority;
	u64 rcvtimeo, sndtimeo;	/* ns; ~0: for ever */
	u64 cookie;		/* 0: not asked for yet */
	bool nospace;		/* a sender found it full: who set O_ASYNC hears when it is not */
	struct bpf_prog *filter; /* SO_ATTACH_FILTER: RCU; a reference; see <net/filter.h> */
	struct wait_queue rd_wait, wr_wait;
	struct fasync_list async;
};

enum { SOCKET_RCV_SHUT = 1, SOCKET_SEND_SHUT = 2 };

/* Where recvmsg puts control messages. */
struct cmsg_out {
	struct uptr at;
	size_t left;
};

/* One send or receive. */
struct socket_msg {
	struct iobuf *data;		/* advanced by what was moved */
	u32 flags;			/* MSG_* that the caller wants; MSG_DONTWAIT also stands for O_NONBLOCK */
	u32 out_flags;			/* receive: MSG_TRUNC MSG_CTRUNC MSG_OOB MSG_EOR */
	struct socket_addr *addr;	/* send: to, NULL none. Receive: from, NULL: not wanted; len 0 is filled in if there is none */
	const void *control;		/* send: cmsgs in kernel memory, or NULL */
	size_t control_len;
	struct cmsg_out *out;		/* receive; NULL: no msghdr (read, recv) */
};

/*
 * What a family does. All run in thread context with no lock held and may sleep; NULL: -EOPNOTSUPP. Errors are those of the system calls.
 */
struct socket_ops {
	int (*bind)(struct socket *s, const struct socket_addr *a);
	int (*listen)(struct socket *s, u32 backlog);
	/* The next connection, with the reference its file will give back by release. */
	int (*accept)(struct socket *s, bool nonblock, struct socket **out);
	int (*connect)(struct socket *s, const struct socket_addr *a, bool nonblock);
	int (*pair)(struct socket *a, struct socket *b);
	int (*name)(struct socket *s, bool peer, struct socket_addr *out);
	/* Bytes, or -errno. */
	ssize_t (*send)(struct socket *s, struct socket_msg *m);
	ssize_t (*receive)(struct socket *s, struct socket_msg *m);
	int (*shutdown)(struct socket *s, unsigned how); /* SOCKET_*_SHUT */
	u32 (*poll)(struct socket *s, struct poll_table *pt);
	s64 (*ioctl)(struct socket *s, unsigned cmd, u64 arg); /* -ENOIOCTLCMD: not known */
	int (*mmap)(struct socket *s, struct file *f, struct vm_map_args *args); /* NULL: -ENODEV */
	/* Levels above SOL_SOCKET, and of it what this layer does not know (get: @len is the room, the result the length). */
	int (*set_option)(struct socket *s, int level, int name, struct uptr val, u32 len);
	int (*get_option)(struct socket *s, int level, int name, struct uptr val, u32 len);
	/* sndbuf or rcvbuf has changed. */
	void (*buffers_changed)(struct socket *s);
	/* Another option of SOL_SOCKET that this layer keeps has been set. */
	void (*option_changed)(struct socket *s, int name);
	/* SO_ERROR of a family that keeps its own: 0 or -errno, and it is taken. NULL: socket_take_error. */
	int (*take_error)(struct socket *s);
	/* SO_PEERCRED and friends: the peer's process (a reference) and credentials (a reference); NULLs if there is none. */
	void (*peer_identity)(struct socket *s, struct pid **out_pid, const struct cred **out_cred);
	size_t (*show_fdinfo)(struct socket *s, char *buf, size_t size);
	/* The file is gone. */
	void (*release)(struct socket *s);
};

struct socket_family {
	int (*create)(u32 type, u32 protocol, struct socket **out); /* -EPROTONOSUPPORT -ESOCKTNOSUPPORT -ENOMEM */
};
/* At boot, once per number. */
void socket_family_register(unsigned family, const struct socket_family *f);

/* The defaults; the family then sets what it needs. */
void socket_init(struct socket *s, const struct socket_ops *ops, u32 family, u32 type, u32 protocol);

/* ---- for system calls ---- */
int socket_create(int family, u32 type, int protocol, unsigned o_flags, struct file **out) MUST_CHECK;
int socket_create_pair(int family, u32 type, int protocol, unsigned o_flags, struct file **out_a, struct file **out_b) MUST_CHECK;
int socket_accept(struct file *f, unsigned o_flags, struct file **out, struct socket_addr *peer) MUST_CHECK;
/* NULL: no socket. */
struct socket *file_socket(struct file *f);
int socket_set_option(struct socket *s, int level, int name, struct uptr val, u32 len) MUST_CHECK;
int socket_get_option(struct socket *s, int level, int name, struct uptr val, struct uptr user_len) MUST_CHECK;
extern s32 socket_somaxconn, socket_optmem_max;

/* ---- for families ---- */
static inline bool socket_has(const struct socket *s, u32 flags)
{
	return READ_ONCE(s->flags) & flags;
}
/* What socket_get_option answers: up to @len bytes of @v, and how many. */
int socket_put_value(struct uptr val, u32 room, const void *v, u32 len) MUST_CHECK;
/* Take the pending error: 0 or -errno. */
static inline int socket_take_error(struct socket *s)
{
	return likely(!READ_ONCE(s->err)) ? 0 : -__atomic_exchange_n(&s->err, 0, __ATOMIC_ACQUIRE);
}
/* The deadline of a call that begins now: 0: do not wait. */
u64 socket_deadline(u64 timeo, bool nonblock);
/* What a wait that ended badly means to the call: -EAGAIN, -EINTR, -ERESTARTSYS. */
static inline int socket_wait_error(int err, u64 deadline)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && deadline != ~0ull ? -EINTR : err;
}
/* There is something to receive, or room to send again: wake who waits and signal. Thread context, no spinlock. */
static inline void socket_wake_read(struct socket *s, u32 events)
{
	wait_wake_sync(&s->rd_wait, 1, events);
	fasync_send(&s->async, POLL_IN);
}
static inline void socket_wake_write(struct socket *s, u32 events)
{
	wait_wake(&s->wr_wait, 0, events);
	if (unlikely(READ_ONCE(s->nospace))) {
		WRITE_ONCE(s->nospace, false);
		fasync_send(&s->async, POLL_OUT);
	}
}
/* -EPIPE, and SIGPIPE unless MSG_NOSIGNAL. */
int socket_broken(unsigned flags);
/* SIGURG to whom the file belongs. The caller holds a reference to the memory of @s. */
void socket_send_urg(struct socket *s);

/* ---- control messages (control.c) ---- */

/* Files on their way. Each has a reference; the count stands in its user's account (ETOOMANYREFS). */
struct scm_fds {
	u32 count;
	u32 nsockets;		/* of them AF_UNIX sockets, which may form cycles */
	struct user *user;
	struct file *files[];
};

/* What goes along with the bytes. */
struct scm {
	struct pid *pid;	/* a reference; NULL: no credentials */
	u32 uid, gid;
	struct scm_fds *fds;	/* owned; NULL: none */
};
#define SCM_NO_ID 65534u /* shown for an identity that is not known: the overflow uid */

/* Decode what sendmsg got; @fds_ok: the family carries descriptors. On error nothing is held. -EINVAL -EBADF -EPERM -ESRCH -ETOOMANYREFS -ENOMEM */
int scm_parse(const void *control, size_t len, bool fds_ok, struct scm *out) MUST_CHECK;
/* The running process' own credentials, unless some were given. */
void scm_set_own(struct scm *c);
void scm_drop(struct scm *c);
struct scm_fds *scm_fds_dup(const struct scm_fds *f); /* NULL: -ENOMEM */
void scm_fds_free(struct scm_fds *f);		       /* puts the files; thread context */
/* Tell the receiver and drop @c. */
void scm_deliver(struct socket *s, struct socket_msg *m, struct scm *c);
/* SO_TIMESTAMP and so on, if it is on. */
void scm_deliver_stamp(struct socket *s, struct socket_msg *m, s64 ns);
/* One message; what does not fit is cut and flagged. -EFAULT; 1: not at all. */
int scm_put(struct socket_msg *m, int level, int type, const void *data, size_t len);

/* /proc/net. */
int net_proc_add(const struct pseudo_file *file) MUST_CHECK;
