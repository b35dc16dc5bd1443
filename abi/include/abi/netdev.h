/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Interfaces as ioctl shows them [man netdevice(7)]: what the packaged <linux/if.h> has, which wants the C library's <sys/socket.h>.
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define IFNAMSIZ 16

enum {
	IFF_UP = 1u << 0,
	IFF_BROADCAST = 1u << 1,
	IFF_LOOPBACK = 1u << 3,
	IFF_POINTOPOINT = 1u << 4,
	IFF_RUNNING = 1u << 6,
	IFF_NOARP = 1u << 7,
	IFF_PROMISC = 1u << 8,
	IFF_ALLMULTI = 1u << 9,
	IFF_MULTICAST = 1u << 12,
	IFF_LOWER_UP = 1u << 16,
};

/* Kinds of links, as <linux/if_arp.h> numbers them. */
enum { ARPHRD_ETHER = 1, ARPHRD_LOOPBACK = 772, ARPHRD_NONE = 0xfffe };

/*
 *	| name 16 | one of: address 16, flags 2, number 4, map 24 |
 */
struct ifreq {
	char name[IFNAMSIZ];
	union {
		u8 address[16]; /* struct sockaddr: family 2, data 14 */
		u16 flags;
		s32 number; /* index, MTU, metric, queue length */
		char newname[IFNAMSIZ];
		u64 map[3];
	};
};
static_assert(sizeof(struct ifreq) == 40, "struct ifreq");

struct ifconf {
	s32 len; /* bytes of @list */
	u32 pad;
	struct uptr list;
};
static_assert(sizeof(struct ifconf) == 16, "struct ifconf");
