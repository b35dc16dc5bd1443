/* SPDX-License-Identifier: BSD-2-Clause */
#include "dhcp.h"
#include <stdlib.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

/* A server's bytes behind a head that is ours, so that they get past the door. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static const u8 mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	struct dhcp_lease l;
	u8 head[DHCP_BYTES], *b;

	(void)dhcp_build(head, 5, mac, 0, NULL);
	head[0] = 2;
	head[16] = 10;
	b = malloc(240 + len);
	memcpy(b, head, 240);
	memcpy(b + 240, data, len);
	if (!dhcp_parse(b, (u32)(240 + len), 5, mac, &l) && (!memchr(l.host, 0, sizeof(l.host)) || !memchr(l.domain, 0, sizeof(l.domain))))
		__builtin_trap();
	free(b);
	return 0;
}
