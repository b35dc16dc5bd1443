/* SPDX-License-Identifier: BSD-2-Clause */
#include "dhcp.h"
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>

static const u8 mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static u32 ip(u32 v)
{
	return cpu_to_be32(v).raw;
}

/* A server's answer to what dhcp_build made. */
static u32 answer(u8 *b, u8 kind)
{
	u32 len;

	(void)dhcp_build(b, 77, mac, 0, NULL);
	b[0] = 2;
	memcpy(b + 16, &(u32){ip(0x0a00020f)}, 4);
	len = 240;
	memcpy(b + len, (u8[]){53, 1, kind, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 6, 12, 10, 0, 2, 3, 8, 8, 8, 8, 9, 9, 9, 9, 54, 4, 10, 0, 2, 2, 0, 12, 3, 'n',
				       'o', 's', 15, 4, 'a', '/', 'b', 'c', 26, 2, 5, 0xdc, 255},
		52);
	return len + 52;
}

TEST(dhcp_answer)
{
	struct dhcp_lease l;
	u8 b[DHCP_BYTES];
	u32 len = answer(b, DHCP_OFFER);

	REQUIRE(dhcp_parse(b, len, 77, mac, &l) == 0);
	CHECK_EQ(l.kind, DHCP_OFFER);
	CHECK_EQ(l.address, ip(0x0a00020f));
	CHECK_EQ(l.mask, ip(0xffffff00));
	CHECK_EQ(l.gateway, ip(0x0a000202));
	CHECK_EQ(l.server, ip(0x0a000202));
	CHECK_EQ(l.dns[0], ip(0x0a000203));
	CHECK_EQ(l.dns[1], ip(0x08080808));
	CHECK_EQ(l.mtu, 1500);
	CHECK_STR_EQ(l.host, "nos");
	CHECK_STR_EQ(l.domain, ""); /* no name has a slash */
	CHECK_EQ(dhcp_parse(b, len, 78, mac, &l), -EBADMSG);
	CHECK_EQ(dhcp_parse(b, len, 77, (u8[6]){1}, &l), -EBADMSG);
	for (u32 n = 0; n < len; n++) /* any part of it is read within its bounds */
		(void)!dhcp_parse(b, n, 77, mac, &l);
	len = answer(b, 9);
	CHECK_EQ(dhcp_parse(b, len, 77, mac, &l), -EBADMSG);
}

TEST(dhcp_questions)
{
	struct dhcp_lease offer = {.address = ip(0x0a00020f), .server = ip(0x0a000202)};
	u8 b[DHCP_BYTES];
	u32 len = dhcp_build(b, 5, mac, 3, &offer);

	CHECK(len >= 300 && len <= DHCP_BYTES);
	CHECK_EQ(b[242], DHCP_REQUEST);
	CHECK_EQ(b[10], 0x80);
	CHECK_MEM_EQ(b + 28, mac, 6);
}

TEST(ip_words)
{
	struct ip_words w;

	CHECK_EQ(ip_words_parse("dhcp", &w), 0);
	CHECK(w.dhcp && !w.off && !w.address);
	CHECK_EQ(ip_words_parse("off", &w), 0);
	CHECK(w.off);
	CHECK_EQ(ip_words_parse("10.0.2.15::10.0.2.2:255.255.255.0:nos:eth0:none:10.0.2.3", &w), 0);
	CHECK(!w.dhcp && !w.off);
	CHECK_EQ(w.address, ip(0x0a00020f));
	CHECK_EQ(w.gateway, ip(0x0a000202));
	CHECK_EQ(w.mask, ip(0xffffff00));
	CHECK_EQ(w.dns[0], ip(0x0a000203));
	CHECK_STR_EQ(w.host, "nos");
	CHECK_STR_EQ(w.device, "eth0");
	CHECK_EQ(ip_words_parse(":::::eth1:dhcp", &w), 0);
	CHECK(w.dhcp);
	CHECK_STR_EQ(w.device, "eth1");
	CHECK_EQ(ip_words_parse("10.0.0.1", &w), 0);
	CHECK_EQ(w.mask, ip(0xff000000));
	CHECK_EQ(ip_words_parse("10.0.0", &w), -EINVAL);
	CHECK_EQ(ip_words_parse("10.0.0.256", &w), -EINVAL);
	CHECK_EQ(ip_words_parse(":::::eth0:what", &w), -EINVAL);
}
