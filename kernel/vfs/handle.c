/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles of inodes. See <vfs/handle.h>.
 */
#include <vfs/handle.h>

void inode_encode_handle(const struct inode *inode, struct inode_handle *out)
{
	u32 low = (u32)inode->ino, high = (u32)(inode->ino >> 32);

	if (super_opens_handles(inode->super))
		*out = (struct inode_handle){HANDLE_BYTES, HANDLE_INO_GEN, {inode->generation, low, high}};
	else
		*out = (struct inode_handle){HANDLE_BYTES, HANDLE_FID, {low, high, inode->generation}};
}
