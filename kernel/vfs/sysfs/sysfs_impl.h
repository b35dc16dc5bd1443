/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the files of /sys.
 */
#include "../pseudo/pseudo_impl.h"
#include <vfs/sysfs.h>

extern struct pseudo_node *sysfs_dev_char, *sysfs_dev_block;

int sysfs_cpu_init(void) MUST_CHECK;
int sysfs_add_caches(struct pseudo_node *one, unsigned cpu) MUST_CHECK;
int sysfs_node_init(void) MUST_CHECK;
int sysfs_trace_init(void) MUST_CHECK;
int sysfs_memory_init(void) MUST_CHECK;
/* hugepages/ of all memory (kernel/mm), or of the one node. */
int sysfs_add_pool(struct pseudo_node *at, bool is_node) MUST_CHECK;
