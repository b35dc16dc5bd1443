/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Registers of the processor and their bits [intel-sdm 3A 2.5, 4: MSRs], and the selectors of our descriptor table: those that Linux programs
 * see (0x33, 0x2b) are Linux'.
 */
#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_ET (1 << 4)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_AM (1 << 18)
#define CR0_PG (1 << 31)

#define CR4_PSE	       (1 << 4)
#define CR4_PAE	       (1 << 5)
#define CR4_MCE	       (1 << 6)
#define CR4_PGE	       (1 << 7)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_FSGSBASE   (1 << 16)
#define CR4_PCIDE      (1 << 17)
#define CR4_OSXSAVE    (1 << 18)
#define CR4_PKE	       (1 << 22)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)

#define MSR_APIC_BASE	   0x1b
#define MSR_SPEC_CTRL	   0x48
#define MSR_PRED_CMD	   0x49
#define MSR_ARCH_CAP	   0x10a
#define MSR_MISC_ENABLE	   0x1a0
#define MSR_PAT		   0x277
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_DEBUGCTL	   0x1d9
#define MSR_X2APIC	   0x800
#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX	   0xc0000103

#define EFER_SCE (1 << 0)
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)

#define SEL_KERNEL_CS	0x10
#define SEL_KERNEL_DS	0x18
#define SEL_USER32_CS	0x23
#define SEL_USER_DS	0x2b
#define SEL_USER_CS	0x33
#define SEL_TSS		0x40
#define SEL_CPU_NUMBER	0x7b /* limit: CPU number and node, for the vDSO */
#define GDT_ENTRIES	16

#define FLAG_CF	   (1 << 0)
#define FLAG_TF	   (1 << 8)
#define FLAG_IF	   (1 << 9)
#define FLAG_DF	   (1 << 10)
#define FLAG_IOPL  (3 << 12)
#define FLAG_NT	   (1 << 14)
#define FLAG_RF	   (1 << 16)
#define FLAG_AC	   (1 << 18)
#define FLAG_ID	   (1 << 21)
#define FLAG_FIXED (1 << 1)
