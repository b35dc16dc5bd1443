/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local interrupt controllers. [intel-sdm 3A 11]
 */
#include <lib/string.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <arch/trap.h>
#include <arch_x86/apic.h>
#include <arch_x86/feature.h>
#include <arch_x86/firmware.h>
#include <arch_x86/insn.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/kmap.h>

#define REG_ID	      0x20
#define REG_TPR	      0x80
#define REG_EOI	      0xb0
#define REG_LDR	      0xd0
#define REG_DFR	      0xe0
#define REG_SPURIOUS  0xf0
#define REG_ERROR     0x280
#define REG_ICR_LOW   0x300
#define REG_ICR_HIGH  0x310
#define REG_LVT_TIMER 0x320
#define REG_LVT_LINT0 0x350
#define REG_LVT_LINT1 0x360
#define REG_LVT_ERROR 0x370
#define REG_TIMER_SET 0x380
#define REG_TIMER_NOW 0x390
#define REG_TIMER_DIV 0x3e0

#define LVT_MASKED	 (1u << 16)
#define LVT_DEADLINE	 (2u << 17)
#define LVT_NMI		 (4u << 8)
#define ICR_PENDING	 (1u << 12)
#define ICR_ASSERT	 (1u << 14)
#define ICR_NMI		 (4u << 8)
#define ICR_INIT	 (5u << 8)
#define ICR_STARTUP	 (6u << 8)
#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_X2	 (1u << 10)

static volatile u32 *regs;
static bool x2;
static bool stopping; /* a panic asked the others to stop */

static u32 reg_read(unsigned reg)
{
	return x2 ? (u32)rdmsr(MSR_X2APIC + reg / 16) : regs[reg / 4];
}

static void reg_write(unsigned reg, u32 v)
{
	if (x2)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		regs[reg / 4] = v;
}

u32 apic_id(void)
{
	return x2 ? reg_read(REG_ID) : reg_read(REG_ID) >> 24;
}

static void send(u32 id, u32 command)
{
	irqflags_t flags;

	if (x2) {
		/* The write is no barrier: what was stored before must be seen by who is interrupted. */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + REG_ICR_LOW / 16, command | (u64)id << 32);
		return;
	}
	flags = irq_save();
	while (reg_read(REG_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	reg_write(REG_ICR_HIGH, id << 24);
	reg_write(REG_ICR_LOW, command);
	irq_restore(flags);
}

void arch_ipi_send(unsigned cpu, enum ipi ipi)
{
	if (!x2 && !regs)
		return; /* too early for other CPUs to exist */
	if (ipi == IPI_STOP) {
		__atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
		send(cpu_apic_ids[cpu], ICR_ASSERT | ICR_NMI);
	} else if (ipi == IPI_BACKTRACE) {
		send(cpu_apic_ids[cpu], ICR_ASSERT | ICR_NMI);
	} else {
		send(cpu_apic_ids[cpu], ICR_ASSERT | IRQ_VECTOR_IPI((u32)ipi));
	}
}

void apic_send_init(u32 id)
{
	send(id, ICR_ASSERT | ICR_INIT);
}

void apic_send_startup(u32 id, u8 page)
{
	send(id, ICR_ASSERT | ICR_STARTUP | page);
}

void arch_irq_eoi(void)
{
	reg_write(REG_EOI, 0);
}

void apic_nmi(struct trapframe *tf)
{
	static u32 printing;

	if (__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
		/* One after the other. */
		for (u32 i = 0; i < 10000000 && __atomic_exchange_n(&printing, 1, __ATOMIC_ACQUIRE); i++)
			cpu_relax();
		vaddr_t pcs[8];
		unsigned n = arch_backtrace(tf, pcs, 8);
		klog(LOG_EMERG, "cpu %u stopped%s", cpu_id(), tf_from_user(tf) ? " in user mode" : ":");
		panic_print_pcs(pcs, n, true);
		__atomic_store_n(&printing, 0, __ATOMIC_RELEASE);
		cpu_halt_forever();
	}
	if (remote_backtrace_nmi(tf))
		return;
	klog_ratelimited(LOG_WARN, "cpu %u: NMI for no known reason", cpu_id());
}

struct msi_msg arch_msi_message(unsigned cpu, unsigned vector)
{
	u32 id = cpu_apic_ids[cpu];

	/* Identifiers above 255 need interrupt remapping; QEMU's and KVM's extension takes bits 8..14 in address bits 5..11. */
	return (struct msi_msg){.addr = 0xfee00000 | (id & 0xff) << 12 | (id & 0x7f00) >> 3, .data = vector};
}

/* Through the two legacy controllers: masked, and moved away from the exceptions' vectors first. */
static void disable_8259(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, IRQ_VECTOR_FIRST);
	outb(0xa1, IRQ_VECTOR_FIRST + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void apic_init_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base);
	if (x2)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
	if (!x2) {
		reg_write(REG_DFR, ~0u);
		reg_write(REG_LDR, 0);
	}
	reg_write(REG_TPR, 0);
	reg_write(REG_LVT_LINT0, LVT_MASKED);
	reg_write(REG_LVT_LINT1, cpu_id() == 0 ? LVT_NMI : LVT_MASKED);
	reg_write(REG_LVT_ERROR, IRQ_VECTOR_ERROR);
	reg_write(REG_SPURIOUS, 0x100 | IRQ_VECTOR_SPURIOUS);
	reg_write(REG_ERROR, 0);
	reg_write(REG_TIMER_DIV, 0xb); /* by one */
	reg_write(REG_TIMER_SET, 0);
	reg_write(REG_LVT_TIMER, IRQ_VECTOR_IPI(IPI_TIMER) | (cpu_has(F_TSC_DEADLINE) ? LVT_DEADLINE : 0));
}

/*
 * Registers as MSRs pay under a hypervisor that serves them without an exit, and are needed for large numbers; else the firmware's choice stands. (QEMU's own
 * emulation ends with "Bad icount read" when a timer is set through an MSR under -icount.)
 */
static bool want_x2apic(u32 max_id)
{
	struct cpuid_regs hv = cpuid(0x40000000, 0);

	if (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2)
		return true;
	if (!cpu_has(F_X2APIC))
		return false;
	return max_id > 254 || (cpu_has(F_HYPERVISOR) && hv.b == 0x4b4d564b && hv.c == 0x564b4d56); /* "KVMKVMKVM" */
}

void apic_init(void)
{
	u32 max_id = 0;

	if (firmware.has_8259 || !firmware.hardware_reduced)
		disable_8259();
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		max_id = max(max_id, cpu_apic_ids[cpu]);
	x2 = want_x2apic(max_id);
	if (!x2) {
		regs = vmap_device(firmware.lapic, PAGE_SIZE, PROT_R | PROT_W | PROT_UNCACHED);
		if (!regs)
			panic("no address space for the interrupt controller");
		if (max_id > 254)
			klog(LOG_WARN, "processors with numbers above 254 need x2APIC");
	}
	apic_init_cpu();
}

void apic_timer_set(u32 count)
{
	reg_write(REG_TIMER_SET, count);
}

u32 apic_timer_read(void)
{
	return reg_read(REG_TIMER_NOW);
}
