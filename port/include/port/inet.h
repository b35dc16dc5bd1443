/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * inet: the kernel's socket layer and a protocol family (IPv4 and IPv6 with TCP, UDP, ICMP, raw).
 *
 * Nothing here sleeps. What would wait returns -EAGAIN (-EINPROGRESS for connect), and when it is
 *worth another try the family calls ready(). Blocking, O_NONBLOCK, SO_RCVTIMEO, poll, descriptors,
 *signals and capabilities live above; a call that arrives is allowed.
 *
 * A socket is a handle: from socket() or accept() until release(), never reused while the instance
 *lives. Above, `cookie` names it in upcalls.
 *
 *	socket --> OPEN --shutdown/connect/listen/…--> OPEN --release--> gone for the client
 *
 * after which the family goes on by itself (TCP sends what is queued, lingers in TIME-WAIT)
 *[rfc9293 3.10.4].
 *
 * ready(cookie, events): EPOLLIN and so on as a hint, with no lock of the family held. It comes also
 * from within a call, for that or any other socket: what a packet over the loopback woke is told at
 * the call's end by the same thread, without a detour. So the client makes its calls without the locks
 * that its ready() takes, and ready() does not call back. It does not sleep. Edges: an event is told
 * once each time it comes true, so the client looks by poll() before it sleeps.
 *
 * Death of the provider: the kernel keeps one region of memory per socket that the family writes as
 *it goes (sequence numbers, peer, queued bytes; versioned and checksummed) and gives it to the
 *successor by adopt(); a socket whose region does not check is reset: ready(EPOLLERR | EPOLLHUP),
 *then -ECONNRESET.
 *
 * Numbers are Linux': AF_*, SOCK_*, IPPROTO_*, MSG_*, SHUT_*, EPOLL*, and errno. Addresses are
 *sockaddr_in and sockaddr_in6 as bytes.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <port/nic.h>
#include <port/port.h>

#define INET_ADDR_MAX 28 /* sizeof(struct sockaddr_in6) */

struct inet_addr {
	u32 len; /* 0: none */
	u8 bytes[INET_ADDR_MAX];
};

/* Who asks, for what the family itself decides by user (SO_REUSEPORT groups, /proc/net/tcp). */
struct inet_cred {
	u32 uid, gid;
};

/*
 * One send or receive. The iobuf may be a user's memory: the call then touches it without sleeping,
 * after the kernel faulted it in, and moves what it could: a short count.
 */
struct inet_msg {
	u32 flags; /* in: MSG_OOB MSG_PEEK MSG_MORE MSG_TRUNC...; out: MSG_TRUNC MSG_CTRUNC
		      MSG_ERRQUEUE; of a stream's send, MSG_FASTOPEN: it has begun a handshake */
	struct inet_addr addr; /* send: to, or none. Receive: from */
	struct iobuf *data;    /* advanced by what was moved */
	struct iobuf *control; /* send: cmsgs, already checked for form. Receive: room for them;
				  NULL: none */
	u32 control_len;       /* out */
	u64 datagram_len;      /* out, receive: whole length of the datagram */
};

/* Texts that the client shows below /proc/net, in Linux' formats. */
enum inet_text {
	INET_TEXT_DEV,
	INET_TEXT_ROUTE,
	INET_TEXT_ARP,
	INET_TEXT_UDP,
	INET_TEXT_UDP6,
	INET_TEXT_RAW,
	INET_TEXT_RAW6,
	INET_TEXT_TCP,
	INET_TEXT_TCP6,
	INET_TEXT_ICMP,
	INET_TEXT_ICMP6,
	INET_TEXT_IF_INET6,
	INET_TEXT_IPV6_ROUTE,
	INET_TEXT_SNMP,
	INET_TEXT_SNMP6,
	INET_TEXT_NETSTAT,
	INET_TEXT_SOCKSTAT,
	INET_TEXT_SOCKSTAT6,
	INET_TEXT_IGMP,
	INET_TEXT_IGMP6,
	INET_TEXT_DEV_MCAST,
	INET_NTEXTS,
};

/*
 * A frame as it was on its link, for taps [man packet(7)]. Offsets count from its first byte.
 */
enum inet_frame_flags {
	INET_FRAME_CSUM_PARTIAL = 1u << 0, /* the transport's sum is still to be put at csum_start + csum_off */
	INET_FRAME_CSUM_VALID = 1u << 1,
};

struct inet_frame {
	struct iobuf data; /* kernel memory, the link's header first; for the time of the call */
	u32 ifindex;
	u16 protocol;   /* ETH_P_*, host order */
	u16 link_type;  /* ARPHRD_* */
	u16 header_len; /* of the link's header: 0 where links have none */
	u8 type;        /* PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING */
	u8 gso;         /* enum nic_gso, with gso_size payload bytes a segment */
	u8 flags;       /* enum inet_frame_flags */
	u16 gso_size, hdr_len, csum_start, csum_off;
	u16 queue;
	u32 mark, hash;
	u64 sender; /* who gave it to link_send; 0: nobody */
};

/* A frame to be sent as it is. */
struct inet_raw {
	struct iobuf *data; /* the link's header first */
	u64 sender;         /* told to taps */
	u32 mark;
	u16 protocol;
	bool untapped; /* straight to the device: taps do not see it */
	u8 gso;        /* as in struct inet_frame */
	u8 flags;
	u16 gso_size, csum_start, csum_off;
};

struct inet_link_info {
	char name[16];
	u16 type; /* ARPHRD_* */
	u16 header_len;
	u32 mtu, flags; /* IFF_* with IFF_RUNNING */
	u8 mac_len, mac[8];
};

enum inet_link_want { INET_WANT_PROMISC, INET_WANT_ALLMULTI, INET_WANT_ADDRESS };
enum inet_link_event { INET_LINK_UP, INET_LINK_DOWN, INET_LINK_GONE };

struct inet_client_ops {
	void (*ready)(void *client, u64 cookie, u32 events);
	/* A netlink message of a group that anybody may hear (link, address, route): bytes in
	 * kernel memory. Any context. */
	void (*notify)(void *client, u32 group, const struct iobuf *message);
	/* The number of the file that a socket is, for what is shown of it; 0: none. Any context. NULL: never any. */
	u64 (*inode)(void *client, u64 cookie);
	/*
	 * A frame of a link that is tapped. Locks of the family may be held: it neither sleeps nor
	 * calls back. In a read section. May be NULL, as the next.
	 */
	void (*frame)(void *client, const struct inet_frame *f);
	void (*link)(void *client, u32 ifindex, enum inet_link_event event); /* thread; no lock held */
};

struct inet_ops {
	/* One client per instance, one instance per network namespace.  Context: may sleep. */
	int (*open)(void *self, const struct inet_client_ops *ops, void *client);
	void (*close)(void *self); /* every socket released; connections are reset.  May sleep */

	/* All that follow: any thread, no spinlock held, never sleep; -EBADF for a handle that is
	 * none; -ENOMEM. */

	/* -EAFNOSUPPORT -EPROTONOSUPPORT -ESOCKTNOSUPPORT */
	int (*socket)(void *self, u32 family, u32 type, u32 protocol, const struct inet_cred *cred,
		u64 cookie, u64 *out_handle);
	void (*release)(void *self, u64 handle);
	/* Take over what a predecessor left of a socket. -ESTALE: it does not check. */
	int (*adopt)(void *self, u64 handle, u64 cookie, const struct iobuf *kept);
	int (*bind)(void *self, u64 handle,
		const struct inet_addr *addr); /* -EADDRINUSE -EADDRNOTAVAIL -EINVAL */
	int (*connect)(void *self, u64 handle,
		const struct inet_addr *addr); /* 0 -EINPROGRESS -EALREADY -EISCONN ... */
	int (*listen)(void *self, u64 handle, u32 backlog);
	/* Name the next connection: it gets @cookie. -EAGAIN -EINVAL -ECONNABORTED */
	int (*accept)(
		void *self, u64 handle, u64 cookie, u64 *out_handle, struct inet_addr *out_peer);
	/* Bytes taken, or -errno: -EAGAIN -EPIPE -ENOTCONN -EDESTADDRREQ -EMSGSIZE -ECONNRESET and
	 * what the peer sent. MSG_FASTOPEN also connect's; -EINPROGRESS: nothing went with the SYN. */
	ssize_t (*send)(void *self, u64 handle, struct inet_msg *msg);
	/* Bytes moved, 0 at the end of a stream, or -errno: -EAGAIN -ENOTCONN -ECONNRESET. */
	ssize_t (*receive)(void *self, u64 handle, struct inet_msg *msg);
	int (*shutdown)(void *self, u64 handle, u32 how);
	u32 (*poll)(void *self, u64 handle); /* EPOLL* that hold now */
	/* Levels IPPROTO_*, and those of SOL_SOCKET that the family must know. -ENOPROTOOPT -EINVAL
	 * -EFAULT */
	int (*set_option)(void *self, u64 handle, u32 level, u32 name, struct iobuf *value);
	int (*get_option)(
		void *self, u64 handle, u32 level, u32 name, struct iobuf *value, u32 *out_len);
	int (*local_name)(void *self, u64 handle, struct inet_addr *out); /* 0 */
	int (*peer_name)(void *self, u64 handle, struct inet_addr *out);  /* -ENOTCONN */
	/* SIOCINQ, SIOCOUTQ, SIOCATMARK; SIOCGIF* and SIOCSIF* with @arg as struct ifreq.
	 * -ENOIOCTLCMD */
	int (*control)(void *self, u64 handle, u32 request, struct iobuf *arg, u32 *out_value);

	/* Links and configuration. */

	/* A new interface over @nic (copied). May sleep: thread only. -EEXIST -ENOMEM */
	int (*link_add)(void *self, u32 ifindex, const char name[16], const struct nic_port *nic);
	void (*link_remove)(void *self, u32 ifindex); /* may sleep */
	/* Another name. -ENODEV -EEXIST */
	int (*link_rename)(void *self, u32 ifindex, const char name[16]);
	int (*link_info)(void *self, u32 ifindex, struct inet_link_info *out); /* -ENODEV */
	/*
	 * One more (@by 1) or less (-1) who wants to see frames of the link, of all links for
	 * ifindex 0: frame() comes from then on. -ENODEV. Where nobody does, it costs a load.
	 */
	int (*tap)(void *self, u32 ifindex, int by);
	/* One more or less who wants frames that are not for this host: all, all of groups, those
	 * to @mac. -ENODEV -ENOMEM; -ENOENT: @mac was not wanted. */
	int (*link_want)(void *self, u32 ifindex, enum inet_link_want what, const u8 mac[6], int by);
	/* Bytes taken: all; -ENXIO (no such link) -ENETDOWN -ENOBUFS -EMSGSIZE -EINVAL -EFAULT */
	ssize_t (*link_send)(void *self, u32 ifindex, struct inet_raw *raw);
	/*
	 * One NETLINK_ROUTE or INET_DIAG request in, its answers out, as rtnetlink(7) has them.
	 * @reply full: -EMSGSIZE, and @resume (0 at first) says where a dump goes on.
	 */
	int (*netlink)(
		void *self, u32 protocol, struct iobuf *request, struct iobuf *reply, u64 *resume);
	/*
	 * The next whole lines of @which into @out: bytes put, 0 at the end. @resume is 0 at first.
	 * -EINVAL: no such text; -EMSGSIZE: not even one line fits (give 4 KiB).
	 */
	ssize_t (*text)(void *self, u32 which, struct iobuf *out, u64 *resume);
	/*
	 * A number below /proc/sys/net, by its path from there ("ipv4/ip_forward",
	 * "ipv6/conf/eth0/accept_ra"). -ENOENT -EINVAL.
	 */
	int (*sysctl_get)(void *self, const char *path, s64 *out, u32 *out_n); /* up to 3 numbers */
	int (*sysctl_set)(void *self, const char *path, const s64 *values, u32 n);
};

struct inet_port {
	const struct inet_ops *ops;
	void *self;
};

/* What a protocol family exports, one const object; placement names it. Both may sleep. */
struct inet_provider {
	const char *name;
	int (*create)(struct inet_port *out); /* 0; -ENOMEM. A new instance with its loopback, which is down */
	void (*destroy)(void *self);	      /* closed, links removed */
};
