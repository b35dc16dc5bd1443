/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doors: PVH and Multiboot2 enter here in 32-bit protected mode with paging off and flat segments; EBX holds the address of the loader's
 * information. Brings the processor to long mode on an identity map of the first 4 GiB and calls boot_early(), which makes the real page
 * tables and answers where to go. The image may lie anywhere below 4 GiB, so every address is relative to where we are.
 */
#include <arch_x86/regs.h>
#include <lib/config.h>
#include "boot_impl.h"

	.section .boot.text, "ax"
	.code32
	.globl boot_pvh, boot_multiboot2
	.type boot_pvh, @function
	.type boot_multiboot2, @function
boot_multiboot2:
	mov	$BOOT_DOOR_MULTIBOOT2, %edi
	jmp	1f
boot_pvh:
	mov	$BOOT_DOOR_PVH, %edi
1:	cli
	cld
	mov	%ebx, %esi
	/* No stack yet: borrow the loader's first word for one return address. */
	mov	(%ebx), %ecx
	lea	4(%ebx), %esp
	call	2f
2:	pop	%ebp
	mov	%ecx, (%ebx)
	lea	boot_stack_top - 2b(%ebp), %esp

	/* Long mode there? Kernels for it need no more than NX. */
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	and	$(1 << 29 | 1 << 20), %edx
	cmp	$(1 << 29 | 1 << 20), %edx
	jne	no_long_mode

	/* Identity map: four directories of 2 MiB pages. */
	lea	boot_tables - 2b(%ebp), %edx
	lea	0x2000 + 3(%edx), %eax
	mov	$4, %ecx
	lea	0x1000(%edx), %ebx
3:	mov	%eax, (%ebx)
	add	$0x1000, %eax
	add	$8, %ebx
	loop	3b
	lea	0x1000 + 3(%edx), %eax
	mov	%eax, (%edx)
	lea	0x2000(%edx), %ebx
	mov	$0x83, %eax
	mov	$2048, %ecx
4:	mov	%eax, (%ebx)
	add	$0x200000, %eax
	add	$8, %ebx
	loop	4b

	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	%edx, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov	$(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	mov	%eax, %cr0

	lea	boot_gdt - 2b(%ebp), %eax
	push	%eax
	pushw	$(boot_gdt_end - boot_gdt - 1)
	lgdt	(%esp)
	add	$6, %esp
	lea	5f - 2b(%ebp), %eax
	push	$8
	push	%eax
	lret

no_long_mode:
	/* Say so where a user may look: the serial port; and the corner of the text screen. */
	movl	$0x4f364f21, 0xb8000
	mov	$0x3f8, %dx
	mov	$'!', %al
	outb	%al, %dx
	hlt
	jmp	no_long_mode

	.code64
5:	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	lea	boot_stack_top(%rip), %rsp
	/* edi = door, rsi = information, both still as set above. */
	mov	%edi, %edi
	mov	%esi, %esi
	sub	$32, %rsp
	mov	%rsp, %rdx
	xor	%ebp, %ebp
	call	boot_early
	/* struct boot_jump: cr3, stack, entry */
	mov	(%rsp), %rax
	mov	16(%rsp), %rcx
	mov	8(%rsp), %rsp
	mov	%rax, %cr3
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%rcx
	.size	boot_pvh, . - boot_pvh

	.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 8: 64-bit code */
boot_gdt_end:

	.section .bss.init, "aw", @nobits
	.balign 4096
	.globl boot_tables
boot_tables:
	.skip	6 * 4096
	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip	16384 << NOS_KASAN /* KSTACK_SIZE */
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
