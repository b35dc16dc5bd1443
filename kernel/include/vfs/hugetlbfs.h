/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Files of huge pages <vm/hugetlb.h>: hugetlbfs, and nameless ones for MAP_HUGETLB, MFD_HUGETLB and SHM_HUGETLB.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

/* The number in the bits that say which size is wanted (MAP_HUGE_SHIFT and its like): is there a pool of it? 0 is the default. */
static inline bool hugetlb_has_size(unsigned log)
{
	return log == 0 || log == 21;
}
bool file_is_hugetlb(const struct file *f);
/* A nameless file of @size bytes (rounded up) with @mode and @seals, shown as "/NAME (deleted)"; @reserve: all of it. -ENFILE -ENOMEM. */
int hugetlb_create(const char *name, u64 size, u32 mode, u32 seals, bool reserve, struct file **out) MUST_CHECK;
/* Nobody maps it any more: give its pages back, and what is reserved. May sleep. */
void hugetlb_empty(struct file *f);
extern int hugetlb_shm_group; /* /proc/sys/vm: who may, without CAP_IPC_LOCK, make segments of it */
