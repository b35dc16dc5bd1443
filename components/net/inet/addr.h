/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Addresses. IPv4 is kept as ::ffff:a.b.c.d, so that tables, routes and sockets have one kind of key and a dual-stack socket needs nothing
 * special [rfc4291 2.5.5.2]. Bytes are in network order. "Any" is two addresses: :: and ::ffff:0.0.0.0.
 */
#include <lib/endian.h>
#include <lib/string.h>
#include <lib/types.h>
#include <port/inet.h>
#include "uapi.h"

union ipaddr {
	u8 b[16];
	u32 w[4]; /* network order */
	u64 q[2];
};

#define IP4_MAPPED_WORD (ENDIAN_BE(32, 0xffff))

static inline union ipaddr ip_from4(u32 raw) /* network order, as on the wire */
{
	return (union ipaddr){.w = {0, 0, IP4_MAPPED_WORD, raw}};
}

static inline union ipaddr ip_load4(const void *wire)
{
	return ip_from4(*(const u32_any *)wire);
}

static inline union ipaddr ip_load6(const void *wire)
{
	union ipaddr a;

	memcpy(&a, wire, 16);
	return a;
}

static inline bool ip_is4(const union ipaddr *a)
{
	return !a->q[0] && a->w[2] == IP4_MAPPED_WORD;
}

/* In host order, for arithmetic. */
static inline u32 ip4_host(const union ipaddr *a)
{
	return ENDIAN_BE(32, a->w[3]);
}

static inline bool ip_equal(const union ipaddr *a, const union ipaddr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

static inline bool ip_is_any(const union ipaddr *a)
{
	return !a->q[0] && (!a->q[1] || (a->w[2] == IP4_MAPPED_WORD && !a->w[3]));
}

static inline union ipaddr ip_any(u32 family)
{
	return family == 2 /* AF_INET */ ? ip_from4(0) : (union ipaddr){.q = {0, 0}};
}

static inline bool ip_is_loopback(const union ipaddr *a)
{
	return ip_is4(a) ? a->b[12] == 127 : !a->q[0] && a->q[1] == ENDIAN_BE(64, 1ull);
}

static inline bool ip_is_multicast(const union ipaddr *a)
{
	return ip_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

static inline bool ip_is_broadcast(const union ipaddr *a) /* 255.255.255.255 */
{
	return ip_is4(a) && a->w[3] == U32_MAX;
}

static inline bool ip6_is_linklocal(const union ipaddr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Needs an interface to mean anything: fe80::/10 and ff02::/16, ff01::/16. */
static inline bool ip6_needs_scope(const union ipaddr *a)
{
	return ip6_is_linklocal(a) || (a->b[0] == 0xff && ((a->b[1] & 0xf) == 1 || (a->b[1] & 0xf) == 2));
}

/* May not be the source of a packet that an answer or an error goes to. */
static inline bool ip_is_bad_source(const union ipaddr *a)
{
	return ip_is_multicast(a) || ip_is_broadcast(a);
}

/* Bits in which both agree from the front, 0..128. */
static inline unsigned ip_common_bits(const union ipaddr *a, const union ipaddr *b)
{
	for (unsigned i = 0; i < 2; i++) {
		u64 x = a->q[i] ^ b->q[i];

		if (x)
			return i * 64 + (unsigned)__builtin_clzll(ENDIAN_BE(64, x));
	}
	return 128;
}

static inline bool ip_in_prefix(const union ipaddr *a, const union ipaddr *prefix, unsigned len)
{
	return ip_common_bits(a, prefix) >= len;
}

/* @a with all bits behind the first @len cleared. */
static inline union ipaddr ip_mask(const union ipaddr *a, unsigned len)
{
	union ipaddr r = *a;

	for (unsigned i = 0; i < 2; i++) {
		unsigned n = len > i * 64 ? min(len - i * 64, 64u) : 0;

		r.q[i] &= n ? ENDIAN_BE(64, ~0ull << (64 - n)) : 0;
	}
	return r;
}

/* ---- sockaddr_in, sockaddr_in6 (addr.c) ---- */

struct ip_endpoint {
	union ipaddr addr;
	u16 port;   /* host order */
	u16 family; /* of the sockaddr: AF_INET, AF_INET6, AF_UNSPEC */
	u32 scope;  /* interface, or 0 */
	u32 flow;   /* sin6_flowinfo, network order */
};

/* 0; -EINVAL too short; -EAFNOSUPPORT neither of the two (nor AF_UNSPEC, for which only family is set). */
int ip_endpoint_parse(const struct inet_addr *from, struct ip_endpoint *out) MUST_CHECK;
/* As a sockaddr of @family; an IPv4 address in AF_INET6 stays mapped. */
void ip_endpoint_format(const struct ip_endpoint *e, u32 family, struct inet_addr *out);
