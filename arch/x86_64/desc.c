/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables: one interrupt table for all CPUs; a GDT, a TSS and the stacks that traps use per CPU.
 */
#include <lib/string.h>
#include <lib/errno.h>
#include <arch/context.h>
#include <arch/smp.h>
#include <arch_x86/desc.h>
#include <arch_x86/insn.h>
#include <arch_x86/image.h>
#include <mm/page.h>
#include <debug/panic.h>

#define ENTRY_STACK_SIZE 1024

DEFINE_PER_CPU_ENTRY(u64, kstack_top);
DEFINE_PER_CPU_ENTRY(u64, entry_scratch);
DEFINE_PER_CPU_ENTRY(u64, entry_kernel_cr3);
DEFINE_PER_CPU_ENTRY(u64, entry_user_cr3);
DEFINE_PER_CPU_ENTRY(u64, entry_stack_top);
DEFINE_PER_CPU_ENTRY(struct tss, cpu_tss);
DEFINE_PER_CPU_ENTRY(u64[GDT_ENTRIES], cpu_gdt);
/* With page-table isolation, where traps from user mode arrive: mapped in the user's tables as the thread's stack is not. */
DEFINE_PER_CPU_ENTRY(u8[ENTRY_STACK_SIZE], entry_stack) __aligned(16);

DEFINE_PER_CPU(unsigned, cpu_number);
DEFINE_PER_CPU(unsigned long, cpu_offset);
DEFINE_PER_CPU(u64, irq_stack_top);
unsigned long per_cpu_offset[MAX_CPUS];

struct gate {
	u16 offset0, selector;
	u8 ist, type;
	u16 offset1;
	u32 offset2, reserved;
};

struct table_reg {
	u16 limit;
	u64 base;
} __packed;

static struct gate idt[256] __aligned(4096) SECTION(".bss.page_aligned");
/* Before page_alloc works, and the boot CPU's for good. */
static u8 boot_ist_stacks[IST_COUNT][IST_STACK_SIZE] __aligned(IST_STACK_SIZE) SECTION(".bss.page_aligned");

extern char trap_stubs[], system_call[], system_call_compat[];

static const u64 gdt_template[GDT_ENTRIES] = {
	[1] = 0x00cf9b000000ffff,		     /* 0x08: 32-bit kernel code */
	[SEL_KERNEL_CS / 8] = 0x00af9b000000ffff,
	[SEL_KERNEL_DS / 8] = 0x00cf93000000ffff,
	[SEL_USER32_CS / 8] = 0x00cffb000000ffff,
	[SEL_USER_DS / 8] = 0x00cff3000000ffff,
	[SEL_USER_CS / 8] = 0x00affb000000ffff,
};

static void set_gate(unsigned vector, unsigned ist, unsigned dpl)
{
	u64 pc = (u64)trap_stubs + vector * 16;

	idt[vector] = (struct gate){
		.offset0 = (u16)pc,
		.selector = SEL_KERNEL_CS,
		.ist = (u8)ist,
		.type = (u8)(0x8e | dpl << 5), /* interrupt gate: interrupts stay off */
		.offset1 = (u16)(pc >> 16),
		.offset2 = (u32)(pc >> 32),
	};
}

void idt_init(void)
{
	for (unsigned v = 0; v < 256; v++)
		set_gate(v, 0, v == 3 || v == 4 ? 3 : 0);
	set_gate(1, 1 + IST_DB, 0);
	set_gate(2, 1 + IST_NMI, 0);
	set_gate(8, 1 + IST_DF, 0);
	set_gate(18, 1 + IST_MC, 0);
}

/* First word of an IST stack: the GS base of its CPU, for trap_paranoid. */
static void set_ist(struct tss *tss, unsigned ist, void *stack, unsigned cpu)
{
	*(u64 *)stack = per_cpu_offset[cpu];
	tss->ist[ist] = (u64)stack + IST_STACK_SIZE;
}

int desc_alloc_stacks(unsigned cpu)
{
	struct page *p = page_alloc_node(cpu_node(cpu), 2 + NOS_KASAN, ALLOC_SLEEP);
	struct tss *tss = per_cpu_ptr(&cpu_tss, cpu);

	if (!p)
		return -ENOMEM;
	static_assert(KSTACK_SIZE == PAGE_SIZE << (2 + NOS_KASAN), "the interrupt stack");
	*per_cpu_ptr(&irq_stack_top, cpu) = (u64)page_va(p) + KSTACK_SIZE;
	for (unsigned i = 0; cpu != 0 && i < IST_COUNT; i++) {
		p = page_alloc_node(cpu_node(cpu), 1, ALLOC_ZERO);
		if (!p)
			return -ENOMEM;
		set_ist(tss, i, page_va(p), cpu);
	}
	return 0;
}

static void fill_gdt(u64 *gdt, const struct tss *tss, unsigned cpu)
{
	u64 base = (u64)tss;

	memcpy(gdt, gdt_template, sizeof(gdt_template));
	gdt[SEL_TSS / 8] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	/* A data segment that nobody loads: LSL gives user mode node << 12 | cpu. */
	u64 limit = cpu | (u64)cpu_node(cpu) << 12;
	gdt[SEL_CPU_NUMBER / 8] = (limit & 0xffff) | (limit & 0xf0000) << 32 | 0x0040f50000000000;
}

static void load_segments(void)
{
	__asm__ volatile("pushq %0\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "movl %1, %%ss" ::"i"(SEL_KERNEL_CS),
			 "r"(SEL_KERNEL_DS)
			 : "rax", "memory");
}

void desc_load(unsigned cpu)
{
	struct tss *tss = per_cpu_ptr(&cpu_tss, cpu);
	u64 *gdt = *per_cpu_ptr(&cpu_gdt, cpu);
	struct table_reg gdtr = {sizeof(gdt_template) - 1, (u64)gdt};
	struct table_reg idtr = {sizeof(idt) - 1, (u64)idt};

	fill_gdt(gdt, tss, cpu);
	if (cpu == 0)
		for (unsigned i = 0; i < IST_COUNT; i++)
			set_ist(tss, i, boot_ist_stacks[i], cpu);
	tss->iomap = sizeof(*tss);
	__asm__ volatile("lgdt %0" ::"m"(gdtr));
	load_segments();
	wrmsr(MSR_GS_BASE, per_cpu_offset[cpu]);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	this_cpu_write(cpu_number, cpu);
	this_cpu_write(cpu_offset, per_cpu_offset[cpu]);
	this_cpu_write(entry_stack_top, (u64)this_cpu_ptr(&entry_stack) + ENTRY_STACK_SIZE);
	__asm__ volatile("lidt %0" ::"m"(idtr));
	__asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
	__asm__ volatile("lldt %w0" ::"r"(0));
	/* SYSRET adds 16 to its selector for CS and 8 for SS. */
	wrmsr(MSR_STAR, (u64)SEL_USER32_CS << 48 | (u64)SEL_KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)system_call);
	wrmsr(MSR_CSTAR, (u64)system_call_compat);
	wrmsr(MSR_SFMASK, FLAG_CF | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID | 0x8d4);
	desc_set_kstack(this_cpu_read(kstack_top));
}

void desc_set_kstack(u64 top)
{
	this_cpu_write(kstack_top, top);
	this_cpu_write(cpu_tss.rsp[0], cpu_has(F_PTI) ? this_cpu_read(entry_stack_top) : top);
}
