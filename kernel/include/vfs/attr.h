/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Changing sizes.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct path;
struct inode;

/* truncate(2): checks kind, rights, seals of the mount, writers of the executable; @opening: O_TRUNC, rights and mount were checked. */
int path_truncate(const struct path *p, u64 size, bool opening) MUST_CHECK;
/* What ftruncate(2) does after its checks: RLIMIT_FSIZE, times, set-ID bits. Takes the inode's lock. @more: IATTR_* besides size and times. */
int inode_truncate(struct inode *inode, u64 size, unsigned more) MUST_CHECK;
