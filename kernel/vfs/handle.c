/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles of inodes. See <vfs/handle.h>.
 */
#include <lib/strbuf.h>
#include <vfs/handle.h>

void inode_encode_handle(const struct inode *inode, struct inode_handle *out)
{
	u32 low = (u32)inode->ino, high = (u32)(inode->ino >> 32);

	if (super_opens_handles(inode->super)) {
		inode->super->ops->handle_note(inode);
		if (inode->super->ops->handle_is_id) {
			*out = (struct inode_handle){2 * sizeof(u32), HANDLE_ID, {low, high}};
			return;
		}
		*out = (struct inode_handle){HANDLE_BYTES, HANDLE_INO_GEN, {inode->generation, low, high}};
		return;
	}
	*out = (struct inode_handle){HANDLE_BYTES, HANDLE_FID, {low, high, inode->generation}};
}

size_t inode_show_handle(const struct inode *inode, char *buf, size_t size)
{
	struct inode_handle h;
	struct strbuf sb;

	inode_encode_handle(inode, &h);
	strbuf_init(&sb, buf, size);
	strbuf_printf(&sb, "fhandle-bytes:%x fhandle-type:%x f_handle:", h.bytes, (u32)h.type);
	for (u32 i = 0; i < h.bytes; i++)
		strbuf_printf(&sb, "%02x", ((const u8 *)h.data)[i]);
	strbuf_puts(&sb, "\n");
	return sb.len;
}
