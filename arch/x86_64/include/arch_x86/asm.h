/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the assembly files know of C's structures (asserted in trap.c), and their vocabulary.
 */
#include <arch_x86/regs.h>
#include <arch_x86/feature.h>

#define TF_R15	  0
#define TF_RBP	  32
#define TF_RBX	  40
#define TF_R11	  48
#define TF_RAX	  80
#define TF_RCX	  88
#define TF_RDI	  112
#define TF_ORIG	  120
#define TF_RIP	  128
#define TF_CS	  136
#define TF_RFLAGS 144
#define TF_RSP	  152
#define TF_SS	  160
#define TF_SIZE	  168

#define ARCH_THREAD_SP	 0
#define THREAD_USER_WORK 164 /* offsetof(struct thread, user_work) */
#define UW_EXIT_MASK	 7   /* UW_EXIT */

#define IST_STACK_SIZE 8192 /* aligned so; its first word is the GS base of its CPU */

#ifdef __ASSEMBLER__
/* This CPU's copy. */
#define PCPU(v) %gs:v(%rip)

#define FUNC(name) .globl name; .type name, @function; .balign 16; name:
#define END(name)  .size name, . - name

/* If the instruction at @insn faults, go on at @fixup. */
.macro EXTABLE insn, fixup
	.pushsection .extable, "aw", @progbits
	.long	\insn - ., \fixup - .
	.popsection
.endm
#else
#define EXTABLE_(insn, fixup)                                                                      \
	".pushsection .extable,\"aw\",@progbits\n.long " insn " - ., " fixup " - .\n.popsection\n"
#endif
