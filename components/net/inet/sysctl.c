/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of /proc/sys/net by path [man ip(7), and the kernel's ip-sysctl].
 */
#include "link.h"
#include "sock_impl.h"
#include "tcp/tcp_sock.h"

struct number {
	const char *path;
	u32 at; /* in struct inet_conf, or of struct link_conf below conf/ */
	u32 n;	/* words in a row */
	s64 low, high;
};

#define C(path_, field_, low_, high_) {path_, offsetof(struct inet_conf, field_), 1, low_, high_}

static const struct number numbers[] = {
	C("ipv4/ip_forward", ip_forward, 0, 1),
	C("ipv4/ip_default_ttl", ip_default_ttl, 1, 255),
	C("ipv4/ip_no_pmtu_disc", ip_no_pmtu_disc, 0, 3),
	C("ipv4/ip_nonlocal_bind", ip_nonlocal_bind, 0, 1),
	C("ipv4/ip_unprivileged_port_start", ip_unprivileged_port_start, 0, 65535),
	{"ipv4/ip_local_port_range", offsetof(struct inet_conf, ip_port_low), 2, 1, 65535},
	{"ipv4/ping_group_range", offsetof(struct inet_conf, ping_group_low), 2, 0, U32_MAX},
	C("ipv4/icmp_echo_ignore_all", icmp_echo_ignore_all, 0, 1),
	C("ipv4/icmp_echo_ignore_broadcasts", icmp_echo_ignore_broadcasts, 0, 1),
	C("ipv4/icmp_ratelimit", icmp_ratelimit_ms, 0, S32_MAX),
	C("ipv4/icmp_ratemask", icmp_ratemask, 0, S32_MAX),
	C("ipv4/icmp_msgs_per_sec", icmp_msgs_per_sec, 0, 1000000),
	C("ipv4/icmp_msgs_burst", icmp_msgs_burst, 0, 1000000),
	C("ipv4/igmp_max_memberships", igmp_max_memberships, 0, S32_MAX),
	C("ipv4/igmp_max_msf", igmp_max_msf, 0, 64),
	C("ipv4/ipfrag_high_thresh", ipfrag_high_thresh, 0, S32_MAX),
	C("ipv4/ipfrag_time", ipfrag_time_s, 1, 86400),
	C("ipv4/conf/all/forwarding", ip_forward, 0, 1),
	C("ipv4/conf/all/accept_redirects", accept_redirects, 0, 1),
	C("ipv4/conf/all/send_redirects", send_redirects, 0, 1),
	C("ipv4/conf/all/rp_filter", rp_filter, 0, 2),
	C("ipv4/conf/all/accept_source_route", accept_source_route, 0, 0),
	C("ipv4/neigh/default/gc_thresh1", neigh_gc_thresh1, 0, 1 << 20),
	C("ipv4/neigh/default/gc_thresh2", neigh_gc_thresh2, 0, 1 << 20),
	C("ipv4/neigh/default/gc_thresh3", neigh_gc_thresh3, 1, 1 << 20),
	C("ipv4/neigh/default/unres_qlen_bytes", neigh_unres_qlen_bytes, 0, S32_MAX),
	C("ipv6/bindv6only", ip6_bindv6only, 0, 1),
	C("ipv6/conf/all/forwarding", ip6_forwarding, 0, 1),
	C("ipv6/conf/all/disable_ipv6", ip6_disable, 0, 1),
	C("ipv6/conf/default/disable_ipv6", ip6_disable, 0, 1),
	C("ipv6/conf/default/accept_ra", ip6_accept_ra, 0, 2),
	C("ipv6/conf/default/autoconf", ip6_autoconf, 0, 1),
	C("ipv6/conf/default/dad_transmits", ip6_dad_transmits, 0, 255),
	C("ipv6/conf/all/hop_limit", ip6_hop_limit, 1, 255),
	C("core/rmem_default", rmem_default, 2304, S32_MAX),
	C("core/rmem_max", rmem_max, 2304, S32_MAX),
	C("core/wmem_default", wmem_default, 4608, S32_MAX),
	C("core/wmem_max", wmem_max, 4608, S32_MAX),
	C("core/optmem_max", optmem_max, 0, S32_MAX),
};

#define T(name_, field_, n_, low_, high_) {"ipv4/tcp_" name_, offsetof(struct tcp_conf, field_), n_, low_, high_}

static const struct number tcp_numbers[] = {
	T("rmem", rmem, 3, 1, S32_MAX),
	T("wmem", wmem, 3, 1, S32_MAX),
	T("syncookies", syncookies, 1, 0, 2),
	T("fin_timeout", fin_timeout_s, 1, 0, 32767),
	T("keepalive_time", keepalive_time_s, 1, 1, 32767),
	T("keepalive_intvl", keepalive_intvl_s, 1, 1, 32767),
	T("keepalive_probes", keepalive_probes, 1, 1, 127),
	T("retries1", retries1, 1, 0, 255),
	T("retries2", retries2, 1, 0, 255),
	T("syn_retries", syn_retries, 1, 1, 127),
	T("synack_retries", synack_retries, 1, 0, 255),
	T("syn_linear_timeouts", linear_timeouts, 1, 0, 127),
	T("orphan_retries", orphan_retries, 1, 0, 255),
	T("tw_reuse", tw_reuse, 1, 0, 2),
	T("sack", sack, 1, 0, 1),
	T("dsack", dsack, 1, 0, 1),
	T("timestamps", timestamps, 1, 0, 2),
	T("window_scaling", window_scaling, 1, 0, 1),
	T("ecn", ecn, 1, 0, 2),
	T("fastopen", fastopen, 1, 0, U32_MAX),
	T("frto", frto, 1, 0, 2),
	T("reordering", reordering, 1, 1, 300),
	T("max_reordering", max_reordering, 1, 1, 1000),
	T("min_tso_segs", min_tso_segs, 1, 1, 255),
	T("early_retrans", early_retrans, 1, 0, 4),
	T("pacing_ss_ratio", pacing_ss_ratio, 1, 0, 1000),
	T("pacing_ca_ratio", pacing_ca_ratio, 1, 0, 1000),
	T("notsent_lowat", notsent_lowat, 1, 0, U32_MAX),
	T("invalid_ratelimit", invalid_ratelimit_ms, 1, 0, S32_MAX),
	T("min_snd_mss", min_snd_mss, 1, 48, 65535),
	T("base_mss", base_mss, 1, 48, 65535),
	T("challenge_ack_limit", challenge_ack_limit, 1, 0, S32_MAX),
	T("abort_on_overflow", abort_on_overflow, 1, 0, 1),
	T("rfc1337", rfc1337, 1, 0, 1),
	T("moderate_rcvbuf", moderate_rcvbuf, 1, 0, 1),
	T("slow_start_after_idle", slow_start_after_idle, 1, 0, 1),
};

#define L(path_, field_, high_) {path_, offsetof(struct link_conf, field_), 1, 0, high_}

static const struct number link_numbers[] = {
	L("forwarding", forwarding, 1),
	L("rp_filter", rp_filter, 2),
	L("accept_redirects", accept_redirects, 1),
	L("send_redirects", send_redirects, 1),
	L("arp_ignore", arp_ignore, 2),
	L("arp_announce", arp_announce, 2),
	L("accept_ra", accept_ra, 2),
	L("autoconf", autoconf, 1),
	L("dad_transmits", dad_transmits, 255),
	L("disable_ipv6", disable_ipv6, 1),
	L("hop_limit", hop_limit, 255),
};

static const struct number *find(const struct number *list, unsigned n, const char *path)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i].path, path))
			return &list[i];
	return NULL;
}

/* "ipv4/conf/eth0/x": the link's own. Read section. */
static u32 *find_word(struct inet *in, const char *path, const struct number **out)
{
	char name[LINK_NAME] = {0};
	const char *slash;
	struct link *l;

	*out = find(numbers, ARRAY_SIZE(numbers), path);
	if (*out)
		return (u32 *)((char *)&in->conf + (*out)->at);
	*out = find(tcp_numbers, ARRAY_SIZE(tcp_numbers), path);
	if (*out)
		return (u32 *)((char *)&in->tcp->conf + (*out)->at);
	if (strncmp(path, "ipv4/conf/", 10) && strncmp(path, "ipv6/conf/", 10))
		return NULL;
	path += 10;
	for (slash = path; *slash && *slash != '/'; slash++)
		;
	if (!*slash || slash - path >= LINK_NAME)
		return NULL;
	memcpy(name, path, (size_t)(slash - path));
	l = link_by_name(in, name);
	*out = l ? find(link_numbers, ARRAY_SIZE(link_numbers), slash + 1) : NULL;
	return *out ? (u32 *)((char *)&l->conf + (*out)->at) : NULL;
}

int inet_sysctl_get(struct inet *in, const char *path, s64 *out, u32 *out_n)
{
	const struct number *n;
	u32 *word;

	env_rcu_enter();
	word = find_word(in, path, &n);
	for (u32 i = 0; word && i < n->n; i++)
		out[i] = READ_ONCE(word[i]);
	if (word)
		*out_n = n->n;
	env_rcu_exit();
	return word ? 0 : -ENOENT;
}

int inet_sysctl_set(struct inet *in, const char *path, const s64 *values, u32 n)
{
	const struct number *k;
	int err = 0;
	u32 *word;

	env_rcu_enter();
	word = find_word(in, path, &k);
	if (!word)
		err = -ENOENT;
	else if (n != k->n || (n == 2 && k->low && values[0] > values[1]))
		err = -EINVAL;
	for (u32 i = 0; !err && i < n; i++)
		if (values[i] < k->low || values[i] > k->high)
			err = -EINVAL;
	for (u32 i = 0; !err && i < n; i++)
		WRITE_ONCE(word[i], (u32)values[i]);
	if (!err)
		inet_route_changed(in);
	env_rcu_exit();
	return err;
}
