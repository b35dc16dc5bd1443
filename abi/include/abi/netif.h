/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Interfaces as ioctl(2) and rtnetlink(7) speak of them: what <linux/if.h>, <linux/if_arp.h> and <linux/route.h> say, which cannot be
 * included without a C library's <sys/socket.h>. [man netdevice(7), arp(7)]
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define IFNAMSIZ 16

enum {
	IFF_UP = 1 << 0,
	IFF_BROADCAST = 1 << 1,
	IFF_DEBUG = 1 << 2,
	IFF_LOOPBACK = 1 << 3,
	IFF_POINTOPOINT = 1 << 4,
	IFF_NOTRAILERS = 1 << 5,
	IFF_RUNNING = 1 << 6,
	IFF_NOARP = 1 << 7,
	IFF_PROMISC = 1 << 8,
	IFF_ALLMULTI = 1 << 9,
	IFF_MASTER = 1 << 10,
	IFF_SLAVE = 1 << 11,
	IFF_MULTICAST = 1 << 12,
	IFF_PORTSEL = 1 << 13,
	IFF_AUTOMEDIA = 1 << 14,
	IFF_DYNAMIC = 1 << 15,
	IFF_LOWER_UP = 1 << 16,
};

enum { IF_OPER_UNKNOWN, IF_OPER_NOTPRESENT, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN, IF_OPER_TESTING, IF_OPER_DORMANT, IF_OPER_UP };

enum { ARPHRD_ETHER = 1, ARPHRD_LOOPBACK = 772, ARPHRD_NONE = 0xfffe };
enum { ARPOP_REQUEST = 1, ARPOP_REPLY = 2 };

struct ifreq {
	char name[IFNAMSIZ];
	union {
		u8 sockaddr[16];
		s16 flags;
		s32 number; /* ifindex, mtu, metric, qlen */
		struct uptr data;
		struct {
			u64 start, end;
			u16 base_addr;
			u8 irq, dma, port;
		} map;
	};
};
static_assert(sizeof(struct ifreq) == 40, "struct ifreq");

struct rtentry {
	u64 pad1;
	u8 dst[16], gateway[16], genmask[16];
	u16 flags;
	s16 pad2;
	u64 pad3, pad4;
	s16 metric;
	struct uptr dev;
	u64 mtu, window;
	u16 irtt;
};
static_assert(offsetof(struct rtentry, dev) == 88 && sizeof(struct rtentry) == 120, "struct rtentry");

enum {
	RTF_UP = 1,
	RTF_GATEWAY = 2,
	RTF_HOST = 4,
	RTF_REINSTATE = 8,
	RTF_DYNAMIC = 0x10,
	RTF_MODIFIED = 0x20,
	RTF_MTU = 0x40,
	RTF_WINDOW = 0x80,
	RTF_REJECT = 0x200,
};

struct arpreq {
	u8 pa[16], ha[16];
	s32 flags;
	u8 netmask[16];
	char dev[16];
};
static_assert(sizeof(struct arpreq) == 68, "struct arpreq");
enum { ATF_COM = 2, ATF_PERM = 4, ATF_PUBL = 8, ATF_USETRAILERS = 16, ATF_NETMASK = 32, ATF_DONTPUB = 64 };
