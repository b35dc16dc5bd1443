/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Huge pages that are set aside: a pool of blocks, and memory made of them [linux Documentation/admin-guide/mm/hugetlbpage.rst].
 *
 * Such memory is an object whose pages come and go 512 at a time (hugetlb_file), mapped by areas with VM_HUGETLB, whose bounds are multiples of a block. A
 * mapping reserves its blocks when it is made, so that it does not fail later; one that did not finds out by SIGBUS.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <mm/object.h>

#define HUGETLB_SHIFT (PAGE_SHIFT + PT_SHIFT)
#define HUGETLB_SIZE  (1ull << HUGETLB_SHIFT)

/* Blocks. */
struct hugetlb_stats {
	u64 total, free, reserved, surplus, overcommit;
	u64 anon, cached; /* of the used ones: private memory, pages of objects */
};
void hugetlb_stats(struct hugetlb_stats *out);
/* nr_hugepages: as near to @n as memory, and what is used and reserved, allow. May sleep. */
void hugetlb_set_total(u64 n);
/* nr_overcommit_hugepages: how many blocks beyond that may be made when they are wanted. */
void hugetlb_set_overcommit(u64 n);

/* What the blocks of one mount are counted against. Outlives its files. */
struct hugetlb_limits {
	struct spinlock lock;
	u64 max;	/* ~0: none */
	u64 min;	/* so many are reserved for it */
	u64 used;	/* lock: blocks of its files, and reserved ones */
	u64 kept;	/* lock: of min, not yet used */
};
/* Reserves @min. -ENOMEM. May sleep. */
int hugetlb_limits_init(struct hugetlb_limits *l, u64 max, u64 min) MUST_CHECK;
void hugetlb_limits_fini(struct hugetlb_limits *l);

struct hugetlb_file;
/* Make @obj, which is not initialised, memory of blocks; its owner is what is returned. NULL: no memory. @limits may be NULL. */
struct hugetlb_file *hugetlb_file_create(struct vm_object *obj, struct hugetlb_limits *limits);
/* Reserve [0, @size) for shared mappings to come. -ENOMEM. */
int hugetlb_file_reserve(struct hugetlb_file *hf, u64 size) MUST_CHECK;
/* No mapping is left. Instead of vm_object_fini. May sleep. */
void hugetlb_file_destroy(struct hugetlb_file *hf);
/* Instead of vm_object_truncate and vm_object_punch; bytes, multiples of a block. May sleep. */
void hugetlb_truncate(struct hugetlb_file *hf, u64 size);
void hugetlb_punch(struct hugetlb_file *hf, u64 start, u64 end);
/* The blocks of [start, end) exist afterwards. -ENOSPC -ENOMEM -EINTR. May sleep. */
int hugetlb_fill(struct hugetlb_file *hf, u64 start, u64 end) MUST_CHECK;
