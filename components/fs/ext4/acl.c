/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX ACLs: the system calls' form has a version of 2 and 8 bytes an entry; the disk's has a
 * version of 1 and leaves the id out where there is none.
 */
#include "impl.h"

enum {
	TAG_USER_OBJ = 1,
	TAG_USER = 2,
	TAG_GROUP_OBJ = 4,
	TAG_GROUP = 8,
	TAG_MASK = 16,
	TAG_OTHER = 32
};

static bool has_id(u32 tag)
{
	return tag == TAG_USER || tag == TAG_GROUP;
}

static bool is_tag(u32 tag)
{
	return has_id(tag) || tag == TAG_USER_OBJ || tag == TAG_GROUP_OBJ || tag == TAG_MASK ||
	       tag == TAG_OTHER;
}

ssize_t ext4_acl_to_disk(const u8 *from, size_t len, u8 *to, size_t max)
{
	size_t at = 4;

	if (len < 4 || (len - 4) % 8 || load_le32(from) != 2)
		return -EINVAL;
	if (max < 4)
		return -ERANGE;
	store_le32(to, 1);
	for (size_t off = 4; off < len; off += 8) {
		u16 tag = load_le16(from + off);
		size_t n = has_id(tag) ? 8 : 4;

		if (!is_tag(tag) || load_le16(from + off + 2) > 7)
			return -EINVAL;
		if (n > max - at)
			return -ERANGE;
		memcpy(to + at, from + off, n);
		at += n;
	}
	return (ssize_t)at;
}

ssize_t ext4_acl_from_disk(const u8 *from, size_t len, u8 *to, size_t max)
{
	size_t at = 4, off = 4;

	if (len < 4 || load_le32(from) != 1)
		return -EINVAL;
	if (to && max < 4)
		return -ERANGE;
	if (to)
		store_le32(to, 2);
	while (off < len) {
		u16 tag = len - off >= 4 ? load_le16(from + off) : 0;
		size_t n = has_id(tag) ? 8 : 4;

		if (!is_tag(tag) || n > len - off)
			return -EINVAL;
		if (to && max - at < 8)
			return -ERANGE;
		if (to) {
			memcpy(to + at, from + off, n);
			if (n == 4)
				store_le32(to + at + 4, ~0u);
		}
		at += 8;
		off += n;
	}
	return (ssize_t)at;
}
