/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETLINK_KOBJECT_UEVENT: the news of devices. Group 1 hears the kernel; udev tells its own news in group 2. Who has CAP_SYS_ADMIN may also send the
 * kernel an event, which goes to group 1 with a number.
 */
#include "netlink_impl.h"
#include <init/initcall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <proc/cred.h>
#include <vfs/sysfs.h>

#define GROUP_KERNEL 1u

static int uevent_request(struct nl_request *r)
{
	struct nl_buf *b;
	int n;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!nl_has_members(&nl_uevent, GROUP_KERNEL))
		return -ESRCH;
	b = nl_buf_alloc(r->len + 32);
	if (!b)
		return -ENOMEM;
	memcpy(b->bytes, r->body, r->len);
	n = scnprintf(b->bytes + r->len, 32, "SEQNUM=%llu", (unsigned long long)sysfs_uevent_seq_next());
	b->len = r->len + (u32)n + 1;
	(void)nl_broadcast(&nl_uevent, NULL, b, 0, 0, GROUP_KERNEL, NULL);
	nl_buf_put(b);
	return 0;
}

struct nl_protocol nl_uevent = {.name = "uevent", .ngroups = 32, .nonroot_receive = true, .input = nl_input, .request = uevent_request};

static void told(const char *text, size_t len)
{
	struct nl_buf *b;

	if (!nl_has_members(&nl_uevent, GROUP_KERNEL))
		return;
	b = nl_buf_alloc((u32)len);
	if (!b)
		return;
	memcpy(b->bytes, text, len);
	(void)nl_broadcast(&nl_uevent, NULL, b, 0, 0, GROUP_KERNEL, NULL);
	nl_buf_put(b);
}

static int uevent_init(void)
{
	sysfs_set_uevent_listener(told);
	return 0;
}
INITCALL(netlink_uevent, "netlink sysfs", uevent_init);
