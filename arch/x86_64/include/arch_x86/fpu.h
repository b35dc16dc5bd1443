/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Floating point and vector state of user threads. The kernel itself uses none, so it stays in the registers while the kernel runs.
 *
 * An area is in the standard (not compacted) format of XSAVE, as signal frames, ptrace and core files want it; without XSAVE that of FXSAVE, whose 512
 * bytes are also the first of the former.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct thread;

struct fpu_area {
	u16 fcw, fsw;
	u8 ftw, reserved0;
	u16 fop;
	u64 fip, fdp;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[16][16];
	u8 reserved1[48];
	u8 software[48];
	/* XSAVE header */
	u64 xstate_bv, xcomp_bv, reserved2[6];
	u8 extended[];
} __aligned(64);
static_assert(sizeof(struct fpu_area) == 576, "legacy area and header");

extern u32 fpu_size;	   /* bytes of an area with all enabled components */
extern u32 fpu_keys_offset; /* where an XSAVE area would have the rights by protection keys; 0: there are none */
extern u64 fpu_components; /* XCR0 */

/* Boot CPU, then each other CPU. */
void fpu_init(void);
void fpu_init_cpu(void);
/* A slab for areas. After slab_init. */
void fpu_init_late(void);
/* Registers of the running thread to its area, which then is current. Preemption off or interrupts off. */
void fpu_save_current(struct thread *t);
/* The area was changed: registers are to be loaded from it. Running thread: at once. */
void fpu_area_changed(struct thread *t);
/* The running thread's area was overwritten in vain: all of it again from the registers. Preemption off since before that. */
void fpu_area_spoilt(struct thread *t);
/* At a switch, interrupts off. */
void fpu_switch(struct thread *prev, struct thread *next);
/* The state of a fresh program. */
void fpu_reset(struct thread *t);
int fpu_alloc(struct thread *t) MUST_CHECK;
void fpu_free(struct thread *t);
/* Offset and size of extended component @i in an area; false if it is not enabled or lies in the legacy part. */
bool fpu_component(unsigned i, u32 *out_offset, u32 *out_size);
/* Write out the initial state of the components that the area's header says are in it: for copies that others read. */
void fpu_fill_initial(struct fpu_area *a);
/* Would the processor take this MXCSR? */
bool fpu_mxcsr_is_valid(u32 mxcsr);
/* Make a hostile area loadable: clear what is reserved. */
void fpu_sanitize(struct fpu_area *a);
/* Unmasked exceptions that are raised, by the running thread's registers. */
u32 fpu_x87_raised(void);
u32 fpu_sse_raised(void);
