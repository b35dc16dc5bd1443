/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and interrupts in C, from the entry code's trap_dispatch on.
 *
 * An exception of user mode becomes what Linux makes of it [linux arch/x86 by observation; man sigaction(2)]; one of the kernel is a page fault of a
 * user copy, an instruction of the exception table, or the end.
 */
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <lib/string.h>
#include <arch/boot.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/trap.h>
#include <arch_x86/apic.h>
#include <arch_x86/asm.h>
#include <arch_x86/debugreg.h>
#include <arch_x86/desc.h>
#include <arch_x86/extable.h>
#include <arch_x86/fpu.h>
#include <arch_x86/insn.h>
#include <arch_x86/trap.h>
#include <debug/kasan.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <sched/preempt.h>
#include <sched/thread.h>

static_assert(offsetof(struct trapframe, r15) == TF_R15 && offsetof(struct trapframe, rbp) == TF_RBP &&
	offsetof(struct trapframe, r11) == TF_R11 && offsetof(struct trapframe, rcx) == TF_RCX &&
	offsetof(struct trapframe, rdi) == TF_RDI && offsetof(struct trapframe, orig_rax) == TF_ORIG &&
	offsetof(struct trapframe, rip) == TF_RIP && offsetof(struct trapframe, cs) == TF_CS &&
	offsetof(struct trapframe, rflags) == TF_RFLAGS && offsetof(struct trapframe, rsp) == TF_RSP &&
	sizeof(struct trapframe) == TF_SIZE, "arch_x86/asm.h");
static_assert(offsetof(struct thread, user_work) == THREAD_USER_WORK && UW_EXIT == UW_EXIT_MASK, "arch_x86/asm.h");
static_assert(offsetof(struct thread, arch.sp) == ARCH_THREAD_SP, "arch_x86/asm.h");

enum vector {
	V_DE, V_DB, V_NMI, V_BP, V_OF, V_BR, V_UD, V_NM, V_DF, V_9, V_TS, V_NP, V_SS, V_GP, V_PF, V_15, V_MF, V_AC, V_MC, V_XM,
};

/* Bits of a page fault's error code. */
#define PF_PRESENT (1 << 0)
#define PF_WRITE   (1 << 1)
#define PF_USER	   (1 << 2)
#define PF_RSVD	   (1 << 3)
#define PF_FETCH   (1 << 4)
#define PF_PKEY	   (1 << 5)

static const char *const names[] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bounds", "invalid opcode", "no FPU", "double fault", "?",
	"invalid TSS", "segment not present", "stack segment", "general protection", "page fault", "?", "x87 error",
	"alignment check", "machine check", "SIMD error",
};

static DEFINE_PER_CPU(u32, irq_depth);

const char *trap_name(unsigned vector)
{
	return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "exception";
}

/* The page below the running thread's stack was hit: there was no room to say so by a page fault. */
static bool is_stack_overflow(vaddr_t va)
{
	const struct thread *t = thread_current();

	return t && va < (vaddr_t)t->stack && va >= (vaddr_t)t->stack - PAGE_SIZE;
}

static void NORETURN fatal(struct trapframe *tf, unsigned vector, u64 addr)
{
	if (vector == V_DF && is_stack_overflow(read_cr2()))
		trap_kernel_fatal(tf, "stack overflow", read_cr2());
	/* The shadow of user addresses is not canonical. */
	if (NOS_KASAN && vector == V_GP)
		klog(LOG_EMERG, "KASAN: perhaps a null pointer, or one of user space");
	if (NOS_KASAN && vector == V_PF)
		kasan_explain_fault(addr);
	trap_kernel_fatal(tf, trap_name(vector), addr);
}

static void remember(unsigned vector, u64 error_code, u64 addr)
{
	struct arch_thread *a = &thread_current()->arch;

	DASSERT(thread_current());
	a->trap_no = vector;
	a->trap_error = error_code;
	if (vector == V_PF)
		a->trap_addr = addr;
}

static unsigned fault_flags_of(u64 error_code)
{
	unsigned flags = 0;

	if (error_code & PF_WRITE)
		flags |= FAULT_WRITE;
	if (error_code & PF_FETCH)
		flags |= FAULT_EXEC;
	if (error_code & PF_PRESENT)
		flags |= FAULT_PRESENT;
	if (error_code & PF_PKEY)
		flags |= FAULT_PKEY;
	return flags;
}

static void user_page_fault(struct trapframe *tf, vaddr_t va)
{
	u64 error_code = tf->orig_rax;

	tf->orig_rax = ~0ull; /* not a system call: nothing to restart */
	irq_enable();
	remember(V_PF, error_code | (va >= USER_VA_END ? PF_PRESENT : 0), va);
	if (va < USER_VA_END && !(error_code & PF_RSVD)) {
		trap_user_fault(tf, va, fault_flags_of(error_code) | FAULT_USER);
		return;
	}
	trap_user_exception(tf, &(struct trap_info){.signo = SIGSEGV, .code = SEGV_MAPERR, .addr = va, .trapno = V_PF,
		.error_code = error_code | PF_PRESENT});
}

static void kernel_page_fault(struct trapframe *tf, vaddr_t va)
{
	u64 error_code = tf->orig_rax, fixup = extable_fixup(tf->rip);

	if (!fixup)
		fatal(tf, V_PF, va);
	if (va < USER_VA_END && thread_current() && tf_irqs_on(tf) && preempt_depth() == 0 && !thread_current()->pagefault_off) {
		irq_enable();
		remember(V_PF, error_code, va);
		bool again = trap_user_fault(tf, va, fault_flags_of(error_code));
		irq_disable();
		if (again)
			return;
	}
	tf->rip = fixup;
}

/* x87 status and SSE control word share the order of their exception bits. */
static int fpe_code(u32 raised)
{
	return raised & 1 ? FPE_FLTINV : raised & 4 ? FPE_FLTDIV : raised & 8 ? FPE_FLTOVF : raised & 0x12 ? FPE_FLTUND :
		raised & 0x20							    ? FPE_FLTRES : FPE_FLTUNK;
}

static void user_debug(struct trapframe *tf, struct trap_info *info)
{
	struct arch_thread *a = &thread_current()->arch;
	u64 dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" ::"r"(DR6_RESERVED));
	a->dr6 = dr6 & DR6_HITS;
	a->debug_on &= ~(u32)DEBUG_BLOCK; /* the processor has cleared BTF [sdm 3b 18.4.1] */
	for (unsigned i = 0; i < 4; i++) {
		/* A breakpoint hits before its instruction: which is to run now. */
		if ((dr6 >> i & 1) && dr7_kind(a->dr7, i) == DR7_KIND_EXEC)
			tf->rflags |= FLAG_RF;
	}
	info->signo = SIGTRAP;
	info->code = dr6 & DR6_STEP ? TRAP_TRACE : dr6 & DR6_HITS ? TRAP_HWBKPT : TRAP_BRKPT;
	info->addr = tf->rip;
}

/* Fill @info with the signal of an exception; the address is the instruction's unless it is set here. */
static void classify(struct trapframe *tf, unsigned vector, struct trap_info *info)
{
	info->addr = tf->rip;
	info->signo = SIGSEGV;
	info->code = SI_KERNEL;
	switch (vector) {
	case V_DE:
		info->signo = SIGFPE;
		info->code = FPE_INTDIV;
		break;
	case V_DB: user_debug(tf, info); break;
	case V_BP:
		info->signo = SIGTRAP;
		info->addr = 0;
		break;
	case V_UD:
		info->signo = SIGILL;
		info->code = ILL_ILLOPN;
		break;
	case V_NP:
	case V_SS:
		info->signo = SIGBUS;
		info->addr = 0;
		break;
	case V_MF:
	case V_XM:
		info->signo = SIGFPE;
		info->code = fpe_code(vector == V_MF ? fpu_x87_raised() : fpu_sse_raised());
		break;
	case V_AC:
		info->signo = SIGBUS;
		info->code = BUS_ADRALN;
		info->addr = 0;
		break;
	default: info->addr = 0;
	}
}

static void user_exception(struct trapframe *tf, unsigned vector)
{
	struct trap_info info = {.trapno = (int)vector};
	u64 error_code = tf->orig_rax == ~0ull ? 0 : tf->orig_rax;

	classify(tf, vector, &info);
	info.error_code = error_code;
	tf->orig_rax = ~0ull; /* not a system call: nothing to restart */
	irq_enable();
	remember(vector, error_code, 0);
	trap_user_exception(tf, &info);
}

/* From entry.S, interrupts on: @tf's address is not canonical, and the exception that IRET would meet in the kernel becomes the user's. */
void trap_bad_rip(struct trapframe *tf)
{
	struct trap_info info = {.signo = SIGSEGV, .code = SI_KERNEL, .trapno = V_GP};

	tf->orig_rax = ~0ull; /* not a system call: nothing to restart */
	remember(V_GP, 0, 0);
	trap_user_exception(tf, &info);
}

static void kernel_exception(struct trapframe *tf, unsigned vector)
{
	u64 fixup = extable_fixup(tf->rip);

	/* A user's watchpoint hit by a user copy: not the user's access. */
	if (vector == V_DB) {
		__asm__ volatile("mov %0, %%dr6" ::"r"(DR6_RESERVED));
		tf->rflags &= ~(u64)FLAG_TF;
		return;
	}
	if (!fixup || vector == V_DF || vector == V_MC)
		fatal(tf, vector, 0);
	tf->rip = fixup;
}

static void interrupt(struct trapframe *tf, unsigned vector)
{
	if (vector == IRQ_VECTOR_SPURIOUS)
		return;
	if (tf_from_user(tf) || this_cpu_read(irq_depth) || !this_cpu_read(irq_stack_top)) {
		irq_dispatch(vector, tf);
	} else {
		this_cpu_inc(irq_depth);
		irq_dispatch_on(vector, tf, (void *)this_cpu_read(irq_stack_top));
		this_cpu_dec(irq_depth);
	}
	/* Zero: preemptible, and a reschedule is wanted. */
	if (!tf_from_user(tf) && this_cpu_read(preempt_count) == 0 && tf_irqs_on(tf))
		preempt_from_irq();
}

/* From entry.S, interrupts off. Returns with them off when the frame is the kernel's. */
void trap_dispatch(struct trapframe *tf, unsigned vector)
{
	if (vector >= IRQ_VECTOR_FIRST) {
		interrupt(tf, vector);
	} else if (vector == V_PF) {
		vaddr_t va = read_cr2();

		if (tf_from_user(tf))
			user_page_fault(tf, va);
		else
			kernel_page_fault(tf, va);
	} else if (vector == V_NMI) {
		apic_nmi(tf);
	} else if (vector == V_MC) {
		fatal(tf, vector, 0);
	} else if (tf_from_user(tf)) {
		user_exception(tf, vector);
	} else {
		kernel_exception(tf, vector);
	}
}

void arch_print_frame(const struct trapframe *tf)
{
	klog(LOG_EMERG, "rip %016llx  cs %02llx  flags %08llx  rsp %016llx  error %llx", tf->rip, tf->cs, tf->rflags, tf->rsp,
		tf->orig_rax);
	klog(LOG_EMERG, "rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx", tf->rax, tf->rbx, tf->rcx, tf->rdx);
	klog(LOG_EMERG, "rsi %016llx  rdi %016llx  rbp %016llx  r8  %016llx", tf->rsi, tf->rdi, tf->rbp, tf->r8);
	klog(LOG_EMERG, "r9  %016llx  r10 %016llx  r11 %016llx  r12 %016llx", tf->r9, tf->r10, tf->r11, tf->r12);
	klog(LOG_EMERG, "r13 %016llx  r14 %016llx  r15 %016llx  cr2 %016llx", tf->r13, tf->r14, tf->r15, (u64)read_cr2());
	klog(LOG_EMERG, "cr0 %08llx  cr3 %llx  cr4 %llx", (u64)read_cr0(), (u64)read_cr3(), (u64)read_cr4());
}
