/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces and translations cached by the processors.
 *
 * A space's tlb_gen counts its flushes. Each CPU has a few slots, one per PCID it uses: the space whose translations the PCID tags, and the
 * tlb_gen up to which they are good. Without PCIDs there is one slot and every load of CR3 flushes.
 *
 *   flush:    tlb_gen++ ; then for each CPU in space->cpus: drop, slot.gen = tlb_gen
 *   activate: set own bit in to->cpus ; then read tlb_gen: if the slot's is older, load CR3 with a flush
 *
 * Both middles are full barriers, so either the flusher sees the CPU's bit, or the CPU sees the new tlb_gen (or both).
 *
 * Lazy: switching to a kernel thread keeps the space loaded, and its bit set. A flush that reaches a CPU in this state makes it leave the space
 * altogether instead, and so does mmu_space_fini(): at most one interrupt per CPU that idles.
 *
 * With page-table isolation, user mode runs on the shadow root, tagged by the slot's PCID + 2048; the entry code loads entry_user_cr3 on every return. After
 * a flush its first load must flush as well: without INVPCID there are no PCIDs, and with it the shadow's tag is flushed by hand.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/mmu.h>
#include <arch_x86/desc.h>
#include <arch_x86/early.h>
#include <arch_x86/feature.h>
#include <arch_x86/insn.h>
#include <arch_x86/kpt.h>
#include <debug/panic.h>
#include <mm/page.h>
#include <sched/preempt.h>
#include <sched/smp_call.h>

#define SLOTS	      6 /* PCIDs 1..6 */
#define USER_PCID     2048
#define CR3_NO_FLUSH  (1ull << 63)
#define FLUSH_PAGES   32 /* more than so many: all */

struct tlb_slot {
	u64 id, gen;
};

struct tlb_cpu {
	struct mmu_space *loaded; /* NULL: the kernel's own */
	bool lazy;		  /* a kernel thread runs on it */
	u8 slot, next;
	struct tlb_slot slots[SLOTS];
};

struct flush {
	struct mmu_space *space;
	vaddr_t va, end;
	u64 gen;
};

static DEFINE_PER_CPU(struct tlb_cpu, tlb_cpu);
static struct mmu_space kernel_space = {.root = kernel_root};
static u64 last_id; /* atomic */

struct mmu_space *mmu_kernel_space(void)
{
	return &kernel_space;
}

struct pte *mmu_space_root(struct mmu_space *space)
{
	return space->root;
}

int mmu_space_init(struct mmu_space *space)
{
	struct page *p = page_alloc(cpu_has(F_PTI) ? 1 : 0, ALLOC_ZERO);

	if (!p)
		return -ENOMEM;
	page_set_kind(p, PAGE_TABLE);
	space->root = page_va(p);
	for (unsigned i = 0; i < kernel_root_nslots; i++) {
		unsigned slot = kernel_root_slots[i];

		space->root[slot] = kernel_root[slot];
		if (cpu_has(F_PTI))
			pti_shadow(space->root)[slot] = pti_shadow(kernel_root)[slot];
	}
	space->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	space->tlb_gen = 1;
	memset(space->cpus, 0, sizeof(space->cpus));
	return 0;
}

void pt_root_store(struct mmu_space *space, struct pte *slot, struct pte pte)
{
	pte_store(slot, pte);
	if (cpu_has(F_PTI) && slot - space->root < PT_ENTRIES / 2)
		pte_store(pti_shadow(slot), pte);
}

static paddr_t root_paddr(const struct mmu_space *space)
{
	return space == &kernel_space ? va_paddr(kernel_root) : (paddr_t)((vaddr_t)space->root - kernel_layout.direct_base);
}

static void mark(struct mmu_space *space, bool on)
{
	unsigned long bit = 1ul << cpu_id() % 64, *word = &space->cpus[cpu_id() / 64];

	if (on)
		__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}

/* The user PCID's translations, when isolation has one. */
static void flush_shadow(unsigned slot)
{
	if (cpu_has(F_PTI) && cpu_has(F_PCID))
		invpcid(1, USER_PCID + slot + 1, 0);
}

static void load_cr3(const struct mmu_space *space, unsigned slot, bool flush)
{
	u64 cr3 = root_paddr(space), user = cr3 + PAGE_SIZE;

	if (cpu_has(F_PCID) && space != &kernel_space) {
		cr3 |= slot + 1;
		user |= USER_PCID + slot + 1;
		user |= CR3_NO_FLUSH;
	}
	if (cpu_has(F_PTI)) {
		if (flush)
			flush_shadow(slot);
		this_cpu_write(entry_kernel_cr3, cpu_has(F_PCID) ? cr3 | CR3_NO_FLUSH : cr3);
		this_cpu_write(entry_user_cr3, user);
	}
	write_cr3(cpu_has(F_PCID) && !flush ? cr3 | CR3_NO_FLUSH : cr3);
}

/* The slot that holds @space or is to hold it. */
static unsigned choose_slot(struct tlb_cpu *c, const struct mmu_space *space)
{
	if (!cpu_has(F_PCID))
		return 0;
	for (unsigned i = 0; i < SLOTS; i++)
		if (c->slots[i].id == space->id)
			return i;
	c->next = (u8)((c->next + 1) % SLOTS);
	return c->next;
}

static void leave(struct tlb_cpu *c)
{
	struct mmu_space *old = c->loaded;

	load_cr3(&kernel_space, 0, !cpu_has(F_PCID));
	c->loaded = NULL;
	c->lazy = false;
	mark(old, false);
}

void mmu_space_activate(struct mmu_space *from, struct mmu_space *to)
{
	struct tlb_cpu *c = this_cpu_ptr(&tlb_cpu);
	struct mmu_space *old = c->loaded;
	struct tlb_slot *s;
	unsigned slot;
	bool flush;
	u64 gen;

	if (!to) {
		c->lazy = old != NULL;
		return;
	}
	c->lazy = false;
	if (old == to)
		return;
	mark(to, true);
	gen = __atomic_load_n(&to->tlb_gen, __ATOMIC_SEQ_CST);
	slot = choose_slot(c, to);
	s = &c->slots[slot];
	flush = !cpu_has(F_PCID) || s->id != to->id || s->gen != gen;
	s->id = to->id;
	s->gen = gen;
	c->slot = (u8)slot;
	c->loaded = to;
	if (cpu_has(F_IBPB) && old)
		wrmsr(MSR_PRED_CMD, 1); /* branch predictions of one process are not another's */
	load_cr3(to, slot, flush);
	if (old)
		mark(old, false);
}

/* Bring this CPU's translations of the loaded space up to date. Interrupts off. */
static void flush_loaded(struct tlb_cpu *c, const struct flush *f)
{
	struct tlb_slot *s = &c->slots[c->slot];
	u64 gen = __atomic_load_n(&f->space->tlb_gen, __ATOMIC_SEQ_CST);

	if (s->gen >= f->gen)
		return;
	if (s->gen + 1 == f->gen && f->end && f->end - f->va <= FLUSH_PAGES * PAGE_SIZE) {
		for (vaddr_t va = f->va; va < f->end; va += PAGE_SIZE) {
			invlpg(va);
			if (cpu_has(F_PTI) && cpu_has(F_PCID))
				invpcid(0, USER_PCID + c->slot + 1u, va);
		}
		s->gen = f->gen;
		return;
	}
	s->gen = gen;
	load_cr3(f->space, c->slot, true);
}

static void flush_here(void *arg)
{
	const struct flush *f = arg;
	irqflags_t flags = irq_save();
	struct tlb_cpu *c = this_cpu_ptr(&tlb_cpu);

	if (c->loaded == f->space) {
		if (c->lazy)
			leave(c);
		else
			flush_loaded(c, f);
	}
	irq_restore(flags);
}

/* Does any CPU but this one have a bit in @mask? Preemption off. */
static bool others_in(const unsigned long *mask)
{
	for (unsigned i = 0; i < MAX_CPUS / 64; i++) {
		unsigned long word = __atomic_load_n(&mask[i], __ATOMIC_SEQ_CST);

		if (i == cpu_id() / 64)
			word &= ~(1ul << cpu_id() % 64);
		if (word)
			return true;
	}
	return false;
}

static void flush_everywhere(struct mmu_space *space, struct flush *f)
{
	struct cpumask mask;

	static_assert(sizeof(mask) == sizeof(space->cpus), "the same set");
	preempt_disable();
	flush_here(f);
	if (others_in(space->cpus)) {
		for (unsigned i = 0; i < MAX_CPUS / 64; i++)
			mask.bits[i] = READ_ONCE(space->cpus[i]);
		smp_call(&mask, flush_here, f);
	}
	preempt_enable();
}

void tlb_flush_range(struct mmu_space *space, vaddr_t va, vaddr_t end, bool tables)
{
	struct flush f = {.space = space, .va = va, .end = end};

	/* invlpg also drops the cached upper levels of its address: @tables needs nothing more. */
	f.gen = __atomic_add_fetch(&space->tlb_gen, 1, __ATOMIC_SEQ_CST);
	flush_everywhere(space, &f);
}

static void leave_here(void *arg)
{
	irqflags_t flags = irq_save();
	struct tlb_cpu *c = this_cpu_ptr(&tlb_cpu);

	if (c->loaded == arg)
		leave(c);
	irq_restore(flags);
}

void mmu_space_fini(struct mmu_space *space)
{
	struct cpumask mask;

	preempt_disable();
	leave_here(space);
	if (others_in(space->cpus)) {
		for (unsigned i = 0; i < MAX_CPUS / 64; i++)
			mask.bits[i] = READ_ONCE(space->cpus[i]);
		smp_call(&mask, leave_here, space);
	}
	preempt_enable();
	page_free(va_page(space->root), cpu_has(F_PTI) ? 1 : 0);
	space->root = NULL;
}

static void flush_global(void)
{
	u64 cr4 = read_cr4();

	if (cpu_has(F_PCID)) {
		invpcid(2, 0, 0);
	} else if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~(u64)CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
}

static void flush_kernel_here(void *arg)
{
	const struct flush *f = arg;

	/* Without global entries each PCID has copies of the kernel's. */
	if (f->end - f->va > FLUSH_PAGES * PAGE_SIZE || (cpu_has(F_PTI) && cpu_has(F_PCID))) {
		irqflags_t flags = irq_save();

		flush_global();
		irq_restore(flags);
		return;
	}
	for (vaddr_t va = f->va; va < f->end; va += PAGE_SIZE)
		invlpg(va);
}

void tlb_flush_kernel(vaddr_t va, vaddr_t end)
{
	struct flush f = {.va = va, .end = end};

	preempt_disable();
	flush_kernel_here(&f);
	if (others_in(cpus_online.bits) && irqs_enabled())
		smp_call(&cpus_online, flush_kernel_here, &f);
	preempt_enable();
}

void tlb_flush_local(struct mmu_space *space, vaddr_t va)
{
	preempt_disable();
	if (this_cpu_ptr(&tlb_cpu)->loaded == space) {
		invlpg(va);
		if (cpu_has(F_PTI) && cpu_has(F_PCID))
			invpcid(0, USER_PCID + this_cpu_ptr(&tlb_cpu)->slot + 1u, va);
	}
	preempt_enable();
}

void mmu_init_cpu(void)
{
	load_cr3(&kernel_space, 0, true);
}
