/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Write-back as a whole: its settings (/proc/sys/vm) and figures.
 */
#include <lib/types.h>

/* Files older than expire are written; the threads look every writeback centiseconds (0: only when the limits are passed). */
extern unsigned dirty_expire_centisecs, dirty_writeback_centisecs;
/* Per cent of the memory that could be dirty, or (if not 0) bytes: where write-back begins, and where writers wait. */
extern unsigned dirty_background_ratio, dirty_ratio;
extern u64 dirty_background_bytes, dirty_bytes;

/* Pages of all devices; how many devices. */
u64 bdi_counts(u64 *out_dirty, u64 *out_writing, u64 *out_written);
/* All threads look at the limits now. */
void bdi_wake_all(void);
/* As of now, in pages. */
void writeback_limits(u64 *out_background, u64 *out_limit);
