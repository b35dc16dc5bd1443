/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a CPU starts: a page below 1 MiB, real mode, CS = page / 16. smp.c copies this there, fills the words at the end, and has the boot tables map
 * both it (identity) and the kernel. Uses no stack before it has one.
 */
#include <arch_x86/regs.h>

	.section .rodata.trampoline, "a", @progbits
	.balign 16
	.globl smp_trampoline_start, smp_trampoline_end, smp_trampoline_words
smp_trampoline_start:
	.code16
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	xor	%ebx, %ebx
	mov	%ax, %bx
	shl	$4, %ebx
	/* Addresses that the processor wants absolute: add where we are. */
	lea	gdt - smp_trampoline_start(%ebx), %eax
	mov	%eax, gdtr + 2 - smp_trampoline_start
	lea	1f - smp_trampoline_start(%ebx), %eax
	mov	%eax, far32 - smp_trampoline_start
	lea	2f - smp_trampoline_start(%ebx), %eax
	mov	%eax, far64 - smp_trampoline_start
	lgdtl	gdtr - smp_trampoline_start
	mov	$(CR0_PE | CR0_ET | CR0_NE), %eax
	mov	%eax, %cr0
	ljmpl	*far32 - smp_trampoline_start

	.code32
1:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	smp_trampoline_words - smp_trampoline_start(%ebx), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov	$(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	mov	%eax, %cr0
	ljmpl	*far64 - smp_trampoline_start(%ebx)

	.code64
2:	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	%ebx, %ebx
	mov	smp_trampoline_words - smp_trampoline_start + 8(%rbx), %rsp
	mov	smp_trampoline_words - smp_trampoline_start + 16(%rbx), %rax
	mov	smp_trampoline_words - smp_trampoline_start + 24(%rbx), %rdi
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%rax

	.balign 8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* 8: 32-bit code */
	.quad	0x00cf93000000ffff	/* 16: data */
	.quad	0x00af9b000000ffff	/* 24: 64-bit code */
gdtr:	.short	31
	.long	0
far32:	.long	0
	.short	8
far64:	.long	0
	.short	24
	.balign 8
smp_trampoline_words:
	.quad	0, 0, 0, 0	/* cr3, stack, entry, argument */
smp_trampoline_end:
	.section .note.GNU-stack, "", @progbits
