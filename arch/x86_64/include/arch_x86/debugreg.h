/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The debug registers: four addresses, DR6 (what was hit), DR7 (what each is for) [sdm 3b 18.2].
 */
#include <lib/types.h>

struct thread;

enum { DEBUG_BREAKS = 1, DEBUG_BLOCK = 2 }; /* debug_on of a thread: DR7 enables something; BTF: its trap flag counts jumps, until the next #DB */
/* @t is not running, or the caller. */
void context_block_step(struct thread *t, bool on);

#define DR6_RESERVED 0xffff0ff0ull /* bits that read as one, and nothing was hit */
#define DR6_HITS     0xfull
#define DR6_STEP     (1ull << 14)

#define DEBUGCTL_BTF 2ull

#define DR7_FIXED    0x400ull
#define DR7_OURS     0xffff00ffull /* enables, kinds and lengths; not the I/O and system features */
enum { DR7_KIND_EXEC, DR7_KIND_WRITE, DR7_KIND_IO, DR7_KIND_ACCESS };

static inline bool dr7_is_on(u64 dr7, unsigned i)
{
	return dr7 >> (2 * i) & 3;
}

static inline unsigned dr7_kind(u64 dr7, unsigned i)
{
	return dr7 >> (16 + 4 * i) & 3;
}

/* Bytes, as a mask of the address bits that must be 0. */
static inline u64 dr7_len_mask(u64 dr7, unsigned i)
{
	static const u8 masks[] = {0, 1, 7, 3};

	return masks[dr7 >> (18 + 4 * i) & 3];
}
