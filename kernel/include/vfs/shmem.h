/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory with a file round it: shared anonymous mappings, memfd, System V segments. Files of an internal tmpfs.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;
/* A nameless file of @size bytes, shown as "/NAME (deleted)": -ENFILE -ENOMEM -EINVAL. */
int shmem_create(const char *name, u64 size, struct file **out) MUST_CHECK;
unsigned memfd_known_flags(unsigned flags); /* MFD_*: a size goes with MFD_HUGETLB only */
/* memfd_create(2): @name is the user's; MFD_* checked here. */
int memfd_create_file(const char *name, unsigned flags, struct file **out) MUST_CHECK;
/* Pages of all memory file systems, memfds and shared anonymous mappings. */
u64 vfs_shmem_pages(void);
