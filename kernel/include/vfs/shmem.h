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
extern unsigned memfd_noexec; /* vm.memfd_noexec: 1: without MFD_EXEC as if MFD_NOEXEC_SEAL were given, 2: that is an error (EACCES) */
/* memfd_create(2)'s flags with what the setting adds: -EINVAL -EACCES. */
int memfd_check_flags(unsigned *flags) MUST_CHECK;
/* memfd_create(2): @name is the user's; @flags are checked. */
int memfd_create_file(const char *name, unsigned flags, struct file **out) MUST_CHECK;
/* Pages of all memory file systems, memfds and shared anonymous mappings. */
u64 vfs_shmem_pages(void);
