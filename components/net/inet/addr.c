/* SPDX-License-Identifier: BSD-2-Clause */
#include "addr.h"

#include <lib/errno.h>

#define SIN6_LEN_MIN 24 /* without sin6_scope_id, as old programs have it [man ipv6(7)] */

int ip_endpoint_parse(const struct inet_addr *from, struct ip_endpoint *out)
{
	u16 family;

	if (from->len < 2)
		return -EINVAL;
	family = *(const u16_any *)from->bytes;
	*out = (struct ip_endpoint){.family = family};
	if (family == AF_UNSPEC)
		return 0;
	if (family == AF_INET) {
		if (from->len < sizeof(struct sockaddr_in))
			return -EINVAL;
		out->port = load_be16(from->bytes + 2);
		out->addr = ip_load4(from->bytes + 4);
		return 0;
	}
	if (family != AF_INET6)
		return -EAFNOSUPPORT;
	if (from->len < SIN6_LEN_MIN)
		return -EINVAL;
	out->port = load_be16(from->bytes + 2);
	out->flow = *(const u32_any *)(from->bytes + 4);
	out->addr = ip_load6(from->bytes + 8);
	if (from->len >= INET_ADDR_MAX && ip6_needs_scope(&out->addr))
		out->scope = *(const u32_any *)(from->bytes + 24);
	return 0;
}

void ip_endpoint_format(const struct ip_endpoint *e, u32 family, struct inet_addr *out)
{
	memset(out->bytes, 0, sizeof(out->bytes));
	*(u16_any *)out->bytes = (u16)family;
	store_be16(out->bytes + 2, e->port);
	if (family == AF_INET) {
		out->len = sizeof(struct sockaddr_in);
		*(u32_any *)(out->bytes + 4) = e->addr.w[3];
		return;
	}
	out->len = INET_ADDR_MAX;
	*(u32_any *)(out->bytes + 4) = e->flow;
	memcpy(out->bytes + 8, e->addr.b, 16);
	if (ip6_needs_scope(&e->addr))
		*(u32_any *)(out->bytes + 24) = e->scope;
}
