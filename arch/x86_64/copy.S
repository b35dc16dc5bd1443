/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies to and from user memory. All return the number of bytes not done.
 *
 * Short ones move words in a loop; from 64 bytes on `rep movsq` (an iteration is one step of the string unit, and every processor of the last
 * fifteen years has a fast form of it). After a fault the rest is tried byte by byte, so that the count is exact.
 */
#include <arch_x86/asm.h>
#include <arch_impl/layout.h>

	.text

/* Refuse unless [\reg, \reg + rdx) is in the user half; even a wrong guess of that goes no further than the first address above it. Clobbers rax. */
.macro CHECK_RANGE reg
	movabs	$USER_VA_END, %rax
	cmp	%rax, \reg
	cmova	%rax, \reg
	sub	%rdx, %rax
	jc	user_copy_refuse
	cmp	%rax, \reg
	ja	user_copy_refuse
.endm

/* size_t arch_copy_from_user(void *dst, struct uptr src, size_t len) */
FUNC(arch_copy_from_user)
	CHECK_RANGE %rsi
	jmp	user_copy
END(arch_copy_from_user)

/* size_t arch_copy_to_user(struct uptr dst, const void *src, size_t len) */
FUNC(arch_copy_to_user)
	CHECK_RANGE %rdi
user_copy:
	STAC
	mov	%edx, %eax
	and	$7, %eax
	mov	%rdx, %rcx
	shr	$3, %rcx
	jz	3f
	cmp	$8, %rcx
	jb	2f
1:	rep	movsq
	jmp	3f
2:	mov	(%rsi), %r8
20:	mov	%r8, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	dec	%ecx
	jnz	2b
3:	test	%eax, %eax
	jz	7f
	/* Four, two, one of the tail. */
	test	$4, %al
	jz	5f
4:	mov	(%rsi), %r8d
40:	mov	%r8d, (%rdi)
	add	$4, %rsi
	add	$4, %rdi
	sub	$4, %eax
	jz	7f
5:	mov	(%rsi), %r8b
50:	mov	%r8b, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%eax
	jnz	5b
7:	CLAC
	xor	%eax, %eax
	ret
	/* rcx words and eax bytes are left. */
8:	lea	(%rax, %rcx, 8), %rax
9:	mov	(%rsi), %r8b
90:	mov	%r8b, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%rax
	jnz	9b
10:	CLAC
	ret
	EXTABLE	1b, 8b
	EXTABLE	2b, 8b
	EXTABLE	20b, 8b
	EXTABLE	4b, 9b
	EXTABLE	40b, 9b
	EXTABLE	5b, 10b
	EXTABLE	50b, 10b
	EXTABLE	9b, 10b
	EXTABLE	90b, 10b
user_copy_refuse:
	mov	%rdx, %rax
	ret
END(arch_copy_to_user)

/* size_t arch_clear_user(struct uptr dst, size_t len) */
FUNC(arch_clear_user)
	mov	%rsi, %rdx
	CHECK_RANGE %rdi
	STAC
	mov	%rdx, %rcx
	and	$7, %edx
	shr	$3, %rcx
	xor	%eax, %eax
1:	rep	stosq
2:	mov	%edx, %ecx
3:	rep	stosb
	CLAC
	mov	%rcx, %rax
	ret
4:	lea	(%rdx, %rcx, 8), %rcx
5:	rep	stosb
6:	CLAC
	mov	%rcx, %rax
	ret
	EXTABLE	1b, 4b
	EXTABLE	3b, 6b
	EXTABLE	5b, 6b
END(arch_clear_user)
	.section .note.GNU-stack, "", @progbits
