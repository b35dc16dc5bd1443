/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways into the kernel and out of it.
 *
 *   system_call     SYSCALL from user mode
 *   trap_stubs      256 stubs of 16 bytes: exceptions and interrupts; all lead to trap_common, those with a stack of their own to trap_paranoid
 *   exit_*          SYSRET when the frame allows it, IRET otherwise
 *
 * All save a struct trapframe (Linux' struct pt_regs) and call C with its address. What must hold:
 *
 *   - GS is swapped exactly when the previous mode was user mode. The moments when the kernel runs with the user's GS (the first instructions of
 *     system_call, the last ones of an exit) have interrupts off and cannot fault; only NMI, #MC, #DB and #DF can come then, and these enter by
 *     trap_paranoid, which does not ask what GS is but finds the right value on its own stack.
 *   - With page-table isolation the user's tables map this section, the descriptor tables, the first page of the per-CPU areas and the stacks with an
 *     IST number: nothing else is touched before CR3 is the kernel's.
 *   - IRET to user mode cannot fault: selectors in a trapframe are constant, and an address that is not canonical becomes a signal before.
 */
#include <arch_x86/asm.h>
#include <arch_impl/layout.h>

	.section .entry.text, "ax", @progbits

.macro SAVE_FROM_RDX rax
	push	%rdx
	push	%rcx
	push	\rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

/* Registers that C has not set yet, so that speculation finds no value of the user's there. Not rdi, rsi. */
.macro CLEAR_REGS
	SKIP_UNLESS F_CLEAR_REGS, 779f
	xor	%edx, %edx
	xor	%ecx, %ecx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%ebx, %ebx
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
779:	xor	%ebp, %ebp
.endm

.macro RESTORE_TO_RSI
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
.endm

/* Forget what buffers of the processor hold of the kernel's. */
.macro CLEAR_BUFFERS
	SKIP_UNLESS F_MDS_CLEAR, 779f
	verw	verw_selector(%rip)
779:
.endm

FUNC(system_call)
	swapgs
	mov	%rsp, PCPU(entry_scratch)
	SKIP_UNLESS F_PTI, 1f
	mov	PCPU(entry_kernel_cr3), %rsp
	mov	%rsp, %cr3
1:	mov	PCPU(kstack_top), %rsp
	pushq	$SEL_USER_DS
	pushq	PCPU(entry_scratch)
	push	%r11
	pushq	$SEL_USER_CS
	push	%rcx
	push	%rax
	push	%rdi
	push	%rsi
	SAVE_FROM_RDX $-38
	mov	%rsp, %rdi
	CLEAR_REGS
	sti
	call	syscall_dispatch
	.globl exit_syscall
exit_syscall:
	cli
	mov	PCPU(current_thread), %rax
	testl	$UW_EXIT_MASK, THREAD_USER_WORK(%rax)
	jne	syscall_work
	/* SYSRET takes RIP from RCX and the flags from R11, and must not see an address that is not canonical. */
	mov	TF_RIP(%rsp), %rcx
	mov	TF_RFLAGS(%rsp), %r11
	cmp	TF_RCX(%rsp), %rcx
	jne	exit_iret
	cmp	TF_R11(%rsp), %r11
	jne	exit_iret
	test	$(FLAG_RF | FLAG_TF), %r11d
	jnz	exit_iret
	shr	$47, %rcx
	jnz	exit_iret
	RESTORE_TO_RSI
	pop	%rdi
	CLEAR_BUFFERS
	SKIP_UNLESS F_PTI, 2f
	mov	32(%rsp), %rsp
	mov	%rsp, PCPU(entry_scratch)
	mov	PCPU(entry_user_cr3), %rsp
	mov	%rsp, %cr3
	mov	PCPU(entry_scratch), %rsp
	swapgs
	sysretq
2:	mov	32(%rsp), %rsp
	swapgs
	sysretq
syscall_work:
	sti
	mov	%rsp, %rdi
	call	return_to_user_work
	jmp	exit_syscall
END(system_call)

/* int $0x80 and SYSCALL from 32-bit code do not exist here: CSTAR leads to it. */
FUNC(system_call_compat)
	mov	$-38, %eax
	sysretl
END(system_call_compat)

	.balign 16
	.globl trap_stubs
	.type trap_stubs, @function
trap_stubs:
	.set vec, 0
	.rept 256
	.balign 16
	/* 8, 10..14, 17, 21, 29 and 30 push an error code */
	.if !(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30)
	pushq	$-1
	.endif
	pushq	$vec
	.if vec == 1 || vec == 2 || vec == 8 || vec == 18
	jmp	trap_paranoid
	.else
	jmp	trap_common
	.endif
	.set vec, vec + 1
	.endr
	.size trap_stubs, . - trap_stubs

/* Stack: vector, error code, IRET frame. */
FUNC(trap_common)
	cld
	CLAC
	testb	$3, 24(%rsp)
	jz	3f
	swapgs
	SKIP_UNLESS F_LFENCE_SWAPGS, 1f
	lfence
1:	SKIP_UNLESS F_PTI, 4f
	/* From the entry stack to the thread's. */
trap_to_thread_stack:
	push	%rdi
	SKIP_UNLESS F_PTI, 2f
	mov	PCPU(entry_kernel_cr3), %rdi
	mov	%rdi, %cr3
2:	mov	%rsp, %rdi
	mov	PCPU(kstack_top), %rsp
	pushq	56(%rdi)
	pushq	48(%rdi)
	pushq	40(%rdi)
	pushq	32(%rdi)
	pushq	24(%rdi)
	pushq	16(%rdi)
	pushq	8(%rdi)
	mov	(%rdi), %rdi
	jmp	4f
3:	SKIP_UNLESS F_LFENCE_SWAPGS, 4f
	lfence
4:	push	%rsi
	mov	8(%rsp), %rsi
	mov	%rdi, 8(%rsp)
	SAVE_FROM_RDX %rax
	mov	%rsp, %rdi
	CLEAR_REGS
	lea	1(%rsp), %rbp		/* for backtraces: see backtrace.c */
	call	trap_dispatch
	testb	$3, TF_CS(%rsp)
	jz	exit_kernel
	.globl exit_user
exit_user:
	cli
	mov	PCPU(current_thread), %rax
	testl	$UW_EXIT_MASK, THREAD_USER_WORK(%rax)
	jne	exit_work
exit_iret:
	mov	TF_RIP(%rsp), %rax
	mov	%rax, %rcx
	shl	$16, %rcx
	sar	$16, %rcx
	cmp	%rax, %rcx
	jne	exit_bad_rip
	RESTORE_TO_RSI
	SKIP_UNLESS F_PTI, 5f
	/* The tables go before the stack does: leave by the entry stack. */
	mov	%rsp, %rdi
	mov	PCPU(entry_stack_top), %rsp
	pushq	48(%rdi)
	pushq	40(%rdi)
	pushq	32(%rdi)
	pushq	24(%rdi)
	pushq	16(%rdi)
	pushq	(%rdi)
	CLEAR_BUFFERS
	mov	PCPU(entry_user_cr3), %rdi
	mov	%rdi, %cr3
	pop	%rdi
	swapgs
	iretq
5:	pop	%rdi
	CLEAR_BUFFERS
	add	$8, %rsp
	swapgs
	iretq
exit_work:
	sti
	mov	%rsp, %rdi
	call	return_to_user_work
	jmp	exit_user
exit_bad_rip:
	sti
	mov	%rsp, %rdi
	call	trap_bad_rip
	jmp	exit_user
exit_kernel:
	RESTORE_TO_RSI
	pop	%rdi
	add	$8, %rsp
	iretq
END(trap_common)

/* On a stack of its own; previous mode, GS and CR3 may be anything. */
FUNC(trap_paranoid)
	cld
	CLAC
	testb	$3, 24(%rsp)
	jz	1f
	swapgs
	SKIP_UNLESS F_LFENCE_SWAPGS, trap_to_thread_stack
	lfence
	jmp	trap_to_thread_stack
1:	push	%rsi
	mov	8(%rsp), %rsi
	mov	%rdi, 8(%rsp)
	SAVE_FROM_RDX %rax
	lea	1(%rsp), %rbp
	mov	$MSR_GS_BASE, %ecx
	rdmsr
	mov	%eax, %ebx
	shl	$32, %rdx
	or	%rdx, %rbx
	mov	%rsp, %rax
	and	$-IST_STACK_SIZE, %rax
	mov	(%rax), %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	SKIP_UNLESS F_PTI, 2f
	mov	%cr3, %r14
	mov	PCPU(entry_kernel_cr3), %rax
	mov	%rax, %cr3
2:	mov	%rsp, %rdi
	call	trap_dispatch
	SKIP_UNLESS F_PTI, 3f
	mov	%r14, %cr3
3:	mov	$MSR_GS_BASE, %ecx
	mov	%ebx, %eax
	mov	%rbx, %rdx
	shr	$32, %rdx
	wrmsr
	jmp	exit_kernel
END(trap_paranoid)

/* The first instruction of a thread after arch_switch; see context.c. */
FUNC(thread_start_trampoline)
	mov	%rax, %rdi
	mov	%rbx, %rsi
	call	thread_first_run
	/* Comes back only for a thread that has a user frame at the top of its stack. */
	mov	PCPU(kstack_top), %rsp
	sub	$TF_SIZE, %rsp
	xor	%ebp, %ebp
	jmp	exit_user
END(thread_start_trampoline)

	.text
/* struct thread *switch_stacks(struct thread *prev, struct thread *next): @prev's stack away, @next's here. */
FUNC(switch_stacks)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, ARCH_THREAD_SP(%rdi)
	mov	ARCH_THREAD_SP(%rsi), %rsp
	SKIP_UNLESS F_RSB_FILL, 2f
	/* Returns must not be predicted from what the other thread called. */
	mov	$16, %ecx
1:	call	3f
4:	pause
	lfence
	jmp	4b
3:	call	5f
6:	pause
	lfence
	jmp	6b
5:	add	$16, %rsp
	dec	%ecx
	jnz	1b
	lfence
2:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	mov	%rdi, %rax
	ret
END(switch_stacks)

/* void irq_dispatch_on(unsigned vector, struct trapframe *tf, void *stack_top) */
FUNC(irq_dispatch_on)
	push	%rbp
	mov	%rsp, %rbp
	mov	%rdx, %rsp
	call	irq_dispatch
	mov	%rbp, %rsp
	pop	%rbp
	ret
END(irq_dispatch_on)

/*
 * Indirect calls of the whole kernel go through these: a return trampoline, so that the branch predictor has no say
 * [google, retpoline]; or the plain jump where that is safe.
 */
.macro THUNK reg
	.globl	__x86_indirect_thunk_\reg
	.type	__x86_indirect_thunk_\reg, @function
	.balign 32
__x86_indirect_thunk_\reg:
	ALTERNATIVE "call 775f; 776: pause; lfence; jmp 776b; 775: mov %\reg, (%rsp); ret", "jmp *%\reg", F_NO_RETPOLINE
	.size	__x86_indirect_thunk_\reg, . - __x86_indirect_thunk_\reg
.endm
	THUNK rax
	THUNK rbx
	THUNK rcx
	THUNK rdx
	THUNK rsi
	THUNK rdi
	THUNK rbp
	THUNK r8
	THUNK r9
	THUNK r10
	THUNK r11
	THUNK r12
	THUNK r13
	THUNK r14
	THUNK r15

	.section .rodata
	.balign 2
verw_selector:
	.short	SEL_KERNEL_DS
	.section .note.GNU-stack, "", @progbits
