/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * File handles: an inode named by numbers that are not used again while its file system is mounted. What name_to_handle_at(2) gives and fanotify reports.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/inode.h>

#define HANDLE_BYTES 12

/* Types with Linux' numbers, so that programs that tell file systems apart by them are right. */
enum { HANDLE_INO_GEN = 1, /* generation, inode number: low and high half */ HANDLE_FID = 0x81 /* inode number, generation: only to compare */,
	HANDLE_ID = 0xfe /* inode number, 8 bytes: FILEID_KERNFS */ };

struct inode_handle {
	u32 bytes;
	s32 type;
	u32 data[HANDLE_BYTES / 4];
};

/* Can handles of this file system be opened? Otherwise they only identify. */
static inline bool super_opens_handles(const struct super *sb)
{
	return sb->ops->handle_open;
}
/* From then on the inode is found by it. Context: no interrupts. */
void inode_encode_handle(const struct inode *inode, struct inode_handle *out);
/* "fhandle-bytes:c fhandle-type:1 f_handle:...\n", as fdinfo has it: bytes written. */
size_t inode_show_handle(const struct inode *inode, char *buf, size_t size);
