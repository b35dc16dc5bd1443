/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/net and /proc/sys/net as the provider has them.
 */
#include "inet_impl.h"
#include <lib/parse.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/procfs.h>

#define ROOM 4096u

/* ---- texts ---- */

static int next_lines(struct pseudo_text *t, u32 which)
{
	char *lines = kmalloc(ROOM, 0);
	u64 resume = t->cursor;
	struct iobuf b;
	ssize_t n;

	if (!lines)
		return -ENOMEM;
	iobuf_init_kernel(&b, lines, ROOM);
	n = inet_call()->text(inet_stack.self, which, &b, &resume);
	if (n > 0) {
		strbuf_write(&t->sb, lines, (size_t)n);
		t->cursor = resume;
	}
	kfree(lines);
	return n > 0 ? 1 : (int)n;
}

#define TEXTS(X)                                                                                                  \
	X(DEV, "dev", 0444) X(ROUTE, "route", 0444) X(ARP, "arp", 0444) X(UDP, "udp", 0444) X(UDP6, "udp6", 0444)  \
	X(RAW, "raw", 0444) X(RAW6, "raw6", 0444) X(TCP, "tcp", 0444) X(TCP6, "tcp6", 0444) X(ICMP, "icmp", 0444)  \
	X(ICMP6, "icmp6", 0444) X(IF_INET6, "if_inet6", 0444) X(IPV6_ROUTE, "ipv6_route", 0444)                   \
	X(SNMP, "snmp", 0444) X(SNMP6, "snmp6", 0444) X(NETSTAT, "netstat", 0444) X(SOCKSTAT, "sockstat", 0444)    \
	X(SOCKSTAT6, "sockstat6", 0444) X(IGMP, "igmp", 0444) X(IGMP6, "igmp6", 0444) X(DEV_MCAST, "dev_mcast", 0444)

#define TEXT_NEXT(id, name_, mode_)                       \
	static int next_##id(struct pseudo_text *t)       \
	{                                                 \
		return next_lines(t, INET_TEXT_##id);     \
	}
TEXTS(TEXT_NEXT)

#define TEXT_FILE(id, name_, mode_) {.name = name_, .mode = mode_, .next = next_##id},
static const struct pseudo_file texts[] = {TEXTS(TEXT_FILE)};
static_assert(ARRAY_SIZE(texts) == INET_NTEXTS, "all of them");

/* ---- settings ---- */

static int get_setting(const struct sysctl *s, struct strbuf *sb)
{
	s64 v[3];
	u32 n = 0;
	int err = inet_call()->sysctl_get(inet_stack.self, s->path + strlen("net/"), v, &n);

	for (u32 k = 0; !err && k < n; k++)
		strbuf_printf(sb, "%s%lld", k ? "\t" : "", (long long)v[k]);
	if (!err)
		strbuf_putc(sb, '\n');
	return err;
}

static int set_setting(const struct sysctl *s, char *text)
{
	char *at = text;
	s64 v[3];
	u32 n = 0;

	while (*at && n < 3) {
		size_t len = strcspn(at, " \t");
		bool last = !at[len];

		at[len] = '\0';
		if (strtos64(at, 0, &v[n++]))
			return -EINVAL;
		at += len + !last;
		at += strspn(at, " \t");
	}
	if (!n || *at)
		return -EINVAL;
	return inet_call()->sysctl_set(inet_stack.self, s->path + strlen("net/"), v, n);
}

#define SETTING(path_) {"net/" path_, 0644, SYSCTL_CALL, .get = get_setting, .set = set_setting}
static const struct sysctl settings[] = {
	SETTING("ipv4/ip_forward"),
	SETTING("ipv4/ip_default_ttl"),
	SETTING("ipv4/ip_no_pmtu_disc"),
	SETTING("ipv4/ip_nonlocal_bind"),
	SETTING("ipv4/ip_local_port_range"),
	SETTING("ipv4/icmp_echo_ignore_all"),
	SETTING("ipv4/icmp_echo_ignore_broadcasts"),
	SETTING("ipv4/icmp_ratelimit"),
	SETTING("ipv4/icmp_ratemask"),
	SETTING("ipv4/icmp_msgs_per_sec"),
	SETTING("ipv4/icmp_msgs_burst"),
	SETTING("ipv4/ipfrag_high_thresh"),
	SETTING("ipv4/ipfrag_time"),
	SETTING("ipv4/ipfrag_max_dist"),
	SETTING("ipv4/igmp_max_memberships"),
	SETTING("ipv4/igmp_max_msf"),
	SETTING("ipv4/tcp_rmem"),
	SETTING("ipv4/tcp_wmem"),
	SETTING("ipv4/tcp_mem"),
	SETTING("ipv4/udp_mem"),
	SETTING("ipv4/tcp_syncookies"),
	SETTING("ipv4/tcp_fin_timeout"),
	SETTING("ipv4/tcp_keepalive_time"),
	SETTING("ipv4/tcp_keepalive_intvl"),
	SETTING("ipv4/tcp_keepalive_probes"),
	SETTING("ipv4/tcp_retries1"),
	SETTING("ipv4/tcp_retries2"),
	SETTING("ipv4/tcp_syn_retries"),
	SETTING("ipv4/tcp_synack_retries"),
	SETTING("ipv4/tcp_max_syn_backlog"),
	SETTING("ipv4/tcp_tw_reuse"),
	SETTING("ipv4/tcp_sack"),
	SETTING("ipv4/tcp_dsack"),
	SETTING("ipv4/tcp_timestamps"),
	SETTING("ipv4/tcp_window_scaling"),
	SETTING("ipv4/tcp_ecn"),
	SETTING("ipv4/tcp_fastopen"),
	SETTING("ipv4/tcp_mtu_probing"),
	SETTING("ipv4/tcp_notsent_lowat"),
	SETTING("ipv4/tcp_orphan_retries"),
	SETTING("ipv4/tcp_max_orphans"),
	SETTING("ipv4/tcp_max_tw_buckets"),
	SETTING("ipv4/tcp_rfc1337"),
	SETTING("ipv4/tcp_slow_start_after_idle"),
	SETTING("ipv4/tcp_syn_linear_timeouts"),
	SETTING("ipv4/tcp_frto"),
	SETTING("ipv4/tcp_reordering"),
	SETTING("ipv4/tcp_max_reordering"),
	SETTING("ipv4/tcp_min_tso_segs"),
	SETTING("ipv4/tcp_early_retrans"),
	SETTING("ipv4/tcp_pacing_ss_ratio"),
	SETTING("ipv4/tcp_pacing_ca_ratio"),
	SETTING("ipv4/tcp_invalid_ratelimit"),
	SETTING("ipv4/tcp_min_snd_mss"),
	SETTING("ipv4/tcp_base_mss"),
	SETTING("ipv4/tcp_challenge_ack_limit"),
	SETTING("ipv4/tcp_abort_on_overflow"),
	SETTING("ipv4/tcp_moderate_rcvbuf"),
	SETTING("ipv4/conf/all/forwarding"),
	SETTING("ipv4/conf/all/rp_filter"),
	SETTING("ipv4/conf/all/accept_redirects"),
	SETTING("ipv4/conf/all/send_redirects"),
	SETTING("ipv4/conf/all/accept_source_route"),
	SETTING("ipv4/conf/default/forwarding"),
	SETTING("ipv4/conf/default/rp_filter"),
	SETTING("ipv4/conf/default/accept_redirects"),
	SETTING("ipv4/conf/default/send_redirects"),
	SETTING("ipv4/conf/default/accept_source_route"),
	SETTING("ipv4/neigh/default/gc_thresh1"),
	SETTING("ipv4/neigh/default/gc_thresh2"),
	SETTING("ipv4/neigh/default/gc_thresh3"),
	SETTING("ipv6/bindv6only"),
	SETTING("ipv6/conf/all/forwarding"),
	SETTING("ipv6/conf/all/disable_ipv6"),
	SETTING("ipv6/conf/all/accept_ra"),
	SETTING("ipv6/conf/all/autoconf"),
	SETTING("ipv6/conf/all/hop_limit"),
	SETTING("ipv6/conf/default/forwarding"),
	SETTING("ipv6/conf/default/disable_ipv6"),
	SETTING("ipv6/conf/default/accept_ra"),
	SETTING("ipv6/conf/default/autoconf"),
	SETTING("ipv6/conf/default/hop_limit"),
};

/* Those that the provider has. */
static void add_settings(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(settings); k++) {
		s64 v[3];
		u32 n;

		if (!inet_call()->sysctl_get(inet_stack.self, settings[k].path + strlen("net/"), v, &n))
			sysctl_register(&settings[k], 1);
	}
}

int inet_proc_init(void)
{
	int err = 0;

	for (size_t k = 0; !err && inet_call()->text && k < ARRAY_SIZE(texts); k++)
		err = net_proc_add(&texts[k]);
	if (inet_call()->sysctl_get)
		add_settings();
	return err;
}
