/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seccomp(2).
 */
#include <lib/errno.h>
#include <linux/seccomp.h>
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <security/seccomp.h>
#include "syscalls.h"

static s64 get_action(struct uptr args)
{
	u32 action;

	if (user_load32(&action, args))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW: return 0;
	default: return -EOPNOTSUPP;
	}
}

static s64 get_sizes(struct uptr args)
{
	struct seccomp_notif_sizes sizes = {sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp), sizeof(struct seccomp_data)};

	return copy_to_user(args, &sizes, sizeof(sizes)) ? -EFAULT : 0;
}

SYSCALL3(seccomp, u32, op, u32, flags, struct uptr, args)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
	case SECCOMP_SET_MODE_FILTER: return seccomp_set(op, flags, args);
	case SECCOMP_GET_ACTION_AVAIL: return flags ? -EINVAL : get_action(args);
	case SECCOMP_GET_NOTIF_SIZES: return flags ? -EINVAL : get_sizes(args);
	default: return -EINVAL;
	}
}
