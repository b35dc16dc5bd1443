/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attribute "origin" of an upper object: a file handle of the lower one that it was copied from, so that it keeps its number when it is forgotten and found
 * again.
 *
 *	0      1        2     3       4           5           21
 *	| 0    | 0xfb   | len | flags | type      | uuid (16) | handle ...		len: of all of it
 *
 * File systems here have no uuid that would tell them apart: it is zero, as with Linux' uuid=off, and the handle has to fit one lower layer.
 */
#include "overlay.h"
#include <vfs/handle.h>

#define FB_MAGIC   0xfb
#define FB_HEAD	   21
#define FB_FLAGS   0 /* little endian, a path is not needed */
#define FB_ANY	   2 /* any byte order */

int ovl_set_origin(const struct ovl_super *os, struct inode *upper, struct inode *lower)
{
	u8 fb[FB_HEAD + HANDLE_BYTES] = {0, FB_MAGIC, 0, FB_FLAGS};
	struct inode_handle h;
	int err;

	if (!super_opens_handles(lower->super)) { /* an empty one tells a copy from what was made here */
		err = ovl_mark_set(os, upper, OVL_ORIGIN, "", 0);
		return err == -EOPNOTSUPP ? 0 : err;
	}
	inode_encode_handle(lower, &h);
	fb[2] = (u8)(FB_HEAD + h.bytes);
	fb[4] = (u8)h.type;
	memcpy(fb + FB_HEAD, h.data, h.bytes);
	err = ovl_mark_set(os, upper, OVL_ORIGIN, fb, FB_HEAD + h.bytes);
	return err == -EOPNOTSUPP ? 0 : err;
}

/* The inode of a handle on the file system of a lower layer: *out_dentry referenced. */
static bool decode(const struct super *sb, const u8 *fb, size_t len, struct dentry **out)
{
	u32 data[HANDLE_BYTES / 4] = {0};
	struct super *s = (struct super *)sb;

	if (len - FB_HEAD > sizeof(data) || !super_opens_handles(sb))
		return false;
	memcpy(data, fb + FB_HEAD, len - FB_HEAD);
	if (fb[4] == HANDLE_INO_GEN && len == FB_HEAD + HANDLE_BYTES && !sb->ops->handle_is_id)
		return s->ops->handle_open(s, data[1] | (u64)data[2] << 32, data[0], out) == 0;
	if (fb[4] == HANDLE_ID && len == FB_HEAD + 8 && sb->ops->handle_is_id)
		return s->ops->handle_open(s, data[0] | (u64)data[1] << 32, 0, out) == 0;
	return false;
}

bool ovl_find_origin(const struct ovl_super *os, struct inode *upper, struct ovl_lower *out)
{
	u8 fb[FB_HEAD + HANDLE_BYTES];
	ssize_t len = ovl_mark_get(os, upper, OVL_ORIGIN, fb, sizeof(fb));

	if (len < FB_HEAD || fb[0] != 0 || fb[1] != FB_MAGIC || fb[2] != len || (fb[3] & ~FB_ANY) != FB_FLAGS)
		return false;
	for (u32 i = 5; i < FB_HEAD; i++) {
		if (fb[i])
			return false;
	}
	for (u32 i = 1; i < os->nlayers; i++) {
		struct dentry *d;

		if (i > 1 && os->layers[i].fs == os->layers[i - 1].fs)
			continue;
		if (!decode(os->layers[i].mnt->super, fb, (size_t)len, &d))
			continue;
		if (d->inode && (d->inode->mode & S_IFMT) == (upper->mode & S_IFMT)) {
			*out = (struct ovl_lower){d, i};
			return true;
		}
		dentry_put(d);
	}
	return false;
}
