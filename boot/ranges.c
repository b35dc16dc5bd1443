/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of physical memory, from whatever a loader lists to a sorted list without overlaps. Quadratic and in place: there are a few dozen.
 */
#include <lib/string.h>
#include "boot_impl.h"

#define PAGE 4096ull

/* Where two ranges overlap, the higher one counts. */
static unsigned weight(enum mem_kind kind)
{
	return kind == MEM_USABLE ? 0 : kind == MEM_INITRD ? 1 : kind == MEM_KERNEL ? 2 : kind == MEM_ACPI ? 3 :
		kind == MEM_NVS				    ? 4 : kind == MEM_RESERVED ? 5 : 6;
}

void boot_range_add(struct boot_info *bi, paddr_t base, u64 len, enum mem_kind kind)
{
	if (!len || base + len < base || bi->nranges == BOOT_MAX_RANGES)
		return;
	bi->ranges[bi->nranges].base = base;
	bi->ranges[bi->nranges].len = len;
	bi->ranges[bi->nranges].kind = kind;
	bi->ranges[bi->nranges].node = 0;
	bi->nranges++;
}

static void remove_at(struct boot_info *bi, unsigned i)
{
	bi->nranges--;
	for (; i < bi->nranges; i++)
		bi->ranges[i] = bi->ranges[i + 1];
}

static void sort_by_base(struct boot_info *bi)
{
	for (unsigned i = 1; i < bi->nranges; i++) {
		struct mem_range r = bi->ranges[i];
		unsigned k = i;

		for (; k && bi->ranges[k - 1].base > r.base; k--)
			bi->ranges[k] = bi->ranges[k - 1];
		bi->ranges[k] = r;
	}
}

/* Ranges i and i+1 overlap or touch: cut the lighter one. True if the list changed. */
static bool resolve(struct boot_info *bi, unsigned i)
{
	struct mem_range *a = &bi->ranges[i], *b = a + 1;
	u64 a_end = a->base + a->len, b_end = b->base + b->len;

	if (a->kind == b->kind && a_end >= b->base) {
		a->len = (a_end > b_end ? a_end : b_end) - a->base;
		remove_at(bi, i + 1);
		return true;
	}
	if (a_end <= b->base)
		return false;
	if (weight(a->kind) >= weight(b->kind)) {
		if (b_end <= a_end) {
			remove_at(bi, i + 1);
		} else {
			b->base = a_end;
			b->len = b_end - a_end;
		}
		return true;
	}
	a->len = b->base - a->base;
	if (a_end > b_end)
		boot_range_add(bi, b_end, a_end - b_end, a->kind);
	if (!a->len)
		remove_at(bi, i);
	return true;
}

static void page_align(struct boot_info *bi)
{
	for (unsigned i = 0; i < bi->nranges;) {
		struct mem_range *r = &bi->ranges[i];
		u64 end = r->base + r->len;

		if (r->kind == MEM_USABLE) {
			r->base = (r->base + PAGE - 1) & ~(PAGE - 1);
			end &= ~(PAGE - 1);
			if (end <= r->base) {
				remove_at(bi, i);
				continue;
			}
			r->len = end - r->base;
		}
		i++;
	}
}

void boot_ranges_fix(struct boot_info *bi)
{
	bool changed = true;

	while (changed) {
		changed = false;
		sort_by_base(bi);
		for (unsigned i = 0; i + 1 < bi->nranges && !changed; i++)
			changed = resolve(bi, i);
	}
	page_align(bi);
}

void boot_range_carve(struct boot_info *bi, paddr_t base, u64 len, enum mem_kind kind)
{
	paddr_t end = (base + len + PAGE - 1) & ~(PAGE - 1);

	base &= ~(PAGE - 1);
	for (unsigned i = 0; i < bi->nranges; i++) {
		struct mem_range *r = &bi->ranges[i];
		paddr_t r_end = r->base + r->len;
		paddr_t lo = r->base > base ? r->base : base;
		paddr_t hi = r_end < end ? r_end : end;

		if (r->kind != MEM_USABLE || lo >= hi)
			continue;
		if (bi->nranges + 2 > BOOT_MAX_RANGES) { /* no room to split: give up the whole range */
			r->kind = kind;
			continue;
		}
		r->len = lo - r->base;
		boot_range_add(bi, lo, hi - lo, kind);
		boot_range_add(bi, hi, r_end - hi, MEM_USABLE);
		if (!bi->ranges[i].len)
			remove_at(bi, i--);
	}
	sort_by_base(bi);
}

paddr_t boot_range_find(const struct boot_info *bi, u64 len, paddr_t from, paddr_t limit)
{
	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct mem_range *r = &bi->ranges[i];
		paddr_t end = r->base + r->len;
		paddr_t base = r->base > from ? r->base : from;

		base = (base + PAGE - 1) & ~(PAGE - 1);
		if (end > limit)
			end = limit;
		if (r->kind == MEM_USABLE && base < end && end - base >= len)
			return base;
	}
	return 0;
}

void boot_ranges_limit(struct boot_info *bi, u64 limit)
{
	for (unsigned i = 0; i < bi->nranges;) {
		struct mem_range *r = &bi->ranges[i];

		if (r->kind == MEM_USABLE && r->base + r->len > limit) {
			if (r->base >= limit) {
				remove_at(bi, i);
				continue;
			}
			r->len = (limit - r->base) & ~(PAGE - 1);
		}
		i++;
	}
}

void boot_copy_cmdline(struct boot_info *bi, const char *s)
{
	size_t i = 0;

	for (; s[i] && i < BOOT_CMDLINE_MAX - 1; i++)
		bi->cmdline[i] = s[i];
	bi->cmdline[i] = '\0';
}

const char *boot_cmdline_find(const char *cmdline, const char *name, size_t *out_len)
{
	const char *found = NULL, *s = cmdline;
	size_t n = strlen(name);

	for (;;) {
		size_t len = 0;

		while (*s == ' ')
			s++;
		while (s[len] && s[len] != ' ')
			len++;
		if (!len || (len == 2 && s[0] == '-' && s[1] == '-'))
			return found;
		if (len >= n && memcmp(s, name, n) == 0 && (len == n || s[n] == '=')) {
			found = s + n + (len > n);
			*out_len = len - n - (len > n);
		}
		s += len;
	}
}
