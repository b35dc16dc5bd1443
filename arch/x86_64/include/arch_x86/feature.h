/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the processor has and what we make of it: one bit each, found once on the boot CPU and constant after; and the instructions that are chosen
 * by them (alternatives), patched once before other CPUs start.
 */
#define F_FSGSBASE     0
#define F_SMEP	       1
#define F_SMAP	       2
#define F_UMIP	       3
#define F_PGE	       4
#define F_PCID	       5 /* with INVPCID, otherwise not used */
#define F_XSAVE	       6
#define F_XSAVEOPT     7
#define F_ERMS	       8
#define F_FSRM	       9
#define F_RDRAND       10
#define F_RDSEED       11
#define F_TSC_DEADLINE 12
#define F_X2APIC       13
#define F_RDTSCP       14
#define F_RDPID	       15
#define F_TSC_STABLE   16 /* runs at one rate always */
#define F_HYPERVISOR   17
#define F_SMT_SIBLINGS 18
#define F_PKU	       19 /* and it is switched on */
#define F_CRC32	       20
/* Decided from the above and the command line. */
#define F_PTI	       32
#define F_NO_RETPOLINE 33 /* indirect branches are safe or nobody cares */
#define F_LFENCE_SWAPGS 34
#define F_MDS_CLEAR    35 /* VERW on the way to user mode */
#define F_RSB_FILL     36
#define F_CLEAR_REGS   37 /* user values do not stay in registers that the kernel's C does not use yet */
#define F_IBPB	       38
#define F_COUNT	       64

#ifdef __ASSEMBLER__

/* Jump to @target unless the feature is there: patched to a no-op if it is. */
.macro SKIP_UNLESS feature, target
771:	.byte	0xe9
	.long	\target - 772f
772:
	.pushsection .alternatives, "a", @progbits
	.long	771b - ., 0
	.short	\feature
	.byte	5, 0
	.popsection
.endm

/* @insn, replaced by @repl (position independent, not longer) with the feature. */
.macro ALTERNATIVE insn, repl, feature
771:	\insn
772:
	.pushsection .rodata.alternatives, "a", @progbits
773:	\repl
774:
	.popsection
	.pushsection .alternatives, "a", @progbits
	.long	771b - ., 773b - .
	.short	\feature
	.byte	772b - 771b, 774b - 773b
	.popsection
.endm

#define STAC ALTERNATIVE ".byte 0x0f,0x1f,0x00", stac, F_SMAP
#define CLAC ALTERNATIVE ".byte 0x0f,0x1f,0x00", clac, F_SMAP
#else
#include <lib/types.h>
#include <lib/compiler.h>

#define ALTERNATIVE_(insn, repl, feature)                                                          \
	"771:" insn "\n772:\n"                                                                     \
	".pushsection .rodata.alternatives,\"a\",@progbits\n773:" repl "\n774:\n.popsection\n"     \
	".pushsection .alternatives,\"a\",@progbits\n"                                             \
	".long 771b - ., 773b - .\n.short " STRINGIFY(feature) "\n"                                \
	".byte 772b - 771b, 774b - 773b\n.popsection\n"
#define STAC ALTERNATIVE_(".byte 0x0f,0x1f,0x00", "stac", F_SMAP)
#define CLAC ALTERNATIVE_(".byte 0x0f,0x1f,0x00", "clac", F_SMAP)

struct alternative {
	s32 site, repl; /* relative to the field itself */
	u16 feature;
	u8 len, repl_len;
};

extern u64 cpu_features;

static inline bool cpu_has(unsigned feature)
{
	return cpu_features >> feature & 1;
}

struct cpu_model {
	char vendor[13], name[49];
	u32 family, model, stepping, max_leaf, max_ext_leaf;
	u32 f1c, f1d, f7b, f7c, f7d, e1c, e1d, e7d, e8b; /* CPUID words */
	u64 arch_cap;
	u8 phys_bits, virt_bits;
};
extern struct cpu_model cpu_model;

/* Read CPUID, parse the mitigations of the command line, decide. Boot CPU. */
void features_init(void);
/* Patch the image for them: through the direct map, before it is sealed. */
void alternatives_apply(void);
/* Set this CPU's control registers and MSRs accordingly. */
void cpu_control_init(void);
#endif
