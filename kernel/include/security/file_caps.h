/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Capabilities of files: the attribute security.capability. [man capabilities(7)]
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct inode;

struct file_caps {
	u64 permitted, inheritable;
	bool effective;
};

/* What exec takes from @inode. -ENODATA: none that count here; -EINVAL: damaged. May sleep. */
int file_caps_read(struct inode *inode, struct file_caps *out) MUST_CHECK;
/* May setxattr(2) set these bytes? -EINVAL -EPERM. */
int file_caps_check(const void *val, size_t size) MUST_CHECK;
/* What getxattr(2) shows: the newest format that says what is meant here. */
ssize_t file_caps_get_xattr(struct inode *inode, void *buf, size_t size);
