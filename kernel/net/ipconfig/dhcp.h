/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * DHCP messages [rfc2131, rfc2132] of a client that asks once at boot, and the words of `ip=`. Pure.
 *
 *	| op htype hlen hops | xid | secs flags | ciaddr yiaddr siaddr giaddr | chaddr 16 | sname 64 | file 128 | magic | code len value ... 255 |
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define DHCP_BYTES   576u /* what every host must take [rfc2131 2] */
#define DHCP_SERVERS 2u
#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67

enum dhcp_kind { DHCP_NONE, DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };

/* Addresses as they stand in messages, in network order; 0: none. */
struct dhcp_lease {
	u32 kind;		/* enum dhcp_kind of the message it was read from */
	u32 address, mask, gateway, server;
	u32 dns[DHCP_SERVERS];
	u16 mtu;
	char host[64], domain[64];
};

/* A DISCOVER, or for @offer a REQUEST of it, into @out of DHCP_BYTES: its length. */
u32 dhcp_build(u8 *out, u32 xid, const u8 mac[6], u16 secs, const struct dhcp_lease *offer);
/* A server's answer to @xid and @mac. 0; -EBADMSG: another's, or it makes no sense. */
int dhcp_parse(const u8 *bytes, u32 len, u32 xid, const u8 mac[6], struct dhcp_lease *out) MUST_CHECK;

/* What ip= says. [Linux' nfsroot.rst: client:server:gateway:netmask:hostname:device:autoconf:dns0:dns1] */
struct ip_words {
	bool off, dhcp;
	u32 address, gateway, mask; /* network order; 0: not said */
	u32 dns[DHCP_SERVERS];
	char host[64], device[16];
};
/* 0; -EINVAL. */
int ip_words_parse(const char *text, struct ip_words *out) MUST_CHECK;
/* The mask that addresses had before there were masks [rfc791 3.2]. */
u32 ip_class_mask(u32 address);
