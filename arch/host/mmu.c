/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of host tests: the arena, page-table roots that no processor walks, and user copies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch/usercopy.h>

#define VMAP_LEN   (16ul << 30)

struct kernel_layout kernel_layout;
struct boot_info boot_info;
unsigned host_pt_levels = 4;
struct host_tlb_log host_tlb;
static struct mmu_space kernel_space;

/* Address space without memory behind it until it is touched. */
static vaddr_t reserve(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return (vaddr_t)(unsigned long)p;
}

void host_memory_init(size_t len)
{
	struct kernel_layout *l = &kernel_layout;

	/* The old arena had the kernel's page tables: their root must not lead into the new one. */
	if (kernel_space.root)
		memset(kernel_space.root, 0, PAGE_SIZE);
	if (l->direct_base) {
		munmap((void *)(unsigned long)l->direct_base, l->direct_end - l->direct_base);
		munmap((void *)(unsigned long)l->vmap_base, VMAP_LEN);
	}
	l->direct_base = reserve(len, PROT_READ | PROT_WRITE);
	l->direct_end = l->direct_base + len;
	l->vmap_base = reserve(VMAP_LEN, PROT_NONE);
	l->vmap_end = l->vmap_base + VMAP_LEN;
	memset(&boot_info, 0, sizeof(boot_info));
	boot_info.door = "host";
	boot_info.ranges[0] = (struct mem_range){.base = 0, .len = len, .kind = MEM_USABLE};
	boot_info.nranges = 1;
}

int mmu_space_init(struct mmu_space *space)
{
	memset(space, 0, sizeof(*space));
	space->root = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	if (!space->root)
		return -ENOMEM;
	memset(space->root, 0, PAGE_SIZE);
	return 0;
}

void mmu_space_fini(struct mmu_space *space)
{
	free(space->root);
	space->root = NULL;
}

struct pte *mmu_space_root(struct mmu_space *space)
{
	return space->root;
}

void pt_root_store(struct mmu_space *space, struct pte *slot, struct pte pte)
{
	pte_store(slot, pte);
}

unsigned mmu_keys(void)
{
	return 16;
}

static unsigned key_rights;

void mmu_key_restrict(unsigned key, unsigned rights)
{
	key_rights = (key_rights & ~(3u << key * 2)) | (rights & 3u) << key * 2;
}

unsigned mmu_key_restrictions(unsigned key)
{
	return key_rights >> key * 2 & 3;
}

static void mark_cpu(struct mmu_space *space, bool on)
{
	unsigned long bit = 1ul << (cpu_id() % 64);

	if (!space)
		return;
	if (on)
		__atomic_fetch_or(&space->cpus[cpu_id() / 64], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&space->cpus[cpu_id() / 64], ~bit, __ATOMIC_SEQ_CST);
}

void mmu_space_activate(struct mmu_space *from, struct mmu_space *to)
{
	mark_cpu(from, false);
	mark_cpu(to, true);
}

struct mmu_space *mmu_kernel_space(void)
{
	if (!kernel_space.root && mmu_space_init(&kernel_space))
		abort();
	return &kernel_space;
}

void (*host_tlb_wait)(void);

void tlb_flush_range(struct mmu_space *space, vaddr_t va, vaddr_t end, bool tables)
{
	if (host_tlb_wait)
		host_tlb_wait();
	__atomic_fetch_add(&host_tlb.ranges, 1, __ATOMIC_RELAXED);
	WRITE_ONCE(host_tlb.space, space);
	WRITE_ONCE(host_tlb.va, va);
	WRITE_ONCE(host_tlb.end, end);
	WRITE_ONCE(host_tlb.tables, tables);
}

void tlb_flush_kernel(vaddr_t va, vaddr_t end)
{
	__atomic_fetch_add(&host_tlb.kernel, 1, __ATOMIC_RELAXED);
}

void tlb_flush_local(struct mmu_space *space, vaddr_t va)
{
	__atomic_fetch_add(&host_tlb.locals, 1, __ATOMIC_RELAXED);
}

static bool user_ok(struct uptr p, size_t len)
{
	return p.va >= PAGE_SIZE && len <= USER_VA_END && p.va <= USER_VA_END - len;
}

size_t arch_copy_from_user(void *dst, struct uptr src, size_t len)
{
	if (!len || !user_ok(src, len))
		return len;
	memcpy(dst, (const void *)(unsigned long)src.va, len);
	return 0;
}

size_t arch_copy_to_user(struct uptr dst, const void *src, size_t len)
{
	if (!len || !user_ok(dst, len))
		return len;
	memcpy((void *)(unsigned long)dst.va, src, len);
	return 0;
}

size_t arch_clear_user(struct uptr dst, size_t len)
{
	if (!len || !user_ok(dst, len))
		return len;
	memset((void *)(unsigned long)dst.va, 0, len);
	return 0;
}

ssize_t arch_strncpy_from_user(char *dst, struct uptr src, size_t size)
{
	if (!user_ok(src, 1))
		return -EFAULT;
	for (size_t i = 0; i < size; i++) {
		dst[i] = ((const char *)(unsigned long)src.va)[i];
		if (!dst[i])
			return (ssize_t)i;
	}
	return -ENAMETOOLONG;
}

int arch_user_cmpxchg32(struct uptr p, u32 old, u32 new_value, u32 *out_old)
{
	if (!user_ok(p, sizeof(u32)))
		return -EFAULT;
	__atomic_compare_exchange_n((u32 *)(unsigned long)p.va, &old, new_value, false,
		__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	*out_old = old;
	return 0;
}
