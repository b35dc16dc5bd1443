/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/crc.h>

u32 crc32c_update(u32 state, const void *data, size_t len)
{
	return crc32c_update_plain(state, data, len);
}
