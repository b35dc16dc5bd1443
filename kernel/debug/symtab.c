/* SPDX-License-Identifier: BSD-2-Clause */
#include <debug/symtab.h>

#define NAMES_PER_BLOCK 16

static const u32 *symtab_blocks(const struct symtab *tab)
{
	return (const u32 *)(tab->offset + tab->nsyms);
}

static const char *symtab_names(const struct symtab *tab)
{
	return (const char *)(symtab_blocks(tab) + tab->nblocks);
}

static const char *name_next(const char *name)
{
	while (*name != '\0')
		name++;
	return name + 1;
}

static bool name_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const char *symtab_name(const struct symtab *tab, u32 index)
{
	const char *name = symtab_names(tab) + symtab_blocks(tab)[index / NAMES_PER_BLOCK];

	for (u32 i = 0; i < index % NAMES_PER_BLOCK; i++)
		name = name_next(name);
	return name;
}

bool symtab_lookup(const struct symtab *tab, vaddr_t addr, struct symtab_hit *out_hit)
{
	s64 want = (s64)(addr - (vaddr_t)(uintptr_t)tab);
	u32 low = 0, high = tab->nsyms;

	if (tab->nsyms < 2 || want < tab->offset[0] || want >= tab->offset[tab->nsyms - 1])
		return false;

	/* offset[low] <= want < offset[high] */
	high = tab->nsyms - 1;
	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (tab->offset[middle] <= want)
			low = middle;
		else
			high = middle;
	}
	out_hit->name = symtab_name(tab, low);
	out_hit->offset = (u64)(want - tab->offset[low]);
	out_hit->size = (u64)((s64)tab->offset[low + 1] - tab->offset[low]);
	return true;
}

bool symtab_find(const struct symtab *tab, const char *name, vaddr_t *out_addr)
{
	const char *at = symtab_names(tab);

	for (u32 i = 0; i + 1 < tab->nsyms; i++, at = name_next(at)) {
		if (name_equal(at, name)) {
			*out_addr = (vaddr_t)(uintptr_t)tab + (u64)(s64)tab->offset[i];
			return true;
		}
	}
	return false;
}

bool symtab_at(const struct symtab *tab, u32 index, const char **out_name, vaddr_t *out_addr)
{
	if (index + 1 >= tab->nsyms)
		return false;
	*out_name = symtab_name(tab, index);
	*out_addr = (vaddr_t)(uintptr_t)tab + (u64)(s64)tab->offset[index];
	return true;
}

bool symtab_check(const struct symtab *tab, u64 len_bytes)
{
	u64 blocks = ((u64)tab->nsyms + NAMES_PER_BLOCK - 1) / NAMES_PER_BLOCK;
	u64 need = sizeof(*tab) + 4ULL * tab->nsyms + 4ULL * tab->nblocks + tab->names_len;
	u32 at = 0;

	if (tab->nblocks != blocks || need > len_bytes)
		return false;
	for (u32 i = 0; i < tab->nsyms; i++) {
		if (i > 0 && tab->offset[i] <= tab->offset[i - 1])
			return false;
		if (i % NAMES_PER_BLOCK == 0 && symtab_blocks(tab)[i / NAMES_PER_BLOCK] != at)
			return false;
		while (at < tab->names_len && symtab_names(tab)[at] != '\0')
			at++;
		if (at++ >= tab->names_len)
			return false;
	}
	return true;
}
