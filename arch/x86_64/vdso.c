/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of the vDSO: its image and the page of clock data.
 */
#include <arch_x86/elf.h>
#include <debug/panic.h>
#include <mm/page.h>

extern const char vdso_image[], vdso_image_end[];
static struct vvar *data;

void vdso_init(void)
{
	struct page *p = page_alloc(0, ALLOC_ZERO);

	if (!p)
		panic("no memory for the clock page");
	data = page_va(p);
}

const void *arch_vdso_image(size_t *out_len)
{
	*out_len = (size_t)(vdso_image_end - vdso_image);
	return vdso_image;
}

struct vvar *arch_vdso_data(void)
{
	return data;
}
