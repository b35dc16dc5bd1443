/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cyclic redundancy checks, reflected (least significant bit first).
 *
 *	crc32	0xedb88320	gzip, PNG, Ethernet, GPT
 *	crc32c	0x82f63b78	iSCSI, ext4, btrfs
 *	crc16	0xa001		ext4's group descriptors of old
 *
 * The _update forms take and return the bare register; the others begin with all ones and invert at
 * the end, as gzip and iSCSI do.
 */
#pragma once

#include <lib/types.h>

u32 crc32_update(u32 state, const void *data, size_t len);
u32 crc32c_update(u32 state, const void *data, size_t len);
/* The same by tables, for the file that chooses: a processor may have its own crc32c.c. */
u32 crc32c_update_plain(u32 state, const void *data, size_t len);
u16 crc16_update(u16 state, const void *data, size_t len);

static inline u32 crc32(const void *data, size_t len)
{
	return ~crc32_update(~0U, data, len);
}

static inline u32 crc32c(const void *data, size_t len)
{
	return ~crc32c_update(~0U, data, len);
}
