/* SPDX-License-Identifier: BSD-2-Clause */
#include "dhcp.h"
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>

#define HEAD	  236u
#define MAGIC	  0x63825363u
#define BROADCAST 0x8000u
#define XID_AT	  4u
#define SECS_AT	  8u
#define FLAGS_AT  10u
#define YIADDR_AT 16u
#define SIADDR_AT 20u
#define CHADDR_AT 28u

enum option {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOST = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_ADDRESS = 50,
	OPT_KIND = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_MAX_SIZE = 57,
	OPT_CLIENT = 61,
	OPT_END = 255,
};

static void put32(u8 *at, u32 v)
{
	struct be32 be = cpu_to_be32(v);

	memcpy(at, &be, 4);
}

static void put16(u8 *at, u16 v)
{
	struct be16 be = cpu_to_be16(v);

	memcpy(at, &be, 2);
}

static u8 *put_option(u8 *at, u8 code, const void *v, u8 len)
{
	at[0] = code;
	at[1] = len;
	memcpy(at + 2, v, len);
	return at + 2 + len;
}

u32 dhcp_build(u8 *out, u32 xid, const u8 mac[6], u16 secs, const struct dhcp_lease *offer)
{
	static const u8 wanted[] = {OPT_MASK, OPT_ROUTER, OPT_DNS, OPT_HOST, OPT_DOMAIN, OPT_MTU};
	u8 kind = offer ? DHCP_REQUEST : DHCP_DISCOVER, size[2], client[7] = {1};
	u8 *at = out + HEAD + 4;

	memset(out, 0, DHCP_BYTES);
	out[0] = 1; /* a request */
	out[1] = 1; /* over Ethernet */
	out[2] = 6;
	put32(out + XID_AT, xid);
	put16(out + SECS_AT, secs);
	put16(out + FLAGS_AT, BROADCAST); /* we cannot hear unicast before we have an address */
	memcpy(out + CHADDR_AT, mac, 6);
	put32(out + HEAD, MAGIC);
	at = put_option(at, OPT_KIND, &kind, 1);
	memcpy(client + 1, mac, 6);
	at = put_option(at, OPT_CLIENT, client, sizeof(client));
	put16(size, DHCP_BYTES);
	at = put_option(at, OPT_MAX_SIZE, size, 2);
	if (offer) {
		at = put_option(at, OPT_ADDRESS, &offer->address, 4);
		at = put_option(at, OPT_SERVER, &offer->server, 4);
	}
	at = put_option(at, OPT_WANTED, wanted, sizeof(wanted));
	*at++ = OPT_END;
	return max((u32)(at - out), 300u); /* some servers want it as long as BOOTP's */
}

/* A name of letters that a name may have; anything else is not taken. */
static void take_name(char *to, size_t room, const u8 *v, u32 len)
{
	size_t n = min_t(size_t, len, room - 1);

	for (size_t i = 0; i < n; i++) {
		bool ok = (v[i] >= 'a' && v[i] <= 'z') || (v[i] >= 'A' && v[i] <= 'Z') || (v[i] >= '0' && v[i] <= '9') || v[i] == '-' || v[i] == '.';

		if (!ok) {
			n = v[i] ? 0 : i;
			break;
		}
	}
	memcpy(to, v, n);
	to[n] = '\0';
}

static void take_option(struct dhcp_lease *l, u8 code, const u8 *v, u32 len)
{
	switch (code) {
	case OPT_HOST: take_name(l->host, sizeof(l->host), v, len); return;
	case OPT_DOMAIN: take_name(l->domain, sizeof(l->domain), v, len); return;
	case OPT_KIND: l->kind = len == 1 ? v[0] : DHCP_NONE; return;
	case OPT_MTU: l->mtu = len == 2 ? (u16)(v[0] << 8 | v[1]) : 0; return;
	default: break;
	}
	if (len < 4 || len % 4)
		return;
	switch (code) {
	case OPT_MASK: memcpy(&l->mask, v, 4); break;
	case OPT_ROUTER: memcpy(&l->gateway, v, 4); break;
	case OPT_SERVER: memcpy(&l->server, v, 4); break;
	case OPT_DNS: memcpy(l->dns, v, min(len, (u32)sizeof(l->dns))); break;
	default: break;
	}
}

int dhcp_parse(const u8 *b, u32 len, u32 xid, const u8 mac[6], struct dhcp_lease *out)
{
	struct dhcp_lease l = {0};
	u8 head[4];

	if (len < HEAD + 4 || b[0] != 2 || b[1] != 1 || b[2] != 6)
		return -EBADMSG;
	put32(head, xid);
	if (memcmp(b + XID_AT, head, 4) || memcmp(b + CHADDR_AT, mac, 6))
		return -EBADMSG;
	put32(head, MAGIC);
	if (memcmp(b + HEAD, head, 4))
		return -EBADMSG;
	memcpy(&l.address, b + YIADDR_AT, 4);
	memcpy(&l.server, b + SIADDR_AT, 4);
	for (u32 at = HEAD + 4; at < len && b[at] != OPT_END;) {
		u32 n;

		if (b[at] == OPT_PAD) {
			at++;
			continue;
		}
		n = at + 1 < len ? b[at + 1] : len;
		if (n > len - at - 2 || len - at < 2)
			return -EBADMSG;
		take_option(&l, b[at], b + at + 2, n);
		at += 2 + n;
	}
	if ((l.kind == DHCP_OFFER || l.kind == DHCP_ACK) && !l.address)
		return -EBADMSG;
	if (l.kind != DHCP_OFFER && l.kind != DHCP_ACK && l.kind != DHCP_NAK)
		return -EBADMSG;
	if (!l.mask)
		l.mask = ip_class_mask(l.address);
	*out = l;
	return 0;
}

u32 ip_class_mask(u32 address)
{
	u8 first = *(const u8 *)&address;

	return cpu_to_be32(first < 128 ? 0xff000000u : first < 192 ? 0xffff0000u : 0xffffff00u).raw;
}

/* ---- ip= ---- */

static int parse_address(const char *text, u32 *out)
{
	u8 b[4];

	for (int i = 0; i < 4; i++) {
		u64 v;

		if (*text < '0' || *text > '9' || strtou64_prefix(text, 10, &text, &v) || v > 255 || *text != (i < 3 ? '.' : '\0'))
			return -EINVAL;
		b[i] = (u8)v;
		text++;
	}
	memcpy(out, b, 4);
	return 0;
}

static int parse_method(const char *word, struct ip_words *w)
{
	static const char *const ask[] = {"", "dhcp", "on", "any", "both"}, *const none[] = {"off", "none", "static"};

	for (size_t i = 0; i < ARRAY_SIZE(ask); i++)
		if (strcmp(word, ask[i]) == 0)
			w->dhcp = true;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (strcmp(word, none[i]) == 0)
			w->off = true;
	return w->dhcp || w->off ? 0 : -EINVAL;
}

static int take_field(struct ip_words *w, unsigned field, const char *word)
{
	if (!*word)
		return 0;
	switch (field) {
	case 0: return parse_address(word, &w->address);
	case 1: return 0; /* the server of a root file system */
	case 2: return parse_address(word, &w->gateway);
	case 3: return parse_address(word, &w->mask);
	case 4: strscpy(w->host, word, sizeof(w->host)); return 0;
	case 5: strscpy(w->device, word, sizeof(w->device)); return 0;
	case 6: return parse_method(word, w);
	case 7:
	case 8: return parse_address(word, &w->dns[field - 7]);
	default: return 0; /* time servers */
	}
}

int ip_words_parse(const char *text, struct ip_words *out)
{
	struct ip_words w = {.off = false};
	char word[64];
	unsigned field = 0;

	if (!strchr(text, ':') && parse_method(text, &w) == 0) {
		*out = w;
		return 0;
	}
	for (;; field++) {
		size_t n = strcspn(text, ":");
		int err;

		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, n);
		word[n] = '\0';
		err = take_field(&w, field, word);
		if (err)
			return err;
		if (!text[n])
			break;
		text += n + 1;
	}
	w.off = false; /* an address was given: that is all there is to do */
	w.dhcp = w.dhcp || !w.address;
	if (w.address && !w.mask)
		w.mask = ip_class_mask(w.address);
	*out = w;
	return 0;
}
