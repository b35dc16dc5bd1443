/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's page tables after boot, and isolation's shadow of them.
 *
 * The shadow maps, at the addresses where the kernel has them, only the pages that entry code touches before and after it switches CR3: the
 * section .entry.text, the interrupt table, and of each CPU the first page of its area (GDT, TSS, entry stack, the CR3 values) and its IST stacks.
 */
#include <lib/errno.h>
#include <arch/smp.h>
#include <arch_x86/desc.h>
#include <arch_x86/early.h>
#include <arch_x86/feature.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <arch_x86/kpt.h>
#include <debug/panic.h>
#include <mm/page.h>

struct pte *kpt_find(vaddr_t va, unsigned *out_level)
{
	struct pte *table = kernel_root;

	for (unsigned level = pt_levels() - 1;; level--) {
		struct pte *e = &table[va >> PT_LEVEL_SHIFT(level) & (PT_ENTRIES - 1)];

		if (!(e->raw & PTE_P))
			return NULL;
		if (pte_is_leaf(*e, level)) {
			*out_level = level;
			return e;
		}
		table = (struct pte *)(kernel_layout.direct_base + pte_paddr(*e));
	}
}

bool kpt_direct_covers(paddr_t pa, u64 len)
{
	paddr_t end = pa + len;
	unsigned level;

	if (end < pa || end > kernel_layout.direct_end - kernel_layout.direct_base)
		return false;
	for (pa &= ~(PAGE_SIZE - 1); pa < end; pa = (pa | ((1ull << PT_LEVEL_SHIFT(level)) - 1)) + 1)
		if (!kpt_find(kernel_layout.direct_base + pa, &level))
			return false;
	return true;
}

static vaddr_t alias_of(vaddr_t va)
{
	return kernel_layout.direct_base + (va - kernel_layout.image_base + kernel_layout.image_phys);
}

static void change(vaddr_t va, u64 clear, u64 set)
{
	unsigned level;
	struct pte *e = kpt_find(va, &level);

	ASSERT(e && level == 0);
	pte_store(e, (struct pte){(e->raw & ~clear) | set});
}

void kpt_seal(const char *start, const char *end)
{
	for (vaddr_t va = (vaddr_t)start; va < (vaddr_t)end; va += PAGE_SIZE) {
		change(va, PTE_W, 0);
		change(alias_of(va), PTE_W, 0);
	}
	tlb_flush_kernel((vaddr_t)start, (vaddr_t)end);
	tlb_flush_kernel(alias_of((vaddr_t)start), alias_of((vaddr_t)end));
}

void kpt_unmap_image(const char *start, const char *end)
{
	for (vaddr_t va = (vaddr_t)start; va < (vaddr_t)end; va += PAGE_SIZE) {
		change(va, ~0ull, 0);
		change(alias_of(va), 0, PTE_W);
	}
	tlb_flush_kernel((vaddr_t)start, (vaddr_t)end);
}

static int shadow_map(vaddr_t va)
{
	struct pte *table = pti_shadow(kernel_root);
	unsigned level;
	struct pte *leaf = kpt_find(va, &level);
	u64 offset_mask;

	ASSERT(leaf);
	offset_mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;
	for (unsigned l = pt_levels() - 1; l; l--) {
		struct pte *e = &table[va >> PT_LEVEL_SHIFT(l) & (PT_ENTRIES - 1)];

		if (pte_is_none(*e)) {
			struct page *p = page_alloc(0, ALLOC_ZERO);

			if (!p)
				return -ENOMEM;
			e->raw = page_paddr(p) | PTE_P | PTE_W | PTE_A;
		}
		table = paddr_va(pte_paddr(*e));
	}
	/* Not global: with isolation no entry is. */
	table[va >> PAGE_SHIFT & (PT_ENTRIES - 1)].raw = ((pte_paddr(*leaf) & ~offset_mask) | (va & offset_mask & PTE_ADDR)) |
		(leaf->raw & (PTE_P | PTE_W | PTE_NX)) | PTE_A | PTE_D;
	return 0;
}

static int shadow_map_range(vaddr_t start, vaddr_t end)
{
	for (vaddr_t va = start & ~(PAGE_SIZE - 1); va < end; va += PAGE_SIZE) {
		int err = shadow_map(va);

		if (err)
			return err;
	}
	return 0;
}

int pti_init(void)
{
	u64 idtr[2];
	int err;

	if (!cpu_has(F_PTI))
		return 0;
	__asm__ volatile("sidt 6(%0)" ::"r"(idtr) : "memory");
	err = shadow_map_range((vaddr_t)__entry_text_start, (vaddr_t)__entry_text_end);
	if (!err)
		err = shadow_map_range(idtr[1], idtr[1] + PAGE_SIZE);
	for (unsigned cpu = 0; cpu < cpu_count() && !err; cpu++) {
		vaddr_t area = (vaddr_t)__start_percpu + per_cpu_offset[cpu];
		const struct tss *tss = per_cpu_ptr(&cpu_tss, cpu);

		err = shadow_map_range(area, area + PAGE_SIZE);
		for (unsigned i = 0; i < IST_COUNT && !err; i++)
			err = shadow_map_range(tss->ist[i] - IST_STACK_SIZE, tss->ist[i]);
	}
	return err;
}
