/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts of /proc/net [man proc(5)]. Each is lines by number: @resume counts those that were given; objects that come and go in between
 * may shift them, as on Linux.
 */
#include <lib/printf.h>
#include <lib/strbuf.h>
#include "frag.h"
#include "link_impl.h"
#include "mcast_impl.h"
#include "neigh_impl.h"
#include "raw.h"
#include "route_impl.h"
#include "show.h"
#include "tcp/tcp_sock.h"
#include "udp.h"

struct text {
	struct inet *in;
	struct iobuf *out;
	u64 skip, line; /* lines given before; the number of the next */
	size_t done;
	bool full;
};

/* One line; lines that were given are passed over. False: no room. */
static bool line(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool line(struct text *t, const char *fmt, ...)
{
	char buf[512];
	struct strbuf sb;
	va_list args;

	if (t->full)
		return false;
	if (t->line++ < t->skip)
		return true;
	strbuf_init(&sb, buf, sizeof(buf));
	va_start(args, fmt);
	strbuf_vprintf(&sb, fmt, args);
	va_end(args);
	if (sb.len > t->out->left) {
		t->full = true;
		t->line--;
		return false;
	}
	t->done += iobuf_put(t->out, buf, sb.len);
	return true;
}

static void text_dev(struct text *t)
{
	struct link *l;

	line(t, "Inter-|   Receive                                                |  Transmit\n");
	line(t, " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	list_for_each_entry_rcu(l, &t->in->links, node) {
		struct link_stats s;

		link_fold_stats(l, &s);
		line(t, "%6s: %7llu %7llu %4llu %4llu %4u %5u %10u %9llu %8llu %7llu %4llu %4llu %4u %5u %7u %10u\n", link_name(l), s.rx_bytes,
			s.rx_packets, s.rx_errors, s.rx_dropped, 0, 0, 0, s.multicast, s.tx_bytes, s.tx_packets, s.tx_errors, s.tx_dropped, 0,
			0, 0, 0);
	}
}

static u32 route_flags(const struct fib_route *r)
{
	u32 f = RTF_UP;

	if (r->type == RTN_UNREACHABLE || r->type == RTN_PROHIBIT)
		f = RTF_REJECT;
	if (r->nhops && r->hops[0].has_gateway)
		f |= RTF_GATEWAY;
	return r->len == 128 ? f | RTF_HOST : f;
}

static void text_route(struct text *t)
{
	struct fib_table *table = fib_table_get(t->in, AF_INET, RT_TABLE_MAIN, false);
	struct fib_route *r;
	unsigned long flags;

	line(t, "%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	if (!table)
		return;
	flags = env_spin_lock(&t->in->config);
	list_for_each_entry(r, &table->all, all) {
		const struct fib_hop *h = &r->hops[0];
		u32 bits = r->len - 96u, mask = bits ? ENDIAN_BE(32, ~0u << (32 - bits)) : 0;
		char buf[128];
		struct strbuf sb;

		if (r->type == RTN_BROADCAST || r->type == RTN_MULTICAST)
			continue;
		strbuf_init(&sb, buf, sizeof(buf));
		strbuf_printf(&sb, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%d\t%08X\t%d\t%u\t%u", h->link ? link_name(h->link) : "*", r->dst.w[3],
			h->has_gateway ? h->gateway.w[3] : 0, route_flags(r), 0, 0, (int)r->priority, mask,
			r->metrics[RTAX_ADVMSS] ? (int)r->metrics[RTAX_ADVMSS] + 40 : 0, r->metrics[RTAX_WINDOW], r->metrics[RTAX_RTT] >> 3);
		line(t, "%-127s\n", buf);
	}
	env_spin_unlock(&t->in->config, flags);
}

static bool arp_line(struct table_node *node, void *arg)
{
	struct neigh *n = container_of(node, struct neigh, node);
	u64 packed = READ_ONCE(n->mac);
	const u8 *m = (const u8 *)&packed, *a = n->addr.b + 12;
	char addr[16];
	struct strbuf sb;

	if (!ip_is4(&n->addr) || (READ_ONCE(n->state) & NUD_NOARP) || READ_ONCE(n->state) == NUD_NONE)
		return true;
	strbuf_init(&sb, addr, sizeof(addr));
	strbuf_printf(&sb, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	return line(arg, "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", addr, n->link->type,
		(packed ? ATF_COM : 0u) | (READ_ONCE(n->state) == NUD_PERMANENT ? ATF_PERM : 0u), m[0], m[1], m[2], m[3], m[4], m[5],
		link_name(n->link));
}

static void text_arp(struct text *t)
{
	u64 cursor = 0;

	line(t, "IP address       HW type     Flags       HW address            Mask     Device\n");
	table_walk(&t->in->neigh->table, &cursor, arp_line, t);
}

static void put_addr6(char *out, const union ipaddr *a)
{
	static const char digits[] = "0123456789ABCDEF";
	const u32 *w = a->w;

	for (unsigned i = 0; i < 4; i++)
		for (unsigned d = 0; d < 8; d++)
			out[i * 8 + d] = digits[w[i] >> (28 - 4 * d) & 0xf];
	out[32] = 0;
}

/* All of one kind; their columns differ in what comes last. */
struct sock_column {
	const char *head4, *head6; /* head4 is padded with blanks to @width, as its lines are */
	int width, digits;
	void (*end)(struct strbuf *sb, const struct sock_view *v);
};

static void end_datagram(struct strbuf *sb, const struct sock_view *v)
{
	strbuf_printf(sb, " %u", v->drops);
}

static void end_tcp(struct strbuf *sb, const struct sock_view *v)
{
	if (v->sock)
		strbuf_printf(sb, " %lu %lu %u %u %d", 0ul, 0ul, 0u, 10u, -1);
}

#define SOCK_COLUMNS "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
static const struct sock_column datagram_column = {
	"   sl  local_address rem_address   " SOCK_COLUMNS " ref pointer drops",
	"  sl  local_address                         remote_address                        " SOCK_COLUMNS " ref pointer drops\n",
	127, 5, end_datagram,
};
static const struct sock_column tcp_column = {
	"  sl  local_address rem_address   " SOCK_COLUMNS,
	"  sl  local_address                         remote_address                        " SOCK_COLUMNS "\n",
	149, 4, end_tcp,
};

static void sock_line(struct text *t, const struct sock_column *c, unsigned number, const struct sock_view *v)
{
	char buf[256], l[33], r[33];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	if (v->family == AF_INET6) {
		put_addr6(l, &v->laddr);
		put_addr6(r, &v->raddr);
		strbuf_printf(&sb, "%*u: %s:%04X %s:%04X", c->digits, number, l, v->lport, r, v->rport);
	} else {
		strbuf_printf(&sb, "%*u: %08X:%04X %08X:%04X", c->digits, number, v->laddr.w[3], v->lport, v->raddr.w[3], v->rport);
	}
	strbuf_printf(&sb, " %02X %08X:%08X %02X:%08llX %08X %5u %8d %llu %u %016llx", v->state, v->wqueue, v->rqueue, v->timer,
		v->expires_ns / 10000000, v->retransmits, v->uid, 0, v->inode, v->refs, 0ull);
	c->end(&sb, v);
	if (v->family == AF_INET6)
		line(t, "%s\n", buf);
	else
		line(t, "%-*s\n", c->width, buf);
}

struct sock_lines {
	struct text *t;
	unsigned number;
};

static bool mini_line(const struct sock_view *v, void *arg)
{
	struct sock_lines *l = arg;

	sock_line(l->t, &tcp_column, l->number++, v);
	return !l->t->full;
}

static void text_socks(struct text *t, const struct proto *proto, u32 family)
{
	const struct sock_column *c = proto == &tcp_proto ? &tcp_column : &datagram_column;
	struct sock_lines lines = {.t = t};
	struct sock_view v;
	struct sock *s;
	u64 cursor = 0;

	if (family == AF_INET)
		line(t, "%-*s\n", c->width, c->head4);
	else
		line(t, "%s", c->head6);
	list_for_each_entry_rcu(s, &t->in->socks->all, all_node) {
		if (t->full)
			return;
		if (s->proto != proto || s->family != family)
			continue;
		sock_look(s, &v);
		if (proto == &tcp_proto ? v.state == TCP_S_CLOSE : proto != &raw_proto && !v.lport)
			continue;
		if (proto == &raw_proto)
			v.lport = s->protocol;
		sock_line(t, c, proto == &tcp_proto ? lines.number++ : v.lport, &v);
	}
	if (proto == &tcp_proto)
		tcp_look_minis(t->in, (u16)family, &cursor, mini_line, &lines);
}

static void hex32(char *out, const union ipaddr *a)
{
	for (unsigned i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[a->b[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[a->b[i] & 0xf];
	}
	out[32] = 0;
}

static void text_if_inet6(struct text *t)
{
	struct link *l;
	struct ifaddr *a;
	char hex[33];

	list_for_each_entry_rcu(l, &t->in->links, node) {
		list_for_each_entry_rcu(a, &l->addrs, link_node) {
			if (ip_is4(&a->addr))
				continue;
			hex32(hex, &a->addr);
			line(t, "%s %02x %02x %02x %02x %8s\n", hex, l->ifindex, a->prefix,
				ip_is_loopback(&a->addr) ? 0x10u : ip6_is_linklocal(&a->addr) ? 0x20u : 0u, (u8)a->flags, link_name(l));
		}
	}
}

static void text_ipv6_route(struct text *t)
{
	union ipaddr none = {.q = {0, 0}};
	struct fib_table *table;
	struct fib_route *r;
	char dst[33], zero[33], hop[33];
	unsigned long flags = env_spin_lock(&t->in->config);

	hex32(zero, &none);
	list_for_each_entry(table, &t->in->fib->tables, node) {
		if (table->family != AF_INET6)
			continue;
		list_for_each_entry(r, &table->all, all) {
			const struct fib_hop *h = &r->hops[0];

			hex32(dst, &r->dst);
			hex32(hop, h->has_gateway ? &h->gateway : &none);
			line(t, "%s %02x %s %02x %s %08x %08x %08x %08x %8s\n", dst, r->len, zero, 0, hop, r->priority, 1, 0,
				route_flags(r) | (r->type == RTN_LOCAL ? 0x80000000u : 0), h->link ? link_name(h->link) : "*");
		}
	}
	env_spin_unlock(&t->in->config, flags);
}

/* ---- counters ---- */

struct counter {
	const char *name;
	u16 stat;
};

#define N_(group, n) {#n, STAT_##group##_##n},
#define N_IP(n) N_(Ip, n)
#define N_ICMP(n) N_(Icmp, n)
#define N_TCP(n) N_(Tcp, n)
#define N_UDP(n) N_(Udp, n)
#define N_TCPEXT(n) N_(TcpExt, n)
#define N_IPEXT(n) N_(IpExt, n)
#define N_IP6(n) N_(Ip6, n)
#define N_ICMP6(n) N_(Icmp6, n)
#define N_UDP6(n) N_(Udp6, n)

static const struct counter ip[] = {STATS_IP(N_IP)}, icmp[] = {STATS_ICMP(N_ICMP)}, tcp[] = {STATS_TCP(N_TCP)}, udp[] = {STATS_UDP(N_UDP)};
static const struct counter tcpext[] = {STATS_TCPEXT(N_TCPEXT)}, ipext[] = {STATS_IPEXT(N_IPEXT)};
static const struct counter ip6[] = {STATS_IP6(N_IP6)}, icmp6[] = {STATS_ICMP6(N_ICMP6)}, udp6[] = {STATS_UDP6(N_UDP6)};

/* Two lines: names, then numbers. Longer than a line of ours: put in pieces, all or nothing. */
static void pair(struct text *t, const char *group, const char *fixed_names, const char *fixed_values, const struct counter *c, unsigned n)
{
	for (unsigned row = 0; row < 2 && !t->full; row++) {
		size_t size = 8192;
		struct strbuf sb;
		char *buf;

		if (t->line++ < t->skip)
			continue;
		buf = env_alloc(size, ENV_ALLOC_NOWAIT);
		if (!buf) {
			t->full = true;
			t->line--;
			return;
		}
		strbuf_init(&sb, buf, size);
		strbuf_printf(&sb, "%s:%s", group, row ? fixed_values : fixed_names);
		for (unsigned i = 0; i < n; i++) {
			strbuf_putc(&sb, ' ');
			if (row)
				strbuf_put_u64(&sb, inet_stat_read(t->in, c[i].stat));
			else
				strbuf_puts(&sb, c[i].name);
		}
		strbuf_putc(&sb, '\n');
		if (sb.len > t->out->left) {
			t->full = true;
			t->line--;
		} else {
			t->done += iobuf_put(t->out, buf, sb.len);
		}
		env_free(buf, size);
	}
}

static void text_snmp(struct text *t)
{
	char fixed[64];
	struct strbuf sb;

	strbuf_init(&sb, fixed, sizeof(fixed));
	strbuf_printf(&sb, " %u %u", t->in->conf.ip_forward ? 1u : 2u, t->in->conf.ip_default_ttl);
	pair(t, "Ip", " Forwarding DefaultTTL", fixed, ip, ARRAY_SIZE(ip));
	pair(t, "Icmp", "", "", icmp, ARRAY_SIZE(icmp));
	pair(t, "Tcp", " RtoAlgorithm RtoMin RtoMax MaxConn", " 1 200 120000 -1", tcp, ARRAY_SIZE(tcp));
	pair(t, "Udp", "", "", udp, ARRAY_SIZE(udp));
}

static void text_netstat(struct text *t)
{
	pair(t, "TcpExt", "", "", tcpext, ARRAY_SIZE(tcpext));
	pair(t, "IpExt", "", "", ipext, ARRAY_SIZE(ipext));
}

static void column(struct text *t, const char *group, const struct counter *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[48];
		struct strbuf sb;

		strbuf_init(&sb, name, sizeof(name));
		strbuf_printf(&sb, "%s%s", group, c[i].name);
		line(t, "%-32s\t%llu\n", name, inet_stat_read(t->in, c[i].stat));
	}
}

static void text_snmp6(struct text *t)
{
	column(t, "Ip6", ip6, ARRAY_SIZE(ip6));
	column(t, "Icmp6", icmp6, ARRAY_SIZE(icmp6));
	column(t, "Udp6", udp6, ARRAY_SIZE(udp6));
}

static u32 count_socks(struct text *t, const struct proto *p, u32 family)
{
	struct sock *s;
	u32 n = 0;

	list_for_each_entry_rcu(s, &t->in->socks->all, all_node)
		n += s->proto == p && s->family == family;
	return n;
}

static void text_sockstat(struct text *t, u32 family)
{
	const char *six = family == AF_INET6 ? "6" : "";
	u32 n, bytes;

	frag_usage(t->in, &n, &bytes);
	if (family == AF_INET)
		line(t, "sockets: used %llu\nTCP: inuse %u orphan %llu tw %llu alloc %u mem %lld\n", t->in->socks->count,
			count_socks(t, &tcp_proto, family), READ_ONCE(t->in->tcp->orphans), READ_ONCE(t->in->tcp->time_waits),
			count_socks(t, &tcp_proto, AF_INET) + count_socks(t, &tcp_proto, AF_INET6), READ_ONCE(t->in->mem_bytes) / 4096);
	else
		line(t, "TCP6: inuse %u\n", count_socks(t, &tcp_proto, family));
	line(t, "UDP%s: inuse %u%s\n", six, count_socks(t, &udp_proto, family), family == AF_INET ? " mem 0" : "");
	line(t, "UDPLITE%s: inuse %u\n", six, count_socks(t, &udplite_proto, family));
	line(t, "RAW%s: inuse %u\n", six, count_socks(t, &raw_proto, family));
	line(t, "FRAG%s: inuse %u memory %u\n", six, family == AF_INET ? n : 0, family == AF_INET ? bytes : 0);
}

static void text_igmp(struct text *t)
{
	struct link *l;
	struct mc_group *g;

	line(t, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	list_for_each_entry_rcu(l, &t->in->links, node) {
		u32 n = 0;
		u64 now = env_now();

		list_for_each_entry_rcu(g, &l->groups, node)
			n += ip_is4(&g->addr);
		line(t, "%u\t%-10s: %5u %7s\n", l->ifindex, link_name(l), n, l->igmp_v1_until > now ? "V1" : l->igmp_v2_until > now ? "V2" : "V3");
		list_for_each_entry_rcu(g, &l->groups, node)
			if (ip_is4(&g->addr))
				line(t, "\t\t\t\t%08X %5u %u:%08llX\t\t%u\n", g->addr.w[3], g->users, g->report_at != 0,
					g->report_at > now ? (g->report_at - now) / 10000000 : 0ull, g->reporter);
	}
}

static void text_igmp6(struct text *t)
{
	struct link *l;
	struct mc_group *g;
	char hex[33];

	list_for_each_entry_rcu(l, &t->in->links, node) {
		list_for_each_entry_rcu(g, &l->groups, node) {
			if (ip_is4(&g->addr))
				continue;
			hex32(hex, &g->addr);
			line(t, "%-4u %-15s %s %5u %08X %u\n", l->ifindex, link_name(l), hex, g->users, 4u, 0);
		}
	}
}

static void text_dev_mcast(struct text *t)
{
	struct link *l;
	struct mc_group *g;

	list_for_each_entry_rcu(l, &t->in->links, node) {
		list_for_each_entry_rcu(g, &l->groups, node) {
			u8 m[6];

			if (link_flags(l) & IFF_LOOPBACK)
				continue;
			mcast_mac(&g->addr, m);
			line(t, "%-4u %-15s %-5u %-5d %02x%02x%02x%02x%02x%02x\n", l->ifindex, link_name(l), 1, 0, m[0], m[1], m[2], m[3], m[4], m[5]);
		}
	}
}

static bool give(struct text *t, u32 which)
{
	switch (which) {
	case INET_TEXT_DEV: text_dev(t); return true;
	case INET_TEXT_ROUTE: text_route(t); return true;
	case INET_TEXT_ARP: text_arp(t); return true;
	case INET_TEXT_TCP: text_socks(t, &tcp_proto, AF_INET); return true;
	case INET_TEXT_TCP6: text_socks(t, &tcp_proto, AF_INET6); return true;
	case INET_TEXT_UDP: text_socks(t, &udp_proto, AF_INET); return true;
	case INET_TEXT_UDP6: text_socks(t, &udp_proto, AF_INET6); return true;
	case INET_TEXT_RAW: text_socks(t, &raw_proto, AF_INET); return true;
	case INET_TEXT_RAW6: text_socks(t, &raw_proto, AF_INET6); return true;
	case INET_TEXT_ICMP: text_socks(t, &ping_proto, AF_INET); return true;
	case INET_TEXT_ICMP6: text_socks(t, &ping_proto, AF_INET6); return true;
	case INET_TEXT_IF_INET6: text_if_inet6(t); return true;
	case INET_TEXT_IPV6_ROUTE: text_ipv6_route(t); return true;
	case INET_TEXT_SNMP: text_snmp(t); return true;
	case INET_TEXT_SNMP6: text_snmp6(t); return true;
	case INET_TEXT_NETSTAT: text_netstat(t); return true;
	case INET_TEXT_SOCKSTAT: text_sockstat(t, AF_INET); return true;
	case INET_TEXT_SOCKSTAT6: text_sockstat(t, AF_INET6); return true;
	case INET_TEXT_IGMP: text_igmp(t); return true;
	case INET_TEXT_IGMP6: text_igmp6(t); return true;
	case INET_TEXT_DEV_MCAST: text_dev_mcast(t); return true;
	}
	return false;
}

ssize_t inet_text(struct inet *in, u32 which, struct iobuf *out, u64 *resume)
{
	struct text t = {.in = in, .out = out, .skip = *resume};

	if (!give(&t, which))
		return -EINVAL;
	if (!t.done && t.full)
		return -EMSGSIZE;
	if (t.done)
		*resume = t.line;
	return (ssize_t)t.done;
}
