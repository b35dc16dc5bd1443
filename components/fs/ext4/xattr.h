/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* An area of extended attributes, for xattr.c (reading) and xattr_set.c. */
#include "impl.h"

#define EXT4_XATTR_OWNER (~0u) /* ext4_buf.owner of a checked attribute block */

struct ext4_xattr_area {
	struct ext4_buf *buf; /* the caller's reference */
	u8 *data;
	u32 bytes, first, value_base; /* where entries begin; what value_off counts from */
	bool empty;                   /* of the inode: not even the magic is there */
};

static inline u32 ext4_xattr_need(u32 name_len)
{
	return ((u32)sizeof(struct ext4_xattr_entry) + name_len + 3) & ~3u;
}

/* -ENODATA: there is no such area. */
int ext4_xattr_inode_area(struct ext4_node *n, struct ext4_xattr_area *out) MUST_CHECK;
int ext4_xattr_block_area(struct ext4_node *n, struct ext4_xattr_area *out) MUST_CHECK;
struct ext4_xattr_entry *ext4_xattr_next(const struct ext4_xattr_area *a, u32 *off);
struct ext4_xattr_entry *ext4_xattr_find(
	const struct ext4_xattr_area *a, u8 index, const char *name, u32 len);
