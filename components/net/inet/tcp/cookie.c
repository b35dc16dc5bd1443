/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SYN cookies [rfc4987 3.6]: the initial sequence number tells what a request would have kept.
 *
 *	cookie = H0(flow) + irs + (minute << 24) + ((H1(flow, minute) + mss index) mod 2^24)
 *
 * so that one is good for two minutes, and 8 of 2^24 guesses of an attacker at most. What the
 * timestamp echoes carries the other options (listen.c). And fast open's cookies [rfc7413].
 */
#include "listen.h"
#include <lib/endian.h>
#include <lib/string.h>

#define MINUTES_MAX 2
#define LOW         0xffffffu

static const u16 cookie_mss[] = {536, 1220, 1300, 1440, 1460, 4312, 8960, 65476};

static u32 hash(const struct siphash_key *key, const struct tcp_flow *flow, u32 minute)
{
	struct tcp_flow f = *flow;

	f.pad = minute;
	return (u32)siphash(key, &f, sizeof(f));
}

u32 tcp_cookie_make(
	const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now, u32 irs, u16 *mss)
{
	u32 minute = (u32)(now / (60 * TCP_NS_PER_S)), i = ARRAY_SIZE(cookie_mss) - 1;

	while (i && cookie_mss[i] > *mss)
		i--;
	*mss = cookie_mss[i];
	return hash(&conf->cookie_key[0], flow, 0) + irs + (minute << 24) +
	       ((hash(&conf->cookie_key[1], flow, minute) + i) & LOW);
}

u16 tcp_cookie_check(
	const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now, u32 irs, u32 cookie)
{
	u32 minute = (u32)(now / (60 * TCP_NS_PER_S)), age, i;

	cookie -= hash(&conf->cookie_key[0], flow, 0) + irs;
	age = (minute - (cookie >> 24)) & 0xff;
	if (age >= MINUTES_MAX)
		return 0;
	i = (cookie - hash(&conf->cookie_key[1], flow, minute - age)) & LOW;
	return i < ARRAY_SIZE(cookie_mss) ? cookie_mss[i] : 0;
}

unsigned tcp_tfo_cookie(
	const struct tcp_conf *conf, const struct tcp_flow *flow, unsigned key, u8 *out)
{
	u8 ends[32];

	memcpy(ends, flow->raddr, 16);
	memcpy(ends + 16, flow->laddr, 16);
	store_le64(out, siphash(&conf->tfo_key[key], ends, sizeof(ends)));
	return 8;
}
