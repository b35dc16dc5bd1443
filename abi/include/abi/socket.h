/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What Linux' socket calls take and the packaged UAPI headers leave to the C library: families, types, flags and message headers of x86-64.
 * [man socket(2), recv(2), send(2), cmsg(3)]
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <asm/socket.h>

enum {
	AF_UNSPEC = 0,
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	AF_NETLINK = 16,
	AF_PACKET = 17,
	AF_MAX = 46,
};

enum {
	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	SOCK_RAW = 3,
	SOCK_RDM = 4,
	SOCK_SEQPACKET = 5,
	SOCK_DCCP = 6,
	SOCK_PACKET = 10,
	SOCK_TYPES = 11,
	SOCK_TYPE_MASK = 0xf,
};
#define SOL_IP	    0
#define SOL_TCP	    6
#define SOL_UDP	    17
#define SOL_UDPLITE 136
#define SOL_IPV6    41
#define SOL_ICMPV6  58
#define SOL_RAW	    255
#define SOL_NETLINK 270
#define SOCK_NONBLOCK 04000
#define SOCK_CLOEXEC  02000000

enum { SHUT_RD, SHUT_WR, SHUT_RDWR };

#define MSG_OOB		 0x1u
#define MSG_PEEK	 0x2u
#define MSG_DONTROUTE	 0x4u
#define MSG_CTRUNC	 0x8u
#define MSG_TRUNC	 0x20u
#define MSG_DONTWAIT	 0x40u
#define MSG_EOR		 0x80u
#define MSG_WAITALL	 0x100u
#define MSG_CONFIRM	 0x800u
#define MSG_ERRQUEUE	 0x2000u
#define MSG_NOSIGNAL	 0x4000u
#define MSG_MORE	 0x8000u
#define MSG_WAITFORONE	 0x10000u
#define MSG_BATCH	 0x40000u
#define MSG_ZEROCOPY	 0x4000000u
#define MSG_FASTOPEN	 0x20000000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#define MSG_CMSG_COMPAT	 0x80000000u

/* Control messages of SOL_SOCKET. */
enum { SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_SECURITY = 3, SCM_PIDFD = 4 };

/* Options younger than Debian 12's headers. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif

#define SOCKADDR_MAX 128u /* struct sockaddr_storage */

struct ucred {
	s32 pid;
	u32 uid, gid;
};

struct user_msghdr {
	struct uptr name;
	s32 namelen;
	u32 pad0;
	struct uptr iov;
	u64 iovlen;
	struct uptr control;
	u64 controllen;
	u32 flags;
	u32 pad1;
};
static_assert(sizeof(struct user_msghdr) == 56, "struct msghdr");

struct user_mmsghdr {
	struct user_msghdr hdr;
	u32 len;
	u32 pad;
};
static_assert(sizeof(struct user_mmsghdr) == 64, "struct mmsghdr");

/*
 *	| len (u64, with this header) | level (s32) | type (s32) | data ... | padding to 8 |
 */
struct cmsghdr {
	u64 len;
	s32 level, type;
};
static_assert(sizeof(struct cmsghdr) == 16, "struct cmsghdr");
#define CMSG_SIZE(data_len)  (sizeof(struct cmsghdr) + (data_len))
#define CMSG_STRIDE(data_len) align_up(CMSG_SIZE(data_len), 8ul)
