/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO in a process: one page of clock data, read-only, and behind it the code.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/space.h>
#include <arch/elf.h>
#include <arch/mmu.h>
#include <arch/trap.h>
#include "exec_impl.h"

/* The kernel's own pages: they need no reference. */
static void vdso_get(void *backing)
{
}

static int vdso_fault(void *backing, u64 pgoff, unsigned fault_flags, struct pte *out)
{
	const u8 *base = backing;
	unsigned prot = PROT_R | PROT_USER | PROT_SPECIAL;

	if (fault_flags & FAULT_WRITE)
		return -EACCES;
	if (base != (const u8 *)arch_vdso_data())
		prot |= PROT_X;
	*out = pte_leaf(va_paddr(base + pgoff * PAGE_SIZE), prot, 0);
	return 0;
}

static size_t vdso_name(void *backing, char *buf, size_t size)
{
	return (size_t)strscpy(buf, backing == (void *)arch_vdso_data() ? "[vvar]" : "[vdso]", size);
}

static void vdso_ident(void *backing, u32 *out_dev, u64 *out_ino)
{
	*out_dev = 0;
	*out_ino = 0;
}

static const struct vm_backing_ops vdso_ops = {
	.get = vdso_get,
	.put = vdso_get,
	.name = vdso_name,
	.ident = vdso_ident,
	.fault = vdso_fault,
};

static int MUST_CHECK map_part(struct vm_space *s, vaddr_t hint, const void *image, size_t len, u32 flags, vaddr_t *out)
{
	struct vm_map_args args = {
		.hint = hint,
		.len = len,
		.flags = flags | VM_MAYREAD | VM_DEVICE,
		.backing_ops = &vdso_ops,
		.backing = (void *)image,
		.fixed = hint != 0,
		.label = flags & VM_EXEC ? "[vdso]" : "[vvar]",
		.limit_as = ~0ull,
		.limit_data = ~0ull,
		.limit_memlock = ~0ull,
	};

	return vm_map(s, &args, out);
}

int vdso_map(struct vm_space *s)
{
	size_t len;
	const void *image = arch_vdso_image(&len);
	vaddr_t va, code;
	int err;

	if (!image)
		return 0;
	/* both parts in one free range: reserve it, then put them over it */
	err = map_part(s, 0, arch_vdso_data(), PAGE_SIZE + align_up(len, PAGE_SIZE), VM_READ | VM_DONTDUMP, &va);
	if (!err)
		err = map_part(s, va + PAGE_SIZE, image, len, VM_READ | VM_EXEC | VM_MAYEXEC, &code);
	if (!err)
		s->vdso = code;
	return err;
}
