/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the identity map to the kernel's own address space.
 *
 * Runs where the loader put the image, before relocation: addresses are taken relative to the instruction pointer, and pointers stored in data
 * are of no use yet. Reads the loader's information, chooses where the kernel's regions lie, builds the page tables that will stay, relocates the
 * image for its virtual address and tells entry.S where to jump: start_high(), which drops the identity map and calls kernel_main().
 *
 * Page tables made here, all from one stretch of free memory, which becomes MEM_KERNEL:
 *   - the image, 4 KiB pages: text RX, constants R, the rest RW;
 *   - the direct map of every listed range (large reserved ones excepted: they are windows to devices), largest pages that fit, never executable.
 *     Where it overlaps the image it has 4 KiB pages, so that its text and constants can be made read-only there too;
 *   - the tables of the second level for vmap, empty;
 *   - with KASAN, the shadow of image and direct map, and the tables of the second level for vmap's.
 */
#include <lib/config.h>
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch_x86/early.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include "../../boot/boot_impl.h"

#define GIB	   (1ull << 30)
#define SIZE_2M	   (1ull << 21)
#define IDENTITY_LIMIT (4 * GIB)
#define RESERVED_MAPPED_MAX (16ull << 20)

struct boot_info boot_info;
struct kernel_layout kernel_layout;
u64 kernel_global;
paddr_t smp_trampoline;
u16 kernel_root_slots[KERNEL_ROOT_SLOTS_MAX];
unsigned kernel_root_nslots;
struct pte kernel_root[2 * PT_ENTRIES] __aligned(2 * PAGE_SIZE) SECTION(".bss.page_aligned");
static unsigned boot_door;

struct early_tables {
	u64 *root;
	paddr_t next, end; /* free pages for tables */
	bool huge;	   /* the processor has 1 GiB pages */
	paddr_t image, image_end;
	paddr_t shadow, shadow_end; /* free frames for KASAN's shadow: large pages from the start, small ones from the end */
};

static u64 random_word(void)
{
	u64 v = cpu_cycles();
	u8 ok;

	if (cpuid(1, 0).c & 1u << 30) {
		u64 r;

		for (int i = 0; i < 10; i++) {
			__asm__ volatile("rdrand %0; setc %1" : "=r"(r), "=qm"(ok));
			if (ok) {
				v ^= r;
				break;
			}
		}
	}
	if (cpuid(0, 0).a >= 7 && cpuid(7, 0).b & 1u << 18) {
		u64 r;

		__asm__ volatile("rdseed %0; setc %1" : "=r"(r), "=qm"(ok));
		if (ok)
			v += r;
	}
	v = (v ^ v >> 33) * 0xff51afd7ed558ccdull;
	v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53ull;
	return v ^ v >> 33;
}

/* A multiple of @step in [first, last + 1 - size], @first being one. */
static u64 random_base(bool random, u64 first, u64 last, u64 size, u64 step)
{
	u64 places = (last - first + 1 - size) / step + 1;

	return random && last - first + 1 > size ? first + random_word() % places * step : first;
}

static void choose_layout(const struct boot_info *bi, paddr_t top)
{
	struct kernel_layout *l = &kernel_layout;
	size_t len;
	bool random = !boot_cmdline_find(bi->cmdline, "nokaslr", &len);
	u64 image_len = (u64)__image_end - (u64)__image_start;
	u64 direct_len = (top + GIB - 1) & ~(GIB - 1);

	l->image_phys = (paddr_t)__image_start;
	l->image_base = random_base(random, LAYOUT_IMAGE_FIRST, LAYOUT_IMAGE_LAST, image_len + SIZE_2M, SIZE_2M);
	l->image_end = l->image_base + image_len;
	l->direct_base = random_base(random, LAYOUT_DIRECT_FIRST, LAYOUT_DIRECT_LAST, direct_len, GIB);
	l->direct_end = l->direct_base + direct_len;
	l->vmap_base = random_base(random, LAYOUT_VMAP_FIRST, LAYOUT_VMAP_LAST, LAYOUT_VMAP_SIZE, GIB);
	l->vmap_end = l->vmap_base + LAYOUT_VMAP_SIZE;
}

static u64 *table_new(struct early_tables *t)
{
	u64 *p = (u64 *)t->next;

	if (t->next >= t->end)
		for (;;)
			__asm__ volatile("hlt"); /* the bound in tables_bound() is wrong */
	t->next += PAGE_SIZE;
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		p[i] = 0;
	return p;
}

/* The entry for @va at @level, its tables made on the way. */
static u64 *entry_at(struct early_tables *t, vaddr_t va, unsigned level)
{
	u64 *table = t->root;

	for (unsigned l = 3; l > level; l--) {
		u64 *e = &table[va >> PT_LEVEL_SHIFT(l) & (PT_ENTRIES - 1)];

		if (!*e) {
			*e = (u64)table_new(t) | PTE_P | PTE_W | PTE_A;
			if (l == 3)
				kernel_root_slots[kernel_root_nslots++] = (u16)(e - t->root);
		}
		table = (u64 *)(*e & PTE_ADDR);
	}
	return &table[va >> PT_LEVEL_SHIFT(level) & (PT_ENTRIES - 1)];
}

static void map(struct early_tables *t, vaddr_t va, paddr_t pa, u64 len, u64 bits)
{
	paddr_t end = pa + len;

	while (pa < end) {
		unsigned level = 0;

		for (unsigned l = t->huge ? 2 : 1; l; l--) {
			u64 size = 1ull << PT_LEVEL_SHIFT(l);

			if (!((va | pa) & (size - 1)) && end - pa >= size && (pa + size <= t->image || pa >= t->image_end)) {
				level = l;
				break;
			}
		}
		*entry_at(t, va, level) = pa | bits | PTE_P | PTE_A | PTE_D | (level ? PTE_PS : 0) | kernel_global;
		va += 1ull << PT_LEVEL_SHIFT(level);
		pa += 1ull << PT_LEVEL_SHIFT(level);
	}
}

static vaddr_t shadow_of(vaddr_t va)
{
	return (va >> 3) + LAYOUT_SHADOW_OFFSET;
}

/* The pages of shadow of [va, va+len). Neighbours may share one. */
static vaddr_t shadow_first(vaddr_t va)
{
	return shadow_of(va) & ~(PAGE_SIZE - 1);
}

static vaddr_t shadow_end(vaddr_t va, u64 len)
{
	return (shadow_of(va + len - 1) | (PAGE_SIZE - 1)) + 1;
}

static void map_shadow(struct early_tables *t, vaddr_t va, u64 len)
{
	const u64 bits = PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D | kernel_global;
	vaddr_t at = shadow_first(va), end = shadow_end(va, len);

	while (at < end) {
		bool large = !(at & (SIZE_2M - 1)) && end - at >= SIZE_2M;
		u64 *e = entry_at(t, at, 1);

		if (large && !*e) {
			*e = t->shadow | bits | PTE_PS;
			t->shadow += SIZE_2M;
			at += SIZE_2M;
			continue;
		}
		e = entry_at(t, at, 0);
		if (!*e) {
			t->shadow_end -= PAGE_SIZE;
			*e = t->shadow_end | bits;
		}
		at += PAGE_SIZE;
	}
}

static bool is_mapped_range(const struct mem_range *r)
{
	if (r->kind == MEM_BAD)
		return false;
	return r->kind != MEM_RESERVED || (r->len <= RESERVED_MAPPED_MAX && r->base < IDENTITY_LIMIT);
}

/* Pages for tables: never less than what map() takes. */
static u64 tables_bound(const struct boot_info *bi)
{
	u64 pages = 96 + 6 * (((u64)__image_end - (u64)__image_start) / SIZE_2M + 2);

	for (unsigned i = 0; i < bi->nranges; i++)
		if (is_mapped_range(&bi->ranges[i]))
			pages += bi->ranges[i].len / GIB * (1 + NOS_KASAN) + 6 + 8 * NOS_KASAN;
	return pages;
}

static void map_part(struct early_tables *t, const char *start, const char *end, u64 bits)
{
	paddr_t pa = (paddr_t)start;
	u64 len = (u64)end - pa;

	map(t, kernel_layout.image_base + (pa - kernel_layout.image_phys), pa, (len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), bits);
}

/* Three calls, not a table: a compiler may keep a table of addresses as data, and data is not relocated yet. */
static void map_image(struct early_tables *t)
{
	map_part(t, __image_start, __text_end, 0);
	map_part(t, __rodata_start, __ro_after_init_start, PTE_NX);
	map_part(t, __ro_after_init_start, __image_end, PTE_NX | PTE_W);
}

/* Take the frames of the shadow: they are mapped themselves, so this comes first. */
static void find_shadow(struct early_tables *t, struct boot_info *bi)
{
	const struct kernel_layout *l = &kernel_layout;
	u64 len = SIZE_2M + shadow_end(l->image_base, l->image_end - l->image_base) - shadow_first(l->image_base);

	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct mem_range *r = &bi->ranges[i];

		if (is_mapped_range(r)) /* a page more at either end, and one where the range is cut below */
			len += r->len / 8 + 4 * PAGE_SIZE;
	}
	t->shadow = (boot_range_find(bi, len + SIZE_2M, t->image_end, ~0ull) + SIZE_2M - 1) & ~(SIZE_2M - 1);
	t->shadow_end = t->shadow + len;
	if (!t->shadow)
		for (;;)
			__asm__ volatile("hlt"); /* an eighth of memory is not there in one piece */
	boot_range_carve(bi, t->shadow, len, MEM_KERNEL);
}

/* Shadow of all that is mapped, and the tables for vmap's, which kernel/mm/kmap.c fills. */
static void build_shadow(struct early_tables *t, const struct boot_info *bi)
{
	const struct kernel_layout *l = &kernel_layout;

	map_shadow(t, l->image_base, l->image_end - l->image_base);
	for (unsigned i = 0; i < bi->nranges; i++)
		if (is_mapped_range(&bi->ranges[i]))
			map_shadow(t, l->direct_base + bi->ranges[i].base, bi->ranges[i].len);
	if (bi->fb.is_text)
		map_shadow(t, l->direct_base + bi->fb.base, 8 * PAGE_SIZE);
	for (vaddr_t va = shadow_of(l->vmap_base) & ~(GIB - 1); va < shadow_of(l->vmap_end); va += GIB)
		entry_at(t, va, 2);
}

static void build_tables(struct boot_info *bi)
{
	struct kernel_layout *l = &kernel_layout;
	struct early_tables t = {.root = (u64 *)kernel_root};
	u64 bound;

	t.image = l->image_phys & ~(PAGE_SIZE - 1);
	t.image_end = (l->image_phys + (l->image_end - l->image_base) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	if (NOS_KASAN)
		find_shadow(&t, bi);
	bound = tables_bound(bi) * PAGE_SIZE;
	t.huge = cpuid(0x80000001, 0).d & 1u << 26;
	t.next = boot_range_find(bi, bound, t.image_end, IDENTITY_LIMIT);
	t.end = t.next ? t.next + bound : 0;
	map_image(&t);
	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct mem_range *r = &bi->ranges[i];
		paddr_t lo = r->base & ~(PAGE_SIZE - 1);
		paddr_t hi = (r->base + r->len + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

		if (is_mapped_range(r))
			map(&t, l->direct_base + lo, lo, hi - lo,
				PTE_NX | (r->kind == MEM_RESERVED || r->kind == MEM_ACPI ? 0 : PTE_W));
	}
	if (bi->fb.is_text)
		map(&t, l->direct_base + bi->fb.base, bi->fb.base, 8 * PAGE_SIZE, PTE_NX | PTE_W | PTE_PCD | PTE_PWT);
	/* Second-level tables for what is mapped later: from now on no root entry of the kernel changes. */
	for (vaddr_t va = l->vmap_base; va < l->vmap_end; va += GIB)
		entry_at(&t, va, 2);
	if (NOS_KASAN)
		build_shadow(&t, bi);
	boot_range_carve(bi, t.end - bound, t.next - (t.end - bound), MEM_KERNEL);
}

struct rela {
	u64 offset, info, addend;
};

static void relocate(void)
{
	const struct kernel_layout *l = &kernel_layout;

	for (struct rela *r = (struct rela *)__rela_start; r < (struct rela *)__rela_end; r++)
		if ((u32)r->info == 8) /* R_X86_64_RELATIVE: the only type in a static PIE */
			*(u64_any *)(l->image_phys + (r->offset - LAYOUT_IMAGE_FIRST)) = r->addend + (l->image_base - LAYOUT_IMAGE_FIRST);
}

bool pti_wanted(const char *cmdline)
{
	struct cpuid_regs id = cpuid(0, 0);
	size_t len;
	const char *v = boot_cmdline_find(cmdline, "pti", &len);

	if (v && len == 2 && v[0] == 'o' && v[1] == 'n')
		return true;
	if ((v && len == 3 && v[0] == 'o' && v[1] == 'f') || boot_cmdline_find(cmdline, "nopti", &len))
		return false;
	v = boot_cmdline_find(cmdline, "mitigations", &len);
	if (v && len == 3 && v[0] == 'o' && v[1] == 'f')
		return false;
	/* Meltdown: Intel's, unless the processor says that it is not (RDCL_NO). */
	if (id.b != 0x756e6547 || id.d != 0x49656e69 || id.c != 0x6c65746e)
		return false;
	if (id.a >= 7 && cpuid(7, 0).d & 1u << 29 && rdmsr(MSR_ARCH_CAP) & 1)
		return false;
	return true;
}

static u64 parse_mem(const char *v, size_t len)
{
	u64 n = 0;
	size_t i = 0;

	for (; i < len && v[i] >= '0' && v[i] <= '9'; i++)
		n = n * 10 + (u64)(v[i] - '0');
	if (i < len) {
		char unit = v[i] | 0x20;

		n <<= unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
	}
	return n;
}

/* PVH says nothing of a screen: the BIOS data area knows the video mode it left (2, 3: colour text of 80 columns). */
static void find_text_screen(struct boot_info *bi)
{
	volatile const u8 *bda = (volatile const u8 *)0x400ul;

	OPAQUE(bda);
	if ((bda[0x49] == 2 || bda[0x49] == 3) && bda[0x4a] == 80) {
		bi->fb.base = 0xb8000;
		bi->fb.width = 80;
		bi->fb.height = 25;
		bi->fb.pitch = 160;
		bi->fb.is_text = true;
	}
}

static void start_high(void) NORETURN;

void boot_early(unsigned door, paddr_t info, struct boot_jump *out)
{
	struct boot_info *bi = &boot_info;
	const struct kernel_layout *l = &kernel_layout;
	paddr_t top = 0;
	size_t len;
	const char *v;

	if (!(door == BOOT_DOOR_PVH ? boot_parse_pvh(info, bi) : boot_parse_multiboot2(info, bi)))
		for (;;)
			__asm__ volatile("cli; hlt");
	boot_door = door;
	if (door == BOOT_DOOR_PVH)
		find_text_screen(bi);
	boot_ranges_fix(bi);
	v = boot_cmdline_find(bi->cmdline, "mem", &len);
	if (v && parse_mem(v, len) >= 16 << 20)
		boot_ranges_limit(bi, parse_mem(v, len));
	boot_range_carve(bi, 0, PAGE_SIZE, MEM_RESERVED);
	boot_range_carve(bi, (paddr_t)__image_start, (u64)__image_end - (u64)__image_start, MEM_KERNEL);
	boot_range_carve(bi, bi->initrd, bi->initrd_len, MEM_INITRD);
	if (door == BOOT_DOOR_MULTIBOOT2) /* the RSDP is in it */
		boot_range_carve(bi, info, *(const u32 *)info, MEM_KERNEL);
	smp_trampoline = boot_range_find(bi, 2 * PAGE_SIZE, PAGE_SIZE, 1 << 20);
	if (smp_trampoline)
		boot_range_carve(bi, smp_trampoline, 2 * PAGE_SIZE, MEM_KERNEL);
	for (unsigned i = 0; i < bi->nranges; i++)
		if (is_mapped_range(&bi->ranges[i]))
			top = bi->ranges[i].base + bi->ranges[i].len;
	kernel_global = pti_wanted(bi->cmdline) ? 0 : PTE_G;
	choose_layout(bi, top);
	build_tables(bi);
	relocate();
	/* For the jump itself: the map that we run on. */
	kernel_root[0].raw = *(const u64 *)read_cr3();
	out->cr3 = (u64)kernel_root;
	out->stack = (u64)boot_stack_top - l->image_phys + l->image_base;
	out->entry = (u64)start_high - l->image_phys + l->image_base;
}

/* Nothing is poisoned. Byte by byte through the string unit: memset() would look at the shadow. */
static void clear_shadow(vaddr_t va, u64 len)
{
	vaddr_t start = shadow_first(va);
	u64 n = shadow_end(va, len) - start;

	__asm__ volatile("rep stosb" : "+D"(start), "+c"(n) : "a"(0) : "memory");
}

static void init_shadow(void)
{
	const struct kernel_layout *l = &kernel_layout;

	clear_shadow(l->image_base, l->image_end - l->image_base);
	for (unsigned i = 0; i < boot_info.nranges; i++)
		if (is_mapped_range(&boot_info.ranges[i]))
			clear_shadow(l->direct_base + boot_info.ranges[i].base, boot_info.ranges[i].len);
	if (boot_info.fb.is_text)
		clear_shadow(l->direct_base + boot_info.fb.base, 8 * PAGE_SIZE);
}

static void start_high(void)
{
	kernel_root[0] = pte_none();
	write_cr3(kernel_layout.image_phys + ((u64)kernel_root - kernel_layout.image_base));
	if (NOS_KASAN)
		init_shadow();
	boot_info.door = boot_door == BOOT_DOOR_PVH ? "pvh" : "multiboot2";
	kernel_main();
}
