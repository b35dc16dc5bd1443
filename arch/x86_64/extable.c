/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions of the kernel that may fault, and where to go on. The assembler writes both relative to the entry; at boot they are
 * made relative to the image and sorted, so that a fault costs a binary search.
 */
#include <lib/sort.h>
#include <arch_x86/extable.h>
#include <arch_x86/image.h>

struct extable_entry {
	u32 insn, fixup;
};
extern struct extable_entry __start_extable[], __stop_extable[];

static int compare(const void *a, const void *b, void *arg)
{
	u32 x = ((const struct extable_entry *)a)->insn, y = ((const struct extable_entry *)b)->insn;

	return x < y ? -1 : x > y;
}

void extable_init(void)
{
	for (struct extable_entry *e = __start_extable; e < __stop_extable; e++) {
		e->insn += (u32)((u64)&e->insn - (u64)__image_start);
		e->fixup += (u32)((u64)&e->fixup - (u64)__image_start);
	}
	sort(__start_extable, (size_t)(__stop_extable - __start_extable), sizeof(struct extable_entry), compare, NULL);
}

u64 extable_fixup(u64 pc)
{
	struct extable_entry key = {.insn = (u32)(pc - (u64)__image_start)};
	const struct extable_entry *e;

	if (pc < (u64)__image_start || pc >= (u64)__text_end)
		return 0;
	e = binary_search(&key, __start_extable, (size_t)(__stop_extable - __start_extable), sizeof(key), compare, NULL);
	return e ? (u64)__image_start + e->fixup : 0;
}
